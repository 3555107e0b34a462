package pgaccess_test

import (
	"errors"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/approval/access"
)

const (
	lineApple = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/15.1.0"
	homeApple = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
	android   = "Mozilla/5.0 (Linux; Android 15; SM-S9310) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36"
)

// on signs lin in on a browser that is not known.
func (c *confirming) on(t *testing.T, agent string) access.SignedIn {
	t.Helper()
	return c.signIn(t, "lin", func(in *access.SignIn) { in.UserAgent = agent })
}

// pick confirms a sign-in on a device that is trusted.
func (c *confirming) pick(t *testing.T, on access.SignedIn, in access.SignedIn) access.Answered {
	t.Helper()
	w := c.wait(t, in.SessionCookie)
	out, err := c.PickNumber(t.Context(), on.Session, w.Challenge, w.Number)
	if err != nil {
		t.Fatalf("pick: %v", err)
	}
	return out
}

func (c *confirming) set(t *testing.T, change func(*access.Settings)) {
	t.Helper()
	list, err := c.SettingsHistory(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s := list[0].Settings.Clone()
	change(&s)
	if err := c.SaveSettings(t.Context(), "", list[0].Version, s); err != nil {
		t.Fatal(err)
	}
}

func TestNewPhoneRetiresTheOld(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	old := c.trusted(t)
	desk := c.on(t, pc)
	if out := c.pick(t, old, desk); len(out.Ended) != 0 {
		t.Errorf("a desktop ends %q", out.Ended)
	}
	phone := c.on(t, android)
	w := c.wait(t, phone.SessionCookie)
	n, err := c.Newcomer(t.Context(), old.Session, w.Challenge)
	if err != nil || len(n.Replaces) != 1 || n.Replaces[0].Label != "iPhone · Safari" || !n.Replaces[0].Current {
		t.Errorf("before: %+v, %v", n.Replaces, err)
	}
	if len(w.Replaces) != 1 {
		t.Errorf("the new phone is told %+v", w.Replaces)
	}
	out := c.pick(t, old, phone)
	if strings.Join(out.Ended, " ") != old.Session.ID {
		t.Errorf("ended %q, want the session of the old phone", out.Ended)
	}
	_, err = c.Resume(t.Context(), old.SessionCookie)
	if !errors.Is(err, access.ErrReplaced) || !errors.Is(err, access.ErrNoSession) {
		t.Errorf("the old phone: %v, want ErrReplaced", err)
	}
	if c.wantSession(t, phone.SessionCookie, "new phone").Standing != access.Full {
		t.Error("the new phone is not in")
	}
	c.wantSession(t, desk.SessionCookie, "desktop")
	if got := c.told.matters(); !strings.Contains(got, "p1") || c.told.count(approval.AlertReplaced, "") != 1 {
		t.Errorf("told %q", got)
	}
	if n := c.count(t, `select count(*) from access_event where kind = 'device.replaced'`); n != 1 {
		t.Errorf("%d entries in the audit trail", n)
	}
	// Its device is that of a stranger now.
	if again := c.signIn(t, "lin", with(old)); again.Session.Standing != access.Waiting {
		t.Errorf("the old phone signs in as %s", again.Session.Standing)
	}
	// Another's cookie says nothing.
	_, err = c.Resume(t.Context(), old.Session.ID+"."+strings.Repeat("A", 43))
	if errors.Is(err, access.ErrReplaced) || !errors.Is(err, access.ErrNoSession) {
		t.Errorf("with the identifier alone: %v", err)
	}
}

func TestHowManyPhones(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	c.set(t, func(s *access.Settings) { s.Phones = 2; s.Desktops = 1 })
	first := c.trusted(t)
	second := c.on(t, android)
	if out := c.pick(t, first, second); len(out.Ended) != 0 {
		t.Errorf("the second of two ends %q", out.Ended)
	}
	desk, other := c.on(t, pc), c.on(t, pc)
	c.pick(t, first, desk)
	if out := c.pick(t, first, other); strings.Join(out.Ended, " ") != desk.Session.ID {
		t.Errorf("the second desktop of one ends %q", out.Ended)
	}
	c.set(t, func(s *access.Settings) { s.Phones = 1; s.SingleRoles = []approval.Role{approval.RoleAdmin} })
	third := c.on(t, iphone)
	if out := c.pick(t, first, third); len(out.Ended) != 0 {
		t.Errorf("of a role that may have many: ends %q", out.Ended)
	}
}

// A stolen text cannot evict the owner: the old phone stays until nobody can
// object any more, and goes with the next sign-in after that.
func TestATextAloneRetiresNothing(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	old := c.trusted(t)
	phone := c.on(t, android)
	if err := c.SendText(t.Context(), phone.SessionCookie, office); err != nil {
		t.Fatal(err)
	}
	phone = c.byCode(t, phone)
	if phone.Session.Standing != access.Reading {
		t.Fatalf("by a text alone: %s", phone.Session.Standing)
	}
	c.wantSession(t, old.SessionCookie, "old phone")
	p := access.DefaultPolicy()
	c.clock.pass(p.Reading + 1)
	old, phone = c.signIn(t, "lin", with(old)), c.signIn(t, "lin", with(phone), func(in *access.SignIn) { in.UserAgent = android })
	c.wantSession(t, old.SessionCookie, "old phone, while it can object")
	c.clock.pass(p.Undo)
	old = c.signIn(t, "lin", with(old))
	c.wantSession(t, old.SessionCookie, "old phone: its own sign-in displaces nobody")
	phone = c.signIn(t, "lin", with(phone), func(in *access.SignIn) { in.UserAgent = android })
	if strings.Join(phone.Ended, " ") == "" {
		t.Error("nothing was ended")
	}
	if _, err := c.Resume(t.Context(), old.SessionCookie); !errors.Is(err, access.ErrReplaced) {
		t.Errorf("old phone at last: %v", err)
	}
}
