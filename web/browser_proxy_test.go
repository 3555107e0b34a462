package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proxy stands between the browser and the server, as those of agencies do. It
// is a real one; what it does to a WebSocket can be changed.
type proxy struct {
	t      *testing.T
	server *httptest.Server
	plain  http.Handler

	mu       sync.Mutex
	mode     string // pass, refuse, swallow or cut
	upgrades int
	open     []net.Conn
	frozen   bool // what is open brings nothing any more
}

func (p *proxy) between(h http.Handler) http.Handler {
	p.server = httptest.NewServer(h)
	p.t.Cleanup(p.server.Close)
	u, err := url.Parse(p.server.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	p.plain = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host }}
	p.t.Cleanup(p.cut)
	return p
}

func (p *proxy) set(mode string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = mode
}

// freeze leaves what is open as it is, and brings nothing of it any more.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = true
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.open {
		c.Close()
	}
	p.open = nil
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		p.plain.ServeHTTP(w, r)
		return
	}
	p.mu.Lock()
	mode := p.mode
	p.upgrades++
	number := p.upgrades
	p.mu.Unlock()
	if mode == "refuse" {
		http.Error(w, "no upgrades here", http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.t.Error(err)
		return
	}
	far, err := net.Dial("tcp", strings.TrimPrefix(p.server.URL, "http://"))
	if err != nil {
		p.t.Error(err)
		return
	}
	p.mu.Lock()
	p.open = append(p.open, near, far)
	p.mu.Unlock()
	if mode == "swallow" {
		return // the request never arrives
	}
	if err := r.Write(far); err != nil {
		near.Close()
		return
	}
	go func() { _, _ = io.Copy(far, near); far.Close() }()
	go p.bring(near, far, mode, number)
}

// bring takes what the server says to the browser; under "cut" only until the
// welcome has passed.
func (p *proxy) bring(near, far net.Conn, mode string, number int) {
	defer near.Close()
	buf := make([]byte, 4096)
	for {
		n, err := far.Read(buf)
		p.mu.Lock()
		frozen := p.frozen && number == 1
		p.mu.Unlock()
		if !frozen {
			if _, werr := near.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil || mode == "cut" && strings.Contains(string(buf[:n]), `"welcome"`) {
			return
		}
	}
}

// faster has the timers of the page's connection run twenty times as fast; how
// long it is since somebody touched the page is left alone.
const faster = `const wait = window.setTimeout;
	window.setTimeout = (fn, ms, ...rest) => wait(fn, ['connect', 'inquire', 'ask', 'lost', 'lasting'].includes(fn.name) ? ms / 20 : ms, ...rest);`

const (
	livePage = `document.querySelector('[data-live]').textContent === '即時更新'`
	pollPage = `document.querySelector('[data-live]').textContent === '每分鐘更新'`
)

// Where a proxy kills WebSockets, whichever way, the page says that it asks every
// minute, and does: counts and in-tray become right, and what a person sees
// counts as seen. When the way is free again it is live again.
func TestNoWebSockets(t *testing.T) {
	p := &proxy{t: t}
	b, o, n := browseLiveThrough(t, p.between)
	b.size(390, 800, false)
	b.as("wang")
	b.before(faster)
	b.open("/offline")
	cards, events := 6, int64(0)
	arrive := func() {
		t.Helper()
		o.store.mu.Lock()
		o.fillTray(t, 1)
		id := o.store.docs[len(o.store.docs)-1].ID
		o.store.mu.Unlock()
		n.arrive(o.wang.ID, id)
		cards++
		events++
		b.wait(fmt.Sprintf(`document.querySelectorAll('.card').length === %d`, cards))
		b.wait(fmt.Sprintf(`[...document.querySelectorAll('[data-count=pending]')].every(e => e.textContent === '%d')`, cards))
		if got := ask[string](b, `document.querySelector('.fresh').dataset.id`); got != string(id) {
			t.Errorf("new is %s, want %s", got, id)
		}
	}
	for _, mode := range []string{"refuse", "swallow", "cut"} {
		t.Log(mode)
		ask[bool](b, `(sessionStorage.clear(), true)`)
		p.set(mode)
		b.open("/inbox")
		b.wait(pollPage)
		arrive()
		for n.got(t, n.seen) != events {
		}
		b.wait(pollPage)

		// A page that was opened after that knows it from the first moment.
		b.open("/d/" + string(o.flood))
		b.wait(pollPage + ` && getComputedStyle(document.querySelector('.bar [data-live]')).display !== 'none'`)

		p.set("pass")
		b.open("/inbox")
		b.wait(livePage)
		arrive()
		for n.got(t, n.acked) != events {
		}
		b.wait(`!sessionStorage.getItem('polls')`) // a connection has lasted: the next page expects one again
	}
}

// A line that is dead and does not say so: the page asks, gets no answer, and
// connects anew.
func TestDeadLine(t *testing.T) {
	p := &proxy{t: t, mode: "pass"}
	b, o, n := browseLiveThrough(t, p.between)
	b.size(390, 800, false)
	b.as("wang")
	b.before(faster)
	b.open("/inbox")
	b.wait(livePage)
	p.freeze()
	b.do() // nothing: the page has to find out by itself
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for again := false; !again; {
		if ctx.Err() != nil {
			t.Fatal("the page stays with its dead line")
		}
		ask[bool](b, `fetch('/robots.txt').then(() => true)`)
		p.mu.Lock()
		again = p.upgrades > 1
		p.mu.Unlock()
	}
	b.wait(livePage)
	n.arrive(o.wang.ID, o.monitor)
	if got := n.got(t, n.acked); got != 1 {
		t.Errorf("acknowledged %d over the new line, want 1", got)
	}
}

// When a server goes away, all its pages come back; not at the same moment, and
// less and less often.
func TestReconnectIsSpread(t *testing.T) {
	b, _, _ := browseLive(t)
	b.size(390, 800, false)
	b.as("wang")
	b.before(`
		window.waits = [];
		const wait = window.setTimeout;
		window.setTimeout = (fn, ms, ...rest) => {
			if (fn.name !== 'connect') { return wait(fn, ms, ...rest); }
			window.waits.push(ms);
			return window.waits.length < 400 ? wait(fn, 0) : 0;
		};
		window.WebSocket = function () { wait(() => this.onclose({code: 1006}), 0); };
		window.WebSocket.OPEN = 1;`)
	b.open("/inbox")
	b.wait(`window.waits.length === 400`)
	// Somebody looks at this page: its first try comes within 2.3 s.
	first := ask[float64](b, `window.waits[0]`)
	if first < 300 || first > 2300 {
		t.Errorf("the first try comes after %.0f ms", first)
	}
	late := ask[[]float64](b, `window.waits.slice(10)`)
	var sum float64
	tenths := make([]int, 10)
	for _, ms := range late {
		if ms < 300 || ms > 60300 {
			t.Fatalf("a late try comes after %.0f ms", ms)
		}
		sum += ms
		tenths[min(int(ms/6030), 9)]++
	}
	if mean := sum / float64(len(late)); mean < 25000 || mean > 36000 {
		t.Errorf("late tries come after %.0f ms on average, want about 30 s", mean)
	}
	for i, n := range tenths {
		if n < 10 {
			t.Errorf("only %d of %d late tries fall into tenth %d of the minute", n, len(late), i)
		}
	}
}
