package pghub

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestPayloads(t *testing.T) {
	t.Parallel()
	var changes []hub.Change
	for i := range 1000 {
		changes = append(changes, hub.Change{Person: approval.PersonID(fmt.Sprintf("%026d", i)), Rev: int64(i) << 40})
	}
	var got []hub.Change
	payloads := encode(changes)
	for _, p := range payloads {
		if len(p) >= 8000 {
			t.Errorf("payload of %d bytes; NOTIFY takes less than 8000", len(p))
		}
		got = append(got, decode(p)...)
	}
	if diff := cmp.Diff(changes, got); diff != "" {
		t.Errorf("there and back (-want +got):\n%s", diff)
	}
	if len(payloads) > 8 {
		t.Errorf("%d payloads for 1000 people", len(payloads))
	}
	if got := encode(nil); len(got) != 0 {
		t.Errorf("nothing is %q", got)
	}
	if got := decode("a:1,:2,b,c:x,d:4"); len(got) != 2 || got[1].Person != "d" {
		t.Errorf("what can be read of a broken payload is %v", got)
	}
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
func (s *subscriber) until(person approval.PersonID, rev int64) (calls int) {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case changes := <-s.calls:
			calls++
			for _, c := range changes {
				if c.Person == person && c.Rev == rev {
					return calls
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
	deadline := time.After(20 * time.Second)
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

func TestBusReachesAllNodes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.another()
	here, there := subscribe(t, f.Bus()), subscribe(t, other.Bus())
	f.Bus().Publish(hub.Change{Person: "early", Rev: 1}) // before it runs
	f.start(f.Hub)
	f.start(other)
	here.until("early", 1)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	here.until("amy", 1)
	there.until("amy", 1)

	// A process that only writes does not run a bus.
	if err := f.enqueueWith(f.another(), f.event(approval.EventArrived, "doc", "ben"), f.event(approval.EventLeft, "doc", "cid")); err != nil {
		t.Fatal(err)
	}
	there.until("ben", 1)
}

func TestBusCoalesces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := subscribe(t, f.Bus())
	f.start(f.Hub)
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

func TestBusReconnects(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	s := subscribe(t, f.Bus())
	f.start(f.Hub)
	f.Bus().Publish(hub.Change{Person: "amy", Rev: 1})
	s.until("amy", 1)
	kill := func(name string) {
		t.Helper()
		killed := query[bool](f, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()`, name)
		if len(killed) != 1 {
			t.Fatalf("%d connections called %q, want 1", len(killed), name)
		}
	}
	kill("qianhe bus listen")
	s.lost()
	f.Bus().Publish(hub.Change{Person: "amy", Rev: 2})
	s.until("amy", 2)

	kill("qianhe bus notify")
	f.Bus().Publish(hub.Change{Person: "amy", Rev: 3})
	s.until("amy", 3)
	if got := value(t, f.metrics.reconnects); got < 2 {
		t.Errorf("%v reconnects counted, want 2", got)
	}
}

// What was committed before the stop is told.
func TestBusFlushesWhenItStops(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.another()
	s := subscribe(t, other.Bus())
	f.start(other)
	f.start(f.Hub)
	for i := range 100 {
		f.Bus().Publish(hub.Change{Person: "amy", Rev: int64(i)})
	}
	stop(t, f.Hub)
	s.until("amy", 99)
}

func TestMailboxIsBounded(t *testing.T) {
	t.Parallel()
	m := newMailbox()
	for i := range 10000 {
		m.put([]hub.Change{{Person: "amy", Rev: int64(10000 - i)}, {Person: "ben", Rev: int64(i)}})
	}
	changes, lost := m.take()
	if len(changes) != 2 || lost {
		t.Errorf("%d changes, lost %t; want 2", len(changes), lost)
	}
	for _, c := range changes {
		if want := map[approval.PersonID]int64{"amy": 10000, "ben": 9999}[c.Person]; c.Rev != want {
			t.Errorf("%s is at %d, want %d: the highest", c.Person, c.Rev, want)
		}
	}
	if strings.Contains(fmt.Sprint(m.take()), "amy") {
		t.Error("taken twice")
	}
}
