package pghub

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// plans gives "document channel state time (reason)" of every delivery to a
// person, in the order of the inbox.
func (f *fixture) plans(person string) []string {
	f.t.Helper()
	return query[string](f, `
		select concat_ws(' ', coalesce(n.document, n.kind), d.channel, d.state, to_char(d.not_before at time zone 'Asia/Taipei', 'DD HH24:MI'), nullif('(' || d.reason || ')', '()'))
		from delivery d join notification n on n.id = d.notification
		where n.person = $1
		order by n.seq, d.channel`, person)
}

func (f *fixture) wantPlans(person string, want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), f.plans(person)); diff != "" {
		f.t.Errorf("deliveries of %s (-want +got):\n%s", person, diff)
	}
}

// more makes documents that nobody has yet been told of.
func (f *fixture) more(names ...string) {
	f.t.Helper()
	for _, n := range names {
		f.document(n, "")
	}
}

func (f *fixture) arrive(doc, person string, set ...func(*approval.Event)) {
	f.t.Helper()
	f.enqueue(f.event(approval.EventArrived, doc, person, set...))
	f.routeAll()
}

// TestLaterMessageTakesThePlace: of what waits for one address the latest goes
// out, and no later than the first would have.
func TestLaterMessageTakesThePlace(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	f.link("amy", hub.LINE)
	f.link("amy", hub.WebPush)
	f.link("ben", hub.LINE)
	f.more("two", "three")
	f.arrive("doc", "amy")
	f.arrive("doc", "ben")
	f.deliverAll()
	f.clock.add(5 * time.Minute)
	f.arrive("two", "amy")
	f.deliverAll()
	f.wantPlans("amy",
		"doc line cancelled 23 10:15 (a later message says it)", "doc webpush accepted 23 10:00",
		"two line pending 23 10:15", "two webpush accepted 23 10:05")
	f.wantPlans("ben", "doc line pending 23 10:15")
	// Nor does another kind of the same group, or one of another group, wait longer.
	f.clock.add(5 * time.Minute)
	f.enqueue(f.event(approval.EventReturned, "three", "amy"), f.event(approval.EventDecided, "three", "amy"))
	f.routeAll()
	f.wantPlans("amy",
		"doc line cancelled 23 10:15 (a later message says it)", "doc webpush accepted 23 10:00",
		"two line cancelled 23 10:15 (a later message says it)", "two webpush accepted 23 10:05",
		"three line pending 23 10:15", "three webpush pending 23 10:10",
		"three line pending 23 10:25", "three webpush pending 23 10:10")
	f.clock.add(5 * time.Minute)
	f.deliverAll()
	for range 2 {
		if m := f.line.next(t); m.Person == "amy" && !strings.HasPrefix(m.Title, "公文退回 1 件") {
			t.Errorf("LINE says %q", m.Title)
		}
	}
	f.line.none(t)
}

func TestUrgentIsNotGivenUpForLess(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	f.link("amy", hub.LINE)
	f.more("two", "three")
	f.line.fails(&hub.Retry{After: 30 * time.Minute, Reason: "busy"})
	f.arrive("doc", "amy", highest)
	f.deliverAll()
	f.arrive("two", "amy")
	f.wantPlans("amy", "doc line pending 23 10:30 (busy)", "two line pending 23 10:15")
	f.arrive("three", "amy", highest)
	f.wantPlans("amy",
		"doc line cancelled 23 10:30 (a later message says it)", "two line cancelled 23 10:15 (a later message says it)",
		"three line pending 23 10:00")
}

// What was given up for a message that has lost its point is told all the same.
func TestGivenUpComesBack(t *testing.T) {
	t.Parallel()
	left := func(f *fixture) error {
		return f.enqueueWith(f.Hub, f.event(approval.EventLeft, "three", "amy"))
	}
	seen := func(f *fixture) error { return f.SeenDocument(f.t.Context(), "amy", "three", "web") }
	for name, withdraw := range map[string]func(*fixture) error{"left": left, "seen": seen} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, house)
			f.link("amy", hub.LINE)
			f.more("two", "three")
			for _, doc := range []string{"doc", "two", "three"} {
				f.arrive(doc, "amy")
				f.clock.add(5 * time.Minute)
			}
			if err := withdraw(f); err != nil {
				t.Fatal(err)
			}
			jobs := one[int](f, `select jsonb_array_length(args -> 'notifications') from river_job where kind = 'route' order by id desc limit 1`)
			if jobs != 2 {
				t.Errorf("%d notifications are to be planned again, want 2", jobs)
			}
			f.routeAll()
			f.wantPlans("amy",
				"doc line cancelled 23 10:15 (a later message says it)", "two line pending 23 10:15",
				"three line cancelled 23 10:15 ("+map[string]string{"left": "no longer in this person's hands", "seen": "seen"}[name]+")")
			if err := f.enqueueWith(f.Hub, f.event(approval.EventLeft, "two", "amy")); err != nil {
				t.Fatal(err)
			}
			f.routeAll()
			f.wantPlans("amy",
				"doc line pending 23 10:15", "two line cancelled 23 10:15 (no longer in this person's hands)",
				"three line cancelled 23 10:15 ("+map[string]string{"left": "no longer in this person's hands", "seen": "seen"}[name]+")")
			f.deliverAll()
			f.line.next(t)
			f.line.none(t)
		})
	}
}

// A server that was away plans what it finds, and sends one message of it.
func TestManyAtOnceBecomeOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	f.link("amy", hub.LINE)
	f.clock.set(at(23, 21, 0))
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprint("n", i)
	}
	f.more(names...)
	for _, n := range names {
		f.enqueue(f.event(approval.EventArrived, n, "amy"))
	}
	f.clock.set(at(24, 7, 50))
	f.routeAll()
	f.deliverAll()
	if m := f.line.next(t); m.Counts.Pending != 5 {
		t.Errorf("LINE says %q", m.Text)
	}
	f.line.none(t)
	if got := one[int](f, `select count(*) from delivery where reason = $1 and superseded_by is not null`, superseded); got != 19 {
		t.Errorf("%d were given up, want 19", got)
	}
}

func TestPreferencesAndPolicyAreUsed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	for _, p := range []string{"amy", "ben", "cid"} {
		f.link(p, hub.LINE)
		f.link(p, hub.WebPush)
	}
	for p, c := range map[approval.PersonID]hub.Preferences{
		"amy": {First: hub.LINE}, "ben": {Off: []hub.ChannelName{hub.WebPush}, Quiet: &hub.Quiet{From: 600, To: 660}}, "cid": {Muted: []hub.Kind{hub.KindArrived}},
	} {
		if err := f.SetPreferences(t.Context(), p, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.SetPolicy(t.Context(), "dan", hub.Policy{Unseen: 40 * time.Minute}, hub.AnyVersion); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"amy", "ben", "cid"} {
		f.arrive("doc", p)
	}
	f.wantPlans("amy", "doc line pending 23 10:00", "doc webpush pending 23 10:00")
	f.wantPlans("ben", "doc line pending 23 11:40")
	f.wantPlans("cid")
}

// No hour has more messages than the cap, and what is held back becomes one.
func TestCapHoldsBackAndCollapses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Policy = hub.Policy{Cap: 3, Quiet: &hub.Quiet{}} })
	f.link("amy", hub.WebPush)
	var names []string
	for i := range 8 {
		names = append(names, fmt.Sprint("n", i))
	}
	f.more(names...)
	for _, n := range names {
		f.arrive(n, "amy")
		f.deliverAll()
		f.clock.add(time.Minute)
	}
	f.wantPlans("amy",
		"n0 webpush accepted 23 10:00", "n1 webpush accepted 23 10:01", "n2 webpush accepted 23 10:02",
		"n3 webpush cancelled 23 11:00 (a later message says it)", "n4 webpush cancelled 23 11:00 (a later message says it)",
		"n5 webpush cancelled 23 11:00 (a later message says it)", "n6 webpush cancelled 23 11:00 (a later message says it)",
		"n7 webpush pending 23 11:00")
	// Neither 最速件 nor security wait.
	f.more("fast")
	f.arrive("fast", "amy", highest)
	f.deliverAll()
	f.clock.set(at(23, 11, 0))
	f.deliverAll()
	got := f.plans("amy")
	if diff := cmp.Diff([]string{"n7 webpush cancelled 23 11:00 (a later message says it)", "fast webpush accepted 23 10:08"}, got[len(got)-2:]); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

// Who answers a message has seen what it spoke for.
func TestSeenDeliverySeesWhatItSpokeFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	f.link("amy", hub.LINE)
	f.link("amy", hub.WebPush)
	f.more("two", "three")
	for _, doc := range []string{"doc", "two"} {
		f.arrive(doc, "amy")
	}
	f.clock.add(15 * time.Minute)
	f.deliverAll()
	f.arrive("three", "amy")
	m := f.line.next(t)
	if err := f.SeenDelivery(t.Context(), m.Delivery, "amy", hub.LINE); err != nil {
		t.Fatal(err)
	}
	got := query[string](f, `select document || ' ' || (seen_at is not null) from notification order by seq`)
	if diff := cmp.Diff([]string{"doc true", "two true", "three false"}, got); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	if err := f.SeenDelivery(t.Context(), m.Delivery, "ben", hub.LINE); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("somebody else's delivery gives %v, want ErrNotFound", err)
	}
}

// Two processes plan for one person at the same time: still one message waits.
func TestConcurrentPlansCollapse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	f.link("amy", hub.LINE)
	var names []string
	for i := range 16 {
		names = append(names, fmt.Sprint("n", i))
	}
	f.more(names...)
	for _, n := range names {
		f.enqueue(f.event(approval.EventArrived, n, "amy"))
	}
	hubs := []*Hub{f.Hub, f.another()}
	errs := make(chan error)
	ids := query[string](f, `select id from notification`)
	for i, id := range ids {
		go func() { errs <- hubs[i%2].route(t.Context(), []string{id}) }()
	}
	for range ids {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := query[string](f, `select state || ' ' || count(*) from delivery group by state order by 1`); cmp.Diff([]string{"cancelled 15", "pending 1"}, got) != "" {
		t.Errorf("deliveries are %v, want one that waits", got)
	}
	if got := one[string](f, `select distinct n.document from delivery d join notification n on n.id = d.notification where d.state = 'pending'`); got != "n15" {
		t.Errorf("%s waits, want the latest", got)
	}
}
