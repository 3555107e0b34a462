package live

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"qianhe/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWelcome(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.add("amy")
	c := f.dial("amy", "s")
	c.send(map[string]any{"type": "hello"})
	got := c.next()
	want := frame{Type: "welcome", Epoch: "e1", Seq: 1, Counts: hub.Counts{Pending: 1}}
	if got != want {
		t.Errorf("welcome is %+v, want %+v", got, want)
	}
	f.add("amy")
	if got, want := c.next(), (frame{Type: "event", Seq: 2, Kind: hub.KindArrived, URL: "/d/doc2"}); got != want {
		t.Errorf("event is %+v, want %+v", got, want)
	}
	if got, want := c.next(), (frame{Type: "counts", Counts: hub.Counts{Pending: 2}}); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
	f.add("ben") // not hers
	f.done("amy")
	c.want("counts 1")
}

func TestResume(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		since *position
		want  []string
	}{
		{"nothing missed", &position{"e1", 300}, []string{"event 301"}},
		{"one missed", &position{"e1", 299}, []string{"event 300", "event 301"}},
		{"just rendered", nil, []string{"event 301"}},
		{"older than kept", &position{"e1", 3}, []string{"resync e1 300", "event 301"}},
		{"of the future", &position{"e1", 400}, []string{"resync e1 300", "event 301"}},
		{"of another epoch", &position{"e0", 300}, []string{"resync e1 300", "event 301"}},
		{"negative", &position{"e1", -5}, []string{"resync e1 300", "event 301"}},
	}
	f := newFixture(t)
	for range 300 {
		f.add("amy")
	}
	f.inbox.keep(250)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			for range len(f.inbox.of("amy").list) - 300 {
				f.inbox.of("amy").list = f.inbox.of("amy").list[:300]
			}
			c := f.hello("amy", tt.since)
			c.want(tt.want[:len(tt.want)-1]...)
			f.add("amy")
			c.want(tt.want[len(tt.want)-1])
			c.ws.Close()
			eventually(t, "the page is gone", func() bool { return f.connections() == 0 })
		})
	}
	f.t = t
	c := f.hello("amy", &position{"e1", 60}) // more than one page of reading
	c.wantEvents(61, 301)
}

// Two tabs of one person show the same number.
func TestTwoPagesOfOnePerson(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 5 {
		f.add("amy")
	}
	a, b := f.hello("amy", nil), f.hello("amy", &position{"e1", 3})
	b.want("event 4", "event 5")
	for n := 4; n >= 0; n-- {
		f.done("amy")
		want := "counts " + string(rune('0'+n))
		a.want(want)
		b.want(want)
	}
	a.ws.Close()
	f.add("amy")
	b.want("event 6", "counts 1")
}

// Publishers are at work, the bus loses a third of what it is told, the page
// loses its connection again and again: it gets each event once, in order.
func TestResumeUnderLoad(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.SweepEvery = 5 * time.Millisecond })
	const publishers, pages, each = 4, 3, 250
	lost := 0
	f.bus.drop = func(hub.Change) bool { lost++; return lost%3 == 0 }
	// Publishers stay close to the slowest page: else it would rightly be told
	// to begin anew.
	var published atomic.Int64
	var positions [pages]atomic.Int64
	slowest := func() int64 {
		least := positions[0].Load()
		for i := range positions {
			least = min(least, positions[i].Load())
		}
		return least
	}
	var all sync.WaitGroup
	for range publishers {
		all.Go(func() {
			for range each {
				n := published.Add(1)
				eventually(t, "pages that keep up", func() bool { return t.Failed() || n-slowest() < 100 })
				f.add("amy")
			}
		})
	}
	for page := range pages {
		all.Go(func() {
			at := position{Epoch: "e1"}
			for connects := 1; at.Seq < publishers*each; connects++ {
				c, _, err := f.tryDial("amy", "s", appOrigin)
				if err != nil {
					t.Error(err)
					return
				}
				if err := c.ws.WriteJSON(map[string]any{"type": "hello", "since": at}); err != nil {
					t.Error(err)
					return
				}
				for read := 0; read < 10+7*page && at.Seq < publishers*each; {
					fr, err := c.read()
					if err != nil {
						t.Errorf("page %d: %v", page, err)
						return
					}
					switch {
					case fr.Type == "resync", fr.Type == "event" && fr.Seq != at.Seq+1:
						t.Errorf("page %d: %s after event %d", page, fr, at.Seq)
						return
					case fr.Type == "event":
						at.Seq = fr.Seq
						positions[page].Store(fr.Seq)
						read++
					}
				}
				c.ws.Close()
			}
		})
	}
	all.Wait()
}

// The inbox moves on between the look of a page that says hello and its
// admission: nothing may fall in between, with other pages there or without.
func TestNewsDuringHello(t *testing.T) {
	t.Parallel()
	for _, others := range []bool{false, true} {
		f := newFixture(t, func(o *Options) { o.SweepEvery = time.Hour })
		f.add("amy")
		var other *client
		if others {
			other = f.hello("amy", nil)
		}
		f.inbox.mu.Lock()
		f.inbox.slow = func() {
			f.add("amy")
			if others {
				other.want("event 2") // so it was passed on before
			}
		}
		f.inbox.mu.Unlock()
		c := f.dial("amy", "s")
		c.send(map[string]any{"type": "hello"})
		welcome := c.next()
		if welcome.Type != "welcome" {
			t.Fatalf("first frame is %s", welcome)
		}
		c.wantEvents(welcome.Seq+1, 2)
		f.add("amy")
		c.wantEvents(3, 3)
	}
}

// A page that falls behind further than is kept is told so.
func TestResyncWhileConnected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.hello("amy", nil)
	f.inbox.keep(5)
	for range 10 {
		f.inbox.add("amy") // the bus knows nothing of it
	}
	f.add("amy")
	c.want("resync e1 11", "counts 11")
	f.add("amy")
	c.want("event 12")
}

func TestNewEpochWhileConnected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.add("amy")
	c := f.hello("amy", nil)
	c.send(map[string]any{"type": "ack", "seq": 1})
	eventually(t, "the acknowledgement", func() bool { f.inbox.mu.Lock(); defer f.inbox.mu.Unlock(); return len(f.inbox.of("amy").acked) == 1 })
	f.bus.Publish(f.inbox.restart("amy", "e2"))
	c.want("resync e2 0", "counts 0")
	f.add("amy")
	c.want("event 1")
	c.send(map[string]any{"type": "ack", "seq": 1})
	eventually(t, "the acknowledgement", func() bool { f.inbox.mu.Lock(); defer f.inbox.mu.Unlock(); return len(f.inbox.of("amy").acked) == 2 })
	d := f.hello("amy", &position{"e2", 0})
	d.want("event 1")
}

// What the bus loses the sweep finds.
func TestSweep(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.SweepEvery = time.Millisecond })
	c := f.hello("amy", nil)
	f.inbox.add("amy")
	c.want("event 1", "counts 1")
}

// The bus says that it may have lost something: nobody waits for the sweep.
func TestSweepAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.SweepEvery = time.Hour })
	c := f.hello("amy", nil)
	f.inbox.add("amy")
	f.bus.Publish()
	c.want("event 1", "counts 1")
}

// At midnight things become due without anybody's doing.
func TestMidnight(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Date(2026, 11, 23, 23, 59, 0, 0, time.FixedZone("Asia/Taipei", 8*60*60))
	f := newFixture(t, func(o *Options) {
		o.SweepEvery = time.Millisecond
		o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	c := f.hello("amy", nil)
	f.inbox.mu.Lock()
	f.inbox.of("amy").counts.Overdue = 1
	f.inbox.mu.Unlock()
	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	if fr := c.next(); fr.Type != "counts" || fr.Counts.Overdue != 1 {
		t.Errorf("frame is %+v, want counts with one overdue", fr)
	}
}

// The inbox cannot be read for a while: the page is told when it can.
func TestInboxFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.SweepEvery = time.Millisecond })
	c := f.hello("amy", nil)
	f.inbox.fail(errors.New("no database"))
	asked := f.inbox.asked.Load()
	f.add("amy")
	eventually(t, "a try", func() bool { return f.inbox.asked.Load() > asked })
	d := f.dial("amy", "s")
	d.send(map[string]any{"type": "hello"})
	d.wantClose(websocket.CloseTryAgainLater)
	f.inbox.fail(nil)
	c.want("event 1", "counts 1")
}

func TestAckAndSeen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 3 {
		f.add("amy")
	}
	c := f.hello("amy", &position{"e1", 0})
	c.wantEvents(1, 3)
	for _, v := range []any{
		map[string]any{"type": "ack", "seq": 2}, map[string]any{"type": "ack", "seq": 1}, map[string]any{"type": "ack", "seq": 2},
		map[string]any{"type": "ack", "seq": 99}, // never given
		map[string]any{"type": "something new", "seq": 1},
		map[string]any{"type": "seen", "seq": 3}, map[string]any{"type": "seen", "seq": 3}, map[string]any{"type": "seen", "seq": -1},
		map[string]any{"type": "ack", "seq": 3},
	} {
		c.send(v)
	}
	eventually(t, "the last acknowledgement", func() bool {
		f.inbox.mu.Lock()
		defer f.inbox.mu.Unlock()
		b := f.inbox.of("amy")
		return len(b.acked) > 0 && b.acked[len(b.acked)-1].Seq == 3 && len(b.seen) > 0
	})
	f.inbox.mu.Lock()
	defer f.inbox.mu.Unlock()
	b := f.inbox.of("amy")
	reach := int64(0)
	for _, a := range b.acked {
		if a.Person != "amy" || a.After != reach || a.Seq <= a.After {
			t.Errorf("acknowledged %+v, want what follows %d", a, reach)
		}
		reach = a.Seq
	}
	if !slices.Equal(b.seen, []int64{3}) {
		t.Errorf("seen %v, want 3", b.seen)
	}
}

func TestBadFrames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		send func(c *client) error
		code int
	}{
		{"bad JSON", func(c *client) error { return c.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":`)) }, CloseProtocol},
		{"no type", func(c *client) error { return c.ws.WriteMessage(websocket.TextMessage, []byte(`{}`)) }, CloseProtocol},
		{"not an object", func(c *client) error { return c.ws.WriteMessage(websocket.TextMessage, []byte(`7`)) }, CloseProtocol},
		{"ack before hello", func(c *client) error { return c.ws.WriteJSON(map[string]any{"type": "ack", "seq": 1}) }, CloseProtocol},
		{"hello twice", func(c *client) error {
			return errors.Join(c.ws.WriteJSON(map[string]any{"type": "hello"}), c.ws.WriteJSON(map[string]any{"type": "hello"}))
		}, CloseProtocol},
		{"seq is no number", func(c *client) error {
			return c.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"ack","seq":"x"}`))
		}, CloseProtocol},
		{"binary", func(c *client) error { return c.ws.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"hello"}`)) }, websocket.CloseUnsupportedData},
		{"oversize", func(c *client) error {
			return c.ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"`+strings.Repeat("x", maxFrame)+`"}`))
		}, websocket.CloseMessageTooBig},
	}
	f := newFixture(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			c := f.dial("amy", "s")
			if err := tt.send(c); err != nil {
				t.Fatal(err)
			}
			c.wantClose(tt.code)
		})
	}
	f.t = t
	eventually(t, "all are gone", func() bool { return f.connections() == 0 })
}

func TestNoHello(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.HelloTimeout = time.Millisecond })
	f.dial("amy", "s").wantClose(websocket.CloseTryAgainLater)
	eventually(t, "the silent page is gone", func() bool { return f.connections() == 0 })
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Origins = append(o.Origins, "http://127.0.0.1:8080", "not an origin") })
	host := strings.TrimPrefix(f.http.URL, "http://")
	tests := []struct {
		origin string
		ok     bool
	}{
		{appOrigin, true},
		{"https://SIGN.example.gov.tw:443", true},
		{"http://127.0.0.1:8080", true},
		{"", false},
		{"null", false},
		{"http://sign.example.gov.tw", false},
		{"https://sign.example.gov.tw:8443", false},
		{"https://sign.example.gov.tw.evil.example", false},
		{"https://user@sign.example.gov.tw", false},
		{"https://evil.example", false},
		{"http://" + host, false}, // what the Host header says proves nothing
	}
	for _, tt := range tests {
		c, res, err := f.tryDial("amy", "s", tt.origin)
		if (err == nil) != tt.ok {
			t.Errorf("origin %q: %v, want allowed %t", tt.origin, err, tt.ok)
		}
		if err != nil && res.StatusCode != http.StatusForbidden {
			t.Errorf("origin %q: status %d, want 403", tt.origin, res.StatusCode)
		}
		if err == nil {
			c.ws.Close()
		}
	}
}

func TestTooManyPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.MaxPerPerson = 2; o.MaxConnections = 3 })
	f.hello("amy", nil)
	second := f.hello("amy", nil)
	if _, res, err := f.tryDial("amy", "s", appOrigin); err == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("third page of amy: %v, want status 429", err)
	}
	f.hello("ben", nil)
	if _, res, err := f.tryDial("cid", "s", appOrigin); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("fourth page of the node: %v, want status 503", err)
	}
	second.ws.Close()
	eventually(t, "a place", func() bool { return f.connections() == 2 })
	f.hello("amy", nil)
}

func TestPlainRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	res, err := http.Get(f.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a request that is no handshake: status %d, want 400", res.StatusCode)
	}
	eventually(t, "its place", func() bool { return f.connections() == 0 })
}

// wrapped is what middleware makes of a ResponseWriter.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestBehindMiddleware(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	inner := f.http.Config.Handler
	f.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(wrapped{wrapped{w}}, r) })
	f.hello("amy", nil)
}

func TestRevokedSession(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	alive, broken := map[string]bool{"s1": true, "s2": true}, false
	checks := make(chan struct{}, 1000)
	f := newFixture(t, func(o *Options) {
		o.AliveEvery = time.Millisecond
		o.Alive = func(_ context.Context, sessions []string) (map[string]bool, error) {
			mu.Lock()
			defer mu.Unlock()
			select {
			case checks <- struct{}{}:
			default:
			}
			if broken {
				return nil, errors.New("no database")
			}
			answer := map[string]bool{}
			for _, s := range sessions {
				answer[s] = alive[s]
			}
			return answer, nil
		}
	})
	one, two, other := f.dial("amy", "s1"), f.dial("amy", "s1"), f.dial("amy", "s2")
	for _, c := range []*client{one, two, other} {
		c.send(map[string]any{"type": "hello"})
		c.want("welcome e1 0 0")
	}
	mu.Lock()
	broken, alive["s1"] = true, false
	mu.Unlock()
	for range 3 {
		<-checks // nobody is cut off for what cannot be known
	}
	if f.connections() != 3 {
		t.Errorf("%d connections while sessions cannot be checked, want 3", f.connections())
	}
	mu.Lock()
	broken = false
	mu.Unlock()
	one.wantClose(CloseSignedOut)
	two.wantClose(CloseSignedOut)
	f.add("amy")
	other.want("event 1")
	f.CloseSessions("s2", "of nobody")
	other.wantClose(CloseSignedOut)
}

// A session is revoked on one node; its page on another is silent at once,
// without waiting for the check, and what happens after is not told to it.
func TestRevokedElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.AliveEvery = time.Hour })
	elsewhere := New(f.inbox, f.bus, Options{Origins: []string{appOrigin}})
	mine, other := f.hello("amy", nil), f.hello("ben", nil)
	f.bus.Publish(hub.Change{Person: "ben", Rev: 0}, hub.Change{Ended: "of nobody"})
	elsewhere.CloseSessions("session of amy")
	f.add("amy")
	if fr, err := mine.read(); !websocket.IsCloseError(err, CloseSignedOut) {
		t.Errorf("after the end of the session: %v, %v, want only code %d", fr, err, CloseSignedOut)
	}
	f.add("ben")
	other.want("event 1", "counts 1")
}

// The session ends between the caller's look at it and ours.
func TestRevokedAtTheHandshake(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.AliveEvery = time.Hour })
	f.CloseSessions("s1")
	f.dial("amy", "s1").wantClose(CloseSignedOut)
	f.dial("amy", "s2").send(map[string]any{"type": "hello"})
}

func TestEndedSessionsAreBounded(t *testing.T) {
	t.Parallel()
	var e ended
	now := time.Now()
	for i := range maxRemembered + 10 {
		e.add(strconv.Itoa(i), now)
	}
	if len(e.sessions) != maxRemembered || len(e.order) != maxRemembered || e.has("5") || !e.has("10") {
		t.Errorf("%d sessions are remembered, want the last %d", len(e.sessions), maxRemembered)
	}
	e.add("later", now.Add(memory+time.Second))
	if len(e.sessions) != 1 || !e.has("later") {
		t.Errorf("%d sessions are remembered after their time, want one", len(e.sessions))
	}
}

// What the bus has lost may be the end of a session.
func TestLostMayBeASession(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		o.AliveEvery = time.Hour
		o.Alive = func(context.Context, []string) (map[string]bool, error) { return nil, nil }
	})
	c := f.hello("amy", nil)
	f.bus.Publish()
	c.wantClose(CloseSignedOut)
}

// A page does not read. It is cut off, says so to nobody else, and resumes.
func TestSlowPage(t *testing.T) {
	t.Parallel()
	// A page that answers an old ping when it wakes up is answered with a reset.
	f := newFixture(t, func(o *Options) { o.Ping = time.Hour })
	slow := f.hello("amy", nil)
	quick, other := f.hello("amy", nil), f.hello("ben", nil)
	const n = 2000
	var readers sync.WaitGroup
	var read [2]atomic.Int64
	for i, c := range []*client{quick, other} {
		readers.Go(func() {
			for seq := int64(1); seq <= n; seq++ {
				c.wantEvents(seq, seq)
				read[i].Store(seq)
			}
		})
	}
	for i := range int64(n) {
		// As fast as those go who do read.
		eventually(t, "the others keep up", func() bool { return i-min(read[0].Load(), read[1].Load()) < 100 })
		f.add("amy")
		f.add("ben")
	}
	readers.Wait()
	eventually(t, "somebody was slow", func() bool { return gauge(t, f.metrics.slow) >= 1 })
	if got := gauge(t, f.metrics.slow); got != 1 {
		t.Errorf("%v slow pages, want 1", got)
	}
	// Now it reads: what was on its way, and why there is no more.
	at := position{Epoch: "e1"}
	for {
		fr, err := slow.read()
		if err != nil {
			var ce *websocket.CloseError
			if !errors.As(err, &ce) || ce.Code != CloseSlow {
				t.Errorf("the slow page ended with %v, want code %d", err, CloseSlow)
			}
			break
		}
		if fr.Type == "event" {
			if fr.Seq != at.Seq+1 {
				t.Fatalf("slow page: event %d after %d", fr.Seq, at.Seq)
			}
			at.Seq = fr.Seq
		}
	}
	if at.Seq > n-256 {
		t.Fatal("the slow page was not slow: the test tests nothing")
	}
	f.hello("amy", &at).want("resync e1 2000") // it has missed too much for one by one, and is told so
}

// A page does not read for long after it was cut off. When it does, it finds
// what was on its way, in order, and why there is no more, and resumes from
// there without a gap.
func TestStalledPageResumes(t *testing.T) {
	t.Parallel()
	// A page that answers an old ping when it wakes up is answered with a reset.
	f := newFixture(t, func(o *Options) { o.Ping = time.Hour })
	stalled := f.hello("amy", nil)
	n := int64(0)
	for f.connections() > 0 {
		n++
		f.add("amy")
		eventually(t, "what is to be told", func() bool { return f.toldOf("amy") == n || f.connections() == 0 })
	}
	if got := gauge(t, f.metrics.slow); got != 1 {
		t.Errorf("%v slow pages, want 1", got)
	}
	at := position{Epoch: "e1"}
	for {
		fr, err := stalled.read()
		if err != nil {
			if !websocket.IsCloseError(err, CloseSlow) {
				t.Errorf("the page finds %v, want code %d", err, CloseSlow)
			}
			break
		}
		if fr.Type == "event" {
			if fr.Seq != at.Seq+1 {
				t.Fatalf("event %d after %d", fr.Seq, at.Seq)
			}
			at.Seq = fr.Seq
		}
	}
	if at.Seq == 0 || at.Seq == n {
		t.Fatalf("the page found %d of %d events: the test tests nothing", at.Seq, n)
	}
	f.inbox.keep(n)
	f.hello("amy", &at).wantEvents(at.Seq+1, n)
}

// What a page is owed is bounded, whatever happens.
func TestBoundedState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	page := f.hello("amy", nil)
	for range 4000 {
		f.add("amy")
		for _, c := range f.registry.conns() {
			c.mu.Lock()
			if len(c.queue) > maxQueue+1 || c.queued > maxQueued+1000 {
				t.Fatalf("%d frames and %d bytes are queued", len(c.queue), c.queued)
			}
			c.mu.Unlock()
		}
	}
	page.ws.Close()
}

func TestPing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Ping = 64 * time.Millisecond; o.Patience = 10 * time.Second })
	c := f.hello("amy", nil)
	pings := make(chan struct{}, 100)
	c.ws.SetPingHandler(func(data string) error {
		pings <- struct{}{}
		return c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	go func() { _, _ = c.read() }()
	for range 3 {
		select {
		case <-pings:
		case <-time.After(patience):
			t.Fatal("no ping")
		}
	}
}

// A page cannot see our pings: it asks in a frame, and a frame answers. Who asks
// before saying hello is none of our pages.
func TestPageAsks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.hello("amy", nil)
	c.send(map[string]any{"type": "ping"})
	if got := c.next().Type; got != "pong" {
		t.Errorf("answer is %q, want pong", got)
	}
	stranger := f.dial("amy", "s")
	stranger.send(map[string]any{"type": "ping"})
	stranger.wantClose(CloseProtocol)
}

// A page that answers no ping is gone, even if nobody says so.
func TestSilentPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Patience = 20 * time.Millisecond })
	c := f.hello("amy", nil) // and then it reads nothing, so it answers nothing
	eventually(t, "the silent page is gone", func() bool { return f.connections() == 0 })
	c.wantClose(CloseSlow) // which it finds when it wakes up
}

func TestClose(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	polite, before := f.hello("amy", nil), f.dial("ben", "s")
	mute := f.hello("cid", nil) // never answers
	var all sync.WaitGroup
	all.Go(func() { polite.wantClose(websocket.CloseGoingAway) })
	all.Go(func() { before.wantClose(websocket.CloseGoingAway) })
	f.Close()
	f.Close()
	all.Wait()
	_ = mute
	if n := f.connections(); n != 0 {
		t.Errorf("%d connections after Close", n)
	}
	if _, res, err := f.tryDial("amy", "s", appOrigin); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close: %v, want status 503", err)
	}
}

func TestChannel(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var rejected *hub.Rejected
	if _, err := f.Send(t.Context(), hub.Message{Person: "amy"}); !errors.As(err, &rejected) {
		t.Errorf("nobody is connected: %v, want Rejected", err)
	}
	c := f.hello("amy", nil)
	f.inbox.add("amy") // the bus says nothing
	if _, err := f.Send(t.Context(), hub.Message{Person: "amy"}); err != nil {
		t.Errorf("connected: %v", err)
	}
	c.want("event 1", "counts 1")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var retry *hub.Retry
	if _, err := f.Send(ended, hub.Message{Person: "amy"}); !errors.As(err, &retry) {
		t.Errorf("context has ended: %v, want Retry", err)
	}
	if f.Name() != hub.Live {
		t.Errorf("name is %q", f.Name())
	}
}
