package twfido

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Sizes of a checksum: nonce, ciphertext of 64 hexadecimal digits, tag.
const (
	nonceSize    = 12
	checksumSize = (nonceSize + 2*sha256.Size + 16) * 2 // 184 hexadecimal digits
)

// Key is the AES-256 key that a service provider shares with TW FidO. The zero
// value is of no use.
type Key struct{ aead cipher.AEAD }

// ParseKey reads a key in base64, of either alphabet, padded or not: it is
// handed out in all four writings.
func ParseKey(s string) (Key, error) {
	b, err := base64.RawURLEncoding.DecodeString(urlSafe(s))
	if err != nil {
		return Key{}, errors.New("twfido: the key is not base64")
	}
	if len(b) != 32 {
		return Key{}, fmt.Errorf("twfido: the key has %d bytes, not 32", len(b))
	}
	block, err := aes.NewCipher(b)
	if err != nil {
		return Key{}, err
	}
	aead, err := cipher.NewGCM(block)
	return Key{aead}, err
}

// urlSafe writes base64 of whatever sort as the alphabet of URLs, unpadded.
func urlSafe(s string) string {
	return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimSpace(s)), "=")
}

// LogValue hides the key.
func (Key) LogValue() slog.Value { return slog.StringValue("(key)") }

// String hides the key.
func (Key) String() string { return "(key)" }

// seal gives the checksum of a payload, 184 lowercase hexadecimal digits:
// AES-256-GCM, under a nonce of its own, over the SHA-256 of the payload written
// in hexadecimal. (The digest itself, encrypted, is refused by every server.)
func (k Key) seal(random io.Reader, payload ...string) (string, error) {
	out := make([]byte, nonceSize, checksumSize/2)
	if _, err := io.ReadFull(random, out); err != nil {
		return "", fmt.Errorf("source of randomness: %w", err)
	}
	return hex.EncodeToString(k.aead.Seal(out, out, digest(payload), nil)), nil
}

// proves reports whether a checksum is of this payload.
func (k Key) proves(sum string, payload ...string) bool {
	b, err := hex.DecodeString(sum)
	if err != nil || len(sum) != checksumSize {
		return false
	}
	plain, err := k.aead.Open(nil, b[:nonceSize], b[nonceSize:], nil)
	return err == nil && subtle.ConstantTimeCompare(plain, digest(payload)) == 1
}

// digest is the SHA-256 of all fields one after the other, in hexadecimal. The
// specification has nothing between them, so each has to be checked by itself.
func digest(payload []string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(payload, "")))
	return hex.AppendEncode(nil, sum[:])
}
