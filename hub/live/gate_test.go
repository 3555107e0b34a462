package live

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// gated is a gate before a handler that holds everybody up.
type gated struct {
	*Server
	t       *testing.T
	handler http.Handler
	inside  chan struct{} // one for each that has come through
	leave   chan struct{}
}

func newGated(t *testing.T, opt Options) *gated {
	g := &gated{Server: New(newInbox(), &bus{}, opt), t: t, inside: make(chan struct{}, 100), leave: make(chan struct{})}
	g.handler = g.Gate("/live", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		g.inside <- struct{}{}
		<-g.leave
	}))
	return g
}

// knock sends a request and gives the answer.
func (g *gated) knock(path string, upgrade bool) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if upgrade {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w
}

func (g *gated) wantRefused(w *httptest.ResponseRecorder) {
	g.t.Helper()
	after, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if w.Code != http.StatusServiceUnavailable || err != nil || after < 1 || after > 20 {
		g.t.Errorf("status %d, Retry-After %q; want 503 and some seconds", w.Code, w.Header().Get("Retry-After"))
	}
}

// However many pages come, so many are looked up at a time; the others stand in
// line, and for whom the line is too long, that one comes back later. Nobody
// else is held up.
func TestGate(t *testing.T) {
	t.Parallel()
	g := newGated(t, Options{Workers: 2, MaxWaiting: 3})
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if w := g.knock("/live", true); w.Code != http.StatusOK {
				t.Errorf("in line and refused with status %d", w.Code)
			}
		})
	}
	eventually(t, "two inside and three in line", func() bool { return len(g.inside) == 2 && g.waiting.Load() == 3 })
	g.wantRefused(g.knock("/live", true))
	if got := gauge(t, g.metrics.refused); got != 1 {
		t.Errorf("%v are counted as refused, want 1", got)
	}
	for _, other := range []struct {
		path    string
		upgrade bool
	}{{"/inbox", false}, {"/inbox", true}, {"/live", false}} {
		all.Go(func() { g.knock(other.path, other.upgrade) })
	}
	eventually(t, "what does not concern the gate", func() bool { return len(g.inside) == 5 })
	close(g.leave)
	all.Wait()
	if len(g.inside) != 8 || g.waiting.Load() != 0 || len(g.slots) != 0 {
		t.Errorf("%d came through, %d wait, %d slots are taken; want 8 and none", len(g.inside), g.waiting.Load(), len(g.slots))
	}
}

// A node without room asks nobody whether there is a session.
func TestGateOfAFullNode(t *testing.T) {
	t.Parallel()
	g := newGated(t, Options{MaxConnections: 1})
	g.enter()
	g.wantRefused(g.knock("/live", true))
	g.exit()
	close(g.leave)
	g.knock("/live", true)
	g.Close()
	g.wantRefused(g.knock("/live", true))
}
