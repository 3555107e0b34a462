package pgaccess_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

func TestForgedSessionCookie(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lin, wang := b.signIn(t, "lin"), b.signIn(t, "wang")
	good := lin.SessionCookie
	id, secret := good[:26], good[27:]
	flip := func(s string, i int) string {
		c := byte('A')
		if s[i] == 'A' {
			c = 'B'
		}
		return s[:i] + string(c) + s[i+1:]
	}
	forged := map[string]string{
		"nothing":                   "",
		"id only":                   id,
		"id and dot":                id + ".",
		"secret only":               secret,
		"no dot":                    id + secret,
		"secret of another session": id + wang.SessionCookie[26:],
		"id of another session":     wang.SessionCookie[:27] + secret,
		"device cookie":             lin.DeviceCookie,
		"id of a device":            lin.DeviceCookie[:27] + secret,
		"id that there is not":      "00000000000000000000000000." + secret,
		"zero secret":               id + "." + strings.Repeat("A", 43),
		"hash as secret":            id + "." + secret[:42] + "=",
		"upper case":                strings.ToUpper(good),
		"twice":                     good + good,
		"with more":                 good + ".",
		"spaces":                    " " + good + " ",
		"NUL in the id":             "\x00" + good[1:],
		"not text":                  "\xff" + good[1:],
		"SQL":                       "' or 1=1 --",
		"huge":                      strings.Repeat(good, 1<<14),
	}
	for i := range secret {
		forged["changed letter of the secret "+string(rune('a'+i))] = id + "." + flip(secret, i)
	}
	for name, cookie := range forged {
		b.wantNoSession(t, cookie, name)
	}
	b.wantSession(t, good, "the real one")
	if n := b.count(t, `select count(*) from session where revoked_at is not null`); n != 0 {
		t.Errorf("forged cookies ended %d sessions", n)
	}
}

func TestSessionEndsWithoutUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "lin")
	for range 5 {
		b.clock.pass(8*time.Hour - time.Second)
		b.wantSession(t, out.SessionCookie, "used within eight hours")
	}
	b.clock.pass(8 * time.Hour)
	b.wantNoSession(t, out.SessionCookie, "eight hours without use")
	alive, err := b.Alive(t.Context(), []string{out.Session.ID})
	if err != nil || alive[out.Session.ID] {
		t.Errorf("Alive: got %v, %v, want it ended", alive, err)
	}
	// It does not come back.
	b.wantNoSession(t, out.SessionCookie, "asked once more")
}

func TestSessionEndsForGood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "lin")
	for b.clock.now().Add(7 * time.Hour).Before(out.Session.ExpiresAt) {
		b.clock.pass(7 * time.Hour)
		b.wantSession(t, out.SessionCookie, "in use for days")
	}
	b.clock.pass(out.Session.ExpiresAt.Sub(b.clock.now()) - time.Second)
	b.wantSession(t, out.SessionCookie, "a second before")
	b.clock.pass(time.Second)
	b.wantNoSession(t, out.SessionCookie, "after seven days of use")
}

func TestLifetimesAreTheAgencys(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *pgaccess.Options) {
		o.Policy = access.Policy{Idle: 10 * time.Minute, Absolute: time.Hour}
	})
	out := b.signIn(t, "lin")
	if got := out.Session.ExpiresAt.Sub(out.Session.CreatedAt); got != time.Hour {
		t.Errorf("lasts %v, want an hour", got)
	}
	b.clock.pass(10 * time.Minute)
	b.wantNoSession(t, out.SessionCookie, "ten minutes without use")
}

func TestResumeTouchesOnceAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "lin")
	start := b.clock.now()
	for _, step := range []struct{ pass, seen time.Duration }{
		{30 * time.Second, 0}, {29 * time.Second, 0}, {time.Second, time.Minute}, {59 * time.Second, time.Minute}, {time.Hour, time.Hour + 119*time.Second},
	} {
		b.clock.pass(step.pass)
		b.wantSession(t, out.SessionCookie, "use")
		var session, device time.Time
		err := b.pool.QueryRow(t.Context(), `select s.last_seen_at, d.last_seen_at from session s join device d on d.id = s.device`).Scan(&session, &device)
		if want := start.Add(step.seen); err != nil || !session.Equal(want) || !device.Equal(want) {
			t.Errorf("at %v: session %v, device %v, %v, want %v", b.clock.now(), session, device, err, want)
		}
	}
	// Looking after live connections is no use.
	b.clock.pass(time.Hour)
	if _, err := b.Alive(t.Context(), []string{out.Session.ID}); err != nil {
		t.Fatal(err)
	}
	if n := b.count(t, `select count(*) from session where last_seen_at > $1`, b.clock.now().Add(-time.Minute)); n != 0 {
		t.Error("Alive counted as use")
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.signIn(t, "lin")
	second := b.signIn(t, "lin", with(first))
	other := b.signIn(t, "lin")
	for _, name := range []string{"once", "twice"} {
		ended, err := b.SignOut(t.Context(), second.Session.ID)
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, ended, name, first.Session.ID, second.Session.ID)
	}
	b.wantNoSession(t, second.SessionCookie, "after sign-out")
	b.wantSession(t, other.SessionCookie, "on another device")
	if ended, err := b.SignOut(t.Context(), "nothing"); err != nil || len(ended) != 0 {
		t.Errorf("no session: got %v, %v", ended, err)
	}
	// The browser is still known.
	third := b.signIn(t, "lin", with(second))
	if third.Session.Device != second.Session.Device {
		t.Error("the device is another after sign-out")
	}
}

func TestDisabledAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "lin")
	for _, tt := range []struct{ name, close, open string }{
		{"closed", `update account set disabled_at = now() where login = 'lin'`, `update account set disabled_at = null`},
		{"has left", `update person set left_at = now() where id = 'p1'`, `update person set left_at = null`},
		{"device revoked", `update device set revoked_at = now()`, `update device set revoked_at = null`},
	} {
		b.exec(t, tt.close)
		b.wantNoSession(t, out.SessionCookie, tt.name)
		if alive, err := b.Alive(t.Context(), []string{out.Session.ID}); err != nil || alive[out.Session.ID] {
			t.Errorf("%s: Alive gave %v, %v", tt.name, alive, err)
		}
		b.exec(t, tt.open)
		b.wantSession(t, out.SessionCookie, "not "+tt.name+" any more")
	}
}

// What is changed about a person holds with the next request.
func TestResumeGivesThePersonAsItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "lin")
	b.exec(t, `update person set name = '林美慧', title = '股長', roles = '{}', unit = 'u0' where id = 'p1'`)
	got := b.wantSession(t, out.SessionCookie, "after the change")
	if got.Person.Name != "林美慧" || got.Person.Title != "股長" || len(got.Person.Roles) != 0 || got.UnitName != "青川市政府" {
		t.Errorf("got %+v", got)
	}
}

func TestAlive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lin, wang, gone := b.signIn(t, "lin"), b.signIn(t, "wang"), b.signIn(t, "lin")
	if _, err := b.SignOut(t.Context(), gone.Session.ID); err != nil {
		t.Fatal(err)
	}
	got, err := b.Alive(t.Context(), []string{lin.Session.ID, wang.Session.ID, gone.Session.ID, "unknown"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{lin.Session.ID: true, wang.Session.ID: true, gone.Session.ID: false, "unknown": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := b.Alive(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("none: got %v, %v", got, err)
	}
}
