package pghub

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// refreshing has Web Push put right what it shows.
func refreshing(o *Options) { o.Policy = hub.Policy{Refresh: new(true)} }

func (f *fixture) refreshCount() int {
	f.t.Helper()
	return one[int](f, `select count(*) from notification where kind = 'tray.refresh'`)
}

// shows sends amy a push about doc, so that it is on her screen.
func (f *fixture) shows() hub.Message {
	f.t.Helper()
	f.clock.set(at(23, 14, 0))
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.routeAll()
	f.deliverAll()
	select {
	case m := <-f.push.sent:
		return m
	default:
		f.t.Fatal("nothing was pushed")
		return hub.Message{}
	}
}

// What was handled elsewhere: one message for all of it takes the place of what
// is shown, with the counts and the badge of then, makes no sound, and goes to
// no channel where it would be news.
func TestRefresh(t *testing.T) {
	t.Parallel()
	f := newFixture(t, refreshing)
	f.link("amy", hub.WebPush)
	f.link("amy", hub.LINE)
	before := f.shows()
	f.enqueue(f.event(approval.EventLeft, "doc", "amy"))
	f.routeAll()
	f.deliverAll()
	f.push.none(t)
	f.clock.add(20 * time.Second)
	f.trays.set("amy", approval.TrayCounts{All: 2})
	f.enqueue(f.event(approval.EventLeft, "cls", "amy")) // a burst
	if got := f.refreshCount(); got != 1 {
		t.Fatalf("%d refreshes, want 1", got)
	}
	// A page that catches up does not take it from the phone.
	if err := f.SeenUpTo(t.Context(), "amy", 2, hub.Live); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Minute)
	f.deliverAll()
	m := f.push.next(t)
	if m.Kind != hub.KindRefresh || m.Tag != before.Tag || m.Counts.Pending != 2 || m.Title != "待處理公文 2 件" || m.Urgent || m.Urgency != hub.UrgencyLow {
		t.Errorf("refresh is %+v, want one of 2 with tag %s", m, before.Tag)
	}
	f.push.none(t)
	f.line.none(t)
	want := []string{"line cancelled (no longer in this person's hands)", "webpush accepted", "webpush accepted"}
	if diff := cmp.Diff(want, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	// What is handled after that makes it wrong again.
	f.enqueue(f.event(approval.EventLeft, "cls", "amy"))
	if got := f.refreshCount(); got != 2 {
		t.Errorf("%d refreshes after more was handled, want 2", got)
	}
}

func TestNoRefresh(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		policy hub.Policy
		do     func(f *fixture)
	}{
		{"not wanted", hub.Policy{Refresh: new(false)}, func(f *fixture) { f.shows() }},
		{"nothing was sent", hub.Policy{Refresh: new(true)}, func(f *fixture) {}},
		{"it was tapped, and is gone", hub.Policy{Refresh: new(true)}, func(f *fixture) {
			if err := f.SeenDelivery(f.t.Context(), f.shows().Delivery, "amy", hub.WebPush); err != nil {
				f.t.Fatal(err)
			}
		}},
		{"it is too old", hub.Policy{Refresh: new(true)}, func(f *fixture) { f.shows(); f.clock.add(21 * time.Hour) }},
		{"it did not go out", hub.Policy{Refresh: new(true)}, func(f *fixture) {
			f.push.fails(&hub.Rejected{Reason: "no"})
			f.shows()
		}},
		{"it was shown to somebody else", hub.Policy{Refresh: new(true)}, func(f *fixture) {
			f.shows()
			f.exec(`update notification set person = 'ben'`)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *Options) { o.Policy = tt.policy })
			f.link("amy", hub.WebPush)
			tt.do(f)
			f.enqueue(f.event(approval.EventLeft, "doc", "amy"))
			if got := f.refreshCount(); got != 0 {
				t.Errorf("%d refreshes, want none", got)
			}
		})
	}
}

// Read on a desktop, it is still on the phone.
func TestRefreshOfWhatWasReadElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, refreshing)
	f.link("amy", hub.WebPush)
	f.shows()
	if err := f.SeenDocument(t.Context(), "amy", "doc", "web"); err != nil {
		t.Fatal(err)
	}
	f.enqueue(f.event(approval.EventLeft, "doc", "amy"))
	if got := f.refreshCount(); got != 1 {
		t.Errorf("%d refreshes, want 1", got)
	}
}

// News that goes to the same screen has the counts as well: a refresh gives way
// to it, whichever comes first, and never takes its place.
func TestRefreshGivesWay(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"refresh", "news"} {
		t.Run(first+" first", func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, refreshing)
			f.link("amy", hub.WebPush)
			f.shows()
			left, arrived := f.event(approval.EventLeft, "doc", "amy"), f.event(approval.EventArrived, "cls", "amy")
			if first == "news" {
				f.enqueue(arrived)
				f.enqueue(left)
			} else {
				f.enqueue(left)
				f.routeAll()
				f.enqueue(arrived)
			}
			f.routeAll()
			f.clock.add(2 * time.Minute)
			f.deliverAll()
			if m := f.push.next(t); m.Kind != hub.KindArrived {
				t.Errorf("%s was sent, want the news", m.Kind)
			}
			f.push.none(t)
			want := []string{"webpush accepted", "webpush accepted", "webpush cancelled (a later message says it)"}
			if diff := cmp.Diff(want, f.states()); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
		})
	}
}

// Refreshes take no room of what is news.
func TestRefreshIsNotCapped(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Policy = hub.Policy{Refresh: new(true), Cap: 2} })
	f.link("amy", hub.WebPush)
	f.shows()
	for range 3 {
		f.enqueue(f.event(approval.EventLeft, "doc", "amy"))
		f.routeAll()
		f.clock.add(2 * time.Minute)
		f.deliverAll()
		if m := f.push.next(t); m.Kind != hub.KindRefresh {
			t.Fatalf("%s was sent, want a refresh", m.Kind)
		}
	}
	f.enqueue(f.event(approval.EventArrived, "cls", "amy"))
	f.routeAll()
	f.deliverAll()
	if m := f.push.next(t); m.Kind != hub.KindArrived {
		t.Errorf("%s was sent, want the news", m.Kind)
	}
}

// Every open page of the person's gets the new counts when something was
// handled, on whichever node and whether or not it is pushed.
func TestPagesGetCountsOfWhatWasHandled(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.another()
	f.start(f.Hub)
	f.start(other)
	pages := []*livePage{openPage(t, f.pages(f.Hub), nil), openPage(t, f.pages(other), nil)}
	for _, p := range pages {
		p.next("welcome")
	}
	f.trays.set("amy", approval.TrayCounts{All: 4})
	f.enqueue(f.event(approval.EventLeft, "doc", "amy"))
	for i, p := range pages {
		if fr := p.next("counts"); fr.Counts.Pending != 4 {
			t.Errorf("page %d was told of %d, want 4", i, fr.Counts.Pending)
		}
	}
}

// Many handle things of the same people, each in another order, while what is
// due is claimed and planned: nobody dies of a deadlock, and no inbox misses a
// number.
func TestConcurrentRefreshes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, refreshing)
	people := []string{"amy", "ben", "cid", "dan"}
	f.clock.set(at(23, 14, 0))
	for _, p := range people {
		f.link(p, hub.WebPush)
		f.enqueue(f.event(approval.EventArrived, "doc", p))
	}
	f.start(f.Hub)
	waitUntil(t, func() bool {
		return one[int](f, `select count(*) from delivery where state = 'accepted'`) == len(people)
	})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for r := range 10 {
				var events []approval.Event
				for i := range people {
					events = append(events, f.event(approval.EventLeft, "cls", people[(i*3+w+r)%len(people)]))
				}
				if err := f.enqueueWith(f.Hub, events...); err != nil {
					t.Error(err)
				}
				f.clock.add(20 * time.Second)
				f.deliverAll()
			}
		})
	}
	all.Wait()
	if got := query[string](f, `select person from inbox i where seq <> (select count(*) from notification n where n.person = i.person)`); len(got) != 0 {
		t.Errorf("numbers are missing for %v", got)
	}
	if got := f.refreshCount(); got < len(people) || got > 10*len(people) {
		t.Errorf("%d refreshes", got)
	}
}
