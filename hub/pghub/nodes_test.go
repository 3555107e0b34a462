package pghub

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats-server/v2/server"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/hub/live"
	"qianhe/hub/natsbus"
	"qianhe/migrations/localpg/pgtest"
)

// nodeVariable makes this program a node, see liveNode.
const nodeVariable = "PGHUB_TEST_NODE"

// nodeOptions are what a node is told by its parent.
type nodeOptions struct {
	DSN    string
	Listen string // "" for any free port
	NATS   string // "" for the bus of the database
}

// liveNode is a server of live connections in a process of its own, until it is
// killed or its stdin ends. Whose page it is stands in the address.
func liveNode() int {
	fail := func(err error) int { fmt.Fprintln(os.Stderr, err); return 1 }
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var o nodeOptions
	if err := json.Unmarshal([]byte(os.Getenv(nodeVariable)), &o); err != nil {
		return fail(err)
	}
	pool, err := pgxpool.New(ctx, o.DSN)
	if err != nil {
		return fail(err)
	}
	opt := Options{Trays: &trays{counts: map[approval.PersonID]approval.TrayCounts{}}, Sealer: sealer{}, Workdays: weekdays{}}
	if o.NATS != "" {
		bus, err := natsbus.New(natsbus.Options{URL: o.NATS})
		if err == nil {
			err = bus.Start(ctx)
		}
		if err != nil {
			return fail(err)
		}
		opt.Bus = bus
	}
	h, err := New(pool, opt)
	if err == nil {
		err = h.Start(ctx)
	}
	if err != nil {
		return fail(err)
	}
	s := live.New(h, h.Bus(), live.Options{Origins: []string{appOrigin}})
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) {
		s.Serve(w, r, approval.PersonID(r.URL.Query().Get("person")), "session")
	})
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		var n hub.Notice
		err := json.NewDecoder(r.Body).Decode(&n)
		if err == nil {
			_, err = h.Publish(r.Context(), n)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	l, err := net.Listen("tcp", cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return fail(err)
	}
	go func() { _ = http.Serve(l, s.Gate("/live", mux)) }()
	fmt.Println(l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	<-done
	return 0
}

// node is one process of the fleet, at one address for all its lives.
type node struct {
	address string
	cmd     *exec.Cmd
	stdin   io.Closer
}

func (n *node) start(t *testing.T, o nodeOptions) {
	t.Helper()
	o.Listen = n.address
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.CommandContext(t.Context(), os.Args[0])
	n.cmd.Env = append(os.Environ(), nodeVariable+"="+string(b))
	n.cmd.Stderr = t.Output()
	if n.stdin, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("a node does not come up: %v", err)
	}
	n.address = strings.TrimSpace(line)
}

// end ends the process: as kill -9 does, or in good order.
func (n *node) end(kill bool) {
	if kill {
		_ = n.cmd.Process.Kill()
	}
	n.stdin.Close()
	_ = n.cmd.Wait() // of one that was killed its error says so
}

// balancer is one address before several nodes: each connection goes to the
// next of them that takes it.
type balancer struct {
	net.Listener
	next     atomic.Int64
	backends []string
	conns    sync.WaitGroup
}

func newBalancer(t *testing.T, backends ...string) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{Listener: l, backends: backends}
	b.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.conns.Go(func() { b.pass(c) })
		}
	})
	t.Cleanup(func() { l.Close(); b.conns.Wait() })
	return b
}

func (b *balancer) pass(c net.Conn) {
	defer c.Close()
	for range b.backends {
		to, err := net.Dial("tcp", b.backends[int(b.next.Add(1))%len(b.backends)])
		if err != nil {
			continue
		}
		var both sync.WaitGroup
		for _, way := range [][2]net.Conn{{c, to}, {to, c}} {
			both.Go(func() {
				_, _ = io.Copy(way[0], way[1])
				way[0].Close()
				way[1].Close()
			})
		}
		both.Wait()
		return
	}
}

// roamer is a page that loses its connection, or its node, and finds another.
type roamer struct {
	t       *testing.T
	address string
	person  string
	epoch   string
	seq     atomic.Int64
	goal    int64
	patient int // events after which it leaves by itself
	visits  int
}

// run reads until it has everything. Each event has to be the next one.
func (r *roamer) run(ctx context.Context) {
	for r.seq.Load() < r.goal && ctx.Err() == nil && !r.t.Failed() {
		r.visit(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(2+r.visits%7) * time.Millisecond): // as pages do, not all together
		}
	}
}

func (r *roamer) visit(ctx context.Context) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+r.address+"/live?person="+r.person, http.Header{"Origin": {appOrigin}})
	if err != nil {
		return
	}
	defer ws.Close()
	stop := context.AfterFunc(ctx, func() { ws.Close() })
	defer stop()
	r.visits++
	since := map[string]any{"epoch": r.epoch, "seq": r.seq.Load()}
	if ws.WriteJSON(map[string]any{"type": "hello", "since": since}) != nil {
		return
	}
	for read := 0; read < r.patient && r.seq.Load() < r.goal; {
		_, data, err := ws.ReadMessage()
		if err != nil {
			return
		}
		var fr liveFrame
		if err := json.Unmarshal(data, &fr); err != nil {
			r.t.Error(err)
			return
		}
		switch fr.Type {
		case "event":
			if fr.Seq != r.seq.Load()+1 {
				r.t.Errorf("%s has event %d after %d", r.person, fr.Seq, r.seq.Load())
				return
			}
			r.seq.Store(fr.Seq)
			read++
		case "resync":
			r.t.Errorf("%s was told to begin anew at %d", r.person, fr.Seq)
			return
		}
	}
}

// Nodes behind one address are killed and started again, and ended in good
// order, while publishers publish through them and pages go from one to the
// other. In the end each page has had each event of its person once, in order.
func TestNodesBehindOneAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		nodes int
		nats  bool
	}{
		{"two nodes on PostgreSQL", 2, false},
		{"three nodes on PostgreSQL", 3, false},
		{"three nodes on NATS", 3, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			testNodes(t, tt.nodes, tt.nats)
		})
	}
}

func testNodes(t *testing.T, count int, nats bool) {
	const publishers, notices, deaths = 4, 40, 5
	dsn := pgtest.NewDSN(t)
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f := newFixtureOn(t, pool)
	f.token("hr")
	o := nodeOptions{DSN: dsn}
	if nats {
		o.NATS = natsServer(t)
	}
	nodes := make([]*node, count)
	var addresses []string
	for i := range nodes {
		nodes[i] = &node{}
		nodes[i].start(t, o)
		addresses = append(addresses, nodes[i].address)
	}
	t.Cleanup(func() {
		for _, n := range nodes {
			n.end(true)
		}
	})
	b := newBalancer(t, addresses...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	people := []string{"amy", "ben", "cid", "dan"}
	var pages []*roamer
	var reading, publishing sync.WaitGroup
	for _, p := range people {
		for page := range 3 {
			r := &roamer{t: t, address: b.Addr().String(), person: p, epoch: f.news(approval.PersonID(p), "", 0).Epoch, goal: publishers * notices, patient: 5 + 9*page}
			pages = append(pages, r)
			reading.Go(func() { r.run(ctx) })
		}
	}
	var published atomic.Int64
	slowest := func() int64 {
		least := pages[0].seq.Load()
		for _, p := range pages {
			least = min(least, p.seq.Load())
		}
		return least
	}
	for w := range publishers {
		publishing.Go(func() {
			for i := range notices {
				// Nobody falls so far behind that they are rightly told to begin anew.
				for published.Load()-slowest() > 100 && ctx.Err() == nil && !t.Failed() {
					select {
					case <-ctx.Done():
					case <-time.After(time.Millisecond):
					}
				}
				n := form(fmt.Sprint(w, "-", i), people...)
				n.Kind = hub.KindAnnouncement
				for !publishThrough(ctx, b.Addr().String(), n) { // under the same key until somebody has it
					if ctx.Err() != nil || t.Failed() {
						return
					}
				}
				published.Add(1)
			}
		})
	}
	for death := range deaths {
		goal := int64(publishers * notices * (death + 1) / (deaths + 1))
		waitUntil(t, func() bool { return slowest() >= goal || t.Failed() })
		n := nodes[death%count]
		n.end(death != 2) // one of them in good order
		n.start(t, o)
	}
	publishing.Wait()
	reading.Wait()
	visits := 0
	for _, p := range pages {
		if got := p.seq.Load(); got != p.goal {
			t.Errorf("a page of %s has had %d of %d events", p.person, got, p.goal)
		}
		visits += p.visits
	}
	for _, p := range people {
		got := one[string](f, `select concat_ws(' ', count(*), min(seq), max(seq), count(distinct notice)) from notification where person = $1`, p)
		if want := fmt.Sprint(publishers*notices, " 1 ", publishers*notices, " ", publishers*notices); got != want {
			t.Errorf("the inbox of %s holds (count, first, last, notices) %s, want %s", p, got, want)
		}
	}
	t.Logf("%d deaths, %d pages, %d connections: %d events each, once and in order", deaths, len(pages), visits, publishers*notices)
}

// publishThrough reports whether a notice is known to be written.
func publishThrough(ctx context.Context, address string, n hub.Notice) bool {
	body, err := json.Marshal(n)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/publish", strings.NewReader(string(body)))
	if err != nil {
		return false
	}
	r.Close = true // each through another node
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// natsServer runs a NATS server until the test ends.
func natsServer(t *testing.T) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not come up")
	}
	return s.ClientURL()
}
