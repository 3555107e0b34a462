package pgaccess_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
)

func TestDevices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := b.clock.now().UTC()
	phone := b.signIn(t, "lin")
	b.clock.pass(time.Hour)
	desk := b.signIn(t, "lin", func(in *access.SignIn) { in.UserAgent = pc })
	b.signIn(t, "wang")
	b.clock.pass(time.Hour)
	odd := b.signIn(t, "lin", func(in *access.SignIn) { in.UserAgent = "<b>curl</b>" })
	if _, err := b.SignOut(t.Context(), odd.Session.ID); err != nil {
		t.Fatal(err)
	}
	got, err := b.Devices(t.Context(), phone.Session.Account, phone.Session.Device)
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Device{
		{ID: phone.Session.Device, Label: "iPhone · Safari", Platform: "ios", CreatedAt: start, LastSeenAt: start, Current: true, Sessions: 1,
			Trusted: true, Class: access.Mobile, Phone: phone.Session.Device},
		{ID: odd.Session.Device, CreatedAt: start.Add(2 * time.Hour), LastSeenAt: start.Add(2 * time.Hour), Trusted: true, Class: access.Desktop},
		{ID: desk.Session.Device, Label: "Windows · Edge", Platform: "windows", CreatedAt: start.Add(time.Hour), LastSeenAt: start.Add(time.Hour), Sessions: 1, Trusted: true, Class: access.Desktop},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := b.Devices(t.Context(), "nobody", ""); err != nil || len(got) != 0 {
		t.Errorf("no account: got %v, %v", got, err)
	}
}

func TestRevokeDevice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.signIn(t, "lin")
	b.clock.pass(9 * time.Hour) // it ran out; its push link lives
	phone := b.signIn(t, "lin", with(first))
	desk, wang := b.signIn(t, "lin"), b.signIn(t, "wang")

	for name, device := range map[string]string{"somebody else's": wang.Session.Device, "none": "nothing"} {
		_, err := b.RevokeDevice(t.Context(), desk.Session.Account, device)
		wantError(t, err, approval.ErrNotFound, name)
	}
	_, err := b.RevokeDevice(t.Context(), "nobody", desk.Session.Device)
	wantError(t, err, approval.ErrNotFound, "no such account")
	b.wantSession(t, wang.SessionCookie, "somebody else")

	for _, name := range []string{"once", "twice"} {
		ended, err := b.RevokeDevice(t.Context(), desk.Session.Account, phone.Session.Device)
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, ended, name, first.Session.ID, phone.Session.ID)
	}
	b.wantNoSession(t, phone.SessionCookie, "revoked device")
	b.wantSession(t, desk.SessionCookie, "other device")
	devices, err := b.Devices(t.Context(), desk.Session.Account, desk.Session.Device)
	if err != nil || len(devices) != 1 || devices[0].ID != desk.Session.Device {
		t.Errorf("devices: got %+v, %v, want the other one", devices, err)
	}
	again := b.signIn(t, "lin", with(phone))
	if again.Session.Device == phone.Session.Device {
		t.Error("the revoked device is used again")
	}
}

func TestRevokeOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	here, phone, desk, wang := b.signIn(t, "lin"), b.signIn(t, "lin"), b.signIn(t, "lin"), b.signIn(t, "wang")
	ended, err := b.RevokeOthers(t.Context(), here.Session.Account, here.Session.Device)
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, ended, "others", phone.Session.ID, desk.Session.ID)
	b.wantSession(t, here.SessionCookie, "here")
	b.wantSession(t, wang.SessionCookie, "somebody else")
	b.wantNoSession(t, phone.SessionCookie, "phone")
	b.wantNoSession(t, desk.SessionCookie, "desk")
	if ended, err = b.RevokeOthers(t.Context(), here.Session.Account, here.Session.Device); err != nil || len(ended) != 0 {
		t.Errorf("once more: got %v, %v, want none", ended, err)
	}
	_, err = b.RevokeOthers(t.Context(), "nobody", "")
	wantError(t, err, approval.ErrNotFound, "no such account")
}

// Signing in on a device while it is revoked: whichever comes last, no session
// is left on a revoked device.
func TestRevokeDuringSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	phone := b.signIn(t, "lin")
	outs := make([]access.SignedIn, 8)
	for i, err := range together(len(outs)+1, func(i int) (err error) {
		if i == len(outs) {
			_, err = b.RevokeDevice(t.Context(), phone.Session.Account, phone.Session.Device)
			return err
		}
		in := access.SignIn{Login: "lin", Password: right, Address: office, DeviceCookie: phone.DeviceCookie}
		outs[i], err = b.SignIn(t.Context(), in)
		return err
	}) {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	n := b.count(t, `select count(*) from session s join device d on d.id = s.device where d.revoked_at is not null and s.revoked_at is null`)
	if n != 0 {
		t.Errorf("%d sessions live on the revoked device", n)
	}
}
