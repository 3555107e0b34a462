package bustest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// Fleet is what the suite runs on: nodes that tell each other, over
// connections that go through a gate.
type Fleet interface {
	// Node makes one more. It does not run yet.
	Node(t testing.TB) Node
	Gate() *Gate
}

// Node is one process of a fleet.
type Node struct {
	Bus   hub.Bus
	Start func(ctx context.Context) error
	Stop  func(ctx context.Context) error
}

// Run runs the suite; each test has a fleet of its own.
func Run(t *testing.T, fleet func(t testing.TB) Fleet) {
	for name, test := range map[string]func(t *testing.T, f Fleet){
		"reaches all nodes":                  reachesAllNodes,
		"keeps what comes before the start":  keepsEarly,
		"latest of each person":              latestOfEach,
		"one call at a time":                 oneCallAtATime,
		"everybody at once":                  everybodyAtOnce,
		"ended sessions":                     endedSessions,
		"says that some may be lost":         saysLost,
		"publish does not wait":              publishDoesNotWait,
		"nothing is stuck after a parting":   parting,
		"last words":                         lastWords,
		"starts and stops again":             startsAgain,
		"many publishers, many subscribers":  crowd,
		"subscription ends with its context": subscriptionEnds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fleet(t))
		})
	}
}

const patience = time.Minute

// start runs a node until the test ends.
func start(t testing.TB, n Node) Node {
	t.Helper()
	if err := n.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { stop(t, n) })
	return n
}

func stop(t testing.TB, n Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

// listener is a subscriber that remembers.
type listener struct {
	t    testing.TB
	wake chan struct{}

	mu    sync.Mutex
	revs  map[approval.PersonID]int64
	ended map[string]bool
	lost  int
	calls int
}

// listen subscribes until the test ends, and returns when the subscription is
// in force: it publishes to itself until it hears of it.
func listen(t testing.TB, b hub.Bus) *listener {
	t.Helper()
	l := &listener{t: t, wake: make(chan struct{}, 1), revs: map[approval.PersonID]int64{}, ended: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Subscribe(ctx, l.hear); err != nil {
			t.Errorf("Subscribe: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	for deadline := time.Now().Add(patience); ; {
		b.Publish(hub.Change{Person: "listener", Rev: 1})
		select {
		case <-l.wake:
			return l
		case <-time.After(time.Millisecond): // it was not there yet
		}
		if time.Now().After(deadline) {
			t.Fatal("a subscriber does not hear its own node")
		}
	}
}

func (l *listener) hear(changes []hub.Change) {
	l.mu.Lock()
	l.calls++
	if len(changes) == 0 {
		l.lost++
	}
	once := map[approval.PersonID]bool{}
	for _, c := range changes {
		if c.Ended != "" {
			l.ended[c.Ended] = true
			continue
		}
		if once[c.Person] {
			l.t.Errorf("%s twice in one call", c.Person)
		}
		once[c.Person] = true
		l.revs[c.Person] = max(l.revs[c.Person], c.Rev)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// until waits until what was heard is enough.
func (l *listener) until(what string, enough func() bool) {
	l.t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		ok := enough()
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-l.wake:
		case <-deadline:
			l.t.Fatalf("never heard: %s", what)
		}
	}
}

func (l *listener) at(p approval.PersonID, rev int64) {
	l.t.Helper()
	l.until(fmt.Sprint(p, " at ", rev), func() bool { return l.revs[p] == rev })
}

func reachesAllNodes(t *testing.T, f Fleet) {
	nodes := []Node{start(t, f.Node(t)), start(t, f.Node(t)), start(t, f.Node(t))}
	var listeners []*listener
	for _, n := range nodes {
		listeners = append(listeners, listen(t, n.Bus))
	}
	for i, n := range nodes {
		p := approval.PersonID(fmt.Sprint("amy", i))
		n.Bus.Publish(hub.Change{Person: p, Rev: 7})
		for _, l := range listeners {
			l.at(p, 7)
		}
	}
}

func keepsEarly(t *testing.T, f Fleet) {
	there := listen(t, start(t, f.Node(t)).Bus)
	n := f.Node(t)
	n.Bus.Publish(hub.Change{Person: "early", Rev: 3}, hub.Change{Ended: "session"})
	start(t, n)
	there.at("early", 3)
	there.until("the session", func() bool { return there.ended["session"] })
}

// What is told a thousand times arrives a few times, and the latest for sure.
func latestOfEach(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	there := listen(t, start(t, f.Node(t)).Bus)
	const rounds, people = 5000, 10
	for rev := range int64(rounds) {
		for p := range people {
			n.Bus.Publish(hub.Change{Person: approval.PersonID(fmt.Sprint("p", p)), Rev: rev})
		}
	}
	for p := range people {
		there.at(approval.PersonID(fmt.Sprint("p", p)), rounds-1)
	}
	there.mu.Lock()
	defer there.mu.Unlock()
	if there.calls > rounds {
		t.Errorf("%d calls for %d changes: they do not go together", there.calls, rounds*people)
	}
}

// A slow subscriber hears less often; nobody waits for it.
func oneCallAtATime(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	quick := listen(t, n.Bus)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	var inside atomic.Int32
	enter, leave, done := make(chan int64, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = n.Bus.Subscribe(ctx, func(changes []hub.Change) {
			if inside.Add(1) != 1 {
				t.Error("two calls at a time")
			}
			defer inside.Add(-1)
			for _, c := range changes {
				if c.Person == "amy" {
					enter <- c.Rev
					<-leave
				}
			}
		})
	}()
	var rev int64
	for first := true; first; {
		rev++
		n.Bus.Publish(hub.Change{Person: "amy", Rev: rev})
		select {
		case <-enter:
			first = false
		case <-time.After(time.Millisecond): // not subscribed yet
		}
	}
	for range 1000 {
		rev++
		n.Bus.Publish(hub.Change{Person: "amy", Rev: rev})
	}
	quick.at("amy", rev)
	for got := int64(0); got != rev; {
		leave <- struct{}{}
		got = <-enter
	}
	close(leave)
	cancel()
	<-done
}

// An announcement to the whole city: more than one payload holds.
func everybodyAtOnce(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	here, there := listen(t, n.Bus), listen(t, start(t, f.Node(t)).Bus)
	const people = 20000
	all := make([]hub.Change, people)
	for i := range all {
		all[i] = hub.Change{Person: approval.PersonID(fmt.Sprintf("%026d", i)), Rev: 1 << 40}
	}
	n.Bus.Publish(all...)
	for _, l := range []*listener{here, there} {
		l.until("everybody", func() bool { return len(l.revs) >= people+1 })
	}
}

func endedSessions(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	here, there := listen(t, n.Bus), listen(t, start(t, f.Node(t)).Bus)
	n.Bus.Publish(hub.Change{Ended: "s1"}, hub.Change{Person: "amy", Rev: 4}, hub.Change{Ended: "s2"})
	for _, l := range []*listener{here, there} {
		l.until("both sessions", func() bool { return l.ended["s1"] && l.ended["s2"] })
		l.at("amy", 4)
	}
}

// A connection that was lost and came back may have missed something.
func saysLost(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	there := listen(t, start(t, f.Node(t)).Bus)
	n.Bus.Publish(hub.Change{Person: "amy", Rev: 1})
	there.at("amy", 1)
	for round := range 3 {
		there.mu.Lock()
		before := there.lost
		there.mu.Unlock()
		f.Gate().Cut()
		there.until("that some may be lost", func() bool { return there.lost > before })
		n.Bus.Publish(hub.Change{Person: "amy", Rev: int64(round) + 2})
		there.at("amy", int64(round)+2)
	}
}

// However little gets through, publishing takes no time, and this node hears.
func publishDoesNotWait(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	here := listen(t, n.Bus)
	f.Gate().Close()
	began := time.Now()
	const publishes = 100000
	for i := range int64(publishes) {
		n.Bus.Publish(hub.Change{Person: approval.PersonID(fmt.Sprint("p", i%100)), Rev: i})
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%d publishes without a connection took %s", publishes, took)
	}
	here.at("p99", publishes-1)
	f.Gate().Open()
}

// While the nodes cannot reach each other they keep the latest of each person.
func parting(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	there := listen(t, start(t, f.Node(t)).Bus)
	f.Gate().Close()
	for rev := range int64(1000) {
		n.Bus.Publish(hub.Change{Person: "amy", Rev: rev})
	}
	n.Bus.Publish(hub.Change{Ended: "session"})
	f.Gate().Open()
	there.until("that some may be lost, or amy", func() bool { return there.lost > 0 || there.revs["amy"] == 999 })
	n.Bus.Publish(hub.Change{Person: "ben", Rev: 1})
	there.at("ben", 1)
}

// What was published before a stop is told.
func lastWords(t *testing.T, f Fleet) {
	there := listen(t, start(t, f.Node(t)).Bus)
	for round := range int64(5) {
		n := f.Node(t)
		if err := n.Start(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		for i := range int64(100) {
			n.Bus.Publish(hub.Change{Person: "amy", Rev: round*100 + i})
		}
		stop(t, n)
		there.at("amy", round*100+99)
	}
}

func startsAgain(t *testing.T, f Fleet) {
	there := listen(t, start(t, f.Node(t)).Bus)
	n := f.Node(t)
	stop(t, n) // was not started
	for round := range int64(3) {
		for range 2 { // the second changes nothing
			if err := n.Start(context.WithoutCancel(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		n.Bus.Publish(hub.Change{Person: "amy", Rev: round + 1})
		there.at("amy", round+1)
		stop(t, n)
		stop(t, n)
	}
}

func crowd(t *testing.T, f Fleet) {
	nodes := []Node{start(t, f.Node(t)), start(t, f.Node(t))}
	var listeners []*listener
	for range 3 {
		for _, n := range nodes {
			listeners = append(listeners, listen(t, n.Bus))
		}
	}
	const publishers, each = 8, 300
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range int64(each) {
				nodes[p%2].Bus.Publish(hub.Change{Person: approval.PersonID(fmt.Sprint("p", p)), Rev: i + 1}, hub.Change{Person: "all", Rev: 1})
			}
		})
	}
	all.Wait()
	for _, l := range listeners {
		for p := range publishers {
			l.at(approval.PersonID(fmt.Sprint("p", p)), each)
		}
	}
}

func subscriptionEnds(t *testing.T, f Fleet) {
	n := start(t, f.Node(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var calls atomic.Int64
	go func() { done <- n.Bus.Subscribe(ctx, func([]hub.Change) { calls.Add(1) }) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Subscribe: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("a subscription outlives its context")
	}
	before := calls.Load()
	listen(t, n.Bus)
	if got := calls.Load(); got != before {
		t.Errorf("%d calls after the end of a subscription", got-before)
	}
}
