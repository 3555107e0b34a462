package line

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"qianhe/hub"
)

// ErrIDToken: an ID token that proves nothing: not LINE's, not for us, over, or
// not what LINE's own check says.
var ErrIDToken = errors.New("line: ID token is not good")

const (
	maxIDToken = 8 << 10
	tokenSkew  = time.Minute
)

// VerifyIDToken gives the LINE user whom an ID token of our LIFF app proves. It
// is looked at twice, and both have to agree: here, by LINE's published key,
// and by LINE itself (POST /oauth2/v2.1/verify). Tokens of LIFF are signed with
// ES256 and nothing else is believed: with HS256 the channel secret would be
// the key, and "none" needs none. A nonce in it has to be ours: LINE Login carries
// one through, LIFF by itself does not.
func (c *Channel) VerifyIDToken(ctx context.Context, token, nonce string) (user string, err error) {
	if c.login == "" {
		return "", errors.New("line: no LINE Login channel is configured")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	here, err := c.verifyHere(ctx, token)
	if err != nil {
		return "", err
	}
	there, err := c.verifyThere(ctx, token)
	if err != nil {
		return "", err
	}
	if here.Sub != there.Sub || !userID.MatchString(here.Sub) || here.Nonce != there.Nonce || here.Nonce != "" && here.Nonce != nonce {
		return "", ErrIDToken
	}
	return here.Sub, nil
}

// claims of an ID token, as far as they concern us.
type claims struct {
	Iss   string `json:"iss"`
	Sub   string `json:"sub"`
	Aud   string `json:"aud"`
	Exp   int64  `json:"exp"`
	Iat   int64  `json:"iat"`
	Nonce string `json:"nonce"`
}

func (c *Channel) good(k claims) bool {
	now := c.now()
	return k.Iss == c.issuer && k.Aud == c.login && k.Sub != "" &&
		now.Before(time.Unix(k.Exp, 0)) && time.Unix(k.Exp, 0).Before(now.Add(hub.ProofLife)) && !now.Add(tokenSkew).Before(time.Unix(k.Iat, 0))
}

// verifyHere checks the signature by LINE's published key.
func (c *Channel) verifyHere(ctx context.Context, token string) (claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxIDToken || len(parts) != 3 {
		return claims{}, ErrIDToken
	}
	var head struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	var k claims
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 || !decodePart(parts[0], &head) || !decodePart(parts[1], &k) || head.Alg != "ES256" || head.Kid == "" {
		return claims{}, ErrIDToken
	}
	key, err := c.publishedKey(ctx, head.Kid)
	if err != nil {
		return claims{}, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(key, sum[:], r, s) || !c.good(k) {
		return claims{}, ErrIDToken
	}
	return k, nil
}

func decodePart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}

// publishedKey finds a key of LINE's.
func (c *Channel) publishedKey(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	keys, err := c.publishedKeys(ctx)
	if err == nil && keys[kid] == nil {
		err = ErrIDToken
	}
	return keys[kid], err
}

// publishedKeys gives the keys of LINE's that ID tokens may be signed with, from
// the address that its discovery names.
func (c *Channel) publishedKeys(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := c.fetchJSON(ctx, http.MethodGet, c.issuer+"/.well-known/openid-configuration", nil, &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != c.issuer || checkBase(discovery.JWKS) != nil {
		return nil, errors.New("line: discovery of ID tokens is not LINE's")
	}
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X, Y string }
	}
	if err := c.fetchJSON(ctx, http.MethodGet, discovery.JWKS, nil, &set); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range set.Keys {
		x, errX := base64.RawURLEncoding.DecodeString(k.X)
		y, errY := base64.RawURLEncoding.DecodeString(k.Y)
		if k.Kty != "EC" || k.Crv != "P-256" || errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
			continue
		}
		// Not on the curve: refused here.
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err == nil {
			keys[k.Kid] = key
		}
	}
	return keys, nil
}

// verifyThere asks LINE.
func (c *Channel) verifyThere(ctx context.Context, token string) (claims, error) {
	var k claims
	err := c.fetchJSON(ctx, http.MethodPost, c.base+"/oauth2/v2.1/verify", url.Values{"id_token": {token}, "client_id": {c.login}}, &k)
	if err == nil && !c.good(k) {
		err = ErrIDToken
	}
	return k, err
}

// fetchJSON makes a call without a token. A refusal is one of the ID token.
func (c *Channel) fetchJSON(ctx context.Context, method, address string, form url.Values, into any) error {
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return errors.New("line: address cannot be called")
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := c.client.Do(req)
	if err != nil {
		return errors.New("line: " + hub.TransportWords(err))
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	switch {
	case res.StatusCode == http.StatusBadRequest && form != nil:
		return ErrIDToken
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("line: %d", res.StatusCode)
	case json.Unmarshal(b, into) != nil:
		return errors.New("line: the answer cannot be read")
	}
	return nil
}
