package web

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/hub/live"
)

// news is the inbox of one person, and the bus that tells of it.
type news struct {
	mu     sync.Mutex
	counts func() hub.Counts
	list   []hub.Notification
	rev    int64
	tell   func([]hub.Change)
	acked  chan int64
	seen   chan int64
}

func newNews() *news { return &news{acked: make(chan int64, 10), seen: make(chan int64, 10)} }

func (n *news) Publish(changes ...hub.Change) {
	n.mu.Lock()
	tell := n.tell
	n.mu.Unlock()
	tell(changes)
}

func (n *news) Subscribe(ctx context.Context, fn func([]hub.Change)) error {
	n.mu.Lock()
	n.tell = fn
	n.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (n *news) Head(context.Context, approval.PersonID) (hub.Head, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.head(), nil
}

func (n *news) head() hub.Head {
	return hub.Head{Epoch: "e1", Seq: int64(len(n.list)), Rev: n.rev, Counts: n.counts()}
}

func (n *news) News(_ context.Context, marks []hub.Mark) ([]hub.News, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]hub.News, len(marks))
	for i, m := range marks {
		out[i].Head = n.head()
		if m.Epoch == "" {
			continue
		}
		if out[i].Gap = m.Epoch != "e1" || m.Seq > int64(len(n.list)); !out[i].Gap {
			out[i].Missed = slices.Clone(n.list[m.Seq:])
		}
	}
	return out, nil
}

func (n *news) Revs(_ context.Context, people []approval.PersonID) (map[approval.PersonID]int64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[approval.PersonID]int64{}
	for _, p := range people {
		out[p] = n.rev
	}
	return out, nil
}

func (n *news) Acked(_ context.Context, acks []hub.Ack) error {
	for _, a := range acks {
		n.acked <- a.Seq
	}
	return nil
}

func (n *news) SeenUpTo(_ context.Context, _ approval.PersonID, seq int64, _ hub.ChannelName) error {
	n.seen <- seq
	return nil
}

// arrive adds a notification; without a document only the counts move.
func (n *news) arrive(p approval.PersonID, document approval.DocumentID) {
	n.mu.Lock()
	n.rev++
	if document != "" {
		n.list = append(n.list, hub.Notification{ID: "n", Person: p, Seq: int64(len(n.list) + 1), Kind: hub.KindArrived, Document: document})
	}
	rev := n.rev
	n.mu.Unlock()
	n.Publish(hub.Change{Person: p, Rev: rev})
}

func (n *news) got(t *testing.T, what chan int64) int64 {
	t.Helper()
	select {
	case seq := <-what:
		return seq
	case <-time.After(patience):
		t.Fatal("nothing was said over the connection")
		return 0
	}
}

// browseLive is browse with real live connections.
func browseLive(t *testing.T) (*browser, *office, *news) {
	t.Helper()
	return browseLiveThrough(t, func(h http.Handler) http.Handler { return h })
}

func browseLiveThrough(t *testing.T, between func(http.Handler) http.Handler) (*browser, *office, *news) {
	t.Helper()
	n := newNews()
	var server *live.Server
	b, o := browseThrough(t, between, func(opt *Options) {
		server = live.New(n, n, live.Options{Origins: []string{opt.BaseURL.String()}})
		opt.Live = server
	})
	o.post.inbox = n
	n.counts = func() hub.Counts {
		c, err := o.store.TrayCounts(t.Context(), o.wang.ID, o.now)
		if err != nil {
			t.Error(err)
		}
		return hub.Counts{Pending: c.All, Highest: c.Highest, Overdue: c.Overdue, DueToday: c.DueToday}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { server.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return b, o, n
}

// An open page becomes new by itself: the in-tray, every count, and a document
// that somebody has dealt with elsewhere.
func TestLivePage(t *testing.T) {
	b, o, n := browseLive(t)
	complaints := b.complaints()
	b.size(390, 800, false)
	b.as("wang")
	b.open("/inbox")
	b.wait(`document.querySelector('[data-live]').textContent === '即時更新'`)

	o.store.mu.Lock()
	o.fillTray(t, 1)
	id := o.store.docs[len(o.store.docs)-1].ID
	o.store.mu.Unlock()
	n.arrive(o.wang.ID, id)
	b.wait(`document.querySelectorAll('.card').length === 7`)
	b.wait(`[...document.querySelectorAll('[data-count=pending]')].every(e => e.textContent === '7')`)
	b.wait(`document.getElementById('said').textContent === '待處理 7 件'`)
	if got := ask[string](b, `document.querySelector('.fresh').dataset.id`); got != string(id) {
		t.Errorf("new is %s, want %s", got, id)
	}
	if got := n.got(t, n.acked); got != 1 {
		t.Errorf("acknowledged %d, want 1", got)
	}
	if got := n.got(t, n.seen); got != 1 {
		t.Errorf("seen up to %d, want 1", got)
	}

	// The document is dealt with on another device.
	b.open("/d/" + string(id))
	b.wait(`!!document.querySelector('.decide')`)
	o.act(t, "wang", id, o.fill(t, "wang", id, "forward", "如擬。"))
	n.arrive(o.wang.ID, "")
	b.wait(`!document.querySelector('.decide') && document.querySelector('.stands.final').textContent.includes('王敏華')`)
	b.wait(`document.querySelector('#route .final blockquote').textContent === '如擬。'`)

	// Its text was changed: what is being read is not exchanged under the eyes.
	b.open("/d/" + string(o.flood))
	b.wait(`!!document.querySelector('.decide') && document.querySelector('[data-changed]').hidden`)
	o.store.mu.Lock()
	d := o.store.find(o.flood)
	d.Version, d.Revision = d.Version+1, d.Revision+1
	o.store.mu.Unlock()
	n.arrive(o.wang.ID, o.flood)
	b.wait(`!document.querySelector('[data-changed]').hidden`)
	if got := n.got(t, n.acked); got != 2 {
		t.Errorf("acknowledged %d, want 2", got)
	}

	// What came while the page was away is caught up on, once.
	b.open("/inbox")
	b.wait(`document.querySelector('.live.on') !== null`)
	b.open("/offline") // a page without a connection
	n.arrive(o.wang.ID, o.monitor)
	b.open("/inbox")
	if got := n.got(t, n.acked); got != 3 {
		t.Errorf("acknowledged %d after being away, want 3", got)
	}

	// The session ends elsewhere: the page goes to the sign-in.
	b.during(func() { o.send(t, "wang", "/signout", nil) })
	if got := ask[string](b, `location.pathname`); got != "/signin" {
		t.Errorf("after the session has ended the page is %s", got)
	}
	for _, c := range complaints() {
		t.Error(c)
	}
}

// Without a connection the page says so and keeps trying.
func TestLivePageOffline(t *testing.T) {
	b, _, n := browseLive(t)
	b.size(390, 800, false)
	b.as("wang")
	b.open("/inbox")
	b.wait(`document.querySelector('[data-live]').textContent === '即時更新'`)
	b.offline(true)
	b.wait(`document.querySelector('[data-live]').textContent === '離線'`)
	b.offline(false)
	b.wait(`document.querySelector('[data-live]').textContent === '即時更新'`)
	if len(n.list) != 0 {
		t.Error("nothing has arrived")
	}
}

// A form is sent once however fast it is tapped, phrases and drafts are at
// hand, and lists grow in place.
func TestDecideInBrowser(t *testing.T) {
	b, o := browse(t)
	b.size(390, 800, false)
	b.as("wang")
	doc := "/d/" + string(o.flood)
	b.open(doc + "/decide")
	b.tap(".phrases button:nth-child(5)")
	b.tap(".phrases button:nth-child(1)")
	if got := ask[string](b, `document.querySelector('textarea').value`); got != "請速辦。如擬。" {
		t.Errorf("opinion is %q", got)
	}
	b.open("/inbox") // the line is lost, the phone rings ...
	b.open(doc + "/decide")
	if got := ask[string](b, `document.querySelector('textarea').value`); got != "請速辦。如擬。" {
		t.Errorf("the draft came back as %q", got)
	}
	before := o.store.updates
	b.load(`const s = document.querySelector('button[name=do]'); s.click(); s.click(); s.click()`)
	if n := o.store.updates - before; n != 1 {
		t.Errorf("three taps sent %d forms", n)
	}
	if got := ask[string](b, `document.querySelector('.note').textContent + location.search`); got != "王敏華印已核可，送 陳副局長 青工防字第1150012345號" {
		t.Errorf("note is %q", got)
	}
	if got := ask[int](b, `Object.keys(sessionStorage).filter(k => k.startsWith('draft')).length`); got != 0 {
		t.Errorf("%d drafts are left", got)
	}

	o.fillTray(t, 30)
	b.open("/inbox")
	b.wait(`document.querySelectorAll('.card').length === 20`)
	b.tap("a[data-more]")
	b.wait(`document.querySelectorAll('.card').length === 35 && !document.querySelector('a[data-more]')`)
	if ids := ask[int](b, `new Set([...document.querySelectorAll('[data-id]')].map(e => e.dataset.id)).size`); ids != 35 {
		t.Errorf("%d different documents of 35", ids)
	}

	b.size(820, 1100, false)
	b.open("/d/" + string(o.meeting))
	b.wait(`document.querySelectorAll('.side .card').length > 30 && !!document.querySelector('.side [aria-current=page]')`)
}
