package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// message is a push message as channels/webpush writes them.
func message(title, tag, navigate, badge, data string) string {
	return fmt.Sprintf(`{"web_push":8030,"notification":{"title":%q,"lang":"zh-TW","tag":%q,"navigate":%q,"app_badge":%q,"data":{%s}},"app_badge":%s}`, title, tag, navigate, badge, data, badge)
}

// One person never has two stale counts: what says how the in-tray stands
// replaces what said so before, on the screen and on the icon, and a message
// that was under way for a while changes neither.
func TestNoStaleCounts(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.as("wang")
	w := b.startWorker("/offline") // no page that would count by itself
	in := w.inside()
	ask[bool](in, `(self.badges = [], navigator.setAppBadge = n => (self.badges.push(n), Promise.resolve()), navigator.clearAppBadge = () => (self.badges.push(0), Promise.resolve()), true)`)
	send := func(title, badge, more string, sent int) {
		t.Helper()
		id := o.newID()
		w.push(message(title, "tray0a", b.base+"/next", badge, fmt.Sprintf(`"delivery":%q,"sent":%d%s`, id, sent, more)))
		b.told(o, "delivered "+id)
	}
	next := b.base + "/next"
	send("待處理公文 5 件", "5", `,"urgent":true`, 2000)
	send("待處理公文 4 件", "4", `,"kind":"tray.refresh"`, 3000) // one was handled elsewhere
	if got, want := ask[string](b, shown), "待處理公文 4 件||tray0a|"+next+"|silent"; got != want {
		t.Errorf("shown is %s, want %s", got, want)
	}
	send("待處理公文 9 件", "9", "", 1000) // late
	if got, want := ask[string](b, shown), "待處理公文 4 件||tray0a|"+next+"|silent"; got != want {
		t.Errorf("after a late one shown is %s, want %s", got, want)
	}
	// Where the newest was put away, a late one shows no number: its own is wrong.
	ask[bool](b, `navigator.serviceWorker.ready.then(r => r.getNotifications()).then(l => l.forEach(n => n.close())).then(() => true)`)
	send("待處理公文 9 件", "9", "", 1500)
	if got, want := ask[string](b, shown), "有待辦公文||tray0a|"+next+"|silent"; got != want {
		t.Errorf("a late one alone is %s, want %s", got, want)
	}
	// One of another sort is late for the icon only: it is the newest of its own.
	id := o.newID()
	w.push(message("逾期公文 1 件", "due0a", b.base+"/overdue", "9", fmt.Sprintf(`"delivery":%q,"sent":1700`, id)))
	b.told(o, "delivered "+id)
	if got := ask[string](b, shown); !strings.Contains(got, "逾期公文 1 件||due0a|"+b.base+"/overdue") {
		t.Errorf("shown is %s", got)
	}
	ask[bool](b, `navigator.serviceWorker.ready.then(r => r.getNotifications({tag: 'due0a'})).then(l => l.forEach(n => n.close())).then(() => true)`)
	send("待辦公文都已處理", "0", `,"kind":"tray.refresh"`, 4000)
	if got := ask[string](b, shown); !strings.HasPrefix(got, "待辦公文都已處理|") || strings.Contains(got, " / ") {
		t.Errorf("shown is %s, want one", got)
	}
	if got := ask[[]int](in, `self.badges`); !slices.Equal(got, []int{5, 4, 0}) {
		t.Errorf("the icon had %v, want 5, 4, 0", got)
	}
	// A message that is none of ours still shows something: who shows nothing
	// loses the permission.
	w.push("nothing that could be read")
	if got := ask[string](b, shown); !strings.Contains(got, "有待辦公文||qianhe|/inbox") {
		t.Errorf("shown is %s", got)
	}
}

// Messages that come at once, while a page takes back what is no longer news,
// are all shown, and all stay where a tap finds them.
func TestPushesAtOnce(t *testing.T) {
	b, _ := browse(t)
	b.allow()
	b.as("wang")
	w := b.startWorker("/offline")
	var want []string
	for i := range 20 {
		one, two := fmt.Sprintf("one%da", i), fmt.Sprintf("one%db", i)
		ask[bool](b, `(navigator.serviceWorker.controller.postMessage({clear: ['tray']}), true)`)
		w.push(message("承辦公文已決行", one, b.base+"/inbox", "5", `"sent":1000`), message("待處理公文 5 件", "tray0a", b.base+"/next", "5", `"sent":1000`), message("承辦公文已決行", two, b.base+"/inbox", "5", `"sent":1000`))
		ask[bool](b, `(navigator.serviceWorker.controller.postMessage({clear: ['tray', 'due']}), true)`)
		want = append(want, one, two)
	}
	w.push(message("公文已決行", "last", b.base+"/inbox", "5", `"sent":1000`)) // is taken after what the pages said
	got := ask[[]string](b, `navigator.serviceWorker.ready.then(r => r.getNotifications()).then(l => l.map(n => n.tag))`)
	want = append(want, "last")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("on the screen are %q, want %q", got, want)
	}
}

// A tap says that the person has seen it, and opens what it is about: not over
// a page in which somebody writes.
func TestTapInBrowser(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.as("wang")
	doc := "/d/" + string(o.flood)
	w := b.startWorker("/inbox")
	in := w.inside()
	// A tap of a script is none of a person, which these calls ask for.
	ask[bool](in, `(self.opened = [],
		WindowClient.prototype.focus = function () { self.opened.push('focus ' + new URL(this.url).pathname); return Promise.resolve(this); },
		WindowClient.prototype.navigate = function (url) { self.opened.push('navigate ' + url); return Promise.resolve(this); },
		clients.openWindow = url => (self.opened.push('open ' + url), Promise.resolve(null)), true)`)
	tap := func(want string) {
		t.Helper()
		id := o.newID()
		w.push(message("承辦公文已決行", "one0a", b.base+doc, "5", fmt.Sprintf(`"delivery":%q,"sent":%d`, id, o.now.UnixMilli())))
		b.told(o, "delivered "+id)
		got := ask[string](in, `registration.getNotifications().then(list => new Promise(done => {
			self.opened = [];
			const event = new NotificationEvent('notificationclick', {notification: list[0]});
			event.waitUntil = promise => promise.then(() => registration.getNotifications()).then(left => done(self.opened.join(', ') + ', ' + left.length + ' left'));
			self.dispatchEvent(event);
		}))`)
		if got != want {
			t.Errorf("tapped: %s, want %s", got, want)
		}
		if !slices.Contains(o.post.heard(), "seen delivery "+id+" via webpush") {
			t.Errorf("a tap was not seen: %q", o.post.heard())
		}
	}
	tap("focus /inbox, navigate " + b.base + doc + ", 0 left")
	b.open(doc)
	tap("focus " + doc + ", 0 left")
	b.open(doc + "/decide")
	tap("open " + b.base + doc + ", 0 left")
}

// pushService is subscribing as browsers do it, without the push service of
// their makers: one subscription, bound to the key it was made with.
const pushService = `
	self.kept = self.kept || null;
	self.made = self.made || 0;
	PushManager.prototype.getSubscription = () => Promise.resolve(self.kept);
	PushManager.prototype.subscribe = function (wish) {
		const name = 'https://push.example.org/' + (self.label || 'page') + ++self.made;
		self.kept = {
			endpoint: name, options: {applicationServerKey: wish.applicationServerKey.buffer},
			toJSON: () => ({endpoint: name, keys: {p256dh: 'p', auth: 'a'}}),
			unsubscribe: () => { self.kept = null; self.ended = (self.ended || 0) + 1; return Promise.resolve(true); }
		};
		return Promise.resolve(self.kept);
	};`

// At each start the subscription is told anew, once; under a new key of the
// server's another one is made.
func TestSubscriptionIsKept(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.size(390, 800, false)
	b.as("wang")
	// The office's key is "BAAA...": a 4 and sixty-four zeros.
	b.before(pushService + `
		if (!sessionStorage.getItem('rotated')) {
			const key = new Uint8Array(65);
			key[0] = 4;
			PushManager.prototype.subscribe({applicationServerKey: key});
		} else {
			PushManager.prototype.subscribe({applicationServerKey: new Uint8Array(65).fill(7)});
		}`)
	b.open("/inbox")
	b.wait(`!!sessionStorage.getItem('synced')`)
	want := []string{"link webpush session-wang Linux · Chrome https://push.example.org/page1"}
	if got := o.links(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	b.open("/done") // the same start
	ask[bool](b, `fetch('/robots.txt').then(() => true)`)
	if got := o.links(); !slices.Equal(got, want) {
		t.Errorf("said %q, want it once", got)
	}

	// The server has another key now than the subscription was made with.
	ask[bool](b, `(sessionStorage.removeItem('synced'), sessionStorage.setItem('rotated', '1'), true)`)
	b.open("/inbox")
	b.wait(`!!sessionStorage.getItem('synced') && window.ended === 1`)
	if got := o.links(); len(got) != 2 || !strings.HasSuffix(got[1], "/page2") {
		t.Errorf("said %q, want a new subscription", got)
	}
	if got := ask[string](b, `new Uint8Array(window.kept.options.applicationServerKey).slice(0, 3).join()`); got != "4,0,0" {
		t.Errorf("the new one is under key %s", got)
	}
}

// links are the subscriptions that the office was told of.
func (o *office) links() []string {
	return slices.DeleteFunc(o.post.heard(), func(s string) bool { return !strings.HasPrefix(s, "link ") })
}

// The browser gives the subscription up by itself.
func TestSubscriptionChanges(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.as("wang")
	w := b.startWorker("/offline")
	in := w.inside()
	ask[bool](in, `(self.label = 'worker', (() => {`+pushService+`})(), true)`)
	change := func(script string) {
		t.Helper()
		ask[bool](in, `new Promise(done => {
			const event = new Event('pushsubscriptionchange');
			event.waitUntil = promise => promise.then(() => done(true));
			`+script+`
			self.dispatchEvent(event);
		})`)
	}
	change("")
	change(`const key = new Uint8Array(65);
		key[0] = 4;
		event.newSubscription = {options: {applicationServerKey: key.buffer}, toJSON: () => ({endpoint: 'https://push.example.org/given', keys: {p256dh: 'p', auth: 'a'}})};`)
	change(`event.newSubscription = {options: {applicationServerKey: new Uint8Array(65).buffer}, toJSON: () => ({endpoint: 'https://push.example.org/wrong', keys: {p256dh: 'p', auth: 'a'}})};`)
	var got []string
	for _, l := range o.links() {
		got = append(got, l[strings.LastIndex(l, "/")+1:])
	}
	if want := []string{"worker1", "given", "worker2"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

// Who has signed out leaves nothing behind on a phone that others may use.
func TestSignOutInBrowser(t *testing.T) {
	b, o := browse(t)
	b.allow()
	b.size(390, 800, false)
	b.as("wang")
	b.before(pushService + `
		PushManager.prototype.subscribe({applicationServerKey: new Uint8Array(65).fill(4)});
		window.badges = [];
		navigator.setAppBadge = n => (window.badges.push(n), Promise.resolve());
		navigator.clearAppBadge = () => (window.badges.push(0), Promise.resolve());`)
	w := b.startWorker("/me")
	id := o.newID()
	w.push(message("承辦公文已決行", "done0a", b.base+"/inbox", "6", fmt.Sprintf(`"delivery":%q,"sent":1000`, id)))
	b.told(o, "delivered "+id)
	b.follow(`form[action="/signout"] button`)
	b.wait(`window.ended === 1 && window.badges.join() === '0'`)
	b.wait(`navigator.serviceWorker.ready.then(r => r.getNotifications()).then(l => l.length === 0)`)
	if !slices.Contains(o.post.heard(), "unlink session session-wang") {
		t.Errorf("said %q", o.post.heard())
	}
}

// A desktop tab that is open and idle, and a message that has reached a phone in
// a pocket, are delivered. Nobody has seen anything until somebody is there.
func TestIdleTabSeesNothing(t *testing.T) {
	b, o, n := browseLive(t)
	b.allow()
	b.size(1280, 800, false)
	b.as("wang")
	b.before(`const now = Date.now; window.later = 0; Date.now = () => now() + window.later;`)
	w := b.startWorker("/inbox")
	b.wait(livePage)

	// A second tab lies in front; the first one is hidden.
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	front := &browser{t: t, ctx: ctx, base: b.base}
	front.do()
	front.before(`const now = Date.now; window.later = 0; Date.now = () => now() + window.later;`)
	front.open("/inbox")
	front.wait(livePage)
	if got := ask[string](b, `document.visibilityState`); got != "hidden" {
		t.Logf("the first tab is %s", got) // headless Chromium may show both
	}
	// Its owner has left: it is visible, and was not touched for more than a minute.
	ask[bool](front, `(window.later = 61000, true)`)
	ask[bool](b, `(window.later = 61000, true)`)
	before := len(o.post.heard())
	n.arrive(o.wang.ID, o.monitor)
	id := o.newID()
	w.push(message("新到公文 1 件", "tray0a", b.base+"/d/"+string(o.monitor), "7", fmt.Sprintf(`"delivery":%q,"sent":1000`, id)))
	b.told(o, "delivered "+id)
	if got := n.got(t, n.acked); got != 1 {
		t.Errorf("acknowledged %d, want 1", got)
	}
	for _, tab := range []*browser{b, front} {
		tab.wait(`JSON.parse(sessionStorage.getItem('live')).seq === 1`)
		ask[bool](tab, `fetch('/live/head').then(() => new Promise(done => requestAnimationFrame(() => done(true)))) `)
	}
	for _, said := range o.post.heard()[before:] {
		if strings.HasPrefix(said, "seen") {
			t.Errorf("nobody was there, and %q", said)
		}
	}
	select {
	case seq := <-n.seen:
		t.Errorf("nobody was there, and it was seen up to %d", seq)
	default:
	}

	// Somebody comes back to the desk.
	if _, err := chromedp.Call(front.ctx, page.BringToFront, struct{}{}); err != nil {
		t.Log(err)
	}
	front.do(chromedp.MouseClickXY(640, 300))
	if got := n.got(t, n.seen); got != 1 {
		t.Errorf("seen up to %d, want 1", got)
	}
}
