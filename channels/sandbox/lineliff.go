package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// LINE Login, as far as a LIFF app has to do with it: ID tokens that are signed
// with ES256, the keys for them, and LINE's own check.

const (
	liffKey   = "sandbox-key-1"
	idLife    = time.Hour
	idPart    = 1 << 14
	idInvalid = "Invalid IdToken."
)

// IDToken is what liff.getIDToken gives while the user looks at our page.
func (s *Sandbox) IDToken(user string) string {
	now := s.opt.Now()
	head, _ := json.Marshal(map[string]any{"alg": "ES256", "typ": "JWT", "kid": liffKey})
	body, _ := json.Marshal(map[string]any{
		"iss": s.opt.URL, "sub": user, "aud": s.opt.LINE.LoginChannelID, "iat": now.Unix(), "exp": now.Add(idLife).Unix(),
		"amr": []string{"linesso"}, "name": randomID(4),
	})
	enc := base64.RawURLEncoding
	text := enc.EncodeToString(head) + "." + enc.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	a, b, err := ecdsa.Sign(rand.Reader, s.liff, sum[:])
	if err != nil {
		panic(err)
	}
	var sig [64]byte
	a.FillBytes(sig[:32])
	b.FillBytes(sig[32:])
	return text + "." + enc.EncodeToString(sig[:])
}

func newLIFFKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func (s *Sandbox) liffRoutes(mux *http.ServeMux) {
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer": s.opt.URL, "jwks_uri": s.opt.URL + "/oauth2/v2.1/certs", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /oauth2/v2.1/certs", func(w http.ResponseWriter, _ *http.Request) {
		b, err := s.liff.PublicKey.Bytes()
		if err != nil {
			panic(err)
		}
		enc := base64.RawURLEncoding
		answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": liffKey, "x": enc.EncodeToString(b[1:33]), "y": enc.EncodeToString(b[33:]),
		}}})
	})
	mux.HandleFunc("POST /oauth2/v2.1/verify", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, idPart)
		claims, wrong := s.checkID(r.PostFormValue("id_token"), r.PostFormValue("client_id"))
		if wrong != "" {
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": wrong})
			return
		}
		answer(w, http.StatusOK, claims)
	})
	// Outside LINE its script finds nobody signed in.
	mux.HandleFunc("GET /liff/edge/2/sdk.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		_, _ = w.Write([]byte("window.liff={init:function(){return Promise.resolve()},isLoggedIn:function(){return false},getIDToken:function(){return null}};\n"))
	})
}

// checkID gives the claims of a token that was issued here, or what LINE says.
func (s *Sandbox) checkID(token, client string) (claims map[string]any, wrong string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, idInvalid
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(sig) != 64 {
		return nil, idInvalid
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(&s.liff.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return nil, idInvalid
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &claims) != nil {
		return nil, idInvalid
	}
	exp, _ := claims["exp"].(float64)
	switch {
	case claims["aud"] != client:
		return nil, "Invalid IdToken Audience."
	case s.opt.Now().Unix() >= int64(exp):
		return nil, "IdToken expired."
	}
	return claims, ""
}
