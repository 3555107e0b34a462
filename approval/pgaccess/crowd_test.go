package pgaccess_test

import (
	"context"
	"errors"
	"testing"

	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

// slow hashes when it is told to.
type slow struct {
	*hasher
	arrived chan struct{}
	open    chan struct{}
}

func (s *slow) Verify(ctx context.Context, hash, plain string) error {
	s.arrived <- struct{}{}
	<-s.open
	return s.hasher.Verify(ctx, hash, plain)
}

// A flood of sign-ins is turned away at once, before anything is looked at: no
// hash, no query, and nothing that would count against anybody.
func TestExcessIsTurnedAway(t *testing.T) {
	t.Parallel()
	gate := &slow{arrived: make(chan struct{}, 3), open: make(chan struct{})}
	b := setup(t, func(o *pgaccess.Options) {
		gate.hasher = o.Passwords.(*hasher)
		o.Passwords, o.Places = gate, 3
	})
	inside := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := b.SignIn(t.Context(), access.SignIn{Login: "lin", Password: right, Address: office})
			inside <- err
		}()
	}
	for range 3 {
		<-gate.arrived
	}
	before := b.count(t, `select count(*) from sign_in_attempt`)
	queries := b.pool.Stat().AcquireCount()
	for range 200 {
		err := b.try(t, "wang", right, office)
		busy, ok := errors.AsType[*access.BusyError](err)
		if !ok || busy.RetryAfter <= 0 {
			t.Fatalf("with every place taken: got %v, want a BusyError", err)
		}
	}
	if n := b.pool.Stat().AcquireCount() - queries; n != 0 {
		t.Errorf("who was turned away made %d queries", n)
	}
	if n := b.count(t, `select count(*) from sign_in_attempt`); n != before {
		t.Errorf("who was turned away was counted %d times", n-before)
	}
	if n := gate.verified.Load(); n != 0 {
		t.Errorf("%d hashes while nobody was let through", n)
	}
	close(gate.open)
	for range 3 {
		if err := <-inside; err != nil {
			t.Errorf("who was inside: %v", err)
		}
	}
	if err := b.try(t, "wang", right, office); err != nil {
		t.Errorf("when they had left: %v", err)
	}
}
