package ldap

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"qianhe/approval/access"
)

// Config of a directory.
type Config struct {
	Name string
	// URLs are ldaps:// or ldap:// ones, tried in this order until one can be
	// reached.
	URLs []string
	// CA are the authorities that may vouch for the directory; nil means those
	// of the system.
	CA *x509.CertPool
	// BindDN and Password are the server's own account. Without them the person
	// binds as UserDN.
	BindDN   string
	Password string
	// UserDN is what a person binds as, such as {login}@example.gov.tw or
	// uid={login},ou=people,dc=example,dc=gov,dc=tw.
	UserDN string
	// Base and Filter find the entry, such as
	// (&(objectClass=user)(sAMAccountName={login})).
	Base   string
	Filter string
	// GroupFilter finds groups below GroupBase that the entry does not name
	// itself, such as (member:1.2.840.113556.1.4.1941:={dn}) for nested ones in
	// Active Directory. None when empty.
	GroupBase   string
	GroupFilter string
	Attributes  Attributes
	// Timeout is for everything together; 0 means 5 seconds.
	Timeout time.Duration
}

// Attributes are the names of what is read of an entry. Those of the zero value
// are Active Directory's.
type Attributes struct {
	Subject string // objectGUID; entryUUID in OpenLDAP
	Login   string // sAMAccountName; uid
	Name    string // displayName; cn
	Title   string // title
	Unit    string // department; ou
	Groups  string // memberOf
}

// Directory is one of them. It is an [access.Provider].
type Directory struct {
	config Config
}

// New checks the configuration. It connects to nothing.
func New(c Config) (*Directory, error) {
	a := &c.Attributes
	a.Subject, a.Login = cmp.Or(a.Subject, "objectGUID"), cmp.Or(a.Login, "sAMAccountName")
	a.Name, a.Title = cmp.Or(a.Name, "displayName"), cmp.Or(a.Title, "title")
	a.Unit, a.Groups = cmp.Or(a.Unit, "department"), cmp.Or(a.Groups, "memberOf")
	c.Filter = cmp.Or(c.Filter, "(&(objectClass=user)(sAMAccountName={login}))")
	c.GroupBase = cmp.Or(c.GroupBase, c.Base)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	d := &Directory{config: c}
	switch {
	case c.Name == "":
		return nil, errors.New("ldap: a directory needs a name")
	case len(c.URLs) == 0:
		return nil, errors.New("ldap: no address")
	case c.Base == "":
		return nil, errors.New("ldap: no base to search below")
	case (c.BindDN == "") != (c.Password == ""):
		return nil, errors.New("ldap: bind DN and password: give both or none")
	case c.BindDN == "" && !strings.Contains(c.UserDN, "{login}"):
		return nil, errors.New("ldap: give a bind DN and its password, or a user DN with {login}")
	case !strings.Contains(c.Filter, "{login}"):
		return nil, errors.New("ldap: the filter has no {login}")
	}
	for _, f := range []string{d.filter("x"), d.groupFilter("cn=x", "x")} {
		if _, err := ldap.CompileFilter(f); f != "" && err != nil {
			return nil, fmt.Errorf("ldap: filter %s: %w", f, err)
		}
	}
	for _, address := range c.URLs {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "ldaps" && u.Scheme != "ldap" || u.User != nil {
			return nil, fmt.Errorf("ldap: %q is not an address such as ldaps://dc1.example.gov.tw", address)
		}
	}
	return d, nil
}

// Name is that of the configuration.
func (d *Directory) Name() string { return d.config.Name }

// Method is [access.ByLDAP].
func (d *Directory) Method() access.Method { return access.ByLDAP }

// Begin has nothing to do: our own page asks for login and password.
func (d *Directory) Begin(context.Context, string) (access.Begun, error) { return access.Begun{}, nil }

// filter is the one that finds a login's entry.
func (d *Directory) filter(login string) string {
	return strings.ReplaceAll(d.config.Filter, "{login}", ldap.EscapeFilter(login))
}

func (d *Directory) groupFilter(dn, login string) string {
	return strings.NewReplacer("{dn}", ldap.EscapeFilter(dn), "{login}", ldap.EscapeFilter(login)).Replace(d.config.GroupFilter)
}

// userDN is what a person binds as. In a name that is none, such as
// {login}@example.gov.tw, a second @ would lead into another domain.
func (d *Directory) userDN(login string) (string, bool) {
	if !strings.Contains(d.config.UserDN, "=") {
		return strings.ReplaceAll(d.config.UserDN, "{login}", login), !strings.ContainsAny(login, `@\/`)
	}
	return strings.ReplaceAll(d.config.UserDN, "{login}", ldap.EscapeDN(login)), true
}

// fault is the directory's, or of the way there.
func (d *Directory) fault(doing string, err error) error {
	return &access.ProviderError{Provider: d.config.Name, Err: fmt.Errorf("%s: %w", doing, err)}
}

// connect gives a connection under TLS that ends with ctx.
func (d *Directory) connect(ctx context.Context) (_ *ldap.Conn, close func(), err error) {
	var errs []error
	for i, address := range d.config.URLs {
		// Of several each gets its share of the time, so that one which swallows
		// everything leaves some for the next.
		try, cancel := context.WithTimeout(ctx, d.config.Timeout/time.Duration(len(d.config.URLs)-i))
		conn, err := d.dial(try, address)
		cancel()
		if err == nil {
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			return conn, func() { stop(); conn.Close() }, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", address, err))
	}
	return nil, nil, errors.Join(errs...)
}

func (d *Directory) dial(ctx context.Context, address string) (*ldap.Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"ldaps": "636", "ldap": "389"}[u.Scheme]
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	// Whatever follows, a handshake too, ends with ctx.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	conf := &tls.Config{RootCAs: d.config.CA, ServerName: host, MinVersion: tls.VersionTLS12}
	if u.Scheme == "ldaps" {
		secured := tls.Client(raw, conf)
		if err := secured.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		conn := ldap.NewConn(secured, true)
		conn.Start()
		return conn, nil
	}
	conn := ldap.NewConn(raw, false)
	conn.Start()
	if err := conn.StartTLS(conf); err != nil {
		conn.Close()
		return nil, fmt.Errorf("StartTLS: %w", err)
	}
	return conn, nil
}

// Probe says whether the directory can be reached, knows the server's own
// account and has the base, for an administrator to read.
func (d *Directory) Probe(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	conn, close, err := d.connect(ctx)
	if err != nil {
		return nil, d.fault("connect", err)
	}
	defer close()
	lines := []string{"connected under TLS"}
	if d.config.BindDN == "" {
		return append(lines, "people bind as "+d.config.UserDN+"; there is no account to search with"), nil
	}
	if err := conn.Bind(d.config.BindDN, d.config.Password); err != nil {
		return lines, d.fault("bind as "+d.config.BindDN, err)
	}
	lines = append(lines, "bound as "+d.config.BindDN)
	_, err = conn.Search(ldap.NewSearchRequest(d.config.Base, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
	if err != nil {
		return lines, d.fault("search "+d.config.Base, err)
	}
	return append(lines, "found "+d.config.Base), nil
}
