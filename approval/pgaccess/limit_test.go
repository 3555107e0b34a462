package pgaccess_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

// during does something after a password was compared.
type during struct {
	*hasher
	do func()
}

func (d *during) Verify(ctx context.Context, hash, plain string) error {
	defer d.do()
	return d.hasher.Verify(ctx, hash, plain)
}

func TestLimitPerAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, login := range []string{"lin", "nobody"} {
		for i := range 10 {
			// From everywhere, to every node.
			node := []*pgaccess.Store{b.Store, b.another()}[i%2]
			_, err := node.SignIn(t.Context(), access.SignIn{Login: login, Password: wrong, Address: fmt.Sprintf("198.51.100.%d", i)})
			wantError(t, err, access.ErrCredentials, fmt.Sprintf("%s, failure %d", login, i))
			b.clock.pass(time.Minute)
		}
		// Ten minutes after the first: it must be out of the window of fifteen.
		hashed := b.hasher.verified.Load()
		if wait := wantLimited(t, b.try(t, login, right, office), login+", right password while limited"); wait != 5*time.Minute {
			t.Errorf("%s: wait %v, want 5 minutes", login, wait)
		}
		if got := b.hasher.verified.Load() - hashed; got != 0 {
			t.Errorf("%s: the password was looked at while limited", login)
		}
		b.clock.pass(time.Hour)
	}
}

func TestLimitEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		wantError(t, b.try(t, "lin", wrong, office), access.ErrCredentials, "failure")
	}
	wantLimited(t, b.try(t, "lin", right, office), "at once")
	// Trying on does not make it longer.
	for range 14 {
		b.clock.pass(time.Minute)
		wantLimited(t, b.try(t, "lin", right, office), "trying on")
	}
	b.clock.pass(time.Minute)
	wantError(t, b.try(t, "lin", right, office), nil, "after fifteen minutes")
	if err := b.try(t, "wang", right, office); err != nil {
		t.Errorf("another account: %v", err)
	}
}

func TestSuccessForgivesTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		for range 9 {
			wantError(t, b.try(t, "lin", wrong, office), access.ErrCredentials, "failure")
		}
		wantError(t, b.try(t, "lin", right, office), nil, "the tenth is right")
	}
}

func TestLimitPerAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *pgaccess.Options) {
		o.Policy.Address = []access.Rule{{Max: 20, Within: 15 * time.Minute}, {Max: 30, Within: 24 * time.Hour}}
	})
	known := b.signIn(t, "lin")
	for i := range 20 {
		// One password at many accounts, from one customer's network.
		err := b.try(t, fmt.Sprintf("guess%d", i), wrong, fmt.Sprintf("2001:db8:1:2::%x", i+1))
		wantError(t, err, access.ErrCredentials, fmt.Sprintf("failure %d", i))
	}
	const there, elsewhere = "2001:db8:1:2:ffff::1", "2001:db8:1:3::1"
	if wait := wantLimited(t, b.try(t, "wang", right, there), "same network"); wait != 15*time.Minute {
		t.Errorf("wait %v, want 15 minutes", wait)
	}
	wantError(t, b.try(t, "wang", right, elsewhere), nil, "another network")
	wantError(t, b.try(t, "lin", right, there, with(known)), nil, "a known device in the same network")
	b.clock.pass(15 * time.Minute)
	// Success forgives nothing here: whoever has an account of their own could
	// guess at all others.
	for i := range 10 {
		wantError(t, b.try(t, "wang", right, there), nil, "after fifteen minutes")
		wantError(t, b.try(t, fmt.Sprintf("more%d", i), wrong, there), access.ErrCredentials, "more failures")
	}
	if wait := wantLimited(t, b.try(t, "wang", right, there), "thirty in a day"); wait != 24*time.Hour-15*time.Minute {
		t.Errorf("wait %v, want the rest of a day", wait)
	}
	b.clock.pass(24*time.Hour - 15*time.Minute)
	wantError(t, b.try(t, "wang", right, there), nil, "a day later")
}

func TestUnknownAddressesAreCountedTogether(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *pgaccess.Options) {
		o.Policy.Address = []access.Rule{{Max: 3, Within: time.Minute}}
	})
	for i, address := range []string{"", "@", "not an address"} {
		wantError(t, b.try(t, fmt.Sprintf("guess%d", i), wrong, address), access.ErrCredentials, address)
	}
	wantLimited(t, b.try(t, "lin", right, "\x00"), "another that is none")
	wantError(t, b.try(t, "lin", right, office), nil, "a real one")
}

// Strangers who fail at a login must not lock out its owner's phone, and the
// phone has its own limit.
func TestKnownDeviceIsCountedByItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	phone := b.signIn(t, "lin")
	for range 10 {
		wantError(t, b.try(t, "lin", wrong, office), access.ErrCredentials, "stranger")
	}
	wantLimited(t, b.try(t, "lin", right, office), "unknown device")
	wantLimited(t, b.try(t, "lin", right, office, func(in *access.SignIn) {
		in.DeviceCookie = phone.DeviceCookie[:27] + phone.SessionCookie[27:]
	}), "forged device cookie")
	phone = b.signIn(t, "lin", with(phone))

	for range 10 {
		wantError(t, b.try(t, "lin", wrong, office, with(phone)), access.ErrCredentials, "wrong on the phone")
	}
	wantLimited(t, b.try(t, "lin", right, office, with(phone)), "right on the phone while limited")
	b.clock.pass(15 * time.Minute)
	b.signIn(t, "lin", with(phone))

	// A phone that was revoked is a stranger.
	if _, err := b.RevokeDevice(t.Context(), phone.Session.Account, phone.Session.Device); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		wantError(t, b.try(t, "lin", wrong, office, with(phone)), access.ErrCredentials, "revoked phone")
	}
	wantLimited(t, b.try(t, "lin", right, office), "unknown device after the revoked one failed")
}

// However many come at once, to however many nodes, no more passwords are
// looked at than the limit allows.
func TestLimitHoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []*pgaccess.Store{b.Store, b.another(), b.another()}
	before := b.hasher.verified.Load()
	var refused, limited int
	for _, err := range together(40, func(i int) error {
		_, err := nodes[i%3].SignIn(t.Context(), access.SignIn{Login: "lin", Password: wrong, Address: fmt.Sprintf("198.51.100.%d", i%4)})
		return err
	}) {
		_, is := errors.AsType[*access.LimitedError](err)
		switch {
		case is:
			limited++
		case errors.Is(err, access.ErrCredentials):
			refused++
		default:
			t.Errorf("got %v", err)
		}
	}
	if refused != 10 || limited != 30 {
		t.Errorf("%d refused and %d limited, want 10 and 30", refused, limited)
	}
	if got := b.hasher.verified.Load() - before; got != 10 {
		t.Errorf("%d passwords were looked at, want 10", got)
	}
}

// An attempt that is broken off has been made.
func TestAttemptIsCountedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	h := &during{hasher: b.hasher, do: cancel}
	node := b.another(func(o *pgaccess.Options) { o.Passwords = h })
	_, err := node.SignIn(ctx, access.SignIn{Login: "lin", Password: right, Address: office})
	wantError(t, err, context.Canceled, "broken off")
	if n := b.count(t, `select count(*) from sign_in_attempt where not ok`); n != 1 {
		t.Errorf("%d failures on record, want 1", n)
	}
	if n := b.count(t, `select count(*) from session`); n != 0 {
		t.Errorf("%d sessions, want none", n)
	}
}
