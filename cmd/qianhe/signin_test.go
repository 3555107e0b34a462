package main

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qianhe/approval/access"
	"qianhe/approval/access/ldap/ldaptest"
	"qianhe/approval/access/oidc/issuertest"
)

// write puts a file into a directory of the test's and gives its name.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The samples of the README are read as they stand there.
func TestSignInSampleOfTheREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "<!-- sign-in sample -->\n```json\n")
	sample, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("README has no sample of the sign-in file")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"ad-password": "one\n", "portal-secret": "two\n"} {
		sample = strings.ReplaceAll(sample, "/etc/qianhe/"+name, write(t, dir, name, text))
	}
	cert := ldaptest.New(t).Certificate
	sample = strings.ReplaceAll(sample, "/etc/qianhe/ad-ca.pem", write(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))))
	c := &Config{}
	if err := setSignIn(c, write(t, dir, "signin.json", sample)); err != nil {
		t.Fatal(err)
	}
	if len(c.SignIn.Sources) != 2 || c.SignIn.Sources[0].Method() != access.ByLDAP || c.SignIn.Sources[1].Method() != access.ByOIDC || !c.SignIn.Ways[0].Form || c.SignIn.Ways[1].Form || c.SignIn.Closed {
		t.Errorf("read as %+v", c.SignIn)
	}
	if len(c.SignIn.Sources[0].Roles) == 0 || len(c.SignIn.Sources[0].Units) == 0 || !c.SignIn.Sources[0].Create {
		t.Errorf("accounts are read as %+v", c.SignIn.Sources[0])
	}
}

func TestSignInFileMistakes(t *testing.T) {
	t.Parallel()
	const good = `"ldap": {"urls": ["ldaps://dc1.example"], "bindDN": "cn=a", "password": "p", "base": "dc=example"}`
	for text, says := range map[string]string{
		`{`:                   "unexpected EOF",
		`{"provider": []}`:    "unknown field",
		`{"password": false}`: "nobody gets in",
		`{"providers": [{"name": "AD", ` + good + `}]}`:                                                "small letters",
		`{"providers": [{"name": "ad"}]}`:                                                              "either ldap or oidc",
		`{"providers": [{"name": "ad", ` + good + `}, {"name": "ad", ` + good + `}]}`:                  "twice",
		`{"providers": [{"name": "ad", "ldap": {"urls": ["ldaps://dc1.example"], "base": "b"}}]}`:      "bind DN",
		`{"providers": [{"name": "ad", "ldap": {"urls": ["ldaps://d"], "passwordFile": "/nowhere"}}]}`: "no such file",
		`{"providers": [{"name": "ad", "accounts": {"roles": {"g": ["king"]}}, ` + good + `}]}`:        "no role king",
		`{"providers": [{"name": "p", "oidc": {"issuer": "http://p.example", "clientID": "c"}}]}`:      "issuer",
	} {
		err := setSignIn(&Config{}, write(t, t.TempDir(), "signin.json", text))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	if err := setSignIn(&Config{}, "/nowhere/signin.json"); err == nil {
		t.Error("a file that there is not is taken")
	}
}

func TestCheckSignInProviders(t *testing.T) {
	t.Parallel()
	const base = "dc=example"
	srv := ldaptest.New(t, ldaptest.Entry{DN: base}, ldaptest.Entry{DN: "cn=reader," + base, Password: "reads"})
	portal := issuertest.New(t)
	dir := t.TempDir()
	ca := func(name string, der []byte) string {
		return write(t, dir, name, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	file := write(t, dir, "signin.json", `{"providers": [
		{"name": "ad", "ldap": {"urls": ["`+srv.URL+`"], "caFile": "`+ca("ad.pem", srv.Certificate)+`", "bindDN": "cn=reader,dc=example", "password": "reads", "base": "dc=example", "timeout": "1m"}},
		{"name": "portal", "oidc": {"issuer": "`+portal.URL+`", "caFile": "`+ca("portal.pem", portal.Certificate)+`", "clientID": "qianhe"}}]}`)
	check := func(name string) (string, error) {
		var out bytes.Buffer
		err := runCheck(t.Context(), env{strings.NewReader(""), &out, &out, nil}, []string{"-sign-in", file, name})
		return out.String(), err
	}
	if out, err := check("ad"); err != nil || !strings.Contains(out, "bound as cn=reader") || !strings.Contains(out, "found "+base) {
		t.Errorf("ad: %q, %v", out, err)
	}
	if out, err := check("portal"); err != nil || !strings.Contains(out, portal.URL+"/authorize") {
		t.Errorf("portal: %q, %v", out, err)
	}
	srv.Answer("bind", 49)
	if _, err := check("ad"); err == nil || !strings.Contains(err.Error(), "bind as cn=reader") {
		t.Errorf("a wrong password of our own: %v", err)
	}
	if _, err := check("none"); err == nil {
		t.Error("a provider that there is not is checked")
	}
}
