package softcert

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Sizes and lives.
const (
	authorityBits = 3072 // to 2030 and beyond (NIST SP 800-57)
	personBits    = 2048 // what every reader of a sign-off log takes

	// AuthorityLife is how long an authority is good. It is renewed well before.
	AuthorityLife = 10 * 365 * 24 * time.Hour
	// PersonLife is how long a person's certificate is good.
	PersonLife = 365 * 24 * time.Hour
	// ListLife is until when the next revocation list is made at the latest.
	ListLife = 7 * 24 * time.Hour
)

var (
	// ErrEnded: the authority is not good long enough to issue anything.
	ErrEnded = errors.New("softcert: the authority has run out")
	// ErrKey: a sealed key was changed, is another certificate's, or was sealed
	// under another secret.
	ErrKey = errors.New("softcert: the key cannot be opened")
)

// Authority issues certificates for one agency.
type Authority struct {
	Certificate *x509.Certificate

	key *rsa.PrivateKey
}

// NewAuthority makes one for an agency, by its full name (全銜).
func NewAuthority(agency string, now time.Time) (*Authority, error) {
	if agency == "" {
		return nil, &approval.InvalidError{Field: "agency", Reason: "signature.empty"}
	}
	key, err := rsa.GenerateKey(rand.Reader, authorityBits)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{Country: []string{"TW"}, Organization: []string{agency}, CommonName: agency + "憑證管理中心"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(AuthorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := certify(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &Authority{cert, key}, nil
}

// certify signs a template under a serial number of 127 random bits.
func certify(template, parent *x509.Certificate, of, by *rsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	der, err := x509.CreateCertificate(rand.Reader, template, parent, of.Public(), by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// SealedKey gives the authority's key sealed for its certificate.
func (a *Authority) SealedKey(s *access.Sealer) ([]byte, error) { return seal(s, a.Certificate, a.key) }

// OpenAuthority takes an authority that was made before, with [ErrKey] when
// that is not its key.
func OpenAuthority(cert *x509.Certificate, sealed []byte, s *access.Sealer) (*Authority, error) {
	key, err := open(s, cert, sealed)
	if err != nil {
		return nil, err
	}
	return &Authority{cert, key}, nil
}

// Issued is a certificate with its key.
type Issued struct {
	Certificate *x509.Certificate
	SealedKey   []byte
}

// Issue makes a key and a certificate for a person. Holder stands for the
// person in every certificate of theirs, and is no identity number.
func (a *Authority) Issue(name, holder string, now time.Time, s *access.Sealer) (*Issued, error) {
	switch {
	case name == "":
		return nil, &approval.InvalidError{Field: "name", Reason: "signature.empty"}
	case holder == "":
		return nil, &approval.InvalidError{Field: "holder", Reason: "signature.empty"}
	}
	until := now.Add(PersonLife)
	if until.After(a.Certificate.NotAfter) {
		return nil, fmt.Errorf("%w: on %s", ErrEnded, a.Certificate.NotAfter.Format(time.DateOnly))
	}
	key, err := rsa.GenerateKey(rand.Reader, personBits)
	if err != nil {
		return nil, err
	}
	cert, err := certify(&x509.Certificate{
		Subject:   pkix.Name{Country: []string{"TW"}, Organization: a.Certificate.Subject.Organization, CommonName: name, SerialNumber: holder},
		NotBefore: now.Add(-time.Minute), NotAfter: until, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}, a.Certificate, key, a.key)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(s, cert, key)
	if err != nil {
		return nil, err
	}
	return &Issued{cert, sealed}, nil
}

// RenewFrom is from when a certificate is to be replaced: a tenth of its life
// before it ends.
func RenewFrom(cert *x509.Certificate) time.Time {
	return cert.NotAfter.Add(-cert.NotAfter.Sub(cert.NotBefore) / 10)
}

// Reason is why a certificate was revoked (RFC 5280 §5.3.1).
type Reason int

const (
	Unspecified Reason = 0
	Compromised Reason = 1 // the key is known to others
	Left        Reason = 3 // the person has left or changed unit
	Superseded  Reason = 4 // renewed
	Ceased      Reason = 5 // not needed any more
)

// Revoked is one line of a revocation list.
type Revoked struct {
	Serial *big.Int
	At     time.Time
	Reason Reason
}

// List makes a revocation list. Numbers grow with each.
func (a *Authority) List(revoked []Revoked, number int64, now time.Time) (*x509.RevocationList, error) {
	list := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: now, NextUpdate: now.Add(ListLife)}
	for _, r := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.At, ReasonCode: int(r.Reason)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Certificate, a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseRevocationList(der)
}
