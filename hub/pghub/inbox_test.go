package pghub

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestHead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, err := f.Head(t.Context(), "amy")
	if err != nil {
		t.Fatal(err)
	}
	want := hub.Head{Epoch: first.Epoch, Counts: hub.Counts{Pending: 5, Highest: 1, Overdue: 1}}
	if diff := cmp.Diff(want, first); diff != "" || first.Epoch == "" {
		t.Errorf("head of a new inbox (-want +got):\n%s", diff)
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	got, err := f.Head(t.Context(), "amy")
	if err != nil {
		t.Fatal(err)
	}
	want.Seq, want.Rev = 1, 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
	if _, err := f.Head(t.Context(), "nobody"); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("head of nobody gives %v, want ErrNotFound", err)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if _, complete, err := f.Since(t.Context(), "amy", 0, 10); err != nil || !complete {
		t.Errorf("since 0 of a new inbox: complete %t, %v", complete, err)
	}
	if _, complete, err := f.Since(t.Context(), "amy", 1, 10); err != nil || complete {
		t.Errorf("since 1 of a new inbox: complete %t, %v", complete, err)
	}
	due := morning.Add(time.Hour)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest, func(e *approval.Event) { e.Due = due }))
	f.enqueue(f.event(approval.EventReturned, "cls", "amy"), f.event(approval.EventDecided, "doc", "amy"))
	list, complete, err := f.Since(t.Context(), "amy", 0, 2)
	if err != nil || !complete || len(list) != 2 {
		t.Fatalf("since 0: %d of 2, complete %t, %v", len(list), complete, err)
	}
	want := hub.Notification{
		ID: list[0].ID, Person: "amy", Seq: 1, Kind: hub.KindArrived, Document: "doc", Step: "doc-amy", Speed: approval.SpeedHighest, Due: due, At: morning,
	}
	if diff := cmp.Diff(want, list[0]); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	if list[1].Seq != 2 || list[1].Path() != "/inbox" {
		t.Errorf("second is %d at %s, want 2 at /inbox", list[1].Seq, list[1].Path())
	}
	tests := []struct {
		seq      int64
		complete bool
		n        int
	}{{3, true, 0}, {2, true, 1}, {4, false, 0}, {-1, false, 0}}
	for _, tt := range tests {
		list, complete, err := f.Since(t.Context(), "amy", tt.seq, 100)
		if err != nil || complete != tt.complete || len(list) != tt.n {
			t.Errorf("since %d: %d, complete %t, %v; want %d, %t", tt.seq, len(list), complete, err, tt.n, tt.complete)
		}
	}
	f.exec(`update inbox set seq = $1`, Kept+1)
	if _, complete, _ := f.Since(t.Context(), "amy", 0, 100); complete {
		t.Error("more than what is kept was given as complete")
	}
	if _, complete, _ := f.Since(t.Context(), "amy", 1, 100); !complete {
		t.Error("what is kept was not given")
	}
}

func TestRevs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"), f.event(approval.EventLeft, "doc", "ben"))
	f.enqueue(f.event(approval.EventLeft, "doc", "ben"))
	got, err := f.Revs(t.Context(), []approval.PersonID{"amy", "ben", "cid"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[approval.PersonID]int64{"amy": 1, "ben": 2}, got); diff != "" {
		t.Errorf("revisions (-want +got):\n%s", diff)
	}
}

// Delivered is not seen: nothing is cancelled by it.
func TestAckedRecordsAndCancelsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"), f.event(approval.EventReturned, "doc", "amy"))
	f.routeAll()
	if err := f.Acked(t.Context(), "amy", 1); err != nil {
		t.Fatal(err)
	}
	got := query[string](f, `select concat_ws(' ', seq, delivered_at is not null, seen_at is not null) from notification order by seq`)
	if diff := cmp.Diff([]string{"1 t f", "2 f f"}, got); diff != "" {
		t.Errorf("seq, delivered, seen (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"line pending", "line pending"}, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

func TestSeenCancelsTheRest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		see  func(f *fixture) error
		seen []int64
	}{
		{"up to", func(f *fixture) error { return f.SeenUpTo(f.t.Context(), "amy", 2, hub.Live) }, []int64{1, 2}},
		{"kinds", func(f *fixture) error {
			return f.SeenKinds(f.t.Context(), "amy", []hub.Kind{hub.KindArrived, hub.KindDigest}, "web")
		}, []int64{1, 2}},
		{"document", func(f *fixture) error { return f.SeenDocument(f.t.Context(), "amy", "doc", "web") }, []int64{1, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.link("amy", hub.LINE)
			f.link("ben", hub.LINE)
			f.enqueue(f.event(approval.EventArrived, "doc", "amy"), f.event(approval.EventArrived, "cls", "amy"),
				f.event(approval.EventReturned, "doc", "amy"), f.event(approval.EventArrived, "doc", "ben"))
			f.routeAll()
			if err := tt.see(f); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.seen, query[int64](f, `select seq from notification where person = 'amy' and seen_at = $1 and seen_via <> '' and delivered_at = $1 order by seq`, morning)); diff != "" {
				t.Errorf("seen (-want +got):\n%s", diff)
			}
			want := []string{"line cancelled (seen)", "line cancelled (seen)", "line pending", "line pending"}
			if diff := cmp.Diff(want, f.states()); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
		})
	}
}

// A tap on one message is seen; what the others told is not.
func TestSeenDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.WebPush)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"), f.event(approval.EventArrived, "cls", "amy"))
	f.routeAll()
	f.deliverAll()
	id := one[string](f, `select d.id from delivery d join notification n on n.id = d.notification where d.channel = 'webpush' and n.seq = 1`)
	if err := f.SeenDelivery(t.Context(), id, "ben", hub.WebPush); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("somebody else's delivery gives %v, want ErrNotFound", err)
	}
	for range 2 {
		if err := f.SeenDelivery(t.Context(), id, "amy", hub.WebPush); err != nil {
			t.Fatal(err)
		}
		f.clock.add(time.Minute)
	}
	got := query[string](f, `select concat_ws(' ', seq, seen_via, seen_at = $1) from notification order by seq`, morning)
	if diff := cmp.Diff([]string{"1 webpush t", "2 "}, got); diff != "" {
		t.Errorf("seq, seen via, when (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"line cancelled (seen)", "line pending", "webpush accepted", "webpush accepted"}, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

func TestDelivered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.WebPush)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	f.routeAll()
	f.push.fails(&hub.Unknown{Reason: "cut", Safe: true})
	f.deliverAll()
	id := one[string](f, `select id from delivery`)
	if err := f.Delivered(t.Context(), id, "ben"); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("somebody else's delivery gives %v, want ErrNotFound", err)
	}
	f.clock.add(time.Minute)
	if err := f.Delivered(t.Context(), id, "amy"); err != nil {
		t.Fatal(err)
	}
	got := one[string](f, `select concat_ws(' ', d.state, d.delivered_at = $1, n.delivered_at = $1, n.seen_at is null, l.confirmed_at = $1)
		from delivery d join notification n on n.id = d.notification join channel_link l on l.id = d.link`, f.clock.Now())
	if got != "accepted t t t t" {
		t.Errorf("state, delivered, notification delivered, unseen, link confirmed: %s", got)
	}
	f.push.next(t)
	f.clock.add(time.Hour)
	f.deliverAll()
	f.push.none(t) // the doubt is settled: nothing to repeat
}

// A page that acknowledges does not walk through years of history.
func TestAckedReachesBackAsFarAsIsKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(`insert into inbox (person, epoch, seq) values ('amy', 'e', $1)`, Kept+10)
	f.exec(`insert into notification (id, person, seq, kind, dedup, created_at) select 'n' || i, 'amy', i, 'pending.digest', i::text, now() from generate_series(1, $1::int) i`, Kept+10)
	if err := f.Acked(t.Context(), "amy", Kept+5); err != nil {
		t.Fatal(err)
	}
	got := one[string](f, `select concat_ws(' ', min(seq), max(seq)) from notification where delivered_at is not null`)
	if want := fmt.Sprint(6, Kept+5); got != want {
		t.Errorf("acknowledged %s, want %s", got, want)
	}
}
