package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"qianhe/approval"
	"qianhe/hub"
)

// patience is how long any one thing may take on a slow machine.
const patience = time.Minute

const appOrigin = "https://sign.example.gov.tw"

// inbox is [hub.Inbox] in memory, with the promises of the real one.
type inbox struct {
	mu     sync.Mutex
	people map[approval.PersonID]*box
	kept   int64
	err    error
	asked  atomic.Int64 // how often News was
	slow   func()       // what happens between the next answer of News and whoever asked
}

type box struct {
	epoch  string
	list   []hub.Notification
	rev    int64
	counts hub.Counts
	acked  []hub.Ack
	seen   []int64
}

func newInbox() *inbox { return &inbox{people: map[approval.PersonID]*box{}, kept: 256} }

func (i *inbox) of(p approval.PersonID) *box {
	b := i.people[p]
	if b == nil {
		b = &box{epoch: "e1"}
		i.people[p] = b
	}
	return b
}

// add is a transaction: a notification, and one more is pending.
func (i *inbox) add(p approval.PersonID) hub.Change {
	i.mu.Lock()
	defer i.mu.Unlock()
	b := i.of(p)
	b.rev++
	b.counts.Pending++
	seq := int64(len(b.list) + 1)
	b.list = append(b.list, hub.Notification{Person: p, Seq: seq, Kind: hub.KindArrived, Document: approval.DocumentID(fmt.Sprint("doc", seq))})
	return hub.Change{Person: p, Rev: b.rev}
}

// done is a transaction after which one less is pending.
func (i *inbox) done(p approval.PersonID) hub.Change {
	i.mu.Lock()
	defer i.mu.Unlock()
	b := i.of(p)
	b.rev++
	b.counts.Pending--
	return hub.Change{Person: p, Rev: b.rev}
}

// restart begins a person's inbox anew.
func (i *inbox) restart(p approval.PersonID, epoch string) hub.Change {
	i.mu.Lock()
	defer i.mu.Unlock()
	b := i.of(p)
	b.epoch, b.list, b.counts = epoch, nil, hub.Counts{}
	b.rev++
	return hub.Change{Person: p, Rev: b.rev}
}

func (i *inbox) keep(n int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept = n
}

func (i *inbox) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

func (i *inbox) News(ctx context.Context, marks []hub.Mark) ([]hub.News, error) {
	i.asked.Add(1)
	i.mu.Lock()
	err, slow := errors.Join(i.err, ctx.Err()), i.slow
	i.slow = nil
	news := make([]hub.News, len(marks))
	for k, m := range marks {
		b, n := i.of(m.Person), &news[k]
		head := int64(len(b.list))
		n.Head = hub.Head{Epoch: b.epoch, Seq: head, Rev: b.rev, Counts: b.counts}
		if m.Epoch == "" {
			continue
		}
		if n.Gap = m.Epoch != b.epoch || m.Seq < 0 || m.Seq > head || head-m.Seq > i.kept; !n.Gap {
			n.Missed = slices.Clone(b.list[m.Seq:])
		}
	}
	i.mu.Unlock()
	if slow != nil {
		slow()
	}
	return news, err
}

func (i *inbox) Revs(_ context.Context, people []approval.PersonID) (map[approval.PersonID]int64, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	revs := map[approval.PersonID]int64{}
	for _, p := range people {
		if b := i.people[p]; b != nil {
			revs[p] = b.rev
		}
	}
	return revs, i.err
}

func (i *inbox) Acked(_ context.Context, acks []hub.Ack) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range acks {
		i.of(a.Person).acked = append(i.of(a.Person).acked, a)
	}
	return nil
}

func (i *inbox) SeenUpTo(_ context.Context, p approval.PersonID, seq int64, via hub.ChannelName) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if via != hub.Live {
		return fmt.Errorf("seen via %q", via)
	}
	i.of(p).seen = append(i.of(p).seen, seq)
	return nil
}

// bus is [hub.Bus] in memory.
type bus struct {
	mu   sync.Mutex
	subs map[int]func([]hub.Change)
	n    int
	drop func(hub.Change) bool // loses some
}

func (b *bus) Publish(changes ...hub.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var kept []hub.Change
	for _, c := range changes {
		if b.drop == nil || !b.drop(c) {
			kept = append(kept, c)
		}
	}
	if len(changes) > 0 && len(kept) == 0 {
		return
	}
	for _, fn := range b.subs {
		fn(kept)
	}
}

func (b *bus) Subscribe(ctx context.Context, fn func([]hub.Change)) error {
	b.mu.Lock()
	if b.subs == nil {
		b.subs = map[int]func([]hub.Change){}
	}
	b.n++
	id := b.n
	b.subs[id] = fn
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	delete(b.subs, id)
	b.mu.Unlock()
	return nil
}

// fixture is a server on a loopback socket. The person and the session of a
// connection stand in its address.
type fixture struct {
	*Server
	t     testing.TB
	inbox *inbox
	bus   *bus
	http  *httptest.Server
}

func newFixture(t testing.TB, set ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, inbox: newInbox(), bus: &bus{}}
	opt := Options{Origins: []string{appOrigin + "/"}}
	for _, fn := range set {
		fn(&opt)
	}
	f.Server = New(f.inbox, f.bus, opt)
	f.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		f.Serve(w, r, approval.PersonID(q.Get("person")), q.Get("session"))
	}))
	f.http.Listener = smallBuffers{f.http.Listener}
	f.http.Start()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		f.http.Close()
	})
	// What is published before anybody listens is for the sweep, not for a test.
	eventually(t, "the subscription", func() bool { f.bus.mu.Lock(); defer f.bus.mu.Unlock(); return len(f.bus.subs) == 1 })
	return f
}

// smallBuffers keeps the kernel from hiding that a page does not read.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(4 << 10)
	}
	return c, err
}

// add and done commit and publish.
func (f *fixture) add(p approval.PersonID)  { f.bus.Publish(f.inbox.add(p)) }
func (f *fixture) done(p approval.PersonID) { f.bus.Publish(f.inbox.done(p)) }

// toldOf gives the last event that was passed on to a person's pages.
func (f *fixture) toldOf(p approval.PersonID) int64 {
	e := f.registry.find(p)
	if e == nil {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seq
}

func (f *fixture) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// frame is any frame of the server.
type frame struct {
	Type   string
	Epoch  string
	Seq    int64
	Kind   hub.Kind
	URL    string
	Counts hub.Counts
}

func (fr frame) String() string {
	switch fr.Type {
	case "event":
		return fmt.Sprint("event ", fr.Seq)
	case "counts":
		return fmt.Sprint("counts ", fr.Counts.Pending)
	case "welcome":
		return fmt.Sprint("welcome ", fr.Epoch, " ", fr.Seq, " ", fr.Counts.Pending)
	}
	return fmt.Sprint(fr.Type, " ", fr.Epoch, " ", fr.Seq)
}

// client is a page.
type client struct {
	t  testing.TB
	ws *websocket.Conn
}

func (f *fixture) address(person, session string) string {
	return "ws" + strings.TrimPrefix(f.http.URL, "http") + "/?" + url.Values{"person": {person}, "session": {session}}.Encode()
}

// dial connects without a hello.
func (f *fixture) dial(person, session string) *client {
	f.t.Helper()
	c, res, err := f.tryDial(person, session, appOrigin)
	if err != nil {
		f.t.Fatalf("dial: %v (%v)", err, res)
	}
	return c
}

func (f *fixture) tryDial(person, session, origin string) (*client, *http.Response, error) {
	dialer := websocket.Dialer{ReadBufferSize: 512, WriteBufferSize: 512, NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4 << 10)
		}
		return c, err
	}}
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	ws, res, err := dialer.DialContext(context.Background(), f.address(person, session), header)
	if err != nil {
		return nil, res, err
	}
	f.t.Cleanup(func() { ws.Close() })
	return &client{f.t, ws}, res, nil
}

// hello connects, says where the page stands (nil: it was just rendered) and
// takes the welcome.
func (f *fixture) hello(person string, since *position) *client {
	f.t.Helper()
	c := f.dial(person, "session of "+person)
	c.send(map[string]any{"type": "hello", "since": since})
	if fr := c.next(); fr.Type != "welcome" {
		f.t.Fatalf("first frame is %s, want welcome", fr)
	}
	return c
}

func (c *client) send(v any) {
	c.t.Helper()
	if err := c.ws.WriteJSON(v); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *client) read() (frame, error) {
	_ = c.ws.SetReadDeadline(time.Now().Add(patience))
	_, data, err := c.ws.ReadMessage()
	if err != nil {
		return frame{}, err
	}
	var fr frame
	return fr, json.Unmarshal(data, &fr)
}

func (c *client) next() frame {
	c.t.Helper()
	fr, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return fr
}

// want takes frames and compares them.
func (c *client) want(frames ...string) {
	c.t.Helper()
	for _, w := range frames {
		if got := c.next().String(); got != w {
			c.t.Fatalf("frame is %q, want %q", got, w)
		}
	}
}

// wantEvents takes events from..to and the counts between them.
func (c *client) wantEvents(from, to int64) {
	c.t.Helper()
	for seq := from; seq <= to; {
		fr := c.next()
		switch {
		case fr.Type == "counts":
		case fr.Type != "event" || fr.Seq != seq:
			c.t.Fatalf("frame is %q, want event %d", fr, seq)
		default:
			seq++
		}
	}
}

// wantClose reads to the end and compares the code.
func (c *client) wantClose(code int) {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			var ce *websocket.CloseError
			if !errors.As(err, &ce) || ce.Code != code {
				c.t.Errorf("connection ended with %v, want code %d", err, code)
			}
			return
		}
	}
}

// eventually waits for what no frame tells.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}
