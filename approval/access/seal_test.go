package access_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"slices"
	"testing"

	"qianhe/approval/access"
)

func TestSealer(t *testing.T) {
	t.Parallel()
	key := [32]byte{1, 2, 3}
	s := access.NewSealer(key)
	plain := []byte("U0123456789abcdef")
	sealed := s.Seal(plain, "channel_link/1/address")
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, s.Seal(plain, "channel_link/1/address")) {
		t.Fatal("not encrypted, or twice the same")
	}
	got, err := s.Open(sealed, "channel_link/1/address")
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("Open: got %q, %v, want %q", got, err, plain)
	}

	// It is what it says it is: anybody with the key can open it.
	block, err := aes.NewCipher(key[:])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := gcm.Open(nil, sealed[:12], sealed[12:], []byte("channel_link/1/address")); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("as plain AES-256-GCM, nonce first: got %q, %v", got, err)
	}

	wrong := map[string]func() ([]byte, error){
		"another place":  func() ([]byte, error) { return s.Open(sealed, "channel_link/2/address") },
		"another secret": func() ([]byte, error) { return access.NewSealer([32]byte{9}).Open(sealed, "channel_link/1/address") },
		"nothing":        func() ([]byte, error) { return s.Open(nil, "channel_link/1/address") },
		"too short":      func() ([]byte, error) { return s.Open(sealed[:20], "channel_link/1/address") },
		"cut":            func() ([]byte, error) { return s.Open(sealed[:len(sealed)-1], "channel_link/1/address") },
	}
	for i := range sealed {
		changed := slices.Clone(sealed)
		changed[i] ^= 1
		wrong["changed byte "+string(rune('a'+i))] = func() ([]byte, error) { return s.Open(changed, "channel_link/1/address") }
	}
	for name, open := range wrong {
		if got, err := open(); !errors.Is(err, access.ErrSealed) || got != nil {
			t.Errorf("%s: got %q, %v, want ErrSealed", name, got, err)
		}
	}
	if got, err := s.Open(s.Seal(nil, ""), ""); err != nil || len(got) != 0 {
		t.Errorf("empty: got %q, %v", got, err)
	}
}
