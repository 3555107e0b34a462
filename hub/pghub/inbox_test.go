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

// news asks for one person's.
func (f *fixture) news(person approval.PersonID, epoch string, seq int64) hub.News {
	f.t.Helper()
	list, err := f.News(f.t.Context(), []hub.Mark{{Person: person, Epoch: epoch, Seq: seq}})
	if err != nil || len(list) != 1 {
		f.t.Fatalf("News: %d of 1, %v", len(list), err)
	}
	return list[0]
}

func TestNews(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.news("amy", "", 0)
	want := hub.News{Head: hub.Head{Epoch: first.Epoch, Counts: hub.Counts{Pending: 5, Highest: 1, Overdue: 1}}}
	if diff := cmp.Diff(want, first); diff != "" || first.Epoch == "" {
		t.Errorf("a new inbox (-want +got):\n%s", diff)
	}
	epoch := first.Epoch
	if n := f.news("amy", epoch, 1); !n.Gap {
		t.Error("a position that the inbox has never been at is no gap")
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.enqueue(f.event(approval.EventReturned, "cls", "amy"), f.event(approval.EventDecided, "doc", "amy"))
	n := f.news("amy", epoch, 0)
	if n.Seq != 3 || n.Rev != 2 || n.Gap || len(n.Missed) != 3 {
		t.Fatalf("news is %+v, want all three", n)
	}
	for i, want := range []hub.Notification{
		{Person: "amy", Seq: 1, Kind: hub.KindArrived, Document: "doc"},
		{Person: "amy", Seq: 2, Kind: hub.KindReturned, Document: "cls", Grade: approval.GradeSecret},
		{Person: "amy", Seq: 3, Kind: hub.KindDecided, Document: "doc"},
	} {
		want.ID = n.Missed[i].ID
		if diff := cmp.Diff(want, n.Missed[i]); diff != "" || want.ID == "" {
			t.Errorf("missed (-want +got):\n%s", diff)
		}
	}
	for _, tt := range []struct {
		epoch string
		seq   int64
		gap   bool
		n     int
	}{{epoch, 3, false, 0}, {epoch, 2, false, 1}, {epoch, 4, true, 0}, {epoch, -1, true, 0}, {"another", 2, true, 0}, {"", 2, false, 0}} {
		if n := f.news("amy", tt.epoch, tt.seq); n.Gap != tt.gap || len(n.Missed) != tt.n || n.Seq != 3 {
			t.Errorf("since %s %d: gap %t, %d missed; want %t, %d", tt.epoch, tt.seq, n.Gap, len(n.Missed), tt.gap, tt.n)
		}
	}
	// What is not kept any more is said to be missing, and not left out.
	f.exec(`delete from notification where seq = 2`)
	if n := f.news("amy", epoch, 0); !n.Gap || len(n.Missed) != 0 {
		t.Errorf("one is missing: gap %t, %d missed; want a gap", n.Gap, len(n.Missed))
	}
	if n := f.news("amy", epoch, 2); n.Gap || len(n.Missed) != 1 {
		t.Errorf("none is missing: gap %t, %d missed", n.Gap, len(n.Missed))
	}
	f.exec(`update inbox set seq = $1`, Kept+1)
	if n := f.news("amy", epoch, 0); !n.Gap {
		t.Error("more than what is kept was given as complete")
	}
}

// Many at once are told the same as one at a time, in their order.
func TestNewsOfMany(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"), f.event(approval.EventArrived, "doc", "ben"))
	f.enqueue(f.event(approval.EventReturned, "cls", "amy"), f.event(approval.EventLeft, "doc", "ben"))
	amy, ben := f.news("amy", "", 0).Epoch, f.news("ben", "", 0).Epoch
	marks := []hub.Mark{
		{Person: "amy", Epoch: amy}, {Person: "ben", Epoch: ben, Seq: 1}, {Person: "nobody"}, {Person: "cid"}, {Person: "amy", Epoch: amy, Seq: 1},
		{Person: "amy", Epoch: "another", Seq: 1}, {Person: "ben", Epoch: ben, Seq: 7}, {Person: "dan", Epoch: "x", Seq: 3}, {Person: "amy"}, {Person: "nobody", Epoch: "x"},
		{Person: "cid"},
	}
	if len(marks) <= fewMarks {
		t.Fatal("too few to be many")
	}
	many, err := f.News(t.Context(), marks)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range marks {
		one, err := f.News(t.Context(), []hub.Mark{m})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one[0], many[i]); diff != "" {
			t.Errorf("%+v (-alone +with others):\n%s", m, diff)
		}
	}
	if n := many[2]; n.Epoch != "" {
		t.Errorf("nobody has an inbox: %+v", n)
	}
	if n := one[int](f, `select count(*) from inbox where epoch = ''`); n != 0 {
		t.Errorf("%d inboxes without an epoch", n)
	}
	if list, err := f.News(t.Context(), nil); err != nil || len(list) != 0 {
		t.Errorf("news of none: %v, %v", list, err)
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
	if err := f.Acked(t.Context(), []hub.Ack{{Person: "amy", Seq: 1}}); err != nil {
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
	if err := f.Acked(t.Context(), []hub.Ack{{Person: "amy", Seq: Kept + 5}}); err != nil {
		t.Fatal(err)
	}
	got := one[string](f, `select concat_ws(' ', min(seq), max(seq)) from notification where delivered_at is not null`)
	if want := fmt.Sprint(6, Kept+5); got != want {
		t.Errorf("acknowledged %s, want %s", got, want)
	}
}
