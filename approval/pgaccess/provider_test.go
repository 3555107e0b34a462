package pgaccess_test

import (
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/ldap"
	"qianhe/approval/access/ldap/ldaptest"
	"qianhe/approval/access/oidc"
	"qianhe/approval/access/oidc/issuertest"
	"qianhe/approval/pgaccess"
)

const (
	base = "dc=qingchuan,dc=example"
	back = "https://sign.example.gov.tw/signin/portal/back"
)

// entry is somebody in the directory.
func entry(login, name, unit string, groups ...string) ldaptest.Entry {
	return ldaptest.Entry{DN: "uid=" + login + "," + base, Password: right, Attributes: map[string][]string{
		"objectClass": {"user"}, "sAMAccountName": {login}, "objectGUID": {"guid of " + login}, "displayName": {name}, "title": {"技士"}, "department": {unit}, "memberOf": groups,
	}}
}

// withDirectory gives the store a directory, and whatever change makes of what
// becomes of its people.
func withDirectory(t *testing.T, change func(*access.Source), entries ...ldaptest.Entry) (func(*pgaccess.Options), *ldaptest.Server) {
	t.Helper()
	srv := ldaptest.New(t, append(entries, ldaptest.Entry{DN: "cn=reader," + base, Password: "reads"})...)
	d, err := ldap.New(ldap.Config{Name: "ad", URLs: []string{srv.URL}, CA: srv.CA, BindDN: "cn=reader," + base, Password: "reads", Base: base, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	src := access.Source{Provider: d, Create: true, Adopt: true, Units: map[string][]string{"水利科": {"青川市政府", "水利科"}},
		Roles: map[string][]approval.Role{"cn=chiefs," + base: {approval.RoleOfficial}, "cn=desk," + base: {approval.RoleRegistry}}}
	if change != nil {
		change(&src)
	}
	return func(o *pgaccess.Options) { o.Sources = append(o.Sources, src) }, srv
}

// byAD signs in by the directory.
func byAD(in *access.SignIn) { in.Way = "ad" }

func TestDirectoryCreatesAccounts(t *testing.T) {
	t.Parallel()
	opt, srv := withDirectory(t, nil, entry("hsu", "許文雄", "水利科", "cn=chiefs,"+base))
	b := setup(t, opt)
	out := b.signIn(t, "hsu", byAD)
	want := approval.Person{ID: out.Session.Person.ID, Name: "許文雄", Title: "技士", Unit: "u1", Roles: []approval.Role{approval.RoleOfficial}}
	if got := out.Session.Person; got.Name != want.Name || got.Title != want.Title || got.Unit != want.Unit || !slices.Equal(got.Roles, want.Roles) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !slices.Equal(out.Session.Methods, []access.Method{access.ByLDAP}) || out.Session.Login != "hsu" {
		t.Errorf("session %+v", out.Session)
	}
	// The same person next time, under another login too: what counts is the entry.
	srv.Set(func() ldaptest.Entry {
		e := entry("hsu", "許文雄", "水利科", "cn=chiefs,"+base)
		e.Attributes["sAMAccountName"] = []string{"hsu.wx"}
		return e
	}())
	again := b.signIn(t, "hsu.wx", byAD)
	if again.Session.Account != out.Session.Account || b.count(t, `select count(*) from account`) != 3 {
		t.Errorf("account %s, want %s", again.Session.Account, out.Session.Account)
	}
	// There is no password here to get in by.
	wantError(t, b.try(t, "hsu", right, office), access.ErrCredentials, "password of the directory at our own")
}

func TestDirectoryTakesRolesAway(t *testing.T) {
	t.Parallel()
	opt, srv := withDirectory(t, nil, entry("hsu", "許文雄", "水利科", "cn=chiefs,"+base, "cn=desk,"+base))
	b := setup(t, opt)
	first := b.signIn(t, "hsu", byAD)
	b.exec(t, `update person set roles = roles || '{admin}' where id = $1`, first.Session.Person.ID)
	srv.Set(entry("hsu", "許文雄", "水利科", "cn=desk,"+base))
	b.signIn(t, "hsu", byAD)
	want := []approval.Role{approval.RoleAdmin, approval.RoleRegistry}
	// The earlier session has lost it as well, and what was given here stays.
	got := slices.Sorted(slices.Values(b.wantSession(t, first.SessionCookie, "the one before").Person.Roles))
	if !slices.Equal(got, want) {
		t.Errorf("roles %v, want %v", got, want)
	}
	// Another unit, as the directory has it.
	b.exec(t, `insert into unit (id, parent, name) values ('u2', 'u0', '工務科')`)
	opt2, _ := withDirectory(t, func(s *access.Source) { s.Units["工務科"] = []string{"青川市政府", "工務科"} }, entry("hsu", "許文雄", "工務科"))
	moved, err := b.another(func(o *pgaccess.Options) { o.Sources = nil; opt2(o) }).SignIn(t.Context(), access.SignIn{Way: "ad", Login: "hsu", Password: right, Address: office})
	if err != nil || moved.Session.Person.Unit != "u2" || !slices.Equal(moved.Session.Person.Roles, []approval.Role{approval.RoleAdmin}) {
		t.Errorf("moved: %+v, %v", moved.Session.Person, err)
	}
}

// A directory gives nobody an account that is somebody else's.
func TestDirectoryGivesNoAccountAway(t *testing.T) {
	t.Parallel()
	opt, _ := withDirectory(t, nil, entry("lin", "林冒名", "水利科"), entry("chen", "陳志強", "水利科"), entry("noname", " ", "水利科"), entry("elsewhere", "林在外", "火星科"), entry("bad login", "林空白", "水利科"))
	b := setup(t, opt)
	wantError(t, b.try(t, "lin", right, office, byAD), access.ErrCredentials, "login of an account with a password")
	b.exec(t, `insert into account (id, person, login, password_hash, created_at) values ('a3', 'p3', 'chen', '', now())`)
	if out := b.signIn(t, "chen", byAD); out.Session.Account != "a3" {
		t.Errorf("account made for it: got %s", out.Session.Account)
	}
	b.exec(t, `update account_identity set subject = 'another' where account = 'a3'`)
	wantError(t, b.try(t, "chen", right, office, byAD), access.ErrCredentials, "login of an account with another identity")
	for _, login := range []string{"noname", "elsewhere", "bad login"} {
		wantError(t, b.try(t, login, right, office, byAD), access.ErrCredentials, login)
	}
	if n := b.count(t, `select count(*) from person`); n != 3 {
		t.Errorf("%d people, want the 3 of before", n)
	}
	closed, _ := withDirectory(t, func(s *access.Source) { s.Create, s.Adopt = false, false }, entry("hsu", "許文雄", "水利科"))
	_, err := b.another(func(o *pgaccess.Options) { o.Sources = nil; closed(o) }).SignIn(t.Context(), access.SignIn{Way: "ad", Login: "hsu", Password: right, Address: office})
	wantError(t, err, access.ErrCredentials, "a directory that makes no accounts")
}

// No provider is a way round what holds for everybody.
func TestProviderIsNoWayRound(t *testing.T) {
	t.Parallel()
	opt, srv := withDirectory(t, nil, entry("hsu", "許文雄", "水利科"))
	b := setup(t, opt)
	first := b.signIn(t, "hsu", byAD)
	account := first.Session.Account
	for range 10 {
		wantError(t, b.try(t, "hsu", wrong, office, byAD), access.ErrCredentials, "wrong")
	}
	srv.Calls()
	wantLimited(t, b.try(t, "hsu", right, office, byAD), "after ten failures")
	if calls := srv.Calls(); len(calls) != 0 {
		t.Errorf("while a limit holds the directory was asked %q", calls)
	}
	b.clock.pass(time.Hour)
	b.exec(t, `update account set disabled_at = now() where id = $1`, account)
	wantError(t, b.try(t, "hsu", right, office, byAD), access.ErrCredentials, "closed account")
	b.exec(t, `update account set disabled_at = null where id = $1`, account)
	b.exec(t, `update person set left_at = now() where id = $1`, first.Session.Person.ID)
	wantError(t, b.try(t, "hsu", right, office, byAD), access.ErrCredentials, "somebody who has left")
	wantError(t, b.try(t, "hsu", right, office, func(in *access.SignIn) { in.Way = "none" }), access.ErrCredentials, "no such provider")
}

// A directory that is down lets nobody in, by whatever else there is.
func TestDeadDirectoryLetsNobodyIn(t *testing.T) {
	t.Parallel()
	opt, srv := withDirectory(t, nil, entry("lin", "林美惠", "水利科"))
	b := setup(t, opt)
	srv.Answer("bind", 52)
	before := b.hasher.verified.Load()
	err := b.try(t, "lin", right, office, byAD)
	if _, ok := errors.AsType[*access.ProviderError](err); !ok {
		t.Errorf("got %v, want a ProviderError", err)
	}
	if n := b.hasher.verified.Load() - before; n != 0 || b.count(t, `select count(*) from session`) != 0 {
		t.Errorf("the password was tried here %d times instead", n)
	}
}

func TestTwoFirstSignInsMakeOneAccount(t *testing.T) {
	t.Parallel()
	opt, _ := withDirectory(t, nil, entry("hsu", "許文雄", "水利科"))
	b := setup(t, opt)
	for i, err := range together(4, func(int) error { return b.try(t, "hsu", right, office, byAD) }) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := b.count(t, `select count(*) from account where login = 'hsu'`); n != 1 {
		t.Errorf("%d accounts", n)
	}
}

// withPortal gives the store a portal where hsu is signed in.
func withPortal(t *testing.T, name string) (func(*pgaccess.Options), *issuertest.Issuer) {
	t.Helper()
	i := issuertest.New(t)
	i.SignIn(map[string]any{"sub": "8f2c", "preferred_username": "hsu", "name": "許文雄"})
	p, err := oidc.New(oidc.Config{Name: name, Issuer: i.URL, ClientID: issuertest.Client, ClientSecret: issuertest.Secret, Client: i.Visits})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *pgaccess.Options) {
		o.Sources = append(o.Sources, access.Source{Provider: p, Create: true, Unit: []string{"青川市政府"}})
	}, i
}

func (b *bundle) begin(t *testing.T, way string) (redirect, cookie string) {
	t.Helper()
	redirect, cookie, err := b.BeginSignIn(t.Context(), way, back, "/d/x", access.Browser{Address: office})
	if err != nil {
		t.Fatal(err)
	}
	return redirect, cookie
}

func (b *bundle) finish(t *testing.T, way string, values url.Values, cookie string) (access.SignedIn, string, error) {
	t.Helper()
	return b.FinishSignIn(t.Context(), way, values, cookie, access.Browser{Address: office, UserAgent: iphone})
}

func TestPortal(t *testing.T) {
	t.Parallel()
	opt, i := withPortal(t, "portal")
	b := setup(t, opt)
	redirect, cookie := b.begin(t, "portal")
	out, next, err := b.finish(t, "portal", i.Visit(t, redirect), cookie)
	if err != nil || next != "/d/x" || out.Session.Person.Name != "許文雄" || out.Session.Person.Unit != "u0" {
		t.Fatalf("got %+v, %q, %v", out.Session, next, err)
	}
	b.wantSession(t, out.SessionCookie, "by the portal")
}

// What was begun in one browser ends there, once, and within minutes.
func TestFlowIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()
	opt, i := withPortal(t, "portal")
	other, _ := withPortal(t, "other")
	b := setup(t, opt, other)
	redirect, cookie := b.begin(t, "portal")
	values := i.Visit(t, redirect)
	_, attackers := b.begin(t, "portal")
	for name, c := range map[string]string{"no cookie": "", "of an attacker": attackers, "changed": cookie[:len(cookie)-2] + "AA", "id only": cookie[:26]} {
		_, _, err := b.finish(t, "portal", values, c)
		if !errors.Is(err, access.ErrFlow) && !errors.Is(err, access.ErrCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if i.Redeemed() != 0 {
		t.Error("a code was handed on for another browser")
	}
	if _, _, err := b.finish(t, "portal", values, cookie); err != nil {
		t.Fatalf("its own: %v", err)
	}
	_, _, err := b.finish(t, "portal", values, cookie)
	wantError(t, err, access.ErrFlow, "again")
	redirect, cookie = b.begin(t, "portal")
	_, _, err = b.finish(t, "other", i.Visit(t, redirect), cookie)
	wantError(t, err, access.ErrFlow, "at another portal's address")
	redirect, cookie = b.begin(t, "portal")
	values = i.Visit(t, redirect)
	b.clock.pass(access.FlowLife)
	_, _, err = b.finish(t, "portal", values, cookie)
	wantError(t, err, access.ErrFlow, "too late")
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.count(t, `select count(*) from sign_in_flow`); n != 0 {
		t.Errorf("%d flows are kept for ever", n)
	}
}

// Of two answers at the same time one gets in.
func TestFlowIsUsedOnce(t *testing.T) {
	t.Parallel()
	opt, i := withPortal(t, "portal")
	b := setup(t, opt)
	redirect, cookie := b.begin(t, "portal")
	values := i.Visit(t, redirect)
	in := 0
	for _, err := range together(6, func(int) error { _, _, err := b.finish(t, "portal", values, cookie); return err }) {
		if err == nil {
			in++
		} else if !errors.Is(err, access.ErrFlow) {
			t.Errorf("got %v, want ErrFlow", err)
		}
	}
	if in != 1 {
		t.Errorf("%d got in", in)
	}
}

func TestFlowsOfAnAddressAreLimited(t *testing.T) {
	t.Parallel()
	opt, _ := withPortal(t, "portal")
	b := setup(t, opt)
	b.begin(t, "portal")
	b.exec(t, `insert into sign_in_flow (id, secret_hash, purpose, address, sealed, created_at, expires_at)
		select 'f' || n, secret_hash, purpose, address, sealed, created_at, expires_at from sign_in_flow, generate_series(2, 300) n`)
	_, _, err := b.BeginSignIn(t.Context(), "portal", back, "", access.Browser{Address: office})
	wantLimited(t, err, "the 301st")
	if _, _, err := b.BeginSignIn(t.Context(), "portal", back, "", access.Browser{Address: "198.51.100.9"}); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// Nothing of a flow is on record as it is handed out or typed.
func TestFlowIsSealed(t *testing.T) {
	t.Parallel()
	opt, _ := withPortal(t, "portal")
	b := setup(t, opt)
	redirect, cookie := b.begin(t, "portal")
	u, _ := url.Parse(redirect)
	if n := b.count(t, `select count(*) from sign_in_flow f where position($1 in f::text) > 0 or position($2 in encode(f.sealed, 'escape')) > 0`, cookie[27:], u.Query().Get("state")); n != 0 {
		t.Error("a secret can be read in the database")
	}
	if u.Query().Get("redirect_uri") != back || u.Scheme != "https" {
		t.Errorf("redirect %s", redirect)
	}
}
