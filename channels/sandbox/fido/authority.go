package fido

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"
)

// Authority is a root and an authority below it, shaped like GRCA and MOICA,
// made anew for each run and believed by nobody else.
type Authority struct {
	Root *x509.Certificate
	CA   *x509.Certificate
	key  *rsa.PrivateKey
}

// NewAuthority makes one.
func NewAuthority(now time.Time) (*Authority, error) {
	rootKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	root := ca(pkix.Name{Country: []string{"TW"}, Organization: []string{"行政院"}, CommonName: "(測試用) Government Root Certification Authority"}, now)
	a := &Authority{key: key}
	if a.Root, err = certify(root, root, rootKey.Public(), rootKey); err != nil {
		return nil, err
	}
	between := ca(pkix.Name{Country: []string{"TW"}, Organization: []string{"行政院"}, OrganizationalUnit: []string{"(測試用) 內政部憑證管理中心"}}, now)
	between.MaxPathLenZero = true
	a.CA, err = certify(between, a.Root, key.Public(), rootKey)
	return a, err
}

func ca(subject pkix.Name, now time.Time) *x509.Certificate {
	return &x509.Certificate{Subject: subject, NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(18, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
}

func certify(template, parent *x509.Certificate, public crypto.PublicKey, by *rsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Issue gives a person a certificate for a year.
func (a *Authority) Issue(name, holder, lastFour string, public crypto.PublicKey, now time.Time) (*x509.Certificate, error) {
	template, err := personal(name, holder, lastFour, now)
	if err != nil {
		return nil, err
	}
	return certify(template, a.CA, public, a.key)
}

func personal(name, holder, lastFour string, now time.Time) (*x509.Certificate, error) {
	type attribute struct {
		Type   asn1.ObjectIdentifier
		Values []string `asn1:"set"`
	}
	value, err := asn1.Marshal([]attribute{
		{asn1.ObjectIdentifier{2, 16, 886, 1, 100, 2, 2}, []string{"mobile"}},
		{asn1.ObjectIdentifier{2, 16, 886, 1, 100, 2, 51}, []string{lastFour}},
	})
	if err != nil {
		return nil, err
	}
	policy, err := x509.OIDFromInts([]uint64{2, 16, 886, 101, 0, 3, 3})
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		Subject:   pkix.Name{Country: []string{"TW"}, CommonName: name, SerialNumber: holder},
		NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 11, 0), KeyUsage: x509.KeyUsageDigitalSignature, Policies: []x509.OID{policy},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 9}, Value: value}},
	}, nil
}

// foreign is the same certificate of an authority of nobody's.
func (a *Authority) foreign(like *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // rand.Reader never fails
	}
	other := ca(a.CA.Subject, like.NotBefore)
	template := *like
	cert, err := certify(&template, other, public, key)
	if err != nil {
		panic(err)
	}
	return cert
}
