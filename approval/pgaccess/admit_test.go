package pgaccess_test

import (
	"errors"
	"testing"
	"time"

	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

func later(o *pgaccess.Options) { o.Policy.Confirming = access.ConfirmLater }

func TestAdmitWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, later)
	phone := b.signIn(t, "lin")
	if got := phone.Session.Standing; got != access.Full {
		t.Errorf("first device: %s, want full", got)
	}
	desk := b.signIn(t, "lin", func(in *access.SignIn) { in.UserAgent = pc })
	if got := desk.Session.Standing; got != access.Waiting {
		t.Errorf("second device: %s, want waiting", got)
	}
	s, err := b.Resume(t.Context(), desk.SessionCookie)
	if !errors.Is(err, access.ErrWaiting) || s.ID != desk.Session.ID {
		t.Errorf("resume: got %+v, %v, want the session and ErrWaiting", s, err)
	}
	alive, err := b.Alive(t.Context(), []string{phone.Session.ID, desk.Session.ID})
	if err != nil || !alive[phone.Session.ID] || alive[desk.Session.ID] {
		t.Errorf("alive: %v, %v, want the first only", alive, err)
	}
	devices, err := b.Devices(t.Context(), phone.Session.Account, "")
	if err != nil || len(devices) != 1 || devices[0].ID != phone.Session.Device {
		t.Errorf("devices: %+v, %v, want the first only", devices, err)
	}

	// Once more does not help, nor does it enter the browser again.
	b.clock.pass(time.Hour)
	again := b.signIn(t, "lin", with(desk))
	if again.Session.Standing != access.Waiting || again.Session.Device != desk.Session.Device {
		t.Errorf("again: %s on %s, want waiting on %s", again.Session.Standing, again.Session.Device, desk.Session.Device)
	}
	b.wantNoSession(t, desk.SessionCookie, "the one before")

	// The first one is trusted still.
	if got := b.signIn(t, "lin", with(phone)).Session.Standing; got != access.Full {
		t.Errorf("first device again: %s, want full", got)
	}
}

func TestAdmitReads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "lin")
	until := b.clock.now().Add(time.Hour)
	b.exec(t, `update device set reading_until = $1`, until)
	in = b.signIn(t, "lin", with(in))
	if got := in.Session; got.Standing != access.Reading || !got.ReadingUntil.Equal(until) {
		t.Errorf("got %s until %s, want reading until %s", got.Standing, got.ReadingUntil, until)
	}
	b.clock.pass(time.Hour)
	if got := b.wantSession(t, in.SessionCookie, "an hour later").Standing; got != access.Full {
		t.Errorf("an hour later: %s, want full", got)
	}
}

// TestDeviceThatWaitsHasNoBudget: who has the password only is counted with
// everybody else.
func TestDeviceThatWaitsHasNoBudget(t *testing.T) {
	t.Parallel()
	b := setup(t, later, func(o *pgaccess.Options) { o.Policy.Account = []access.Rule{{Max: 2, Within: time.Hour}} })
	b.signIn(t, "lin")
	waiting := b.signIn(t, "lin")
	for range 2 {
		wantError(t, b.try(t, "lin", wrong, office), access.ErrCredentials, "stranger")
	}
	wantLimited(t, b.try(t, "lin", right, office, with(waiting)), "device that waits")
}

// TestAdmitAfterPasswordChange: what was proved with the old password lets
// nobody in.
func TestAdmitAfterPasswordChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.signIn(t, "lin")
	proven, err := b.ProvePassword(t.Context(), access.SignIn{Login: "lin", Password: right, Address: office})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ChangePassword(t.Context(), in.Session, right, "another gate 9 opens late"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Admit(t.Context(), proven, access.Browser{Address: office})
	wantError(t, err, access.ErrCredentials, "proof by the old password")

	// What needs no local password is not touched by it.
	out, err := b.Admit(t.Context(), access.Proven{Account: in.Session.Account, Methods: []access.Method{access.ByOIDC}, At: b.clock.now()}, access.Browser{Address: office})
	if err != nil || len(out.Session.Methods) != 1 || out.Session.Methods[0] != access.ByOIDC {
		t.Errorf("proof by OIDC: %+v, %v", out.Session, err)
	}
}
