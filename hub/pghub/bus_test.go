package pghub

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/hub/bustest"
	"qianhe/migrations/localpg/pgtest"
)

// fleet is the buses of several processes on one database.
type fleet struct {
	pool *pgxpool.Pool
	gate bustest.Gate
}

func (f *fleet) Gate() *bustest.Gate { return &f.gate }

func (f *fleet) Node(t testing.TB) bustest.Node {
	t.Helper()
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	config := f.pool.Config().ConnConfig
	config.DialFunc = f.gate.DialContext
	b := newBus(config, slog.New(slog.DiscardHandler), m)
	return bustest.Node{Bus: b, Start: b.start, Stop: func(context.Context) error { b.stop(); return nil }}
}

func TestBus(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(t testing.TB) bustest.Fleet { return &fleet{pool: pgtest.New(t)} })
}

// subscriber collects what a bus says.
type subscriber struct {
	t     *testing.T
	calls chan []hub.Change
}

func subscribe(t *testing.T, b hub.Bus) *subscriber {
	t.Helper()
	s := &subscriber{t: t, calls: make(chan []hub.Change, 10000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Subscribe(ctx, func(c []hub.Change) { s.calls <- c }); err != nil {
			t.Errorf("Subscribe: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// until waits for a call in which the person stands at rev.
func (s *subscriber) until(person approval.PersonID, rev int64) {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case changes := <-s.calls:
			for _, c := range changes {
				if c.Person == person && c.Rev == rev {
					return
				}
			}
		case <-deadline:
			s.t.Fatalf("%s at %d was never heard of", person, rev)
		}
	}
}

// lost waits for the call that says that something may be missing.
func (s *subscriber) lost() {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case changes := <-s.calls:
			if len(changes) == 0 {
				return
			}
		case <-deadline:
			s.t.Fatal("nobody said that something may be missing")
		}
	}
}

// What a transaction changes is heard of on other nodes, whether the process
// that committed it runs a bus or is a command that ends.
func TestCommitsAreHeardOf(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.another()
	there := subscribe(t, other.Bus())
	f.start(f.Hub)
	f.start(other)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	there.until("amy", 1)
	if err := f.enqueueWith(f.another(), f.event(approval.EventArrived, "doc", "ben"), f.event(approval.EventLeft, "doc", "cid")); err != nil {
		t.Fatal(err)
	}
	there.until("ben", 1)
}

// otherBus is a bus that somebody else runs.
type otherBus struct{ published chan hub.Change }

func (b otherBus) Publish(changes ...hub.Change) {
	for _, c := range changes {
		b.published <- c
	}
}

func (otherBus) Subscribe(ctx context.Context, _ func([]hub.Change)) error { <-ctx.Done(); return nil }

// With a bus of somebody else's the hub notifies nobody through the database.
func TestOtherBus(t *testing.T) {
	t.Parallel()
	b := otherBus{make(chan hub.Change, 10)}
	f := newFixture(t, func(o *Options) { o.Bus = b })
	if f.Bus() != hub.Bus(b) {
		t.Error("the hub has another bus than it was given")
	}
	f.start(f.Hub)
	if n := one[int](f, `select count(*) from pg_stat_activity where application_name like 'qianhe bus %' and datname = current_database()`); n != 0 {
		t.Errorf("%d connections of a bus that nobody needs", n)
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	if c := <-b.published; c.Person != "amy" || c.Rev != 1 {
		t.Errorf("published %+v, want amy at 1", c)
	}
}

// However much changes, there is one NOTIFY in each span of time.
func TestBusCoalesces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.another()
	s := subscribe(t, other.Bus())
	f.start(f.Hub)
	f.start(other)
	began := time.Now()
	var n int64
	for time.Since(began) < 200*time.Millisecond {
		n++
		f.Bus().Publish(hub.Change{Person: approval.PersonID(fmt.Sprint("p", n%50)), Rev: n}, hub.Change{Person: "last", Rev: n})
	}
	s.until("last", n)
	most := float64(time.Since(began)/coalesce) + 2
	if got := value(t, f.metrics.published); got > most {
		t.Errorf("%v payloads for %d changes in %s, want at most %v", got, n, time.Since(began), most)
	}
}

// The administrator of the database ends our connections.
func TestBusReconnects(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	other := f.another()
	here, there := subscribe(t, f.Bus()), subscribe(t, other.Bus())
	f.start(f.Hub)
	f.start(other)
	f.Bus().Publish(hub.Change{Person: "amy", Rev: 1})
	there.until("amy", 1)
	kill := func(name string) {
		t.Helper()
		if killed := query[bool](f, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()`, name); len(killed) == 0 {
			t.Fatalf("no connection called %q", name)
		}
	}
	kill("qianhe bus listen")
	here.lost()
	there.lost()
	f.Bus().Publish(hub.Change{Person: "amy", Rev: 2})
	there.until("amy", 2)

	kill("qianhe bus notify")
	f.Bus().Publish(hub.Change{Person: "amy", Rev: 3})
	there.until("amy", 3)
	if got := value(t, f.metrics.reconnects); got < 2 {
		t.Errorf("%v reconnects counted, want 2", got)
	}
}
