package softcert

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"qianhe/approval/access"
)

// place is what a sealed key is bound to: its certificate.
func place(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return "softcert key " + hex.EncodeToString(sum[:])
}

func seal(s *access.Sealer, cert *x509.Certificate, key *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return s.Seal(der, place(cert)), nil
}

func open(s *access.Sealer, cert *x509.Certificate, sealed []byte) (*rsa.PrivateKey, error) {
	der, err := s.Open(sealed, place(cert))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, ErrKey
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if public, same := cert.PublicKey.(*rsa.PublicKey); !ok || !same || !key.PublicKey.Equal(public) {
		return nil, ErrKey
	}
	return key, nil
}

// Signer signs with one person's certificate.
type Signer struct {
	Certificate *x509.Certificate

	key *rsa.PrivateKey
}

// NewSigner opens a person's key. It gives [ErrKey], and [ErrEnded] outside of
// the certificate's time. Whether it was revoked is the store's to know.
func NewSigner(i Issued, now time.Time, s *access.Sealer) (*Signer, error) {
	if now.Before(i.Certificate.NotBefore) || now.After(i.Certificate.NotAfter) {
		return nil, fmt.Errorf("%w: the certificate is good from %s to %s", ErrEnded, i.Certificate.NotBefore.Format(time.DateOnly), i.Certificate.NotAfter.Format(time.DateOnly))
	}
	key, err := open(s, i.Certificate, i.SealedKey)
	if err != nil {
		return nil, err
	}
	return &Signer{i.Certificate, key}, nil
}

// Sign gives RSA PKCS #1 v1.5 with SHA-256, what a sign-off log holds.
func (s *Signer) Sign(digest [sha256.Size]byte) ([]byte, error) {
	return rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])
}
