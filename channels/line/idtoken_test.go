package line_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"qianhe/channels/line"
)

// loginChannel is our LINE Login channel in these tests.
const loginChannel = "2000000099"

// provider is LINE's discovery, keys and check.
type provider struct {
	url   string
	key   *ecdsa.PrivateKey
	check func(token string) (int, map[string]any)
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	p.url = srv.URL
	answer := func(w http.ResponseWriter, status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"issuer": p.url, "jwks_uri": p.url + "/certs"})
	})
	mux.HandleFunc("GET /certs", func(w http.ResponseWriter, _ *http.Request) {
		b, err := key.PublicKey.Bytes()
		if err != nil {
			t.Error(err)
		}
		enc := base64.RawURLEncoding
		answer(w, 200, map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "kid": "k1", "x": enc.EncodeToString(b[1:33]), "y": enc.EncodeToString(b[33:])}}})
	})
	mux.HandleFunc("POST /oauth2/v2.1/verify", func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("client_id") != loginChannel {
			t.Errorf("client_id is %q", r.PostFormValue("client_id"))
		}
		status, body := p.check(r.PostFormValue("id_token"))
		answer(w, status, body)
	})
	return p
}

// token signs claims, with another algorithm where alg is one.
func (p *provider) token(t testing.TB, alg, kid string, claims map[string]any) string {
	t.Helper()
	enc := base64.RawURLEncoding
	head, _ := json.Marshal(map[string]any{"alg": alg, "kid": kid, "typ": "JWT"})
	body, _ := json.Marshal(claims)
	text := enc.EncodeToString(head) + "." + enc.EncodeToString(body)
	switch alg {
	case "HS256":
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write([]byte(text))
		return text + "." + enc.EncodeToString(mac.Sum(nil))
	case "none":
		return text + "."
	}
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + enc.EncodeToString(sig[:])
}

func TestVerifyIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	c, err := line.New(line.Config{Token: "t", ChannelSecret: "secret", LoginChannelID: loginChannel, BaseURL: p.url, DialogURL: p.url, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	claims := func(change func(map[string]any)) map[string]any {
		m := map[string]any{"iss": p.url, "sub": user, "aud": loginChannel, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nonce": "n1"}
		if change != nil {
			change(m)
		}
		return m
	}
	set := func(k string, v any) func(map[string]any) { return func(m map[string]any) { m[k] = v } }
	good := func(string) (int, map[string]any) { return 200, claims(nil) }
	none := func(string) (int, map[string]any) { return 200, claims(set("nonce", "")) }
	tests := []struct {
		name  string
		token string
		nonce string
		check func(string) (int, map[string]any)
		want  string
	}{
		{"good", p.token(t, "ES256", "k1", claims(nil)), "n1", good, user},
		{"no nonce of ours", p.token(t, "ES256", "k1", claims(nil)), "", good, ""},
		{"LINE carries none", p.token(t, "ES256", "k1", claims(set("nonce", ""))), "n1", none, user},
		{"LINE says another nonce", p.token(t, "ES256", "k1", claims(nil)), "n1", none, ""},
		{"other nonce", p.token(t, "ES256", "k1", claims(nil)), "n2", good, ""},
		{"HS256 with the channel secret", p.token(t, "HS256", "k1", claims(nil)), "n1", good, ""},
		{"unsigned", p.token(t, "none", "k1", claims(nil)), "n1", good, ""},
		{"unknown key", p.token(t, "ES256", "k2", claims(nil)), "n1", good, ""},
		{"other issuer", p.token(t, "ES256", "k1", claims(set("iss", "https://evil.example"))), "n1", good, ""},
		{"other channel", p.token(t, "ES256", "k1", claims(set("aud", "1"))), "n1", good, ""},
		{"over", p.token(t, "ES256", "k1", claims(set("exp", now.Unix()))), "n1", good, ""},
		{"not yet", p.token(t, "ES256", "k1", claims(set("iat", now.Add(time.Hour).Unix()))), "n1", good, ""},
		{"changed", p.token(t, "ES256", "k1", claims(nil)) + "A", "n1", good, ""},
		{"LINE says no", p.token(t, "ES256", "k1", claims(nil)), "n1", func(string) (int, map[string]any) {
			return 400, map[string]any{"error_description": "Invalid IdToken."}
		}, ""},
		{"LINE says somebody else", p.token(t, "ES256", "k1", claims(nil)), "n1", func(string) (int, map[string]any) { return 200, claims(set("sub", bot)) }, ""},
		{"LINE is away", p.token(t, "ES256", "k1", claims(nil)), "n1", func(string) (int, map[string]any) { return 503, nil }, ""},
		{"no token", "", "", good, ""},
	}
	for _, tt := range tests {
		p.check = tt.check
		got, err := c.VerifyIDToken(t.Context(), tt.token, tt.nonce)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func FuzzVerifyIDToken(f *testing.F) {
	p := newProvider(f)
	p.check = func(string) (int, map[string]any) { return 400, nil }
	c, err := line.New(line.Config{Token: "t", LoginChannelID: loginChannel, BaseURL: p.url, DialogURL: p.url})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add(p.token(f, "ES256", "k1", map[string]any{"sub": user}))
	f.Fuzz(func(t *testing.T, token string) {
		if user, err := c.VerifyIDToken(t.Context(), token, ""); err == nil || user != "" {
			t.Errorf("%q proves %s", token, user)
		}
	})
}
