package pgaccess_test

import (
	"testing"
	"time"
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
