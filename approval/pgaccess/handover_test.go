package pgaccess_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

// count is how many alerts of a kind and matter were told.
func (a *told) count(kind approval.AlertKind, matter string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, al := range a.alerts {
		if al.Kind == kind && al.Matter == matter {
			n++
		}
	}
	return n
}

// begin starts a hand-over in a context that waits and gives what it shows and
// what the trusted one is asked.
func (c *confirming) begin(t *testing.T, trusted, in access.SignedIn) (int, access.HandoverAsk) {
	t.Helper()
	if err := c.BeginHandover(t.Context(), in.SessionCookie); err != nil {
		t.Fatalf("begin: %v", err)
	}
	h, err := c.Handover(t.Context(), in.SessionCookie)
	if err != nil || h.Number == 0 || !h.Begun {
		t.Fatalf("shows %+v, %v", h, err)
	}
	asks, err := c.Handovers(t.Context(), trusted.Session)
	if err != nil || len(asks) == 0 || len(asks[0].Choices) != 3 {
		t.Fatalf("asked %+v, %v", asks, err)
	}
	return h.Number, asks[0]
}

func TestHandoverLetsAnotherContextIn(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	browser := c.trusted(t)
	line := c.on(t, lineApple)
	if h, err := c.Handover(t.Context(), line.SessionCookie); err != nil || !h.Can || h.Begun || h.Number != 0 {
		t.Errorf("before: %+v, %v", h, err)
	}
	n, ask := c.begin(t, browser, line)
	if ask.Device != "iPhone · LINE" {
		t.Errorf("asked about %q", ask.Device)
	}
	if err := c.PickHandover(t.Context(), browser.Session, ask.ID, n); err != nil {
		t.Fatal(err)
	}
	if got := c.wantSession(t, line.SessionCookie, "LINE").Standing; got != access.Full {
		t.Errorf("LINE is let in as %s", got)
	}
	c.wantSession(t, browser.SessionCookie, "browser: of the same phone, not retired")
	if c.told.count(approval.AlertReplaced, approval.MatterContext) != 1 || c.told.count(approval.AlertReplaced, "") != 0 {
		t.Errorf("told %q", c.told.matters())
	}
	home := c.on(t, homeApple)
	n, ask = c.begin(t, browser, home)
	if err := c.PickHandover(t.Context(), browser.Session, ask.ID, n); err != nil {
		t.Fatal(err)
	}
	phones := map[string]int{}
	list, err := c.Devices(t.Context(), browser.Session.Account, browser.Session.Device)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		phones[d.Phone]++
	}
	if len(list) != 3 || len(phones) != 1 {
		t.Errorf("%d devices of %d phones, want three contexts of one", len(list), len(phones))
	}
	// No fourth.
	err = c.BeginHandover(t.Context(), c.on(t, lineApple).SessionCookie)
	wantError(t, err, access.ErrContexts, "the fourth context")
	// All three go together.
	phone := c.on(t, android)
	if out := c.pick(t, browser, phone); len(out.Ended) != 3 {
		t.Errorf("a new phone ends %q, want all contexts of the old one", out.Ended)
	}
	for _, in := range []access.SignedIn{browser, line, home} {
		if _, err := c.Resume(t.Context(), in.SessionCookie); !errors.Is(err, access.ErrReplaced) {
			t.Errorf("context of the old phone: %v", err)
		}
	}
}

func TestHandoverAttacks(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	browser := c.trusted(t)
	ctx := t.Context()
	t.Run("replay", func(t *testing.T) {
		line := c.on(t, lineApple)
		n, ask := c.begin(t, browser, line)
		if err := c.PickHandover(ctx, browser.Session, ask.ID, n); err != nil {
			t.Fatal(err)
		}
		wantError(t, c.PickHandover(ctx, browser.Session, ask.ID, n), access.ErrHandoverOver, "again")
		wantError(t, c.BeginHandover(ctx, line.SessionCookie), access.ErrAnswered, "begun by one who is in")
		c.revokeOthers(t, browser)
	})
	t.Run("late", func(t *testing.T) {
		n, ask := c.begin(t, browser, c.on(t, lineApple))
		c.clock.pass(access.HandoverFor)
		wantError(t, c.PickHandover(ctx, browser.Session, ask.ID, n), access.ErrHandoverOver, "after a minute")
		if asks, err := c.Handovers(ctx, browser.Session); err != nil || len(asks) != 0 {
			t.Errorf("after a minute asked %+v, %v", asks, err)
		}
	})
	t.Run("another number", func(t *testing.T) {
		line := c.on(t, lineApple)
		n, ask := c.begin(t, browser, line)
		other := ask.Choices[0]
		if other == n {
			other = ask.Choices[1]
		}
		wantError(t, c.PickHandover(ctx, browser.Session, ask.ID, other), access.ErrWrongNumber, "another number")
		wantError(t, c.PickHandover(ctx, browser.Session, ask.ID, n), access.ErrHandoverOver, "the right one after it")
		c.wantWaiting(t, line.SessionCookie, "after another number")
	})
	t.Run("another family of phones", func(t *testing.T) {
		robot := c.on(t, android)
		wantError(t, c.BeginHandover(ctx, robot.SessionCookie), access.ErrOtherPhone, "Android upon an iPhone")
		if h, err := c.Handover(ctx, robot.SessionCookie); err != nil || h.Can {
			t.Errorf("offered %+v, %v", h, err)
		}
		wantError(t, c.BeginHandover(ctx, c.on(t, pc).SessionCookie), access.ErrOtherPhone, "a desktop")
	})
	t.Run("answered by the new context itself, by another person, by nobody", func(t *testing.T) {
		line := c.on(t, lineApple)
		n, ask := c.begin(t, browser, line)
		wantError(t, c.PickHandover(ctx, line.Session, ask.ID, n), access.ErrTrusted, "by itself")
		forged := line.Session
		forged.Standing = access.Full
		wantError(t, c.PickHandover(ctx, forged, ask.ID, n), access.ErrTrusted, "by itself, with a session of a stale page")
		wang := c.signIn(t, "wang")
		wantError(t, c.PickHandover(ctx, wang.Session, ask.ID, n), approval.ErrNotFound, "by somebody else")
		c.wantWaiting(t, line.SessionCookie, "after all of that")
		wantError(t, c.BeginHandover(ctx, browser.SessionCookie), access.ErrAnswered, "begun by one that is trusted")
		wantError(t, c.BeginHandover(ctx, "nonsense"), access.ErrNoSession, "begun by nobody")
	})
	t.Run("asked until the owner gives in", func(t *testing.T) {
		line := c.on(t, lineApple)
		for range 3 {
			if err := c.BeginHandover(ctx, line.SessionCookie); err != nil {
				break
			}
		}
		var limited *access.LimitedError
		if err := c.BeginHandover(ctx, line.SessionCookie); !errors.As(err, &limited) {
			t.Errorf("the fourth of one session: %v", err)
		}
	})
}

// revokeOthers signs out all devices but this one.
func (c *confirming) revokeOthers(t *testing.T, in access.SignedIn) {
	t.Helper()
	if _, err := c.RevokeOthers(t.Context(), in.Session.Account, in.Session.Device); err != nil {
		t.Fatal(err)
	}
}

// Two nodes, the same answer at once: one lets in.
func TestHandoverRaceOnTwoNodes(t *testing.T) {
	t.Parallel()
	c := newConfirming(t)
	nodes := []*pgaccess.Store{c.Store, c.another()}
	browser := c.trusted(t)
	n, ask := c.begin(t, browser, c.on(t, lineApple))
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = nodes[i%2].PickHandover(context.Background(), browser.Session, ask.ID, n) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, access.ErrHandoverOver):
			t.Errorf("a loser: %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d answers let in, want 1", won)
	}
	if got := c.told.count(approval.AlertReplaced, approval.MatterContext); got != 1 {
		t.Errorf("told %d times", got)
	}
}
