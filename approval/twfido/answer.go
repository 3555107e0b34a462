package twfido

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Answer is what became of a request, proven.
type Answer struct {
	// Person stands for the identity number (hashed_id_num): the same for the
	// same person, and of no use for anything else.
	Person string
	// Signatures are RSA PKCS #1 v1.5 with SHA-256, one for each digest of the
	// request.
	Signatures [][]byte
	// Certificate is the signer's; nil after a sign-in, which needs none.
	Certificate *x509.Certificate
}

// Holder is the serialNumber of the subject: the same in all of a person's
// certificates, and what an account is bound to.
func (a *Answer) Holder() string {
	if a.Certificate == nil {
		return ""
	}
	return a.Certificate.Subject.SerialNumber
}

// Expect is what an answer has to be an answer to.
type Expect struct {
	Sign [][sha256.Size]byte // of the request
	// Holder is the serialNumber of the account's registered certificate, "" when
	// there is none yet.
	Holder string
	// IDNumber is looked at where the certificate says the last four characters
	// of it. Redirect answers carry it whole.
	IDNumber string
}

// Result asks once what became of a ticket: ErrPending while the person has
// not answered, *Error when it came to nothing, *TransportError when TW FidO
// could not be asked, and an error that says ErrUnproven when the answer is not
// what it should be.
func (c *Client) Result(ctx context.Context, t Ticket, e Expect) (*Answer, error) {
	request := struct {
		Transaction string `json:"transaction_id"`
		Service     string `json:"sp_service_id"`
		Checksum    string `json:"sp_checksum"`
		Ticket      string `json:"sp_ticket_id"`
	}{t.Transaction, c.config.ServiceID, "", t.ID}
	var err error
	if request.Checksum, err = c.config.Key.seal(c.config.Random, t.Transaction, c.config.ServiceID, t.ID); err != nil {
		return nil, err
	}
	var result struct {
		Person    string   `json:"hashed_id_num"`
		Signature string   `json:"signed_response"`
		Set       []string `json:"signed_response_set"`
		Cert      string   `json:"cert"`
		Checksum  string   `json:"idp_checksum"`
	}
	const id = "SP-API-ATH-02"
	if err := c.call(ctx, id, "getAthOrSignResult", request, &result); err != nil {
		return nil, err
	}
	// Of a batch the checksum covers no signature; each of them is proven below.
	if !c.config.Key.proves(result.Checksum, t.Transaction, "0", result.Person, result.Signature) || result.Person == "" {
		return nil, unproven(id, "the checksum")
	}
	signed := result.Set
	if len(e.Sign) == 1 {
		signed = []string{result.Signature}
	}
	if len(e.Sign) == 0 {
		return &Answer{Person: result.Person}, nil
	}
	return c.prove(id, result.Person, result.Cert, signed, e)
}

func unproven(id, what string) error { return fmt.Errorf("%s: %w: %s", id, ErrUnproven, what) }

// prove checks signatures, certificate and person.
func (c *Client) prove(id, person, cert string, signed []string, e Expect) (*Answer, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(cert), ""))
	if err != nil {
		return nil, unproven(id, "the certificate cannot be read")
	}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, unproven(id, "the certificate cannot be read")
	}
	key, ok := x.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 {
		return nil, unproven(id, "the key is not RSA of 2048 bits")
	}
	if len(signed) != len(e.Sign) {
		return nil, unproven(id, fmt.Sprintf("%d signatures for %d things", len(signed), len(e.Sign)))
	}
	a := &Answer{Person: person, Certificate: x}
	for i, s := range signed {
		value, err := base64.StdEncoding.DecodeString(s)
		if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, e.Sign[i][:], value) != nil {
			return nil, unproven(id, fmt.Sprintf("signature %d is not over what was asked", i+1))
		}
		a.Signatures = append(a.Signatures, value)
	}
	if err := c.believed(x); err != nil {
		return nil, unproven(id, err.Error())
	}
	if e.Holder != "" && x.Subject.SerialNumber != e.Holder {
		return nil, unproven(id, "the certificate is another person's")
	}
	if last := lastFour(x); last != "" && e.IDNumber != "" && !strings.HasSuffix(e.IDNumber, last) {
		return nil, unproven(id, "the certificate is of another identity number")
	}
	return a, nil
}

// believed reports why a certificate is not to be believed now.
func (c *Client) believed(x *x509.Certificate) error {
	roots := x509.NewCertPool() // an authority in between may be named alone: it is believed itself
	for _, a := range c.config.Anchors {
		roots.AddCert(a)
	}
	plain := *x
	plain.UnhandledCriticalExtensions = nil // the directory attributes may be critical
	if _, err := plain.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: c.config.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return fmt.Errorf("the certificate: %w", err)
	}
	if x.IsCA || x.KeyUsage != 0 && x.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return errors.New("the certificate is not made for signatures")
	}
	return nil
}

// The attributes of a natural person in Taiwan's government PKI.
var (
	oidDirectory = asn1.ObjectIdentifier{2, 5, 29, 9}
	oidLastFour  = asn1.ObjectIdentifier{2, 16, 886, 1, 100, 2, 51}
)

// lastFour is the end of the identity number that a certificate may say.
func lastFour(x *x509.Certificate) string {
	for _, e := range x.Extensions {
		if !e.Id.Equal(oidDirectory) {
			continue
		}
		var attributes []struct {
			Type   asn1.ObjectIdentifier
			Values []asn1.RawValue `asn1:"set"`
		}
		if _, err := asn1.Unmarshal(e.Value, &attributes); err != nil {
			return ""
		}
		for _, a := range attributes {
			if a.Type.Equal(oidLastFour) && len(a.Values) == 1 {
				return string(a.Values[0].Bytes)
			}
		}
	}
	return ""
}
