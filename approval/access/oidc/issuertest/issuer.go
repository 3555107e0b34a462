// Package issuertest is a small OpenID Connect issuer on loopback for tests. It
// signs whoever it is told to in, checks what a client has to send, and can be
// made to say what is not so.
package issuertest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Client is the one that the issuer knows.
const (
	Client = "qianhe"
	Secret = "secret of the client"
)

// Issuer is a portal.
type Issuer struct {
	URL string
	// Visits is an http.Client that trusts the issuer's certificate.
	Visits *http.Client
	// Certificate is the one that vouches for it, in DER.
	Certificate []byte

	mu       sync.Mutex
	key      *rsa.PrivateKey
	claims   map[string]any
	alter    func(claims map[string]any)
	forge    func(token string) string
	info     map[string]any
	codes    map[string]url.Values // what was asked for, by code
	redeemed int
	issParam bool
	down     bool
}

// New starts an issuer that stops with the test. It says in its document that
// answers name it.
func New(t testing.TB) *Issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{key: key, codes: map[string]url.Values{}, claims: map[string]any{}, issParam: true}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.document)
	mux.HandleFunc("GET /keys", i.keys)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /userinfo", i.userInfo)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	i.URL, i.Visits, i.Certificate = srv.URL, srv.Client(), srv.Certificate().Raw
	return i
}

// SignIn says who is signed in at the portal.
func (i *Issuer) SignIn(claims map[string]any) { i.locked(func() { i.claims = claims }) }

// UserInfo says what the portal tells of the person beside the token.
func (i *Issuer) UserInfo(claims map[string]any) { i.locked(func() { i.info = claims }) }

// Alter changes the claims of tokens before they are signed, nil nothing.
func (i *Issuer) Alter(f func(claims map[string]any)) { i.locked(func() { i.alter = f }) }

// Forge changes tokens after they are signed, nil nothing.
func (i *Issuer) Forge(f func(token string) string) { i.locked(func() { i.forge = f }) }

// NameItself says whether answers name their issuer, and the document so.
func (i *Issuer) NameItself(yes bool) { i.locked(func() { i.issParam = yes }) }

// Break makes everything fail.
func (i *Issuer) Break(yes bool) { i.locked(func() { i.down = yes }) }

// Redeemed is how many codes were brought.
func (i *Issuer) Redeemed() (n int) {
	i.locked(func() { n = i.redeemed })
	return n
}

func (i *Issuer) locked(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (i *Issuer) document(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys", "userinfo_endpoint": i.URL + "/userinfo",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "authorization_response_iss_parameter_supported": i.issParam,
	})
}

var encode = base64.RawURLEncoding.EncodeToString

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": encode(i.key.N.Bytes()), "e": encode(big.NewInt(int64(i.key.E)).Bytes()),
	}}})
}

// authorize is the portal's page: whoever is signed in there goes back with a
// code.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != Client || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("state") == "" || q.Get("nonce") == "" {
		http.Error(w, "not a request of ours", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	i.codes[code] = q
	v := url.Values{"state": {q.Get("state")}, "code": {code}}
	if i.issParam {
		v.Set("iss", i.URL)
	}
	back.RawQuery = v.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	i.redeemed++
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id != Client || secret != Secret {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	asked, ok := i.codes[r.PostFormValue("code")]
	delete(i.codes, r.PostFormValue("code"))
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || encode(challenge[:]) != asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": i.URL, "aud": Client, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "nonce": asked.Get("nonce")}
	for k, v := range i.claims {
		claims[k] = v
	}
	if i.alter != nil {
		i.alter(claims)
	}
	token := i.sign(claims)
	if i.forge != nil {
		token = i.forge(token)
	}
	reply(w, http.StatusOK, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": token})
}

func (i *Issuer) userInfo(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, i.info) }

func (i *Issuer) sign(claims map[string]any) string {
	head, _ := json.Marshal(map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"})
	body, _ := json.Marshal(claims)
	text := encode(head) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		return ""
	}
	return text + "." + encode(signature)
}

// Visit goes to the portal as a browser does and gives what it brings back.
func (i *Issuer) Visit(t testing.TB, address string) url.Values {
	t.Helper()
	browser := *i.Visits
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	w.Body.Close()
	back, err := w.Location()
	if err != nil || w.StatusCode != http.StatusFound {
		t.Fatalf("the portal answers %d, %v", w.StatusCode, err)
	}
	return back.Query()
}
