package ldap_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval/access"
	"qianhe/approval/access/ldap"
	"qianhe/approval/access/ldap/ldaptest"
)

const (
	base   = "dc=qingchuan,dc=example"
	people = "ou=people," + base
	guid   = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\xff"
)

func entries() []ldaptest.Entry {
	return []ldaptest.Entry{
		{DN: base, Attributes: map[string][]string{"objectClass": {"domain"}}},
		{DN: "cn=reader," + base, Password: "reads only"},
		{DN: "uid=lin," + people, Password: "river gate 7", Attributes: map[string][]string{
			"objectClass": {"user"}, "sAMAccountName": {"lin"}, "objectGUID": {guid}, "displayName": {"林美惠"}, "title": {"技士"},
			"department": {"水利科"}, "memberOf": {"cn=handlers," + base, "cn=officials," + base},
		}},
		{DN: "uid=wang," + people, Password: "stone bridge 3", Attributes: map[string][]string{
			"objectClass": {"user"}, "sAMAccountName": {"wang"}, "objectGUID": {guid[:15] + "\x00"}, "displayName": {"王大明"},
		}},
		{DN: "cn=nested," + base, Attributes: map[string][]string{"objectClass": {"group"}, "member": {"uid=lin," + people}}},
	}
}

func config(s *ldaptest.Server) ldap.Config {
	return ldap.Config{Name: "ad", URLs: []string{s.URL}, CA: s.CA, BindDN: "cn=reader," + base, Password: "reads only", Base: base, Timeout: time.Minute}
}

// asPerson is a configuration without an account to search with.
func asPerson(s *ldaptest.Server) ldap.Config {
	c := config(s)
	c.BindDN, c.Password, c.UserDN = "", "", "uid={login},"+people
	return c
}

func open(t *testing.T, c ldap.Config) *ldap.Directory {
	t.Helper()
	d, err := ldap.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func try(t *testing.T, d *ldap.Directory, login, password string) (access.Identity, error) {
	t.Helper()
	return d.Finish(t.Context(), nil, access.Answer{Login: login, Password: password})
}

func wantFault(t *testing.T, err error, name string) {
	t.Helper()
	if _, ok := errors.AsType[*access.ProviderError](err); !ok || errors.Is(err, access.ErrCredentials) {
		t.Errorf("%s: got %v, want a ProviderError and nothing about the password", name, err)
	}
}

func wantRefused(t *testing.T, err error, name string) {
	t.Helper()
	if _, ok := errors.AsType[*access.ProviderError](err); ok || !errors.Is(err, access.ErrCredentials) {
		t.Errorf("%s: got %v, want ErrCredentials", name, err)
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	want := access.Identity{Subject: "0102030405060708090a0b0c0d0e0fff", Login: "lin", Name: "林美惠", Title: "技士", Unit: "水利科",
		Groups: []string{"cn=handlers," + base, "cn=officials," + base}}
	for name, change := range map[string]func(*ldaptest.Server, *ldap.Config){
		"LDAPS, search and bind": func(*ldaptest.Server, *ldap.Config) {},
		"StartTLS":               func(s *ldaptest.Server, c *ldap.Config) { c.URLs = []string{s.StartTLS} },
		"bind as the person":     func(s *ldaptest.Server, c *ldap.Config) { *c = asPerson(s) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ldaptest.New(t, entries()...)
			c := config(s)
			change(s, &c)
			d := open(t, c)
			got, err := try(t, d, "lin", "river gate 7")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
			_, err = try(t, d, "lin", "river gate 8")
			wantRefused(t, err, "wrong password")
			_, err = try(t, d, "nobody", "river gate 7")
			wantRefused(t, err, "unknown login")
			_, err = try(t, d, "wang", "river gate 7")
			wantRefused(t, err, "somebody else's password")
		})
	}
}

func TestGroupFilter(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	c := config(s)
	c.GroupFilter = "(member:1.2.840.113556.1.4.1941:={dn})"
	got, err := try(t, open(t, c), "lin", "river gate 7")
	if err != nil || !slices.Contains(got.Groups, "cn=nested,"+base) || len(got.Groups) != 3 {
		t.Errorf("groups %q, %v", got.Groups, err)
	}
}

// What is typed as a login is looked for as it stands: it neither widens the
// filter nor leaves its place in a name.
func TestLDAPInjection(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	attacks := []string{
		"*", "l*", "lin)(objectClass=*", "*)(objectClass=*", "*))(|(objectClass=*", "wang)(|(sAMAccountName=lin", "nobody)(sAMAccountName=*))(&(objectClass=user",
		"lin\x00", `\6cin`, `lin\2a`, "(lin)", "&", "|(lin", "lin)(!(displayName=x)",
		"lin,ou=people," + base, "lin+cn=x", "wang\\,uid=lin", "lin," + people + ",", " lin", "#lin", `lin"`, "lin;x", "uid=lin",
	}
	for name, c := range map[string]ldap.Config{"search": config(s), "bind as the person": asPerson(s), "principal name": func() ldap.Config {
		c := asPerson(s)
		c.UserDN = "{login}@qingchuan.example"
		return c
	}()} {
		d := open(t, c)
		for _, login := range attacks {
			id, err := try(t, d, login, "river gate 7")
			wantRefused(t, err, name+": "+login)
			if id.Subject != "" {
				t.Errorf("%s: %q is %s", name, login, id.Subject)
			}
		}
		for _, call := range s.Calls() {
			if filter, ok := strings.CutPrefix(call, "search "); ok && strings.Count(filter, "(") != 3 {
				t.Errorf("%s: a login has changed the filter: %s", name, filter)
			}
			if dn, ok := strings.CutPrefix(call, "bind "); ok && (dn == "uid=lin,"+people || dn == "uid=wang,"+people) {
				t.Errorf("%s: a login has become somebody's name", name)
			}
		}
	}
}

// RFC 4513 §5.1.2: a bind without a password succeeds as nobody.
func TestEmptyPasswordIsNotSent(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	for _, c := range []ldap.Config{config(s), asPerson(s)} {
		for _, password := range []string{"", "\x00", "river gate 7\x00"} {
			_, err := try(t, open(t, c), "lin", password)
			wantRefused(t, err, "empty password")
		}
	}
	if calls := s.Calls(); len(calls) > 0 {
		t.Errorf("the directory was asked %q", calls)
	}
}

// Whether a login is known cannot be told by what is done about it.
func TestUnknownLoginCostsTheSameCalls(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	for _, c := range []ldap.Config{config(s), asPerson(s)} {
		kinds := func(login string) string {
			_, err := try(t, open(t, c), login, "wrong")
			wantRefused(t, err, login)
			var list []string
			for _, call := range s.Calls() {
				kind, _, _ := strings.Cut(call, " ")
				list = append(list, kind)
			}
			return strings.Join(list, " ")
		}
		known, unknown := kinds("lin"), kinds("nobody")
		if known != unknown || known == "" {
			t.Errorf("a known login costs %q, an unknown one %q", known, unknown)
		}
	}
}

// A directory that fails is a directory that fails: the password is not called
// wrong, and nobody gets in.
func TestDeadDirectory(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	for name, prepare := range map[string]func(*ldaptest.Server, *ldap.Config){
		"nobody listens": func(_ *ldaptest.Server, c *ldap.Config) { c.URLs = []string{"ldaps://" + address, "ldap://" + address} },
		"swallows calls": func(s *ldaptest.Server, c *ldap.Config) { s.Silence(); c.Timeout = 100 * time.Millisecond },
		"swallows StartTLS": func(s *ldaptest.Server, c *ldap.Config) {
			s.Silence()
			c.URLs, c.Timeout = []string{s.StartTLS}, 100*time.Millisecond
		},
		"refuses StartTLS":  func(s *ldaptest.Server, c *ldap.Config) { s.Answer("starttls", 2); c.URLs = []string{s.StartTLS} },
		"another authority": func(_ *ldaptest.Server, c *ldap.Config) { c.CA = x509.NewCertPool() },
		"no TLS where TLS should be": func(s *ldaptest.Server, c *ldap.Config) {
			c.URLs, c.Timeout = []string{strings.Replace(s.StartTLS, "ldap://", "ldaps://", 1)}, 100*time.Millisecond
		},
		"own account refused": func(_ *ldaptest.Server, c *ldap.Config) { c.Password = "changed meanwhile" },
		"busy":                func(s *ldaptest.Server, _ *ldap.Config) { s.Answer("bind", 51) },
		"search refused":      func(s *ldaptest.Server, _ *ldap.Config) { s.Answer("search", 50) },
		"refers elsewhere":    func(s *ldaptest.Server, _ *ldap.Config) { s.Answer("search", 10) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ldaptest.New(t, entries()...)
			c := config(s)
			prepare(s, &c)
			_, err := try(t, open(t, c), "lin", "river gate 7")
			wantFault(t, err, name)
			if err != nil && strings.Contains(err.Error(), "river gate 7") {
				t.Errorf("the error holds the password: %v", err)
			}
			if name == "refuses StartTLS" {
				for _, call := range s.Calls() {
					if strings.HasPrefix(call, "bind") {
						t.Error("a password went out without TLS")
					}
				}
			}
		})
	}
}

func TestNextAddress(t *testing.T) {
	t.Parallel()
	dead, live := ldaptest.New(t), ldaptest.New(t, entries()...)
	c := config(live)
	c.URLs = []string{dead.URL, live.URL} // the first one's certificate is by another authority
	if _, err := try(t, open(t, c), "lin", "river gate 7"); err != nil {
		t.Error(err)
	}
	// A refusal is not tried elsewhere: that would double the guesses.
	c.URLs = []string{live.URL, live.URL}
	live.Calls()
	_, err := try(t, open(t, c), "lin", "river gate 8")
	wantRefused(t, err, "wrong password")
	if calls := live.Calls(); len(calls) != 3 {
		t.Errorf("one try made %q", calls)
	}
}

func TestTwoEntriesAreNobody(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	for _, dn := range []string{"uid=lin,ou=old," + base, "uid=lin,ou=older," + base} {
		s.Set(ldaptest.Entry{DN: dn, Password: "river gate 7", Attributes: map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"lin"}, "objectGUID": {"x"}}})
	}
	_, err := try(t, open(t, config(s)), "lin", "river gate 7")
	wantRefused(t, err, "three entries")
}

func TestEntryWithoutSubject(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	s.Set(ldaptest.Entry{DN: "uid=new," + people, Password: "p", Attributes: map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"new"}}})
	_, err := try(t, open(t, config(s)), "new", "p")
	wantFault(t, err, "no objectGUID")
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	s.Silence()
	ctx, cancel := context.WithCancel(t.Context())
	d := open(t, config(s))
	failed := make(chan error, 1)
	go func() {
		_, err := d.Finish(ctx, nil, access.Answer{Login: "lin", Password: "river gate 7"})
		failed <- err
	}()
	cancel()
	wantFault(t, <-failed, "cancelled")
}

func TestProbe(t *testing.T) {
	t.Parallel()
	s := ldaptest.New(t, entries()...)
	lines, err := open(t, config(s)).Probe(t.Context())
	if want := []string{"connected under TLS", "bound as cn=reader," + base, "found " + base}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("got %q, %v, want %q", lines, err, want)
	}
	c := config(s)
	c.Password = "old"
	if _, err = open(t, c).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "cn=reader") {
		t.Errorf("wrong own password: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := ldap.Config{Name: "ad", URLs: []string{"ldaps://dc1.example"}, BindDN: "cn=a", Password: "p", Base: base}
	if _, err := ldap.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ldap.Config){
		"no name":               func(c *ldap.Config) { c.Name = "" },
		"no address":            func(c *ldap.Config) { c.URLs = nil },
		"web address":           func(c *ldap.Config) { c.URLs = []string{"https://dc1.example"} },
		"no host":               func(c *ldap.Config) { c.URLs = []string{"ldaps:dc1"} },
		"no base":               func(c *ldap.Config) { c.Base = "" },
		"half an account":       func(c *ldap.Config) { c.Password = "" },
		"nobody to bind as":     func(c *ldap.Config) { c.BindDN, c.Password = "", "" },
		"filter for everybody":  func(c *ldap.Config) { c.Filter = "(objectClass=user)" },
		"filter that is none":   func(c *ldap.Config) { c.Filter = "(uid={login}" },
		"group filter is none":  func(c *ldap.Config) { c.GroupFilter = "member={dn})" },
		"user DN for everybody": func(c *ldap.Config) { c.BindDN, c.Password, c.UserDN = "", "", "cn=everybody" },
	} {
		c := good
		change(&c)
		if _, err := ldap.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
