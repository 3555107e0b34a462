package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"
)

// patience is how long any one thing may take on a slow machine.
const patience = time.Minute

// TestJourney is the main job, in a real browser: 科長 taps the button of the
// LINE message, signs in, reads, approves; another open page of hers counts
// down; 副局長's LINE and Web Push arrive, the latter in a real service worker;
// he approves, 局長 decides, and 承辦人 is told.
func TestJourney(t *testing.T) {
	t.Parallel()
	chrome := startChrome(t)
	d := startDemo(t)

	wang := chrome.person(t)
	wang.open(d.phone("wang"))
	wang.see(".line", "待處理公文")
	wang.see(".line", "最速件")
	wang.follow(`.line a.fx-button`)
	wang.signIn("wang")
	wang.see("h1", "防汛")
	wang.see(".body", "一、")
	wang.see(".route", "股長")

	desk := wang.tab(t)
	desk.open(d.config.BaseURL.String() + "/inbox")
	desk.see("[data-count=pending]", "5")
	desk.wait(`document.querySelector('[data-live]') && !document.querySelector('[data-live]').hidden`)

	chen := chrome.person(t)
	endpoint := chen.subscribe(d, "chen")
	chen.open(d.config.BaseURL.String() + "/offline") // puts the phone away: a page in use would be told instead
	kao := chrome.person(t)
	kao.open(d.config.BaseURL.String() + "/inbox")
	kao.signIn("kao")

	kao.open("about:blank")

	before := d.received("chen")
	wang.click("#foot a.btn.main")
	wang.see("h1", "副局長")
	wang.click(".phrases button")
	wang.click("button[name=do]")
	wang.see(".note", "副局長")

	desk.see("[data-count=pending]", "4")

	// 副局長: a 最速件 goes to LINE at once, and to the browser.
	d.waitLINE(t, "chen", before+1)
	shown := chen.push(d, endpoint)
	if !strings.Contains(shown, "1") {
		t.Errorf("the notification says %q, want a count", shown)
	}
	chen.open(d.config.BaseURL.String() + "/next")
	chen.see("h1", "防汛")
	chen.click("#foot a.btn.main")
	before = d.received("kao")
	chen.click("button[name=do]")
	chen.see(".note", "局長")
	d.waitLINE(t, "kao", before+1)
	chen.open("about:blank")

	// 局長 decides; the opinion is mandatory.
	kao.open(d.config.BaseURL.String() + "/next")
	kao.see("h1", "防汛")
	before = d.received("lin")
	kao.click("#foot a.btn.main")
	kao.see("h1", "決行")
	kao.click(".phrases button")
	kao.click("button[name=do]")
	kao.see(".note", "決行")
	d.waitLINE(t, "lin", before+1)

	for _, p := range []*person{wang, desk, chen, kao} {
		p.noOffences()
	}
}

// startDemo runs the demo on free ports and stops it when the test ends.
func startDemo(t *testing.T) *demo {
	t.Helper()
	d, stop := runningDemo(t)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("demo: %v", err)
		}
	})
	return d
}

// received counts what is in somebody's LINE.
func (d *demo) received(account string) int { return len(d.sandbox.Messages(lineUser(account))) }

func (d *demo) waitLINE(t *testing.T, account string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := d.sandbox.Wait(ctx, lineUser(account), n); err != nil {
		t.Fatalf("LINE of %s has %d messages, want %d: %v", account, len(got), n, err)
	}
}

// chrome is one browser for several people, each with cookies of their own.
type chrome struct{ ctx context.Context }

// startChrome starts Chromium. Without one the test is left out, except in CI.
func startChrome(t *testing.T) *chrome {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium: install it (Debian: apt-get install -y chromium fonts-noto-cjk)")
		}
		t.Skip("no Chromium on this machine (Debian: apt-get install -y chromium fonts-noto-cjk)")
	}
	limited, done := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(done)
	allocated, stop := chromedp.NewExecAllocator(limited,
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(390, 844), chromedp.Flag("lang", "zh-TW"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"))
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &chrome{ctx}
}

// person is one tab in a browser of somebody's own.
type person struct {
	t   *testing.T
	ctx context.Context
}

func (c *chrome) person(t *testing.T) *person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return newTab(t, ctx)
}

// tab is another tab of the same browser.
func (p *person) tab(t *testing.T) *person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	t.Cleanup(cancel)
	return newTab(t, ctx)
}

func newTab(t *testing.T, ctx context.Context) *person {
	t.Helper()
	p := &person{t, ctx}
	p.script(`window.offences = [];
		document.addEventListener('securitypolicyviolation', function (e) { offences.push(e.violatedDirective); });
		addEventListener('error', function (e) { offences.push(e.message); });`)
	return p
}

// script runs at the beginning of every page from now on.
func (p *person) script(source string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.text())
	}
}

// text is what the page says, for failures.
func (p *person) text() string {
	s, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.href + '\n' + document.body.innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return s
}

func (p *person) open(url string) { p.t.Helper(); p.do("open "+url, chromedp.Navigate(url)) }
func (p *person) click(what string) {
	p.t.Helper()
	p.do("click "+what, chromedp.Click(chromedp.CSS(what), chromedp.NodeVisible))
}

// follow goes where a link leads, in this tab.
func (p *person) follow(link string) {
	p.t.Helper()
	p.do("see "+link, chromedp.WaitVisible(chromedp.CSS(link)))
	href, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.querySelector(`+quote(link)+`).href`))
	if err != nil {
		p.t.Fatal(err)
	}
	p.open(href)
}

// see waits until an element says something.
func (p *person) see(selector, text string) {
	p.t.Helper()
	p.wait(`Array.from(document.querySelectorAll(` + quote(selector) + `)).some(function (e) { return e.textContent.includes(` + quote(text) + `); })`)
}

// wait waits until an expression holds, whatever page is loaded meanwhile.
func (p *person) wait(expression string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`!!(`+expression+`)`))
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain for %s: %v\n%s", expression, err, p.text())
		}
		p.do("pause", chromedp.Sleep(20*time.Millisecond))
	}
}

func (p *person) signIn(account string) {
	p.t.Helper()
	p.do("sign in",
		chromedp.WaitVisible(chromedp.CSS("#login")),
		chromedp.SetValue(chromedp.CSS("#login"), account),
		chromedp.SetValue(chromedp.CSS("#password"), demoPassword),
		chromedp.Click(chromedp.CSS("main button.main")))
	p.wait(`!document.querySelector('#login')`)
}

// noOffences: no page broke its own content policy or threw.
func (p *person) noOffences() {
	p.t.Helper()
	got, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`(window.offences || []).join('; ')`))
	if err != nil || got != "" {
		p.t.Errorf("the page offends: %q, %v", got, err)
	}
}

// subscribe signs somebody in and has the browser subscribe to Web Push. The
// browser's own push service cannot be reached here, so PushManager answers
// with a subscription at the stand-in, whose keys the stand-in holds.
func (p *person) subscribe(d *demo, account string) (endpoint string) {
	p.t.Helper()
	endpoint, p256dh, auth := d.sandbox.NewSubscription(account + "-browser")
	d.sandbox.Bind(endpoint, d.push.PublicKey(p.t.Context()))
	origin := d.config.BaseURL.String()
	_, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "notifications"}, Setting: browser.PermissionSettingGranted,
		Origin: origin, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID})
	if err != nil {
		p.t.Fatal(err)
	}
	made, _ := json.Marshal(map[string]any{"endpoint": endpoint, "expirationTime": nil, "keys": map[string]string{"p256dh": p256dh, "auth": auth}})
	p.script(`(function () {
		var made = ` + string(made) + `, have = null;
		made.toJSON = function () { return { endpoint: made.endpoint, keys: made.keys }; };
		made.unsubscribe = function () { have = null; return Promise.resolve(true); };
		PushManager.prototype.subscribe = function () { have = made; return Promise.resolve(made); };
		PushManager.prototype.getSubscription = function () { return Promise.resolve(have); };
	}());`)
	p.open(origin + "/me/notifications")
	p.signIn(account)
	p.click("[data-subscribe]")
	p.wait(`document.querySelector('[data-push]') && document.querySelector('[data-push]').dataset.here === 'true'`)
	return endpoint
}

// push takes what arrived at the stand-in push service for this browser and
// gives it to the service worker, as the browser would. It returns the title
// of the notification that is shown.
func (p *person) push(d *demo, endpoint string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	messages, err := d.sandbox.Wait(ctx, endpoint, 1)
	if err != nil {
		p.t.Fatalf("no push at the browser's subscription: %v", err)
	}
	registrations := chromedp.Events(ctx, serviceworker.WorkerRegistrationUpdated)
	p.do("enable", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, serviceworker.Enable, struct{}{})
		return chromedp.Void{}, err
	})
	origin := d.config.BaseURL.String()
	var id serviceworker.RegistrationID
	for ev, err := range registrations {
		if err != nil {
			p.t.Fatal(err)
		}
		for _, r := range ev.Registrations {
			if strings.HasPrefix(r.ScopeURL, origin) {
				id = r.RegistrationID
			}
		}
		if id != "" {
			break
		}
	}
	// The list of notifications is read when the worker has said that it has done
	// with the message: Chromium loses one for good that is being shown while
	// somebody reads.
	p.wait(`(navigator.serviceWorker.addEventListener('message', function (e) { window.pushed = e.data === 'pushed'; }), true)`)
	_, err = chromedp.Call(ctx, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{Origin: origin, RegistrationID: id, Data: string(messages[len(messages)-1].JSON)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.wait(`window.pushed`)
	title, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`navigator.serviceWorker.ready.then(function (r) { return r.getNotifications(); }).then(function (list) { return list.map(function (n) { return n.title; }).join(); })`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatal(err)
	}
	p.delivered(d)
	return title
}

// delivered waits until the service worker's word has been recorded.
func (p *person) delivered(d *demo) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		var n int
		if err := d.pool.QueryRow(p.ctx, `select count(*) from delivery where channel = 'webpush' and delivered_at is not null`).Scan(&n); err != nil {
			p.t.Fatal(err)
		}
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatal("the service worker did not say that the push arrived")
		}
		p.do("pause", chromedp.Sleep(20*time.Millisecond))
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}
