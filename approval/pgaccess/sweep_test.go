package pgaccess_test

import (
	"testing"
	"time"

	"qianhe/approval/access"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const day = 24 * time.Hour
	counts := func() [3]int {
		return [3]int{
			b.count(t, `select count(*) from sign_in_attempt`),
			b.count(t, `select count(*) from session`),
			b.count(t, `select count(*) from device`),
		}
	}
	linked := b.signIn(t, "lin")
	b.exec(t, `
		insert into channel_link (id, person, channel, address_hash, address, session, created_at, confirmed_at)
		values ('l1', 'p1', 'webpush', sha256('x'), 'x', $1, now(), now())`, linked.Session.ID)
	b.signIn(t, "lin")
	out := b.signIn(t, "lin")
	if _, err := b.RevokeDevice(t.Context(), out.Session.Account, out.Session.Device); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		pass time.Duration
		want [3]int // attempts, sessions, devices
	}{
		{"at once", 0, [3]int{3, 3, 3}},
		{"within a day", day - time.Second, [3]int{3, 3, 3}},
		{"a day later", time.Second, [3]int{0, 3, 3}},
		{"30 days after one was revoked", 29 * day, [3]int{0, 2, 2}},
		{"30 days after the end of all", 7 * day, [3]int{0, 1, 2}},
		{"half a year later", 143 * day, [3]int{0, 1, 1}},
	}
	for _, step := range steps {
		b.clock.pass(step.pass)
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := counts(); got != step.want {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
	b.exec(t, `delete from channel_link`)
	for _, err := range together(4, func(int) error { return b.another().Sweep(t.Context()) }) {
		if err != nil {
			t.Errorf("several at once: %v", err)
		}
	}
	if got := counts(); got != [3]int{} {
		t.Errorf("after the link: got %v, want nothing", got)
	}
}

// What the agency has decided on how long records are kept is what the sweep
// does.
func TestSweepKeepsAsLongAsTheAgencyHasDecided(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.pass(time.Since(b.clock.now())) // the database has a clock of its own
	b.exec(t, `insert into access_event (at, kind) values (now() - interval '7 months', 'signin.refused'), (now() - interval '5 months', 'signin.refused')`)
	in := b.signIn(t, "lin")
	if _, err := b.SignOut(t.Context(), in.Session.ID); err != nil {
		t.Fatal(err)
	}
	left := func(name string, events, sessions int) {
		t.Helper()
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.count(t, `select count(*) from access_event where kind = 'signin.refused'`); got != events {
			t.Errorf("%s: %d events, want %d", name, got, events)
		}
		if got := b.count(t, `select count(*) from session`); got != sessions {
			t.Errorf("%s: %d sessions, want %d", name, got, sessions)
		}
	}
	left("by default", 2, 1)
	settings := access.DefaultSettings()
	settings.KeepAudit, settings.KeepSessions = 6, 60
	if err := b.SaveSettings(t.Context(), "", 0, settings); err != nil {
		t.Fatal(err)
	}
	b.clock.pass(40 * 24 * time.Hour)
	left("six months, and 60 days", 1, 1)
	b.clock.pass(21 * 24 * time.Hour)
	left("after those", 1, 0)
}
