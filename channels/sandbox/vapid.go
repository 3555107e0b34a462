package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// validVAPID checks an Authorization header of Web Push (RFC 8292) against the
// push service's origin and gives the application server key, in base64url. It
// is as strict as the strictest service (Apple) about the subject.
func validVAPID(authorization, origin string, now time.Time) (key string, err error) {
	rest, ok := strings.CutPrefix(authorization, "vapid ")
	if !ok {
		return "", errors.New("scheme is not vapid")
	}
	params := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		params[k] = v
	}
	raw, err := base64.RawURLEncoding.DecodeString(params["k"])
	if err != nil {
		return "", errors.New("k is not base64url")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return "", fmt.Errorf("k: %w", err)
	}
	claims, err := verifyES256(params["t"], public)
	if err != nil {
		return "", err
	}
	switch exp := time.Unix(claims.Exp, 0); {
	case claims.Aud != origin:
		return "", fmt.Errorf("aud is %q, want the origin %q", claims.Aud, origin)
	case !exp.After(now):
		return "", errors.New("exp is over")
	case exp.Sub(now) > maxExpiry:
		return "", errors.New("exp is more than 24 hours ahead")
	}
	if err := validSubject(claims.Sub); err != nil {
		return "", err
	}
	return params["k"], nil
}

type vapidClaims struct {
	Aud string `json:"aud"`
	Exp int64  `json:"exp"`
	Sub string `json:"sub"`
}

// verifyES256 checks a JWT by RFC 7515 and 7518 §3.4: the signature is r and s,
// 32 bytes each.
func verifyES256(token string, public *ecdsa.PublicKey) (vapidClaims, error) {
	var c vapidClaims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errors.New("t is not a JWT")
	}
	var header struct{ Alg, Typ string }
	if err := decodePart(parts[0], &header); err != nil || header.Alg != "ES256" || header.Typ != "JWT" {
		return c, fmt.Errorf("header of the JWT says %+v, want typ JWT and alg ES256", header)
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(sig) != 64 {
		return c, errors.New("signature of the JWT is not 64 bytes in base64url")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return c, errors.New("signature of the JWT does not match k")
	}
	if err := decodePart(parts[1], &c); err != nil {
		return c, fmt.Errorf("claims: %w", err)
	}
	return c, nil
}

func decodePart(part string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// validSubject: a mailto: or https: URI of a real domain.
func validSubject(sub string) error {
	var domain string
	if address, ok := strings.CutPrefix(sub, "mailto:"); ok {
		a, err := mail.ParseAddress(address)
		if err != nil || a.Address != address {
			return fmt.Errorf("sub %q is not the mailto: of a plain address", sub)
		}
		_, domain, _ = strings.Cut(address, "@")
	} else {
		u, err := url.Parse(sub)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("sub %q begins neither with mailto: nor with https", sub)
		}
		domain = u.Hostname()
	}
	if !strings.Contains(domain, ".") || strings.HasSuffix(domain, ".local") || strings.HasSuffix(domain, ".localhost") {
		return fmt.Errorf("sub %q names no real domain", sub)
	}
	return nil
}
