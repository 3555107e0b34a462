package pghub

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

func TestCommitWritesEverything(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	due := morning.Add(48 * time.Hour)
	f.enqueue(
		f.event(approval.EventLeft, "doc", "amy"),
		f.event(approval.EventArrived, "doc", "ben", highest, func(e *approval.Event) { e.Due = due }),
		f.event(approval.EventReturned, "doc", "cid"),
		f.event(approval.EventDecided, "doc", "dan"),
	)
	got := query[string](f, `select concat_ws(' ', person, seq, kind, document, step, speed, due at time zone 'utc') from notification order by person`)
	want := []string{
		"ben 1 document.arrived doc doc-ben 最速件 2026-11-25 02:00:00",
		"cid 1 document.returned doc doc-cid 普通件",
		"dan 1 document.decided doc doc-dan 普通件",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	got = query[string](f, `select concat_ws(' ', person, seq, rev) from inbox order by person`)
	if diff := cmp.Diff([]string{"amy 0 1", "ben 1 1", "cid 1 1", "dan 1 1"}, got); diff != "" {
		t.Errorf("inboxes (-want +got):\n%s", diff)
	}
	ids := query[string](f, `select id from notification order by id`)
	inJob := query[string](f, `select jsonb_array_elements_text(args -> 'notifications') from river_job where kind = 'route' order by 1`)
	if diff := cmp.Diff(ids, inJob); diff != "" {
		t.Errorf("notifications in jobs (-want +got):\n%s", diff)
	}
	if got := value(t, f.metrics.notifications.WithLabelValues(string(hub.KindArrived))); got != 1 {
		t.Errorf("arrivals counted: %v, want 1", got)
	}
}

func TestRollbackLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	count := func() string {
		return one[string](f, `select concat_ws(' ', (select count(*) from notification), (select sum(seq) from inbox), (select sum(rev) from inbox),
			(select count(*) from river_job), (select count(*) from notification where cancelled_at is not null))`)
	}
	before := count()
	undone := errors.New("undone")
	err := pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) error {
		if _, err := f.EnqueueTx(t.Context(), tx, []approval.Event{f.event(approval.EventLeft, "doc", "amy"), f.event(approval.EventArrived, "doc", "ben")}); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatalf("transaction ended with %v", err)
	}
	if after := count(); before != after {
		t.Errorf("notifications, seq, rev, jobs, cancelled are %s, want %s", after, before)
	}
}

func TestDedup(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.event(approval.EventArrived, "doc", "amy")
	f.enqueue(e, e, f.event(approval.EventReturned, "doc", "amy"))
	f.enqueue(e)
	f.enqueue(f.event(approval.EventArrived, "cls", "amy"))
	got := query[string](f, `select seq || ' ' || dedup from notification order by seq`)
	if diff := cmp.Diff([]string{"1 arrived:doc-amy", "2 returned:doc-amy", "3 arrived:cls-amy"}, got); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
	if got := one[string](f, `select seq || ' ' || rev from inbox`); got != "3 3" {
		t.Errorf("inbox is at %s, want 3 3", got)
	}
}

func TestNobodyIsToldOfTheirOwnDecision(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enqueue(f.event(approval.EventDecided, "doc", "dan", func(e *approval.Event) { e.By = "dan" }))
	if got := one[int](f, `select count(*) from notification`); got != 0 {
		t.Errorf("%d notifications, want none", got)
	}
	if got := one[int](f, `select rev from inbox where person = 'dan'`); got != 1 {
		t.Errorf("rev is %d, want 1", got)
	}
}

func TestUnknownEventAndPersonAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.enqueueWith(f.Hub, f.event("gossip", "doc", "amy")); err == nil {
		t.Error("an event of unknown kind was taken")
	}
	if err := f.enqueueWith(f.Hub, f.event(approval.EventArrived, "doc", "nobody")); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("an event for nobody gives %v, want ErrNotFound", err)
	}
	if err := f.enqueueWith(f.Hub); err != nil {
		t.Errorf("no events give %v", err)
	}
}

func TestLeftCancelsWhatIsStillToBeSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.link("amy", hub.LINE)
	f.link("amy", hub.WebPush)
	f.link("ben", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"), f.event(approval.EventArrived, "doc", "ben"))
	f.routeAll()
	f.deliverAll()
	f.enqueue(f.event(approval.EventLeft, "doc", "amy"))
	want := []string{"line cancelled (no longer in this person's hands)", "line pending", "webpush accepted"}
	if diff := cmp.Diff(want, f.states()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if got := query[string](f, `select person from notification where cancelled_at is not null`); !slices.Equal(got, []string{"amy"}) {
		t.Errorf("cancelled for %v, want amy", got)
	}
}

// Many transactions over the same people, each in another order: none may die
// of a deadlock, and every inbox must be numbered without a gap.
func TestConcurrentDecisions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const workers, rounds = 8, 15
	people := []string{"amy", "ben", "cid", "dan"}
	for i := range workers * rounds {
		f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
			select 'doc-' || p || $1::int, 'doc', 100 + $1::int * 4 + n, 'review', p, 'active', 'planned', now()
			from unnest($2::text[]) with ordinality as x (p, n)`, i, people)
	}
	var wg sync.WaitGroup
	errs := make(chan error, workers*rounds)
	for w := range workers {
		wg.Go(func() {
			for r := range rounds {
				var events []approval.Event
				for i := range people {
					p := people[(i*3+w+r)%len(people)] // 3 and 4 have no common divisor: another order each
					e := f.event(approval.EventArrived, "doc", p)
					e.Step = approval.StepID(fmt.Sprintf("doc-%s%d", p, w*rounds+r))
					events = append(events, f.event(approval.EventLeft, "doc", p), e)
				}
				if (w+r)%5 == 0 {
					events = append(events, events[0])
				}
				errs <- f.enqueueWith(f.Hub, events...)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	for _, p := range people {
		seqs := query[int64](f, `select seq from notification where person = $1 order by seq`, p)
		if len(seqs) != workers*rounds {
			t.Errorf("%s has %d notifications, want %d", p, len(seqs), workers*rounds)
		}
		for i, s := range seqs {
			if s != int64(i+1) {
				t.Fatalf("%s: sequence number %d at place %d", p, s, i+1)
			}
		}
		if got := one[int64](f, `select seq from inbox where person = $1`, p); got != workers*rounds {
			t.Errorf("%s: inbox is at %d, want %d", p, got, workers*rounds)
		}
	}
}
