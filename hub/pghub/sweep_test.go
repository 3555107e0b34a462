package pghub

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestSweepFindsWhatJobsHaveLost(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.clock.set(at(23, 15, 0)) // no digest
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.exec(`delete from river_job`)

	sweep := func() {
		t.Helper()
		if err := f.sweep(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	if got := f.states(); len(got) != 0 {
		t.Fatalf("planned at once: %v", got)
	}
	f.clock.add(31 * time.Second)
	sweep()
	if diff := cmp.Diff([]string{"line pending"}, f.states()); diff != "" {
		t.Fatalf("not planned (-want +got):\n%s", diff)
	}

	f.clock.add(49 * time.Hour)
	sweep()
	if diff := cmp.Diff([]string{"line failed (nobody delivered it)"}, f.states()); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
}

// The process that recorded a failure died before it brought the next channel
// forward.
func TestSweepBringsForward(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.clock.set(at(23, 15, 0))
	f.link("amy", hub.WebPush)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.clock.add(31 * time.Second)
	sweep := func() {
		t.Helper()
		if err := f.sweep(t.Context(), f.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	waits := func() bool {
		return one[bool](f, `select not_before > $1 from delivery where channel = 'line' and state = 'pending'`, f.clock.Now())
	}
	if !waits() {
		t.Fatal("LINE does not wait for its turn")
	}
	f.exec(`update delivery set state = 'failed', reason = 'gone', done_at = $1 where channel = 'webpush'`, f.clock.Now())
	sweep()
	if waits() {
		t.Error("LINE waits although nothing else can reach anybody")
	}
}

func TestSweepTellsTheDigest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 2 {
		if err := f.sweep(t.Context(), at(23, 8, 30)); err != nil {
			t.Fatal(err)
		}
	}
	if got := one[int](f, `select count(*) from notification where kind = 'pending.digest'`); got != 4 {
		t.Errorf("%d digests, want 4", got)
	}
}
