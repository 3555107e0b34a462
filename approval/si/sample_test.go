package si

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"sync"
	"testing"
	"time"
)

// authority is a certificate authority of the tests: nobody's, made anew.
type authority struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// card is somebody's key and certificate.
type card struct {
	name string
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// keys are made once: they take long.
var keys = sync.OnceValue(func() (out [6]*rsa.PrivateKey) {
	for i := range out {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		out[i] = key
	}
	return out
})

var (
	monday = time.Date(2026, 3, 2, 10, 4, 0, 0, taipei)
	issued = time.Date(2026, 1, 1, 0, 0, 0, 0, taipei)
)

func newAuthority(t testing.TB, key *rsa.PrivateKey, subject pkix.Name) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: subject, NotBefore: issued.AddDate(-1, 0, 0), NotAfter: issued.AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return &authority{certify(t, template, template, key.Public(), key), key}
}

func certify(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, by *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (a *authority) give(t testing.TB, key *rsa.PrivateKey, name string, serial int64, change func(*x509.Certificate)) card {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{Country: []string{"TW"}, CommonName: name, SerialNumber: fmt.Sprintf("%016d", serial)},
		NotBefore: issued, NotAfter: issued.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	return card{name, certify(t, template, a.cert, key.Public(), a.key), key}
}

// office is an agency with what it signs with.
type office struct {
	moica, agency *authority
	lin, wang, ko card // cards of 承辦人, 科長, 局長
	soft          card // software certificate of 科長
}

func newOffice(t testing.TB) *office {
	t.Helper()
	k := keys()
	o := &office{
		moica:  newAuthority(t, k[0], pkix.Name{Country: []string{"TW"}, Organization: []string{"行政院"}, OrganizationalUnit: []string{"(測試用) 內政部憑證管理中心"}}),
		agency: newAuthority(t, k[1], pkix.Name{Country: []string{"TW"}, Organization: []string{"範例市政府"}, CommonName: "範例市政府憑證管理中心"}),
	}
	o.lin = o.moica.give(t, k[2], "林小明", 101, nil)
	o.wang = o.moica.give(t, k[3], "王大同", 102, nil)
	o.ko = o.moica.give(t, k[4], "柯長青", 103, func(c *x509.Certificate) {
		type attribute struct {
			Type   asn1.ObjectIdentifier
			Values []string `asn1:"set"`
		}
		value, err := asn1.Marshal([]attribute{{oidHolder, []string{"mobile"}}})
		if err != nil {
			t.Fatal(err)
		}
		c.ExtraExtensions = []pkix.Extension{{Id: oidDirectory, Value: value}}
	})
	o.soft = o.agency.give(t, k[5], "王大同", 7, nil)
	return o
}

func (o *office) options() Options {
	return Options{Anchors: []Anchor{{o.moica.cert, NaturalPerson}, {o.agency.cert, AgencySoftware}}}
}

// add signs one more step.
func (c card) add(t testing.TB, p *Package, d Draft) *Package {
	t.Helper()
	pending, err := Prepare(p.Log, d)
	if err != nil {
		t.Fatal(err)
	}
	return c.complete(t, p, pending)
}

func (c card) complete(t testing.TB, p *Package, pending *Pending) *Package {
	t.Helper()
	sum := pending.Digest()
	signed, err := rsa.SignPKCS1v15(nil, c.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	log, err := pending.Complete(signed, c.cert)
	if err != nil {
		t.Fatal(err)
	}
	return &Package{Name: "1150000123.SI", Log: log, Files: p.Files}
}

// files of the sample, in the order in which they come.
var (
	di    = PackageFile{"1150000123_M1150000123_1_1.di", []byte("<?xml version=\"1.0\"?><函><主旨>檢送防汛整備計畫</主旨></函>")}
	first = PackageFile{"1150000123_附件1.pdf", []byte("%PDF-1.7 一")}
	plan  = PackageFile{"1150000123_附件2.pdf", []byte("%PDF-1.7 二")}
	view  = PackageFile{"1150000123_頁面.pdf", bytes.Repeat([]byte("%PDF"), 40)}
)

func draft(name, action, opinion string, at time.Time, files ...PackageFile) Draft {
	d := Draft{Number: "1150000123", Signer: Signer{"範例市政府", "水利局", "科長", name, name + "@example", "主管"}, Action: action, Opinion: opinion, At: at}
	for _, f := range files {
		d.Files = append(d.Files, NewFile(f.Name, f.Bytes))
	}
	return d
}

// sample is 送件 by card, 核閱 by software certificate with a 借卡, 決行 by TW
// FidO, and a 補簽 of the second.
func (o *office) sample(t testing.TB) *Package {
	t.Helper()
	p := &Package{Files: []PackageFile{di, first, plan, view}}
	d := draft("林小明", "送件", "", monday, di, first, plan)
	d.Next = []Signer{{Name: "王大同", Title: "科長"}}
	p = o.lin.add(t, p, d)
	d = draft("王大同", "核閱", "擬請依計畫辦理 <速> & \"妥\"\n並副知各區", monday.Add(time.Hour), di, first, plan)
	d.Borrowed = &Borrowed{Date: "1150302", Reason: "行動簽核"}
	p = o.soft.add(t, p, d)
	d = draft("柯長青", "決行", "如擬", monday.Add(2*time.Hour), di, first, plan, view)
	d.Papers = []DraftPaper{{Type: "函", Name: "防汛整備計畫", Kind: "本文", Document: di.Name, Pages: 2, PageFile: view.Name, Attached: []string{first.Name, plan.Name}}}
	p = o.ko.add(t, p, d)
	log, err := Decode(p.Log)
	if err != nil {
		t.Fatal(err)
	}
	pending, err := PrepareReSigning(p.Log, log.Steps[1].ID, Signer{Agency: "範例市政府", Name: "王大同"}, monday.AddDate(0, 0, 1), "")
	if err != nil {
		t.Fatal(err)
	}
	return o.wang.complete(t, p, pending)
}

func verify(t testing.TB, p *Package, o Options) *Report {
	t.Helper()
	r, err := Verify(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// faults gives what is wrong, one "where code" each.
func (r *Report) faults() (out []string) {
	list := func(where string, problems []Problem) {
		for _, p := range problems {
			if p.Code != DoubtUnchecked {
				out = append(out, where+" "+string(p.Code))
			}
		}
	}
	list("package", r.Problems)
	for _, s := range r.Steps {
		list(s.ID, s.Problems)
	}
	for _, s := range r.Re {
		list("re "+s.Step, s.Problems)
	}
	return out
}
