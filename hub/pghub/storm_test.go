package pghub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/hub/live"
	"qianhe/hub/natsbus"
	"qianhe/migrations/localpg/pgtest"
)

// stormNode serves pages on a small pool; the session of each is looked up in
// the database, as in a real server.
func stormNode(t *testing.T, f *fixture) (url string, stop func()) {
	t.Helper()
	s := live.New(f.Hub, f.Bus(), live.Options{Origins: []string{appOrigin}})
	web := httptest.NewServer(s.Gate("/live", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var person approval.PersonID
		if err := f.pool.QueryRow(r.Context(), `select person from account where id = $1`, r.URL.Query().Get("person")).Scan(&person); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		s.Serve(w, r, person, "session")
	})))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done; web.Close() }) }
	t.Cleanup(stop)
	return "ws" + strings.TrimPrefix(web.URL, "http") + "/live?person=", stop
}

// Two thousand pages lose their node and are back on another at the same
// moment, each with its position and something missed. The pool has as few
// connections as a server may have. All come back, and nobody who wants to
// decide meanwhile has to wait for a connection.
func TestReconnectStorm(t *testing.T) {
	t.Parallel()
	const pages, conns, deciders, missed = 2000, 8, 3, 2
	config, err := pgxpool.ParseConfig(pgtest.NewDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns, config.MinConns = conns, conns
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f := newFixtureOn(t, pool)
	if err := f.ownBus.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.ownBus.stop)
	f.token("hr")
	f.exec(`insert into person (id, name, unit, created_at) select 's' || i, 's', 'u', now() from generate_series(1, $1::int) i`, pages)
	f.exec(`insert into account (id, person, login, password_hash, created_at) select 's' || i, 's' || i, 's' || i, '', now() from generate_series(1, $1::int) i`, pages)
	tell := func() {
		t.Helper()
		n := form("", query[string](f, `select login from account where login like 's%'`)...)
		n.Kind = hub.KindAnnouncement
		if got := f.publish(n).Told(); got != pages {
			t.Fatalf("%d of %d were told", got, pages)
		}
	}
	tell()

	url, stop := stormNode(t, f)
	all, sockets := make([]*roamer, pages), make([]*websocket.Conn, pages)
	open := func(r *roamer) *websocket.Conn {
		var since any
		if r.epoch != "" {
			since = map[string]any{"epoch": r.epoch, "seq": r.seq.Load()}
		}
		ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), r.address, http.Header{"Origin": {appOrigin}})
		if err != nil {
			t.Errorf("%s: %v", r.person, err)
			return nil
		}
		if err := ws.WriteJSON(map[string]any{"type": "hello", "since": since}); err != nil {
			t.Errorf("%s: %v", r.person, err)
		}
		return ws
	}
	together(pages, 50, func(i int) {
		r := &roamer{t: t, address: url + fmt.Sprint("s", i+1), person: fmt.Sprint("s", i+1)}
		all[i], sockets[i] = r, open(r)
		if sockets[i] == nil {
			return
		}
		var fr liveFrame
		if err := sockets[i].ReadJSON(&fr); err != nil || fr.Type != "welcome" {
			t.Errorf("%s: %v %v, want a welcome", r.person, fr, err)
		}
		r.epoch = fr.Epoch
		r.seq.Store(fr.Seq)
	})
	if t.Failed() {
		return
	}
	stop()
	for _, ws := range sockets {
		ws.Close()
	}
	for range missed {
		tell()
	}
	url, _ = stormNode(t, f)

	// Those who decide want a connection each, again and again. The pool is
	// warm, so whoever finds it empty waits for somebody else.
	deciding, enough := context.WithCancel(t.Context())
	defer enough()
	var decided sync.WaitGroup
	var decisions atomic.Int64
	waited := pool.Stat().EmptyAcquireCount()
	var most atomic.Int32
	for range deciders {
		decided.Go(func() {
			for deciding.Err() == nil {
				err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
					_, err := tx.Exec(t.Context(), `select pg_sleep(0.001)`)
					return err
				})
				if err != nil {
					t.Errorf("a decision fails: %v", err)
					return
				}
				decisions.Add(1)
				most.Store(max(most.Load(), pool.Stat().AcquiredConns()))
			}
		})
	}
	began := time.Now()
	var back sync.WaitGroup
	for _, r := range all {
		back.Go(func() {
			r.address = url + r.person
			ws := open(r)
			if ws == nil {
				return
			}
			defer ws.Close()
			for want := r.seq.Load() + missed; r.seq.Load() < want; {
				_ = ws.SetReadDeadline(time.Now().Add(time.Minute))
				var fr liveFrame
				if err := ws.ReadJSON(&fr); err != nil {
					t.Errorf("%s: %v", r.person, err)
					return
				}
				if fr.Type == "event" && fr.Seq == r.seq.Load()+1 {
					r.seq.Store(fr.Seq)
				} else if fr.Type != "welcome" {
					t.Errorf("%s at %d gets %s %d", r.person, r.seq.Load(), fr.Type, fr.Seq)
					return
				}
			}
		})
	}
	back.Wait()
	took := time.Since(began)
	enough()
	decided.Wait()
	if got := pool.Stat().EmptyAcquireCount() - waited; got != 0 {
		t.Errorf("%d found the pool empty", got)
	}
	if decisions.Load() == 0 {
		t.Error("nobody has decided anything: the test tests nothing")
	}
	t.Logf("%d pages back in %s with %d connections, at most %d in use; %d decisions meanwhile", pages, took.Round(time.Millisecond), conns, most.Load(), decisions.Load())
}

// together calls fn for 0..n-1, so many at a time.
func together(n, width int, fn func(i int)) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range width {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	all.Wait()
}

// A session is revoked on one node. Its page on another falls silent at once,
// whatever carries the word; another session's page goes on.
func TestRevokedOnAnotherNode(t *testing.T) {
	t.Parallel()
	for _, nats := range []bool{false, true} {
		url := ""
		if nats {
			url = natsServer(t)
		}
		f := newFixture(t)
		f.clock.set(at(23, 15, 0)) // no digest
		node := func() (*Hub, *live.Server, string) {
			opt := f.opt
			if nats {
				bus, err := natsbus.New(natsbus.Options{URL: url})
				if err != nil {
					t.Fatal(err)
				}
				if err := bus.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = bus.Stop(context.Background()) })
				opt.Bus = bus
			}
			h, err := New(f.pool, opt)
			if err != nil {
				t.Fatal(err)
			}
			f.start(h)
			s := live.New(h, h.Bus(), live.Options{Origins: []string{appOrigin}, AliveEvery: time.Hour})
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.Serve(w, r, "amy", r.URL.Query().Get("session"))
			}))
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { defer close(done); s.Run(ctx) }()
			t.Cleanup(func() { cancel(); <-done; web.Close() })
			return h, s, "ws" + strings.TrimPrefix(web.URL, "http") + "?session="
		}
		here, hereLive, _ := node()
		_, _, there := node()
		lost, kept := openPage(t, there+"stolen", nil), openPage(t, there+"own", nil)
		lost.next("welcome")
		kept.next("welcome")
		// The other node listens when it hears of something.
		if err := f.enqueueWith(here, f.event(approval.EventArrived, "doc", "amy")); err != nil {
			t.Fatal(err)
		}
		lost.next("event")
		kept.next("event")
		hereLive.CloseSessions("stolen")
		for {
			_ = lost.ws.SetReadDeadline(time.Now().Add(patience))
			_, data, err := lost.ws.ReadMessage()
			if err == nil && strings.Contains(string(data), `"counts"`) {
				continue // was on its way
			}
			if !websocket.IsCloseError(err, live.CloseSignedOut) {
				t.Errorf("NATS %t: the page of the ended session gets %s, %v; want code %d", nats, data, err, live.CloseSignedOut)
			}
			break
		}
		if err := f.enqueueWith(here, f.event(approval.EventReturned, "doc", "amy")); err != nil {
			t.Fatal(err)
		}
		if fr := kept.next("event"); fr.Seq != 2 {
			t.Errorf("NATS %t: the page that may stay has event %d, want 2", nats, fr.Seq)
		}
	}
}
