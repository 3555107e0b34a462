package pgaccess_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "wang")
	now := b.clock.now().UTC()
	want := access.Session{
		ID:      out.Session.ID,
		Account: out.Session.Account,
		Person: approval.Person{
			ID: "p2", Name: "王大明", Title: "科長", Unit: "u1",
			Roles: []approval.Role{approval.RoleOfficial, approval.RoleRegistry},
		},
		UnitName:  "水利科",
		Login:     "wang",
		Locale:    "zh-TW",
		Device:    out.Session.Device,
		CreatedAt: now,
		ExpiresAt: now.Add(7 * 24 * time.Hour),
		Standing:  access.Full,
		ProvenAt:  now,
		Methods:   []access.Method{access.ByPassword},
	}
	if diff := cmp.Diff(want, out.Session); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	if len(out.Replaced)+len(out.Ended) > 0 {
		t.Errorf("ended %v and %v, want none", out.Replaced, out.Ended)
	}
	got := b.wantSession(t, out.SessionCookie, "first use")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resumed (-want +got):\n%s", diff)
	}
	var address, label, platform string
	err := b.pool.QueryRow(t.Context(), `select s.address, d.label, d.platform from session s join device d on d.id = s.device`).Scan(&address, &label, &platform)
	if err != nil || address != office || label != "iPhone · Safari" || platform != "ios" {
		t.Errorf("on record: %q, %q, %q, %v", address, label, platform, err)
	}

	// Phones write the first letter large; the password may come in full width.
	b.signIn(t, " Wang ", func(in *access.SignIn) { in.Password = "ｒｉｖｅｒ　gate 7 opens early" })
}

// No part of a cookie is on record as it is handed out.
func TestSecretsAreNotStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "lin")
	token, err := b.IssueToken(t.Context(), access.NewAPIToken{Name: "公文系統", Scopes: []string{"documents:write"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"account", "device", "session", "api_token", "sign_in_attempt"} {
		var dump string
		if err := b.pool.QueryRow(t.Context(), `select coalesce(string_agg(t::text, E'\n'), '') from `+table+` t`).Scan(&dump); err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string]string{
			"session cookie": out.SessionCookie[27:], "device cookie": out.DeviceCookie[27:],
			"API token": token[len("qianhe_")+27:], "password": right,
		} {
			if strings.Contains(dump, secret) {
				t.Errorf("table %s holds the secret of the %s", table, name)
			}
		}
	}
}

func TestSignInLogsNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := setup(t, func(o *pgaccess.Options) {
		o.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	out := b.signIn(t, "lin")
	_ = b.try(t, wrong, wrong, office)
	for _, secret := range []string{right, wrong, out.SessionCookie[27:], out.DeviceCookie[27:]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), out.Session.ID) {
		t.Errorf("the log does not name the session:\n%s", log.String())
	}
}

// Whatever is not right, the answer is the same, after the same work.
func TestNothingTellsWhetherAnAccountExists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.CreateAccount(t.Context(), access.NewAccount{Login: "chen", Password: right, Person: "p3"}); err != nil {
		t.Fatal(err)
	}
	close := func(t *testing.T) {
		b.exec(t, `update account set disabled_at = now() where login = 'chen'`)
	}
	nothing := func(*testing.T) {}
	tests := []struct {
		name            string
		prepare         func(*testing.T)
		login, password string
	}{
		{"wrong password", nothing, "lin", wrong},
		{"unknown login", nothing, "nobody", right},
		{"empty login", nothing, "", right},
		{"empty password", nothing, "lin", ""},
		{"both empty", nothing, "", ""},
		{"login that cannot be", nothing, "林美惠", right},
		{"login with NUL", nothing, "lin\x00", right},
		{"login that is no text", nothing, "lin\xff", right},
		{"huge login", nothing, strings.Repeat("lin", 1<<16), right},
		{"huge password", nothing, "lin", strings.Repeat(right, 1<<12)},
		{"password that is no text", nothing, "lin", right + "\xff"},
		{"a pattern", nothing, "l%", right},
		{"SQL", nothing, "lin' or '1'='1", right},
		{"closed account", close, "chen", right},
		{"closed account, wrong password", nothing, "chen", wrong},
		{"person has left", func(t *testing.T) {
			b.exec(t, `update account set disabled_at = null where login = 'chen'`)
			b.exec(t, `update person set left_at = now() where id = 'p3'`)
		}, "chen", right},
		{"no local password", func(t *testing.T) {
			b.exec(t, `update person set left_at = null where id = 'p3'`)
			b.exec(t, `update account set password_hash = '' where login = 'chen'`)
		}, "chen", ""},
		{"stored hash is broken", func(t *testing.T) {
			b.exec(t, `update account set password_hash = '$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4' where login = 'chen'`)
		}, "chen", right},
	}
	for _, tt := range tests {
		tt.prepare(t)
		before := b.hasher.verified.Load()
		attempts := b.count(t, `select count(*) from sign_in_attempt where not ok`)
		out, err := b.SignIn(t.Context(), access.SignIn{Login: tt.login, Password: tt.password, Address: office})
		if err != access.ErrCredentials { //nolint:errorlint // it must be no other in any way
			t.Errorf("%s: got %v, want exactly ErrCredentials", tt.name, err)
		}
		if diff := cmp.Diff(access.SignedIn{}, out); diff != "" {
			t.Errorf("%s: gave something:\n%s", tt.name, diff)
		}
		if got := b.hasher.verified.Load() - before; got != 1 {
			t.Errorf("%s: %d hashes were computed, want 1", tt.name, got)
		}
		if got := b.count(t, `select count(*) from sign_in_attempt where not ok`) - attempts; got != 1 {
			t.Errorf("%s: %d failures were counted, want 1", tt.name, got)
		}
	}
	if n := b.count(t, `select count(*) from session`); n != 0 {
		t.Errorf("%d sessions, want none", n)
	}
}

func TestSignInRotates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.signIn(t, "lin")
	b.clock.pass(time.Minute)
	second := b.signIn(t, "lin", with(first), func(in *access.SignIn) { in.UserAgent = pc })
	if second.SessionCookie == first.SessionCookie || second.Session.ID == first.Session.ID {
		t.Error("the session is the same after another sign-in")
	}
	if second.DeviceCookie != first.DeviceCookie || second.Session.Device != first.Session.Device {
		t.Error("the device is another after another sign-in on it")
	}
	wantIDs(t, second.Replaced, "replaced", first.Session.ID)
	wantIDs(t, second.Ended, "ended")
	b.wantNoSession(t, first.SessionCookie, "old cookie after rotation")
	b.wantSession(t, second.SessionCookie, "new cookie")
	devices, err := b.Devices(t.Context(), second.Session.Account, second.Session.Device)
	if err != nil || len(devices) != 1 || devices[0].Label != "Windows · Edge" || !devices[0].LastSeenAt.Equal(b.clock.now()) {
		t.Errorf("devices: got %+v, %v, want one that is now Windows · Edge", devices, err)
	}
}

func TestDeviceCookieOfSomebodyElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lin := b.signIn(t, "lin")
	wang := b.signIn(t, "wang", with(lin))
	if wang.Session.Device == lin.Session.Device || wang.DeviceCookie == lin.DeviceCookie {
		t.Error("two accounts share a device")
	}
	wantIDs(t, wang.Replaced, "replaced")
	wantIDs(t, wang.Ended, "the session that the browser held", lin.Session.ID)
	b.wantNoSession(t, lin.SessionCookie, "session of the one before")

	// A session that the browser cannot prove to hold is left alone.
	lin = b.signIn(t, "lin")
	forged := lin.Session.ID + "." + wang.SessionCookie[27:]
	out := b.signIn(t, "wang", func(in *access.SignIn) { in.SessionCookie = forged })
	wantIDs(t, out.Ended, "forged session cookie")
	b.wantSession(t, lin.SessionCookie, "session named in a forged cookie")

	// One's own session ends too when the browser has lost its device cookie.
	again := b.signIn(t, "lin", func(in *access.SignIn) { in.SessionCookie = lin.SessionCookie })
	wantIDs(t, again.Ended, "own session on a device that is not known any more", lin.Session.ID)
	b.wantNoSession(t, lin.SessionCookie, "own earlier session")
}

func TestForgedDeviceCookie(t *testing.T) {
	t.Parallel()
	b := setup(t)
	known := b.signIn(t, "lin")
	for name, cookie := range map[string]string{
		"secret of another":  known.DeviceCookie[:27] + known.SessionCookie[27:],
		"session as device":  known.SessionCookie,
		"id only":            known.DeviceCookie[:26],
		"garbage":            "x.y",
		"cut":                known.DeviceCookie[:60],
		"unknown id":         "00000000000000000000000000" + known.DeviceCookie[26:],
		"with a NUL":         known.DeviceCookie[:69] + "\x00",
		"somebody's account": "",
	} {
		out := b.signIn(t, "lin", func(in *access.SignIn) { in.DeviceCookie = cookie })
		if out.Session.Device == known.Session.Device || out.DeviceCookie == cookie {
			t.Errorf("%s: it was taken for the known device", name)
		}
	}
	b.wantSession(t, known.SessionCookie, "session of the device")
}

func TestDeviceIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.signIn(t, "lin")
	b.clock.pass(180*24*time.Hour - time.Minute)
	second := b.signIn(t, "lin", with(first))
	if second.Session.Device != first.Session.Device {
		t.Error("a device used within 180 days is another")
	}
	b.clock.pass(180 * 24 * time.Hour)
	third := b.signIn(t, "lin", with(second))
	if third.Session.Device == first.Session.Device {
		t.Error("a device not used for 180 days is still known")
	}
}

// The password that was compared is no longer the password: the session must
// not come to be.
func TestPasswordChangesDuringSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]string{
		"another password": `update account set password_hash = password_hash || 'A' where login = 'lin'`,
		"closed":           `update account set disabled_at = now() where login = 'wang'`,
	} {
		login := map[string]string{"another password": "lin", "closed": "wang"}[name]
		h := &during{hasher: b.hasher, do: func() { b.exec(t, change) }}
		_, err := b.another(func(o *pgaccess.Options) { o.Passwords = h }).
			SignIn(t.Context(), access.SignIn{Login: login, Password: right, Address: office})
		wantError(t, err, access.ErrCredentials, name)
	}
	if n := b.count(t, `select count(*) from session`); n != 0 {
		t.Errorf("%d sessions, want none", n)
	}
	if n := b.count(t, `select count(*) from sign_in_attempt where not ok`); n != 2 {
		t.Errorf("%d failures were counted, want 2", n)
	}
}

func TestRehash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stronger := newHasher(128)
	node := b.another(func(o *pgaccess.Options) { o.Passwords = stronger })
	for range 2 {
		if _, err := node.SignIn(t.Context(), access.SignIn{Login: "lin", Password: right, Address: office}); err != nil {
			t.Fatal(err)
		}
	}
	if got := stronger.hashed.Load(); got != 1 {
		t.Errorf("hashed anew %d times, want once", got)
	}
	var hash string
	if err := b.pool.QueryRow(t.Context(), `select password_hash from account where login = 'lin'`).Scan(&hash); err != nil || !strings.Contains(hash, "m=128,") {
		t.Errorf("got %s, %v, want the new cost", hash, err)
	}
	wantError(t, b.try(t, "lin", wrong, office), access.ErrCredentials, "wrong password after that")
}

func TestConcurrentSignIns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	known := b.signIn(t, "lin")
	nodes := []*pgaccess.Store{b.Store, b.another()}
	outs := make([]access.SignedIn, 12)
	for i, err := range together(len(outs), func(i int) (err error) {
		in := access.SignIn{Login: "lin", Password: right, Address: office, UserAgent: iphone}
		if i%2 == 0 {
			in.DeviceCookie, in.SessionCookie = known.DeviceCookie, known.SessionCookie
		}
		outs[i], err = nodes[i%3%2].SignIn(t.Context(), in)
		return err
	}) {
		if err != nil {
			t.Errorf("sign-in %d: %v", i, err)
		}
	}
	var alive, gone int
	for i, out := range outs {
		_, err := b.Resume(t.Context(), out.SessionCookie)
		switch {
		case err == nil && i%2 == 0:
			alive++
		case errors.Is(err, access.ErrNoSession) && i%2 == 0:
			gone++
		case err != nil:
			t.Errorf("sign-in %d on a new device: %v", i, err)
		}
	}
	if alive != 1 || gone != 5 {
		t.Errorf("on the one device %d sessions live and %d ended, want 1 and 5", alive, gone)
	}
	b.wantNoSession(t, known.SessionCookie, "session before")
}
