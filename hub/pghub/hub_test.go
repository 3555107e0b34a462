package pghub

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"qianhe/approval"
	"qianhe/hub"
)

// settled waits until the database says true.
func (f *fixture) settled(sql string) {
	f.t.Helper()
	waitUntil(f.t, func() bool { return one[bool](f, sql) })
}

// hurry lets the jobs of later run now: the hub's clock has come so far,
// River's has not.
func (f *fixture) hurry() {
	f.t.Helper()
	for _, id := range query[int64](f, `select id from river_job where state = 'scheduled'`) {
		if _, err := f.river.JobRetry(f.t.Context(), id); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestFromDecisionToPhone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.set(at(23, 15, 0)) // no digest
	f.start(f.Hub)
	for _, p := range []string{"amy", "ben"} {
		f.link(p, hub.WebPush)
		f.link(p, hub.LINE)
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	if m := f.push.next(t); m.Person != "amy" {
		t.Errorf("Web Push to %s, want amy", m.Person)
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "ben"))
	if m := f.push.next(t); m.Person != "ben" {
		t.Errorf("Web Push to %s, want ben", m.Person)
	}
	f.settled(`select count(*) = 2 from delivery where channel = 'webpush' and state = 'accepted'`)
	f.line.none(t)
	if err := f.SeenDocument(t.Context(), "amy", "doc", "web"); err != nil {
		t.Fatal(err)
	}
	f.clock.add(15 * time.Minute)
	f.hurry()
	if m := f.line.next(t); m.Person != "ben" {
		t.Errorf("LINE to %s, want ben, who has not seen it", m.Person)
	}
	f.settled(`select count(*) = 0 from delivery where done_at is null`)
	f.line.none(t)
	want := []string{"line accepted", "line cancelled (seen)", "webpush accepted", "webpush accepted"}
	if diff := cmp.Diff(want, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if got := value(t, f.metrics.deliveries.WithLabelValues("webpush", "accepted")); got != 2 {
		t.Errorf("accepted by Web Push: %v, want 2", got)
	}
}

// The first sweep comes with the start and tells the digest that is due.
func TestDigestComesByItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.LINE)
	f.start(f.Hub)
	if m := f.line.next(t); m.Kind != hub.KindDigest {
		t.Errorf("LINE was sent %s, want the digest", m.Kind)
	}
}

// A provider says later; the pump comes back by itself.
func TestRetryByItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		o.Now = nil
		o.Retries.Base = time.Millisecond
		o.Log = quietLog()
		o.DigestCron = "0 0 1 1 *"
	})
	f.link("amy", hub.WebPush)
	f.push.fails(&hub.Retry{Reason: "503"})
	f.start(f.Hub)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", func(e *approval.Event) { e.At = time.Now() }))
	first, second := f.push.next(t), f.push.next(t)
	if second.Delivery != first.Delivery {
		t.Errorf("sent %s, want %s again", second.Delivery, first.Delivery)
	}
	if got := one[int](f, `select count(*) from attempt where outcome = 'retry'`); got < 1 {
		t.Errorf("%d retries on record, want 1 at least", got)
	}
}

// Two nodes share the work: everything goes out, nothing twice.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.set(at(23, 15, 0))
	f.link("amy", hub.WebPush)
	f.start(f.Hub)
	f.start(f.another())
	const n = 60
	for i := range n {
		doc := fmt.Sprint("more", i)
		f.document(doc, "")
		f.enqueue(f.event(approval.EventArrived, doc, "amy"))
	}
	seen := map[string]bool{}
	for range n {
		m := f.push.next(t)
		if seen[m.Delivery] {
			t.Errorf("%s was sent twice", m.Delivery)
		}
		seen[m.Delivery] = true
	}
	f.push.none(t)
}

func TestStartAndStop(t *testing.T) {
	f := newFixture(t) // not parallel: it counts goroutines
	before := goleak.IgnoreCurrent()
	stop(t, f.Hub)
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		if err := f.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := f.Start(ctx); err != nil {
			t.Errorf("second Start: %v", err)
		}
		f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
		stop(t, f.Hub)
		stop(t, f.Hub)
		cancel()
	}
	f.pool.Reset() // its idle connections have goroutines of their own
	goleak.VerifyNone(t, before)
}

// Stop does not wait for a provider that hangs, and what was begun is recorded.
func TestStopCancelsAHangingCall(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.clock.set(at(23, 15, 0))
	f.link("amy", hub.WebPush)
	f.push.answers(func(ctx context.Context, _ hub.Message) (hub.Receipt, error) {
		<-ctx.Done()
		return hub.Receipt{}, &hub.Unknown{Reason: "cancelled", Safe: true}
	})
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.push.next(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no patience at all
	if err := f.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop: %v", err)
	}
	stop(t, f.Hub)
	if diff := cmp.Diff([]string{"webpush unknown (cancelled)"}, f.states()); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tests := []struct {
		name string
		set  func(*Options)
	}{
		{"no trays", func(o *Options) { o.Trays = nil }},
		{"no sealer", func(o *Options) { o.Sealer = nil }},
		{"no calendar", func(o *Options) { o.Workdays = nil }},
		{"a schedule that is none", func(o *Options) { o.DigestCron = "at breakfast" }},
		{"a channel twice", func(o *Options) { o.Channels = append(o.Channels, f.push) }},
		{"live connections have no deliveries", func(o *Options) { o.Channels = []hub.Channel{newChannel(hub.Live)} }},
	}
	for _, tt := range tests {
		opt := f.opt
		tt.set(&opt)
		if _, err := New(f.pool, opt); err == nil {
			t.Errorf("%s: New took it", tt.name)
		}
	}
	opt := f.opt
	opt.Registerer = prometheus.NewRegistry()
	if _, err := New(f.pool, opt); err != nil {
		t.Error(err)
	}
	if _, err := New(f.pool, opt); err == nil {
		t.Error("metrics were registered twice")
	}
}
