package softcert_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"qianhe/approval/access"
	"qianhe/approval/si"
	"qianhe/approval/signing/softcert"
)

var (
	now    = time.Date(2026, 3, 2, 10, 4, 0, 0, time.UTC)
	agency = sync.OnceValues(func() (*softcert.Authority, error) { return softcert.NewAuthority("範例市政府", now) })
	sealer = access.NewSealer(sha256.Sum256([]byte("a secret of the tests")))
)

func authority(t testing.TB) *softcert.Authority {
	t.Helper()
	a, err := agency()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t testing.TB, a *softcert.Authority) *softcert.Issued {
	t.Helper()
	i, err := a.Issue("王大同", "p-0102", now, sealer)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// A signature made here proves itself in a sign-off log, as what it is.
func TestSignedLog(t *testing.T) {
	a := authority(t)
	i := issue(t, a)
	signer, err := softcert.NewSigner(*i, now, sealer)
	if err != nil {
		t.Fatal(err)
	}
	file := si.PackageFile{Name: "1150000123.di", Bytes: []byte("<函/>")}
	pending, err := si.Prepare(nil, si.Draft{Number: "1150000123", Signer: si.Signer{Name: "王大同"}, Action: "核閱", At: now, Files: []si.DraftFile{si.NewFile(file.Name, file.Bytes)}, Borrowed: &si.Borrowed{Date: "1150302", Reason: "行動簽核"}})
	if err != nil {
		t.Fatal(err)
	}
	value, err := signer.Sign(pending.Digest())
	if err != nil {
		t.Fatal(err)
	}
	log, err := pending.Complete(value, signer.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(revoked ...softcert.Revoked) *si.Report {
		list, err := a.List(revoked, 7, now.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		r, err := si.Verify(&si.Package{Log: log, Files: []si.PackageFile{file}}, si.Options{Anchors: []si.Anchor{{Certificate: a.Certificate, Kind: si.AgencySoftware}}, Revocations: []*x509.RevocationList{list}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := verify(); r.Verdict != si.Sound || r.Steps[0].Certificate.Kind != si.AgencySoftware || r.Steps[0].Certificate.Holder != "p-0102" || len(r.Steps[0].Problems) > 0 || len(r.Debts) != 1 {
		t.Errorf("%s, %+v", r.Verdict, r.Steps[0])
	}
	serial := i.Certificate.SerialNumber
	if r := verify(softcert.Revoked{Serial: serial, At: now.AddDate(0, 0, -1), Reason: softcert.Compromised}); r.Verdict != si.Broken {
		t.Errorf("revoked before it signed: %s", r.Verdict)
	}
	if r := verify(softcert.Revoked{Serial: serial, At: now.Add(time.Hour), Reason: softcert.Left}); r.Verdict != si.Sound {
		t.Errorf("revoked after it signed: %s", r.Verdict)
	}
}

// A sealed key is good for its own certificate under its own secret.
func TestSealedKeys(t *testing.T) {
	a := authority(t)
	one, two := issue(t, a), issue(t, a)
	if one.Certificate.SerialNumber.Cmp(two.Certificate.SerialNumber) == 0 || bytes.Equal(one.Certificate.RawSubjectPublicKeyInfo, two.Certificate.RawSubjectPublicKeyInfo) {
		t.Error("two certificates have one serial number or one key")
	}
	changed := bytes.Clone(one.SealedKey)
	changed[len(changed)/2] ^= 1
	other := access.NewSealer(sha256.Sum256([]byte("another secret")))
	for what, try := range map[string]func() error{
		"another's key": func() error {
			_, err := softcert.NewSigner(softcert.Issued{Certificate: one.Certificate, SealedKey: two.SealedKey}, now, sealer)
			return err
		},
		"changed": func() error {
			_, err := softcert.NewSigner(softcert.Issued{Certificate: one.Certificate, SealedKey: changed}, now, sealer)
			return err
		},
		"another secret":               func() error { _, err := softcert.NewSigner(*one, now, other); return err },
		"a person's for the authority": func() error { _, err := softcert.OpenAuthority(a.Certificate, one.SealedKey, sealer); return err },
	} {
		if err := try(); !errors.Is(err, softcert.ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	sealed, err := a.SealedKey(sealer)
	if err != nil {
		t.Fatal(err)
	}
	again, err := softcert.OpenAuthority(a.Certificate, sealed, sealer)
	if err != nil {
		t.Fatal(err)
	}
	if i := issue(t, again); i.Certificate.CheckSignatureFrom(a.Certificate) != nil {
		t.Error("what an opened authority issues is not its own")
	}
}

func TestLives(t *testing.T) {
	a := authority(t)
	i := issue(t, a)
	for _, at := range []time.Time{now.Add(-time.Hour), now.Add(softcert.PersonLife + time.Hour)} {
		if _, err := softcert.NewSigner(*i, at, sealer); !errors.Is(err, softcert.ErrEnded) {
			t.Errorf("at %v: %v", at, err)
		}
	}
	if _, err := a.Issue("王大同", "p-0102", now.Add(softcert.AuthorityLife-softcert.PersonLife+time.Hour), sealer); !errors.Is(err, softcert.ErrEnded) {
		t.Errorf("beyond the authority's own: %v", err)
	}
	if from := softcert.RenewFrom(i.Certificate); !from.After(now.Add(softcert.PersonLife*8/10)) || !from.Before(i.Certificate.NotAfter) {
		t.Errorf("renewed from %v", from)
	}
	for _, name := range [][2]string{{"", "p"}, {"王大同", ""}} {
		if _, err := a.Issue(name[0], name[1], now, sealer); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	if _, err := softcert.NewAuthority("", now); err == nil {
		t.Error("an authority of nobody was made")
	}
}

// BenchmarkSign signs sign points with a software certificate, its key opened
// each time.
func BenchmarkSign(b *testing.B) {
	i := issue(b, authority(b))
	n := 0
	for b.Loop() {
		signer, err := softcert.NewSigner(*i, now, sealer)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := signer.Sign(sha256.Sum256(fmt.Append(nil, n))); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
