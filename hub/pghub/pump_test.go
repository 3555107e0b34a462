package pghub

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/migrations/localpg/pgtest"
)

// many gives a channel n deliveries that are due, to n people of the crowd.
func (f *fixture) many(n int, c hub.ChannelName, priority hub.Priority) {
	f.t.Helper()
	if one[int](f, `select count(*) from person where id = 'x0'`) == 0 {
		f.addCrowd(n, c)
	}
	base := one[int](f, `select count(*) from delivery`)
	f.exec(`insert into notification (id, person, seq, kind, dedup, document, created_at, routed_at)
		select 'n' || $2::int + i, 'x' || i, $2::int + i + 1, 'document.decided', 'd' || $2::int + i, 'doc', $3, $3 from generate_series(0, $1::int - 1) i`, n, base, f.clock.Now())
	f.exec(`insert into delivery (id, notification, channel, link, state, priority, not_before, expires_at, created_at)
		select lpad(($2::int + i)::text, 26, 'D'), 'n' || $2::int + i, $4, 'l' || i, 'pending', $5, $3, $3::timestamptz + interval '10 hours', $3 from generate_series(0, $1::int - 1) i`,
		n, base, f.clock.Now(), c, priority)
}

// hang makes calls wait until they are cut, or the test lets them go.
func (c *channel) hang(t *testing.T) (release func()) {
	gone := make(chan struct{})
	release = sync.OnceFunc(func() { close(gone) })
	t.Cleanup(release)
	c.answers(func(ctx context.Context, m hub.Message) (hub.Receipt, error) {
		select {
		case <-gone:
			return hub.Receipt{}, nil
		case <-ctx.Done():
			return hub.Receipt{}, &hub.Unknown{Reason: "cancelled", Safe: true}
		}
	})
	return release
}

// A provider that hangs keeps neither another one waiting nor connections to
// the database.
func TestHangingProvider(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(pgtest.NewDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 3
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f := newFixtureOn(t, pool, func(o *Options) { o.Log = quietLog() })
	f.clock.set(at(23, 15, 0)) // no digest
	f.many(40, hub.LINE, hub.PriorityNormal)
	release := f.line.hang(t)
	f.start(f.Hub)
	for range 40 {
		f.line.next(t)
	}
	f.link("amy", hub.WebPush)
	for i := range 20 {
		doc := fmt.Sprint("more", i)
		f.document(doc, "")
		f.enqueue(f.event(approval.EventArrived, doc, "amy", highest))
	}
	f.settled(`select count(*) = 20 from delivery where channel = 'webpush' and state = 'accepted'`)
	if got := one[int](f, `select count(*) from delivery where channel = 'line' and state = 'sending'`); got != 40 {
		t.Errorf("%d calls hang, want 40", got)
	}
	release()
	f.settled(`select count(*) = 40 from delivery where channel = 'line' and state = 'accepted'`)
}

// Hanging calls never take the slots that are kept for what is urgent.
func TestUrgentOvertakesHangingCalls(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.clock.set(at(23, 15, 0))
	f.many(30, hub.LINE, hub.PriorityNormal)
	f.line.hang(t)
	f.pumps[hub.LINE].slots = 8
	f.start(f.Hub)
	for range 6 {
		f.line.next(t)
	}
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	if m := f.line.next(t); m.Person != "amy" {
		t.Errorf("LINE was sent to %s, want amy, whose is urgent", m.Person)
	}
	f.line.none(t)
}

// Neither does it wait until the database has taken the results of a crowd.
func TestUrgentOvertakesResults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.many(30, hub.LINE, hub.PriorityNormal)
	f.many(1, hub.LINE, hub.PriorityUrgent)
	p := f.pumps[hub.LINE]
	p.results = make([]result, unrecorded)
	c, err := f.claim(t.Context(), hub.LINE, p.room())
	if err != nil || len(c.send) != 1 || !c.send[0].urgent {
		t.Errorf("%d were claimed, %v; want the urgent one", len(c.send), err)
	}
}

// A provider that takes its time is sent the next as soon as it has answered.
func TestSlowProviderGoesOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.set(at(23, 15, 0))
	f.many(30, hub.LINE, hub.PriorityNormal)
	gate := make(chan struct{})
	f.line.answers(func(ctx context.Context, _ hub.Message) (hub.Receipt, error) {
		<-gate
		return hub.Receipt{}, nil
	})
	f.pumps[hub.LINE].slots = 8
	f.start(f.Hub)
	for range 30 {
		f.line.next(t)
		gate <- struct{}{}
	}
	f.settled(`select count(*) = 30 from delivery where state = 'accepted'`)
}

func TestUrgentIsClaimedFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.many(150, hub.LINE, hub.PriorityLow)
	f.clock.add(time.Second)
	f.many(3, hub.LINE, hub.PriorityNormal)
	f.clock.add(time.Second)
	f.many(2, hub.LINE, hub.PriorityUrgent)
	c, err := f.claim(t.Context(), hub.LINE, room{urgent: 200, normal: 200})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range c.send[:6] {
		got = append(got, strings.TrimLeft(d.id, "D"))
	}
	slices.Sort(got[:2])
	slices.Sort(got[2:5])
	if diff := cmp.Diff([]string{"153", "154", "150", "151", "152"}, got[:5]); diff != "" || len(c.send) != claimAtOnce {
		t.Errorf("claimed %d; first (-want +got):\n%s", len(c.send), diff)
	}
	if got := one[int](f, `select count(*) from delivery d join attempt t on t.delivery = d.id where d.state = 'sending' and d.not_before = $1 and t.number = 1`, f.clock.Now().Add(f.lease())); got != claimAtOnce {
		t.Errorf("%d claims are on record, want %d", got, claimAtOnce)
	}
	// No more than there is room for; the rest stays for others.
	c, err = f.another().claim(t.Context(), hub.LINE, room{urgent: 20, normal: 5})
	if err != nil || len(c.send) != 5 {
		t.Errorf("with room for 5, %d were claimed, %v", len(c.send), err)
	}
}

// What cannot be recorded now is recorded when the database is back, and not
// sent again.
func TestResultsOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	failed := make(chan struct{}, 100)
	f := newFixture(t, func(o *Options) {
		o.Log = slog.New(watching{func(r slog.Record) {
			if strings.Contains(r.Message, "could not be recorded") {
				failed <- struct{}{}
			}
		}})
	})
	f.clock.set(at(23, 15, 0))
	f.many(5, hub.LINE, hub.PriorityNormal)
	var once sync.Once
	f.line.answers(func(context.Context, hub.Message) (hub.Receipt, error) {
		once.Do(func() { f.exec(`alter table attempt rename to elsewhere`) })
		return hub.Receipt{}, nil
	})
	f.start(f.Hub)
	<-failed
	f.exec(`alter table elsewhere rename to attempt`)
	f.settled(`select count(*) = 5 from delivery where state = 'accepted'`)
	for range 5 {
		f.line.next(t)
	}
	f.line.none(t)
}

// watching is a log handler that passes records on to a function.
type watching struct{ fn func(slog.Record) }

func (w watching) Enabled(context.Context, slog.Level) bool { return true }
func (w watching) Handle(_ context.Context, r slog.Record) error {
	w.fn(r)
	return nil
}
func (w watching) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w watching) WithGroup(string) slog.Handler      { return w }

// However many legs come in the same second, one job wakes for all of them.
func TestOneJobForASecond(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, p := range []string{"amy", "ben", "cid"} {
		f.link(p, hub.LINE)
		f.enqueue(f.event(approval.EventArrived, "doc", p))
		f.routeAll()
	}
	f.clock.add(time.Second)
	f.link("dan", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "dan"))
	f.routeAll()
	if got := one[int](f, `select count(*) from river_job where queue = 'deliver_line' and state = 'scheduled'`); got != 2 {
		t.Errorf("%d jobs for legs of two seconds, want 2", got)
	}
	if got := one[int](f, `select count(*) from delivery where channel = 'line' and state = 'pending'`); got != 4 {
		t.Errorf("%d deliveries wait, want 4", got)
	}
}

// A node that dies after its rows are committed and before it has looked at
// them leaves a job behind that wakes another.
func TestAnotherNodeIsWoken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.set(at(23, 15, 0))
	f.start(f.another())
	f.many(1, hub.LINE, hub.PriorityNormal)
	err := f.inTx(t.Context(), func(tx pgx.Tx) error {
		var w wakes
		w.add(hub.LINE, f.clock.Now(), f.clock.Now())
		return f.wakeTx(t.Context(), tx, w, f.clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	f.line.next(t)
}
