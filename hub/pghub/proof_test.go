package pghub

import (
	"errors"
	"sync"
	"testing"

	"qianhe/approval"
	"qianhe/hub"
)

// proof is a good one of session s1.
func (f *fixture) proof(token string) hub.Proof {
	return hub.Proof{Session: "s1", Nonce: f.ProofNonce("s1"), Token: token + ".claims.signature"}
}

// A proof links once: neither its token nor its nonce is good again, whoever
// brings it.
func TestProofIsSpent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.proof("a")
	if _, err := f.LinkProved(t.Context(), "amy", hub.LINE, "U-1", good); err != nil {
		t.Fatal(err)
	}
	again, late := f.proof("a"), f.proof("b")
	again.Token = "a.claims.another signature"
	sameNonce := good
	sameNonce.Token = "c.claims.signature"
	other := f.proof("d")
	other.Session = "s2"
	f.clock.add(nonceLife)
	fresh := f.proof("e")
	fresh.Nonce = "bm90aGluZw"
	again.Nonce = f.ProofNonce("s1")
	for name, p := range map[string]hub.Proof{
		"token again": again, "nonce again": sameNonce, "other session": other, "too late": late, "made up": fresh,
		"none": {Session: "s1", Token: "f.claims.signature"}, "no token": {Session: "s1", Nonce: f.ProofNonce("s1")},
	} {
		if _, err := f.LinkProved(t.Context(), "ben", hub.LINE, "U-1", p); !errors.Is(err, approval.ErrForbidden) {
			t.Errorf("%s: %v, want ErrForbidden", name, err)
		}
	}
	if l, err := f.LinkByAddress(t.Context(), hub.LINE, "U-1"); err != nil || l.Person != "amy" {
		t.Errorf("link is %+v, %v", l, err)
	}
	f.clock.add(hub.ProofLife)
	if err := f.sweepProofs(t.Context(), f.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if n := one[int](f, `select count(*) from spent_proof`); n != 0 {
		t.Errorf("%d are kept for ever", n)
	}
}

func TestProofAtOnceIsSpentOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p, results := f.proof("a"), make(chan error, 4)
	var wg sync.WaitGroup
	for range cap(results) {
		wg.Go(func() {
			_, err := f.LinkProved(t.Context(), "amy", hub.LINE, "U-1", p)
			results <- err
		})
	}
	wg.Wait()
	close(results)
	good := 0
	for err := range results {
		if err == nil {
			good++
		} else if !errors.Is(err, approval.ErrForbidden) {
			t.Error(err)
		}
	}
	if good != 1 {
		t.Errorf("it was good %d times", good)
	}
}
