package pghub

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/hub/live"
)

const appOrigin = "https://sign.example.gov.tw"

// pages serves live connections of amy from a hub.
func (f *fixture) pages(h *Hub) (url string) {
	f.t.Helper()
	s := live.New(h, h.Bus(), live.Options{Origins: []string{appOrigin}})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.Serve(w, r, "amy", "session") }))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	f.t.Cleanup(func() { cancel(); <-done; web.Close() })
	return "ws" + strings.TrimPrefix(web.URL, "http")
}

type livePage struct {
	t  testing.TB
	ws *websocket.Conn
}

type liveFrame struct {
	Type   string
	Epoch  string
	Seq    int64
	Kind   hub.Kind
	Counts hub.Counts
}

func openPage(t testing.TB, url string, since any) *livePage {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, http.Header{"Origin": {appOrigin}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	p := &livePage{t, ws}
	p.send(map[string]any{"type": "hello", "since": since})
	return p
}

func (p *livePage) send(v any) {
	p.t.Helper()
	if err := p.ws.WriteJSON(v); err != nil {
		p.t.Fatal(err)
	}
}

// next waits for a frame of a type, and passes counts over.
func (p *livePage) next(kind string) liveFrame {
	p.t.Helper()
	for {
		_ = p.ws.SetReadDeadline(time.Now().Add(patience))
		_, data, err := p.ws.ReadMessage()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", kind, err)
		}
		var fr liveFrame
		if err := json.Unmarshal(data, &fr); err != nil {
			p.t.Fatal(err)
		}
		if fr.Type == kind {
			return fr
		}
		if fr.Type != "counts" {
			p.t.Fatalf("frame is %s, want %s", data, kind)
		}
	}
}

// From a commit on one node to a page on another, and from a glance at the page
// to what is not sent any more.
func TestLivePages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.set(at(23, 15, 0))
	other := f.another()
	f.start(f.Hub)
	f.start(other)
	f.link("amy", hub.LINE)
	page := openPage(t, f.pages(other), nil)
	if fr := page.next("welcome"); fr.Counts.Pending != 5 || fr.Epoch == "" {
		t.Errorf("welcome is %+v", fr)
	}
	f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
	if fr := page.next("event"); fr.Seq != 1 || fr.Kind != hub.KindArrived {
		t.Errorf("event is %+v", fr)
	}
	page.send(map[string]any{"type": "ack", "seq": 1})
	waitUntil(t, func() bool {
		return one[int](f, `select count(*) from notification where delivered_at is not null and seen_at is null`) == 1
	})
	page.send(map[string]any{"type": "seen", "seq": 1})
	waitUntil(t, func() bool {
		return one[int](f, `select count(*) from notification where seen_via = 'live'`) == 1
	})
	waitUntil(t, func() bool { return one[int](f, `select count(*) from notification where routed_at is null`) == 0 })
	f.clock.add(time.Hour)
	f.deliverAll()
	f.line.none(t)
}

// Decisions are made all the time, and the page is on a train.
func TestLiveResume(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.set(at(23, 15, 0))
	const n, writers = 120, 4
	f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
		select 'doc-amy' || i, 'doc', 100 + i, 'review', 'amy', 'active', 'planned', now() from generate_series(0, $1::int) i`, n)
	f.start(f.Hub)
	url := f.pages(f.Hub)
	head, err := f.Head(t.Context(), "amy")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < n; i += writers {
				e := f.event(approval.EventArrived, "doc", "amy")
				e.Step = approval.StepID(fmt.Sprint("doc-amy", i))
				if err := f.enqueueWith(f.Hub, e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var got []int64
	for at := int64(0); at < n; {
		page := openPage(t, url, map[string]any{"epoch": head.Epoch, "seq": at})
		page.next("welcome")
		for i := 0; i < 7 && at < n; i++ {
			at = page.next("event").Seq
			got = append(got, at)
		}
		page.ws.Close()
	}
	all.Wait()
	var want []int64
	for i := range int64(n) {
		want = append(want, i+1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events over all connections (-want +got):\n%s", diff)
	}
}
