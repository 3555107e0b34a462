package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"
)

// before has a script run in every page before the page's own.
func (b *browser) before(script string) {
	b.t.Helper()
	res, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	if err != nil {
		b.t.Fatal(err)
	}
	b.scripts = append(b.scripts, res.Identifier)
}

// forget ends what before has begun.
func (b *browser) forget() {
	b.t.Helper()
	for _, id := range b.scripts {
		if _, err := chromedp.Call(b.ctx, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams{Identifier: id}); err != nil {
			b.t.Fatal(err)
		}
	}
	b.scripts = nil
}

// allow grants notifications.
func (b *browser) allow() {
	b.t.Helper()
	if _, err := chromedp.CallBrowser(b.ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
		Permission: &cdpbrowser.PermissionDescriptor{Name: "notifications"}, Setting: cdpbrowser.PermissionSettingGranted, Origin: b.base,
	}); err != nil {
		b.t.Fatal(err)
	}
}

// worker is the service worker of the office's pages, as a test reaches it.
type worker struct {
	*browser
	id serviceworker.RegistrationID
}

// startWorker opens a page, so that there is a service worker.
func (b *browser) startWorker(path string) *worker {
	b.t.Helper()
	registrations := chromedp.Events(b.ctx, serviceworker.WorkerRegistrationUpdated)
	if _, err := chromedp.Call(b.ctx, serviceworker.Enable, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	b.open(path)
	ask[bool](b, `navigator.serviceWorker.ready.then(r => new Promise(done => {
		const active = () => r.active.state === 'activated' ? done(true) : r.active.addEventListener('statechange', active, {once: true});
		active();
	}))`)
	w := &worker{browser: b}
	for e, err := range registrations {
		if err != nil {
			b.t.Fatal(err)
		}
		if len(e.Registrations) > 0 {
			w.id = e.Registrations[0].RegistrationID
			return w
		}
	}
	b.t.Fatal("no service worker")
	return nil
}

// push delivers messages, as a push service would, and waits until the worker
// has done with them, which it tells its pages. Nobody may read the list of
// notifications before: Chromium loses one for good that is being shown then.
func (w *worker) push(messages ...string) {
	w.t.Helper()
	ask[bool](w.browser, `(window.toCome === undefined && navigator.serviceWorker.addEventListener('message', e => { if (e.data === 'pushed') { window.toCome--; } }), window.toCome = `+fmt.Sprint(len(messages))+`, true)`)
	for _, m := range messages {
		if _, err := chromedp.Call(w.ctx, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{Origin: w.base, RegistrationID: w.id, Data: m}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.wait(`window.toCome === 0`)
}

// inside gives the worker's own world, to run scripts in. What a script changes
// there stays as long as the worker runs, and while somebody is inside it does.
func (w *worker) inside() *browser {
	w.t.Helper()
	infos, err := chromedp.Targets(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, info := range infos {
		if info.Type == "service_worker" && strings.HasPrefix(info.URL, w.base) {
			ctx, cancel := chromedp.NewContext(w.ctx, chromedp.WithTargetID(info.TargetID))
			w.t.Cleanup(cancel)
			in := &browser{t: w.t, ctx: ctx, base: w.base}
			in.do() // attaches for as long as ctx lives
			return in
		}
	}
	w.t.Fatal("the service worker does not run")
	return nil
}

// shown are the notifications that are on the screen.
const shown = `navigator.serviceWorker.ready.then(r => r.getNotifications()).then(l => l.map(n => n.title + '|' + n.body + '|' + n.tag + '|' + n.data.url + (n.silent ? '|silent' : '')).join(' / '))`

// told waits until the office was told something.
func (b *browser) told(o *office, what string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !slices.Contains(o.post.heard(), what); {
		if time.Now().After(deadline) {
			b.t.Fatalf("nobody said %q: %q", what, o.post.heard())
		}
		ask[bool](b, `fetch('/robots.txt').then(() => true)`)
	}
}

// A push reaches the worker: it shows the message, sets the badge, says that
// it was delivered, and a tap opens the document.
func TestPushInBrowser(t *testing.T) {
	b, o := browse(t)
	complaints := b.complaints()
	b.allow()
	b.size(390, 800, false)
	b.as("wang")
	w := b.startWorker("/inbox")
	push := func(title, body, delivery string, sent int64) {
		t.Helper()
		w.push(fmt.Sprintf(`{"web_push":8030,"notification":{"title":%q,"body":%q,"lang":"zh-TW","tag":"pending","navigate":%q,"app_badge":"5","data":{"delivery":%q,"kind":"document.arrived","sent":%d}},"app_badge":5}`,
			title, body, b.base+"/d/"+string(o.flood), delivery, sent))
	}
	first, second, late := o.newID(), o.newID(), o.newID()
	told := func(delivery string) {
		t.Helper()
		b.told(o, "delivered "+delivery)
	}
	push("待處理公文 5 件", "最速件 1", first, 2000)
	told(first)
	if got, want := ask[string](b, shown), "待處理公文 5 件|最速件 1|pending|"+b.base+"/d/"+string(o.flood); got != want {
		t.Errorf("shown is %s, want %s", got, want)
	}
	push("待處理公文 6 件", "最速件 2", second, 3000)
	told(second)
	push("待處理公文 4 件", "", late, 1000) // it was under way for a while
	told(late)
	if got := ask[string](b, shown); !strings.HasPrefix(got, "待處理公文 6 件|最速件 2|") || strings.Contains(got, " / ") {
		t.Errorf("shown is %s, want the newest alone", got)
	}

	// Without a line there is a page that says so.
	b.server.Close()
	b.open("/done")
	if got := ask[string](b, `document.querySelector('h1').textContent + getComputedStyle(document.querySelector('.btn.main')).minHeight`); got != "目前連不上54px" {
		t.Errorf("without a line the page says %q", got)
	}
	for _, c := range complaints() {
		if !strings.Contains(c, "ERR_CONNECTION_REFUSED") && !strings.Contains(c, "WebSocket") && !strings.Contains(c, "426") {
			t.Error(c)
		}
	}
}

// stub stands in for the browser's own subscribing, which needs the push
// service of its maker.
const stub = `
	PushManager.prototype.getSubscription = () => Promise.resolve(null);
	PushManager.prototype.subscribe = function (wish) {
		window.wish = wish;
		return %s;
	};`

func TestSubscribeInBrowser(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.size(390, 800, false)
	b.as("wang")
	b.before(fmt.Sprintf(stub, `Promise.resolve({toJSON: () => ({endpoint: 'https://push.example.org/of-this-phone', keys: {p256dh: 'p', auth: 'a'}})})`))
	b.open("/me/notifications")
	b.wait(`!document.querySelector('[data-can]').hidden`)
	b.follow("[data-subscribe]")
	if got := o.post.heard(); len(got) != 1 || !strings.Contains(got[0], "https://push.example.org/of-this-phone") {
		t.Errorf("said %q", got)
	}
}

// A subscription that the browser shows as good and the server knows to be dead
// is given up for another, when the app starts.
func TestDeadSubscriptionInBrowser(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.size(390, 800, false)
	b.as("wang")
	b.before(`
		const made = (path, key) => ({
			options: {applicationServerKey: key}, toJSON: () => ({endpoint: 'https://push.example.org/' + path, keys: {p256dh: 'p', auth: 'a'}}),
			unsubscribe: () => { kept = null; return Promise.resolve(true); },
		});
		const key = new Uint8Array(65);
		key[0] = 4;
		let kept = made('dead', key);
		PushManager.prototype.getSubscription = () => Promise.resolve(kept);
		PushManager.prototype.subscribe = () => Promise.resolve(kept = made('alive', key));`)
	b.open("/inbox")
	b.told(o, "link webpush session-wang Linux · Chrome https://push.example.org/alive")
	if got := o.post.heard(); slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, "/dead") }) {
		t.Errorf("said %q", got)
	}
}

// Where the push service is blocked, subscribing never ends: after twelve
// seconds the page says what to do, and can be tried again.
func TestSubscribingHangs(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.size(390, 800, false)
	b.as("wang")
	b.before(fmt.Sprintf(stub, `new Promise(() => {})`) + `
		const wait = window.setTimeout;
		window.setTimeout = (fn, ms) => ms === 12000 ? void (window.twelveSecondsLater = fn) : wait(fn, ms);`)
	b.open("/me/notifications")
	b.wait(`!document.querySelector('[data-can]').hidden`)
	b.tap("[data-subscribe]")
	b.wait(`window.wish && window.twelveSecondsLater && !document.querySelector('[data-busy]').hidden`)
	b.do(chromedp.Evaluate[chromedp.Void](`window.twelveSecondsLater()`))
	b.wait(`!document.querySelector('[data-slow]').hidden && !document.querySelector('[data-can]').hidden && document.querySelector('[data-busy]').hidden`)
	if got := ask[string](b, `window.wish.userVisibleOnly + ' ' + window.wish.applicationServerKey.length`); got != "true 65" {
		t.Errorf("asked for %s", got)
	}
	if len(o.post.heard()) != 0 {
		t.Errorf("said %q", o.post.heard())
	}
}
