package oidc_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval/access"
	"qianhe/approval/access/oidc"
	"qianhe/approval/access/oidc/issuertest"
)

const back = "https://sign.example.gov.tw/signin/portal/back"

func lin() map[string]any {
	return map[string]any{"sub": "8f2c", "preferred_username": "lin", "name": "林美惠", "title": "技士", "department": "水利科", "groups": []string{"handlers"}}
}

func open(t *testing.T, i *issuertest.Issuer, change ...func(*oidc.Config)) *oidc.Portal {
	t.Helper()
	c := oidc.Config{Name: "portal", Issuer: i.URL, ClientID: issuertest.Client, ClientSecret: issuertest.Secret, Client: i.Visits}
	for _, f := range change {
		f(&c)
	}
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func begin(t *testing.T, p *oidc.Portal) access.Begun {
	t.Helper()
	b, err := p.Begin(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantFault(t *testing.T, err error, name string) {
	t.Helper()
	if _, ok := errors.AsType[*access.ProviderError](err); !ok || errors.Is(err, access.ErrCredentials) {
		t.Errorf("%s: got %v, want a ProviderError", name, err)
	}
}

func wantRefused(t *testing.T, err error, name string) {
	t.Helper()
	if _, ok := errors.AsType[*access.ProviderError](err); ok || !errors.Is(err, access.ErrCredentials) {
		t.Errorf("%s: got %v, want ErrCredentials", name, err)
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	i.SignIn(lin())
	p := open(t, i)
	b := begin(t, p)
	got, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)})
	if err != nil {
		t.Fatal(err)
	}
	want := access.Identity{Subject: "8f2c", Login: "lin", Name: "林美惠", Title: "技士", Unit: "水利科", Groups: []string{"handlers"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
}

// Every sign-in has its own secrets, and the address shows none that matters.
func TestBegin(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	p := open(t, i)
	first, second := begin(t, p), begin(t, p)
	one, _ := url.Parse(first.Redirect)
	two, _ := url.Parse(second.Redirect)
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if a, b := one.Query().Get(name), two.Query().Get(name); a == b || len(a) < 43 {
			t.Errorf("%s is %q and %q", name, a, b)
		}
	}
	if q := one.Query(); q.Has("code_verifier") || q.Get("redirect_uri") != back || q.Get("scope") != "openid profile" {
		t.Errorf("address %s", first.Redirect)
	}
}

// An answer is good for the sign-in that it answers, and for no other.
func TestStateReplayAndLoginCSRF(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	i.SignIn(lin())
	p := open(t, i)
	mine, attackers := begin(t, p), begin(t, p)
	answer := i.Visit(t, attackers.Redirect)
	_, err := p.Finish(t.Context(), mine.Kept, access.Answer{Values: answer})
	wantRefused(t, err, "somebody else's answer")
	_, err = p.Finish(t.Context(), nil, access.Answer{Values: answer})
	wantRefused(t, err, "an answer to nothing")
	_, err = p.Finish(t.Context(), []byte("{}"), access.Answer{Values: url.Values{"code": answer["code"]}})
	wantRefused(t, err, "no state on either side")
	twice := i.Visit(t, mine.Redirect)
	twice["state"] = append(twice["state"], twice["state"][0])
	_, err = p.Finish(t.Context(), mine.Kept, access.Answer{Values: twice})
	wantRefused(t, err, "state twice")
	if n := i.Redeemed(); n != 0 {
		t.Errorf("%d codes were handed on", n)
	}
	good := i.Visit(t, mine.Redirect)
	if _, err := p.Finish(t.Context(), mine.Kept, access.Answer{Values: good}); err != nil {
		t.Error(err)
	}
	_, err = p.Finish(t.Context(), mine.Kept, access.Answer{Values: good})
	wantRefused(t, err, "the same code again")
	// With one's own state and another's code the verifier does not fit.
	fresh := begin(t, p)
	mixed := i.Visit(t, fresh.Redirect)
	mixed["code"] = i.Visit(t, attackers.Redirect)["code"]
	_, err = p.Finish(t.Context(), fresh.Kept, access.Answer{Values: mixed})
	wantRefused(t, err, "another's code")
}

// A portal that is not honest does not get the codes of one that is (RFC 9207).
func TestOIDCMixUp(t *testing.T) {
	t.Parallel()
	honest, other := issuertest.New(t), issuertest.New(t)
	honest.SignIn(lin())
	other.SignIn(map[string]any{"sub": "8f2c", "preferred_username": "lin"})
	p := open(t, other)
	for name, iss := range map[string][]string{
		"another issuer": {honest.URL}, "no issuer": nil, "two issuers": {other.URL, honest.URL}, "empty": {""}, "nearly": {other.URL + "/"},
	} {
		b := begin(t, p)
		v := other.Visit(t, b.Redirect)
		v["iss"] = iss
		_, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: v})
		wantRefused(t, err, name)
	}
	if n := other.Redeemed() + honest.Redeemed(); n != 0 {
		t.Errorf("%d codes were handed on", n)
	}
	// One that never says who it is may leave it out, and may not be another.
	other.NameItself(false)
	p = open(t, other)
	b := begin(t, p)
	v := other.Visit(t, b.Redirect)
	if _, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: v}); err != nil {
		t.Error(err)
	}
	b = begin(t, p)
	v = other.Visit(t, b.Redirect)
	v.Set("iss", honest.URL)
	_, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: v})
	wantRefused(t, err, "says another")
}

// A token of an earlier sign-in is not one of this.
func TestNonceReplay(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	i.SignIn(lin())
	p := open(t, i)
	var old string
	i.Forge(func(token string) string { old = token; return token })
	b := begin(t, p)
	if _, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)}); err != nil {
		t.Fatal(err)
	}
	i.Forge(func(string) string { return old })
	b = begin(t, p)
	_, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)})
	wantRefused(t, err, "a token of before")
	i.Forge(nil)
	i.Alter(func(c map[string]any) { delete(c, "nonce") })
	b = begin(t, p)
	_, err = p.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)})
	wantRefused(t, err, "a token without nonce")
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for name, change := range map[string]func(*issuertest.Issuer){
		"another issuer": func(i *issuertest.Issuer) { i.Alter(func(c map[string]any) { c["iss"] = "https://elsewhere.example" }) },
		"another client": func(i *issuertest.Issuer) { i.Alter(func(c map[string]any) { c["aud"] = "other" }) },
		"others too": func(i *issuertest.Issuer) {
			i.Alter(func(c map[string]any) { c["aud"] = []string{issuertest.Client, "other"} })
		},
		"made for another": func(i *issuertest.Issuer) { i.Alter(func(c map[string]any) { c["azp"] = "other" }) },
		"over": func(i *issuertest.Issuer) {
			i.Alter(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() })
		},
		"nobody": func(i *issuertest.Issuer) { i.Alter(func(c map[string]any) { delete(c, "sub") }) },
		"other access": func(i *issuertest.Issuer) {
			i.Alter(func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" })
		},
		"signature changed": func(i *issuertest.Issuer) { i.Forge(func(s string) string { return s[:len(s)-6] + "AAAAAA" }) },
		"no signature": func(i *issuertest.Issuer) {
			i.Forge(func(s string) string { return unsigned + s[strings.IndexByte(s, '.'):strings.LastIndexByte(s, '.')+1] })
		},
		"no token": func(i *issuertest.Issuer) { i.Forge(func(string) string { return "" }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := issuertest.New(t)
			i.SignIn(lin())
			change(i)
			p := open(t, i)
			b := begin(t, p)
			id, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)})
			wantFault(t, err, name)
			if id.Subject != "" {
				t.Errorf("it says who: %s", id.Subject)
			}
		})
	}
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	i.SignIn(map[string]any{"sub": "8f2c"})
	i.UserInfo(map[string]any{"sub": "8f2c", "account": "lin", "groups": "handlers"})
	p := open(t, i, func(c *oidc.Config) { c.UserInfo, c.Claims.Login = true, "account" })
	b := begin(t, p)
	got, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)})
	if err != nil || got.Login != "lin" || len(got.Groups) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	i.UserInfo(map[string]any{"sub": "another", "account": "wang"})
	b = begin(t, p)
	_, err = p.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)})
	wantFault(t, err, "tells of another")
}

func TestPortalSaysNo(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	p := open(t, i)
	b := begin(t, p)
	state, _ := url.Parse(b.Redirect)
	answer := func(code string) url.Values {
		return url.Values{"state": {state.Query().Get("state")}, "iss": {i.URL}, "error": {code}, "error_description": {"<script>"}}
	}
	_, err := p.Finish(t.Context(), b.Kept, access.Answer{Values: answer("access_denied")})
	wantRefused(t, err, "denied")
	_, err = p.Finish(t.Context(), b.Kept, access.Answer{Values: answer("server_error")})
	wantFault(t, err, "failed")
	if strings.Contains(err.Error(), "<script>") {
		t.Errorf("it repeats what it was told: %v", err)
	}
}

// A portal that is down is down for a while, and nobody gets in meanwhile.
func TestDeadPortal(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	i.SignIn(lin())
	i.Break(true)
	p := open(t, i)
	_, err := p.Begin(t.Context(), back)
	wantFault(t, err, "no document")
	i.Break(false)
	b := begin(t, p)
	answer := i.Visit(t, b.Redirect)
	i.Break(true)
	_, err = p.Finish(t.Context(), b.Kept, access.Answer{Values: answer})
	wantFault(t, err, "no token")
	wrong := open(t, i, func(c *oidc.Config) { c.ClientSecret = "old" })
	i.Break(false)
	b = begin(t, wrong)
	_, err = wrong.Finish(t.Context(), b.Kept, access.Answer{Values: i.Visit(t, b.Redirect)})
	wantFault(t, err, "our own secret is wrong")
}

func TestRedirectionsAreNotFollowed(t *testing.T) {
	t.Parallel()
	i := issuertest.New(t)
	srv := httptest.NewTLSServer(http.RedirectHandler(i.URL+"/.well-known/openid-configuration", http.StatusFound))
	t.Cleanup(srv.Close)
	p := open(t, i, func(c *oidc.Config) { c.Issuer, c.Client = srv.URL, srv.Client() })
	_, err := p.Begin(t.Context(), back)
	wantFault(t, err, "redirected")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]oidc.Config{
		"no name":   {Issuer: "https://portal.example", ClientID: "a"},
		"no TLS":    {Name: "p", Issuer: "http://portal.example", ClientID: "a"},
		"no issuer": {Name: "p", ClientID: "a"},
		"no client": {Name: "p", Issuer: "https://portal.example"},
	} {
		if _, err := oidc.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
