package si

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Kind says what sort of certificate it is, and with it how strong a signature
// is: 數位簽章 of an approved authority is presumed to be the person's
// (電子簽章法 §6), another is proof among others.
type Kind string

const (
	NaturalPerson  Kind = "natural"     // 自然人憑證, a card
	Mobile         Kind = "mobile"      // 行動自然人憑證 (TW FidO)
	AgencySoftware Kind = "agency"      // of an agency's own authority (軟體憑證)
	SelfSigned     Kind = "self-signed" // vouched for by nobody
	Other          Kind = "other"
)

// Anchor is an authority that is believed, at the root or in between, and what
// kind of certificate it gives out.
type Anchor struct {
	Certificate *x509.Certificate
	Kind        Kind
}

// Certificate is the one that a signature was checked with.
type Certificate struct {
	Kind      Kind      `json:"kind"`
	Name      string    `json:"name"`      // common name of the subject
	Subject   string    `json:"subject"`   // whole, RFC 2253
	Holder    string    `json:"holder"`    // serialNumber of the subject: the same for all of a person's certificates
	Serial    string    `json:"serial"`    // of the certificate, hexadecimal
	Issuer    string    `json:"issuer"`    // RFC 2253
	NotBefore time.Time `json:"notBefore"` //
	NotAfter  time.Time `json:"notAfter"`
	SHA256    string    `json:"sha256"`           // of the DER
	Trusted   bool      `json:"trusted"`          // leads to an anchor
	Anchor    string    `json:"anchor,omitempty"` // RFC 2253
	// Revoked is when it was, by the lists that were given; zero when it was not
	// or no list was.
	Revoked time.Time `json:"revoked,omitzero"`
	Listed  bool      `json:"listed"` // a revocation list of the issuer was at hand

	x *x509.Certificate
}

// The object identifiers of Taiwan's government PKI in
// SubjectDirectoryAttributes.
var (
	oidDirectory = asn1.ObjectIdentifier{2, 5, 29, 9}
	oidHolder    = asn1.ObjectIdentifier{2, 16, 886, 1, 100, 2, 2} // "mobile" in those of TW FidO
	oidPolicy    = "2.16.886.101.0.3.3"                            // assurance level 3, of natural persons' cards
)

// examine says what can be said about a certificate. Extra are certificates
// that came with it.
func (v *verifier) examine(x *x509.Certificate, extra []*x509.Certificate, at time.Time) *Certificate {
	sum := sha256.Sum256(x.Raw)
	c := &Certificate{
		Name: x.Subject.CommonName, Subject: x.Subject.String(), Holder: x.Subject.SerialNumber,
		Serial: x.SerialNumber.Text(16), Issuer: x.Issuer.String(),
		NotBefore: x.NotBefore, NotAfter: x.NotAfter, SHA256: hex.EncodeToString(sum[:]), x: x,
	}
	anchor := v.anchor(x, extra, at)
	if anchor != nil {
		c.Trusted, c.Anchor = true, anchor.Certificate.Subject.String()
	}
	switch {
	case anchor != nil && anchor.Kind != "":
		c.Kind = anchor.Kind
	case bytes.Equal(x.RawSubject, x.RawIssuer):
		c.Kind = SelfSigned
	case isMOICA(x):
		c.Kind = NaturalPerson
	case strings.Contains(x.Issuer.CommonName, "憑證管理中心"):
		c.Kind = AgencySoftware
	default:
		c.Kind = Other
	}
	if c.Kind == NaturalPerson && isMobile(x) {
		c.Kind = Mobile
	}
	for _, list := range v.revocations {
		if !bytes.Equal(list.RawIssuer, x.RawIssuer) || !v.vouched(list, x) {
			continue
		}
		c.Listed = true
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(x.SerialNumber) == 0 && (c.Revoked.IsZero() || entry.RevocationTime.Before(c.Revoked)) {
				c.Revoked = entry.RevocationTime
			}
		}
	}
	return c
}

// vouched reports whether a revocation list was signed by the authority of x.
func (v *verifier) vouched(list *x509.RevocationList, x *x509.Certificate) bool {
	for _, a := range v.anchors {
		if bytes.Equal(a.Certificate.RawSubject, x.RawIssuer) && list.CheckSignatureFrom(a.Certificate) == nil {
			return true
		}
	}
	return false
}

// anchor is the authority that x leads to, nil when to none. That certificates
// have run out since is not looked at here: all are taken at the time of
// signing, or where that lies outside of x's, at the nearest that does not.
func (v *verifier) anchor(x *x509.Certificate, extra []*x509.Certificate, at time.Time) *Anchor {
	if at.Before(x.NotBefore) {
		at = x.NotBefore
	}
	if at.After(x.NotAfter) {
		at = x.NotAfter
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, a := range v.anchors {
		roots.AddCert(a.Certificate)
	}
	for _, e := range extra {
		between.AddCert(e)
	}
	unknown := *x
	unknown.UnhandledCriticalExtensions = nil // what is critical to others is no reason against a signature here
	chains, err := unknown.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil
	}
	for _, chain := range chains {
		// The nearest anchor says what kind it is: a root gives out many.
		for _, c := range chain[min(1, len(chain)-1):] {
			for i := range v.anchors {
				if v.anchors[i].Certificate.Equal(c) {
					return &v.anchors[i]
				}
			}
		}
	}
	return nil
}

// isMOICA reports whether a certificate says that it is a natural person's. Not
// more than that: only an anchor proves it.
func isMOICA(x *x509.Certificate) bool {
	for _, unit := range x.Issuer.OrganizationalUnit {
		if strings.HasSuffix(unit, "內政部憑證管理中心") {
			return true
		}
	}
	for _, policy := range x.PolicyIdentifiers {
		if policy.String() == oidPolicy && x.Subject.SerialNumber != "" {
			return true
		}
	}
	return false
}

// isMobile reads SubjectDirectoryAttributes.
func isMobile(x *x509.Certificate) bool {
	for _, e := range x.Extensions {
		if !e.Id.Equal(oidDirectory) {
			continue
		}
		var attributes []struct {
			Type   asn1.ObjectIdentifier
			Values asn1.RawValue `asn1:"set"`
		}
		if _, err := asn1.Unmarshal(e.Value, &attributes); err != nil {
			return false
		}
		for _, a := range attributes {
			if a.Type.Equal(oidHolder) && bytes.Contains(a.Values.FullBytes, []byte("mobile")) {
				return true
			}
		}
	}
	return false
}

// judge gives the problems of a certificate for a signature by name at a time.
func (v *verifier) judge(c *Certificate, at time.Time, name string) (problems []Problem) {
	doubt := func(code Code, detail string) { problems = append(problems, Problem{code, true, detail}) }
	if !c.Trusted {
		doubt(DoubtUntrusted, c.Issuer)
	}
	if !at.IsZero() && (at.Before(c.NotBefore) || at.After(c.NotAfter)) {
		doubt(DoubtExpired, c.NotBefore.In(taipei).Format(time.DateOnly)+" – "+c.NotAfter.In(taipei).Format(time.DateOnly))
	}
	if c.x.IsCA || c.x.KeyUsage != 0 && c.x.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		doubt(DoubtUsage, "")
	}
	if key, ok := c.x.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		doubt(DoubtWeak, fmt.Sprintf("RSA %d", key.N.BitLen()))
	}
	if name != "" && c.Name != "" && strings.TrimSpace(c.Name) != name {
		doubt(DoubtName, c.Name)
	}
	switch {
	case !c.Revoked.IsZero() && !at.IsZero() && !at.Before(c.Revoked):
		problems = append(problems, Problem{FaultCertificateRevoked, false, c.Revoked.In(taipei).Format(time.DateTime)})
	case !c.Listed:
		doubt(DoubtUnchecked, "")
	}
	return problems
}
