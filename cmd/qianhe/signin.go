package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/ldap"
	"qianhe/approval/access/oidc"
	"qianhe/approval/access/passkey"
	"qianhe/web"
)

// signInConfig is by what people sign in beside the password that is kept here:
// the file that the setting sign-in names.
type signInConfig struct {
	File    string
	Closed  bool // no password that is kept here lets anybody in
	Sources []access.Source
	Ways    []web.Way
}

func signInSettings() []setting {
	return []setting{
		{"sign-in", "", "JSON file of the directories (LDAP) and portals (OpenID Connect) that people may sign in by; see the README", false, setSignIn},
	}
}

func (s *signInConfig) values() map[string]string { return map[string]string{"sign-in": s.File} }

// signInFile is that file.
type signInFile struct {
	// Password is whether a password that is kept here lets in; true when it is
	// left out.
	Password  *bool          `json:"password"`
	Providers []providerFile `json:"providers"`
}

type providerFile struct {
	Name     string            `json:"name"`
	Label    map[string]string `json:"label"`
	LDAP     *ldapFile         `json:"ldap"`
	OIDC     *oidcFile         `json:"oidc"`
	Accounts accountsFile      `json:"accounts"`
}

type ldapFile struct {
	URLs         []string        `json:"urls"`
	CAFile       string          `json:"caFile"`
	BindDN       string          `json:"bindDN"`
	Password     string          `json:"password"`
	PasswordFile string          `json:"passwordFile"`
	UserDN       string          `json:"userDN"`
	Base         string          `json:"base"`
	Filter       string          `json:"filter"`
	GroupBase    string          `json:"groupBase"`
	GroupFilter  string          `json:"groupFilter"`
	Attributes   ldap.Attributes `json:"attributes"`
	Timeout      string          `json:"timeout"`
}

type oidcFile struct {
	Issuer           string      `json:"issuer"`
	CAFile           string      `json:"caFile"`
	ClientID         string      `json:"clientID"`
	ClientSecret     string      `json:"clientSecret"`
	ClientSecretFile string      `json:"clientSecretFile"`
	Scopes           []string    `json:"scopes"`
	Claims           oidc.Claims `json:"claims"`
	UserInfo         bool        `json:"userInfo"`
}

type accountsFile struct {
	Create bool                       `json:"create"`
	Adopt  bool                       `json:"adopt"`
	Unit   []string                   `json:"unit"`
	Units  map[string][]string        `json:"units"`
	Roles  map[string][]approval.Role `json:"roles"`
}

// setSignIn reads the file. It connects to nothing: a directory that is down
// keeps no server from starting.
func setSignIn(c *Config, path string) error {
	c.SignIn = signInConfig{File: path}
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var file signInFile
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c.SignIn.Closed = file.Password != nil && !*file.Password
	for i, p := range file.Providers {
		if err := c.SignIn.add(p); err != nil {
			return fmt.Errorf("%s: provider %d (%s): %w", path, i+1, p.Name, err)
		}
	}
	if c.SignIn.Closed && len(c.SignIn.Sources) == 0 {
		return fmt.Errorf("%s: without the password there must be a provider, or nobody gets in", path)
	}
	return nil
}

var providerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

func (s *signInConfig) add(p providerFile) error {
	switch {
	case !providerName.MatchString(p.Name):
		return errors.New("its name is not small letters, digits and hyphens")
	case slices.ContainsFunc(s.Sources, func(o access.Source) bool { return o.Name() == p.Name }):
		return errors.New("the name is there twice")
	case (p.LDAP == nil) == (p.OIDC == nil):
		return errors.New("give either ldap or oidc")
	}
	for group, roles := range p.Accounts.Roles {
		for _, r := range roles {
			if !slices.Contains(approval.Roles(), r) {
				return fmt.Errorf("roles of %s: there is no role %s", group, r)
			}
		}
	}
	src := access.Source{Create: p.Accounts.Create, Adopt: p.Accounts.Adopt, Unit: p.Accounts.Unit, Units: p.Accounts.Units, Roles: p.Accounts.Roles}
	var err error
	if p.LDAP != nil {
		src.Provider, err = p.LDAP.open(p.Name)
	} else {
		src.Provider, err = p.OIDC.open(p.Name)
	}
	if err != nil {
		return err
	}
	s.Sources = append(s.Sources, src)
	s.Ways = append(s.Ways, web.Way{Name: p.Name, Label: p.Label, Form: p.LDAP != nil})
	return nil
}

func (f *ldapFile) open(name string) (access.Provider, error) {
	c := ldap.Config{Name: name, URLs: f.URLs, BindDN: f.BindDN, UserDN: f.UserDN, Base: f.Base, Filter: f.Filter, GroupBase: f.GroupBase, GroupFilter: f.GroupFilter, Attributes: f.Attributes}
	var err error
	if c.Password, err = secretOf(f.Password, f.PasswordFile); err != nil {
		return nil, err
	}
	if c.CA, err = authorities(f.CAFile); err != nil {
		return nil, err
	}
	if f.Timeout != "" {
		if c.Timeout, err = time.ParseDuration(f.Timeout); err != nil || c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute {
			return nil, fmt.Errorf("timeout %q is not between 100ms and 1m", f.Timeout)
		}
	}
	return ldap.New(c)
}

func (f *oidcFile) open(name string) (access.Provider, error) {
	c := oidc.Config{Name: name, Issuer: f.Issuer, ClientID: f.ClientID, Scopes: f.Scopes, Claims: f.Claims, UserInfo: f.UserInfo}
	var err error
	if c.ClientSecret, err = secretOf(f.ClientSecret, f.ClientSecretFile); err != nil {
		return nil, err
	}
	pool, err := authorities(f.CAFile)
	if err != nil {
		return nil, err
	}
	c.Client = &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns: 16, IdleConnTimeout: time.Minute,
	}}
	return oidc.New(c)
}

// secretOf is the one given, or that of a file, which may end in a line break.
func secretOf(plain, file string) (string, error) {
	if file == "" {
		return plain, nil
	}
	if plain != "" {
		return "", errors.New("a secret is given twice: in the file and by the name of another")
	}
	b, err := os.ReadFile(file)
	return strings.TrimRight(string(b), "\r\n"), err
}

// authorities are those of a PEM file, nil for the system's.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

// passkeys are those for pages at the base URL, nil where there can be none.
func passkeys(c *Config) (*passkey.Keys, error) {
	if c.BaseURL == nil {
		return nil, nil
	}
	var pages []*url.URL
	for _, o := range origins(c.BaseURL) {
		u, err := url.Parse(o)
		if err != nil {
			return nil, err
		}
		pages = append(pages, u)
	}
	return passkey.New("qianhe 簽核", pages...)
}

// asker is a provider that says how it stands.
type asker interface {
	Probe(ctx context.Context) ([]string, error)
}

// provider gives the sign-in provider of this name, nil when there is none.
func (s *signInConfig) provider(name string) asker {
	for _, src := range s.Sources {
		if a, ok := src.Provider.(asker); ok && src.Name() == name {
			return a
		}
	}
	return nil
}
