package pgaccess_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/access/password"
	"qianhe/approval/pgaccess"
)

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := access.NewAccount{Login: " Chen ", Password: right, Person: "p3", Locale: "en", MustChange: true}
	change := func(f func(*access.NewAccount)) access.NewAccount {
		n := good
		f(&n)
		return n
	}
	for _, tt := range []struct {
		name          string
		account       access.NewAccount
		field, reason string
	}{
		{"login missing", change(func(n *access.NewAccount) { n.Login = "" }), "login", "login.length"},
		{"login in Chinese", change(func(n *access.NewAccount) { n.Login = "陳志強" }), "login", "login.characters"},
		{"login taken", change(func(n *access.NewAccount) { n.Login = "LIN" }), "login", "login.taken"},
		{"person has one", change(func(n *access.NewAccount) { n.Person = "p1" }), "person", "person.account"},
		{"language", change(func(n *access.NewAccount) { n.Locale = "de" }), "locale", "locale.unknown"},
		{"short password", change(func(n *access.NewAccount) { n.Password = "short" }), "password", "password.short"},
		{"password of the login", change(func(n *access.NewAccount) { n.Password = "chen-chen-2026" }), "password", "password.common"},
		{"password of name and unit", change(func(n *access.NewAccount) { n.Password = "青川市政府陳志強密碼1234" }), "password", "password.common"},
	} {
		wantInvalid(t, b.CreateAccount(t.Context(), tt.account), tt.field, tt.reason, tt.name)
	}
	nobody := change(func(n *access.NewAccount) { n.Person = "p9" })
	wantError(t, b.CreateAccount(t.Context(), nobody), approval.ErrNotFound, "no such person")

	if err := b.CreateAccount(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	s := b.signIn(t, "chen").Session
	if s.Login != "chen" || s.Locale != "en" || !s.MustChange || s.Person.ID != "p3" || s.UnitName != "青川市政府" {
		t.Errorf("got %+v", s)
	}
}

func TestPersonByLogin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got, err := b.PersonByLogin(t.Context(), "Wang")
	want := approval.Person{ID: "p2", Name: "王大明", Title: "科長", Unit: "u1", Roles: []approval.Role{approval.RoleOfficial, approval.RoleRegistry}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	b.exec(t, `update account set disabled_at = now() where login = 'wang'`)
	b.exec(t, `update person set left_at = now() where id = 'p1'`)
	for _, login := range []string{"wang", "lin", "nobody", "", "林美惠", "x\x00", "x\xff"} {
		_, err := b.PersonByLogin(t.Context(), login)
		wantError(t, err, approval.ErrNotFound, login)
	}
}

func TestSetLocale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.signIn(t, "lin")
	if err := b.SetLocale(t.Context(), out.Session.Account, "en"); err != nil {
		t.Fatal(err)
	}
	if got := b.wantSession(t, out.SessionCookie, "after that").Locale; got != "en" {
		t.Errorf("got %q, want en", got)
	}
	wantInvalid(t, b.SetLocale(t.Context(), out.Session.Account, "xx"), "locale", "locale.unknown", "unknown language")
	wantError(t, b.SetLocale(t.Context(), "nobody", "en"), approval.ErrNotFound, "no such account")
}

const better = "seven herons at the weir"

func TestChangePassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.CreateAccount(t.Context(), access.NewAccount{Login: "chen", Password: right, Person: "p3", MustChange: true}); err != nil {
		t.Fatal(err)
	}
	before := b.signIn(t, "chen")
	here := b.signIn(t, "chen", with(before))
	phone, wang := b.signIn(t, "chen"), b.signIn(t, "wang")
	b.clock.pass(time.Hour)
	out, err := b.ChangePassword(t.Context(), here.Session, right, better)
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, out.Ended, "ended", phone.Session.ID)
	b.wantNoSession(t, phone.SessionCookie, "other device")
	b.wantNoSession(t, here.SessionCookie, "a copy of the old cookie")
	b.wantSession(t, wang.SessionCookie, "somebody else")
	got := b.wantSession(t, out.SessionCookie, "this session under its new cookie")
	want := here.Session
	want.MustChange = false
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	wantError(t, b.try(t, "chen", right, office), access.ErrCredentials, "old password")
	wantError(t, b.try(t, "chen", better, office), nil, "new password")
}

func TestChangePasswordRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *pgaccess.Options) { o.Choice = password.Policy{Min: 14, Words: []string{"heron"}} })
	here, phone := b.signIn(t, "lin"), b.signIn(t, "lin")
	change := func(old, new string) error {
		_, err := b.ChangePassword(t.Context(), here.Session, old, new)
		return err
	}
	wantInvalid(t, change(right, "tr7-Kw0p-zz4q"), "password", "password.short", "short")
	wantInvalid(t, change(right, "heron heron heron 1"), "password", "password.common", "the agency's word")
	wantInvalid(t, change(right, "林美惠林美惠林美惠林美惠lin"), "password", "password.common", "own name")
	wantInvalid(t, change(right, right), "password", "password.same", "the same")
	if n := b.count(t, `select count(*) from sign_in_attempt where not ok`); n != 0 {
		t.Errorf("%d failures were counted before the password was looked at", n)
	}
	for range 10 {
		wantError(t, change(wrong, better), access.ErrCredentials, "wrong old password")
	}
	wantLimited(t, change(right, better), "right one, while limited")
	wantLimited(t, b.try(t, "lin", right, office, with(here)), "sign-in on this device")
	wantError(t, b.try(t, "lin", right, office), nil, "sign-in on another")
	b.wantSession(t, here.SessionCookie, "this session")
	b.wantSession(t, phone.SessionCookie, "other session")

	b.clock.pass(15 * time.Minute)
	if _, err := b.SignOut(t.Context(), here.Session.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, change(right, better), access.ErrNoSession, "session has ended")
	wantError(t, b.try(t, "lin", right, office), nil, "the password is what it was")
	b.exec(t, `update account set disabled_at = now()`)
	_, err := b.ChangePassword(t.Context(), phone.Session, right, better)
	wantError(t, err, access.ErrNoSession, "account is closed")
}

// Of two changes at once from two devices, one wins; the other's session has
// ended by then.
func TestConcurrentPasswordChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	outs := []access.SignedIn{b.signIn(t, "lin"), b.signIn(t, "lin")}
	passwords := []string{better, "nine boats below the dam"}
	var won []int
	for i, err := range together(2, func(i int) error {
		_, err := b.ChangePassword(t.Context(), outs[i].Session, right, passwords[i])
		return err
	}) {
		if err == nil {
			won = append(won, i)
		} else {
			wantError(t, err, access.ErrCredentials, "the one who lost")
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d changes won, want 1", len(won))
	}
	wantError(t, b.try(t, "lin", passwords[won[0]], office), nil, "the winner's password")
	wantError(t, b.try(t, "lin", passwords[1-won[0]], office), access.ErrCredentials, "the loser's password")
}
