package webpush

import (
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	wp "github.com/SherClockHolmes/webpush-go"
)

// Keys are an application server's key pair on P-256, in unpadded base64url.
type Keys struct {
	Public  string
	Private string
}

// NewKeys makes a key pair.
func NewKeys() (Keys, error) {
	private, public, err := wp.GenerateVAPIDKeys()
	if err != nil {
		return Keys{}, fmt.Errorf("webpush: make keys: %w", err)
	}
	return Keys{Public: public, Private: private}, nil
}

// readKeys checks a pair and gives it without padding: the public key is
// compared with those that pages send.
func readKeys(public, private string) (Keys, error) {
	raw, err := decodeKey(private)
	if err != nil {
		return Keys{}, errors.New("private key is not base64url")
	}
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return Keys{}, errors.New("private key is not a key on P-256")
	}
	k := Keys{Public: encodeKey(key.PublicKey().Bytes()), Private: encodeKey(raw)}
	if k.Public != strings.TrimRight(public, "=") {
		return Keys{}, errors.New("public key does not belong to the private key")
	}
	return k, nil
}

func encodeKey(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// decodeKey reads base64url with or without padding.
func decodeKey(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}
