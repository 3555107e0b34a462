package gateway

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strings"

	"qianhe/hub"
)

// verifier reports whether a callback is the provider's.
type verifier func(hub.Callback) bool

// newVerifier checks a [Verify]; nil for none.
func newVerifier(v Verify, fixed func(string) bool, values map[string]string) (verifier, error) {
	if v == (Verify{}) {
		return nil, nil
	}
	t, err := parse(v.Secret, fixed)
	if err != nil {
		return nil, err
	}
	secret := t.fill(values, asIs)
	if len(t) == 0 {
		return nil, errors.New("needs a secret")
	}
	if v.Type != "hmac" && (v.Hash != "" || v.Encoding != "" || v.Prefix != "") {
		return nil, errors.New("hash, encoding and prefix belong to hmac")
	}
	if (v.Name == "") != (v.Type == "basic") || (v.User == "") == (v.Type == "basic") {
		return nil, errors.New("query, header and hmac need the name of a parameter or header, basic a user")
	}
	switch v.Type {
	case "query":
		return func(cb hub.Callback) bool {
			q, err := url.ParseQuery(cb.Query)
			return err == nil && len(q[v.Name]) == 1 && same(q.Get(v.Name), secret)
		}, nil
	case "header":
		return func(cb hub.Callback) bool { return same(cb.Header.Get(v.Name), secret) }, nil
	case "basic":
		return func(cb hub.Callback) bool {
			user, password, ok := (&http.Request{Header: cb.Header}).BasicAuth()
			return ok && same(user, v.User) && same(password, secret)
		}, nil
	case "hmac":
		return newHMAC(v, secret)
	}
	return nil, fmt.Errorf("type %q is none of query, header, basic, hmac", v.Type)
}

// same compares in constant time, lengths too. Nothing is like nothing.
func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}

// newHMAC verifies a signature over the raw body.
func newHMAC(v Verify, secret string) (verifier, error) {
	var make func() hash.Hash
	switch v.Hash {
	case "", "sha256":
		make = sha256.New
	case "sha1":
		make = sha1.New
	case "sha512":
		make = sha512.New
	default:
		return nil, fmt.Errorf("hash %q is none of sha256, sha1, sha512", v.Hash)
	}
	decode := hex.DecodeString
	switch v.Encoding {
	case "", "hex":
	case "base64":
		decode = base64.StdEncoding.DecodeString
	default:
		return nil, fmt.Errorf("encoding %q is neither hex nor base64", v.Encoding)
	}
	return func(cb hub.Callback) bool {
		given, ok := strings.CutPrefix(cb.Header.Get(v.Name), v.Prefix)
		if !ok || secret == "" {
			return false
		}
		signature, err := decode(given)
		if err != nil {
			return false
		}
		mac := hmac.New(make, []byte(secret))
		mac.Write(cb.Body)
		return hmac.Equal(mac.Sum(nil), signature)
	}, nil
}
