package access

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// Sealer encrypts what must be read again. The zero value is of no use.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer makes a sealer of the configured secret.
func NewSealer(key [32]byte) *Sealer {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(fmt.Sprintf("access: AES with 32 bytes: %v", err)) // cannot be
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(fmt.Sprintf("access: GCM: %v", err)) // cannot be
	}
	return &Sealer{aead: aead}
}

// Seal encrypts plain with AES-256-GCM (SP 800-38D), a random nonce first.
// Context names the place that it is for, such as a table, row and column, and
// is authenticated with it.
func (s *Sealer) Seal(plain []byte, context string) []byte {
	return s.aead.Seal(nil, nil, plain, []byte(context))
}

// Open gives back what was sealed for this context, [ErrSealed] otherwise.
func (s *Sealer) Open(sealed []byte, context string) ([]byte, error) {
	plain, err := s.aead.Open(nil, nil, sealed, []byte(context))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
