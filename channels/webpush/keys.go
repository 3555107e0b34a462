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

func (k Keys) check() error {
	raw, err := decodeKey(k.Private)
	if err != nil {
		return errors.New("private key is not base64url")
	}
	private, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return errors.New("private key is not a key on P-256")
	}
	if base64.RawURLEncoding.EncodeToString(private.PublicKey().Bytes()) != strings.TrimRight(k.Public, "=") {
		return errors.New("public key does not belong to the private key")
	}
	return nil
}

// decodeKey reads base64url with or without padding.
func decodeKey(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}
