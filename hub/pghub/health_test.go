package pghub

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// metered is a channel with a monthly quota and a price.
type metered struct {
	*channel
	quota func() (hub.Quota, error)
}

func (c metered) Quota(context.Context) (hub.Quota, error) { return c.quota() }
func (c metered) Cost(hub.Message) int                     { return 1 }
func (c metered) Rate() (float64, int)                     { return 2000, 2000 }

func (f *fixture) health(c hub.ChannelName) hub.ChannelHealth {
	f.t.Helper()
	list, err := f.Health(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, h := range list {
		if h.Channel == c {
			return h
		}
	}
	f.t.Fatalf("nothing is said of %s", c)
	return hub.ChannelHealth{}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	line := metered{newChannel(hub.LINE), func() (hub.Quota, error) { return hub.Quota{Limit: 3000, Used: 100}, nil }}
	f := newFixture(t, func(o *Options) { o.Channels = []hub.Channel{line}; o.Log = quietLog() })
	if diff := cmp.Diff(hub.ChannelHealth{Channel: hub.SMS, Hour: map[hub.Outcome]int{}}, f.health(hub.SMS)); diff != "" {
		t.Errorf("a channel that nobody has (-want +got):\n%s", diff)
	}
	if err := f.readQuotas(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.many(5, hub.LINE, hub.PriorityNormal)
	f.exec(`update channel_link set disabled_at = $1 where person = 'x4'`, morning)
	f.clock.add(time.Minute)
	got := f.health(hub.LINE)
	want := hub.ChannelHealth{
		Channel: hub.LINE, InService: true, Waiting: 5, Oldest: morning, Hour: map[hub.Outcome]int{}, Links: 4,
		Quota: hub.Quota{Limit: 3000, Used: 100}, QuotaAt: morning, Rate: 2000,
	}
	if diff := cmp.Diff(want, got, alike); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}

	f.deliverAll()
	f.writeTally(t.Context())
	sent := f.clock.Now()
	f.clock.add(time.Minute)
	f.many(2, hub.LINE, hub.PriorityNormal)
	line.fails(&hub.ChannelDown{Until: f.clock.Now().Add(time.Hour), Reason: "401 bad token"})
	f.deliverAll()
	f.another().writeTally(t.Context()) // has nothing
	f.writeTally(t.Context())
	f.clock.add(time.Minute)
	got = f.health(hub.LINE)
	want = hub.ChannelHealth{
		Channel: hub.LINE, InService: true, DownUntil: morning.Add(62 * time.Minute), Reason: "401 bad token",
		LastError: "401 bad token", LastErrAt: morning.Add(2 * time.Minute), LastSent: sent,
		Waiting: 2, Oldest: morning.Add(2 * time.Minute), Hour: map[hub.Outcome]int{hub.OutcomeAccepted: 4, hub.OutcomeChannelDown: 2}, Links: 4,
		Quota: hub.Quota{Limit: 3000, Used: 104}, QuotaAt: morning, Rate: 2000, Cost: 4,
	}
	if diff := cmp.Diff(want, got, alike); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}

	f.clock.set(time.Date(2026, 12, 1, 10, 0, 0, 0, approval.Zone))
	if got := f.health(hub.LINE); got.Cost != 0 || got.Quota != (hub.Quota{}) || len(got.Hour) != 0 || !got.DownUntil.IsZero() {
		t.Errorf("in the next month: %+v, want nothing of the last", got)
	}
}

// What is left of the quota is for what is urgent; everything else takes the
// next channel.
func TestQuotaIsKeptForWhatIsUrgent(t *testing.T) {
	t.Parallel()
	used, broken := int64(2699), error(nil)
	line := metered{newChannel(hub.LINE), func() (hub.Quota, error) { return hub.Quota{Limit: 3000, Used: used}, broken }}
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.opt.Channels = []hub.Channel{line, f.push}
	f.Hub = f.another()
	read := func() {
		t.Helper()
		if err := f.readQuotas(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	read()
	first := f.delivery("amy", hub.LINE, hub.StatePending, 0, "")
	f.pumps[hub.LINE].drain(t.Context())
	if got := f.stands(first); line.take() != 1 || got[:8] != "accepted" {
		t.Errorf("below the share: %q", got)
	}
	used = 2700
	read()
	broken = errors.New("503") // what was known goes on to hold
	read()
	normal := f.delivery("amy", hub.LINE, hub.StatePending, 0, "")
	next := f.beside(normal, hub.WebPush, time.Hour)
	urgent := f.delivery("ben", hub.LINE, hub.StatePending, 0, "")
	f.exec(`update delivery set priority = 0 where id = $1`, urgent)
	f.pumps[hub.LINE].drain(t.Context())
	if m := line.next(t); m.Delivery != urgent {
		t.Errorf("sent %s, want the urgent one", m.Delivery)
	}
	line.none(t)
	if got := one[string](f, `select concat_ws(' ', state, reason) from delivery where id = $1`, normal); got != "failed what is left of the quota is for what is urgent" {
		t.Errorf("what is not urgent: %q", got)
	}
	if !one[bool](f, `select not_before = $2 from delivery where id = $1`, next, morning) {
		t.Error("its next channel was not brought forward")
	}

	// A new month has a new quota, whatever was read in the last.
	f.clock.set(time.Date(2026, 12, 1, 0, 10, 0, 0, approval.Zone))
	fresh := f.delivery("amy", hub.LINE, hub.StatePending, 0, "")
	f.pumps[hub.LINE].drain(t.Context())
	if m := line.next(t); m.Delivery != fresh {
		t.Errorf("sent %s, want %s", m.Delivery, fresh)
	}
}

func TestSendTest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.LINE)
	f.link("amy", hub.WebPush)
	f.link("ben", hub.LINE)
	for range 2 { // pressed twice
		if err := f.SendTest(t.Context(), "amy", hub.LINE); err != nil {
			t.Fatal(err)
		}
	}
	f.routeAll()
	f.deliverAll()
	if m := f.line.next(t); m.Kind != hub.KindTest || m.Person != "amy" || m.Title == "" {
		t.Errorf("sent %s %q to %s", m.Kind, m.Title, m.Person)
	}
	f.line.none(t)
	f.push.none(t)
	f.clock.add(time.Minute)
	if err := f.SendTest(t.Context(), "amy", hub.LINE); err != nil {
		t.Fatal(err)
	}
	f.deliverAll()
	f.line.next(t)
	for name, c := range map[approval.PersonID]hub.ChannelName{"amy": hub.SMS, "ben": hub.WebPush} {
		if err := f.SendTest(t.Context(), name, c); !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("%s through %s: %v, want not found", name, c, err)
		}
	}
}

// Nodes that are started write what they have counted before they end.
func TestTallyIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.set(at(23, 15, 0))
	f.many(3, hub.LINE, hub.PriorityNormal)
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.settled(`select count(*) = 3 from delivery where state = 'accepted'`)
	stop(t, f.Hub)
	if got := f.health(hub.LINE); got.Hour[hub.OutcomeAccepted] != 3 || got.LastSent.IsZero() {
		t.Errorf("after the end: %+v", got)
	}
}
