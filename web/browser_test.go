package web

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"qianhe/approval"
)

var shots = flag.String("shots", "", "directory for screenshots of all pages")

// chromium gives the browser to test with. Without one the tests that need it
// are skipped, except where CI says that there has to be one.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium; install it: apt-get install -y chromium fonts-noto-cjk")
	}
	t.Skip("no Chromium; to run this test: apt-get install -y chromium fonts-noto-cjk")
	return ""
}

// browser is Chromium with one tab.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
}

// browse serves an office on loopback and opens a tab.
func browse(t *testing.T, change ...func(*Options)) (*browser, *office) {
	t.Helper()
	path := chromium(t)
	srv := httptest.NewUnstartedServer(nil)
	base := "http://" + srv.Listener.Addr().String()
	o := newOffice(t, append([]func(*Options){func(opt *Options) {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		opt.BaseURL = u
	}}, change...)...)
	srv.Config.Handler = o.Handler()
	srv.Start()
	t.Cleanup(srv.Close)

	alloc, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("accept-lang", "zh-TW"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"),
	)...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: base}
	b.do() // starts it
	return b, o
}

// do runs steps, each page within half a minute.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if b.ctx.Err() == nil && len(steps) == 0 {
		ctx = b.ctx // the first run binds the browser to its context
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// ask evaluates a script.
func ask[T any](b *browser, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// wait waits until a script gives true.
func (b *browser) wait(script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 15*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](script)); err != nil {
		b.t.Fatalf("waiting for %s: %v", script, err)
	}
}

// follow taps something that leads to another page, and waits for that.
func (b *browser) follow(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(selector)))); err != nil {
		b.t.Fatalf("following %s: %v", selector, err)
	}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// as signs somebody in by cookie.
func (b *browser) as(login string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "qianhe_session", Value: login, URL: b.base, HTTPOnly: new(true)}); err != nil {
		b.t.Fatal(err)
	}
}

// size sets the window, and light or dark.
func (b *browser) size(width, height int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateMobile, chromedp.EmulateTouch))
}

// complaints collects what the browser has against pages: errors of scripts
// and violations of the content policy.
func (b *browser) complaints() func() []string {
	b.t.Helper()
	var list []string
	exceptions := chromedp.Events(b.ctx, runtime.ExceptionThrown)
	entries := chromedp.Events(b.ctx, log.EntryAdded)
	gone := make(chan string, 100)
	go func() {
		for e, err := range exceptions {
			if err != nil {
				return
			}
			gone <- "exception: " + e.ExceptionDetails.Text
		}
	}()
	go func() {
		for e, err := range entries {
			if err != nil {
				return
			}
			if e.Entry.Level == log.EntryLevelError {
				gone <- fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
			}
		}
	}()
	return func() []string {
		for {
			select {
			case s := <-gone:
				list = append(list, s)
			default:
				return list
			}
		}
	}
}

// stop is one page that is looked at.
type stop struct {
	name, path string
	fits       bool // has to fit without scrolling sideways; all do
}

func (o *office) stops() []stop {
	d := func(id approval.DocumentID) string { return "/d/" + string(id) }
	return []stop{
		{name: "inbox", path: "/inbox"},
		{name: "inbox-filter", path: "/inbox?f=decide"},
		{name: "inbox-none", path: "/inbox?f=consult&cursor=99"},
		{name: "document", path: d(o.flood)},
		{name: "document-after", path: d(o.monitor) + "?after=" + string(o.old)},
		{name: "meeting", path: d(o.meeting)},
		{name: "classified", path: d(o.shut)},
		{name: "done-document", path: d(o.old)},
		{name: "returned", path: d(o.back)},
		{name: "decide", path: d(o.flood) + "/decide"},
		{name: "decide-final", path: d(o.monitor) + "/decide"},
		{name: "return", path: d(o.flood) + "/return"},
		{name: "view", path: d(o.flood) + "/files/" + string(o.pdf) + "/view"},
		{name: "done", path: "/done"},
		{name: "me", path: "/me"},
		{name: "devices", path: "/me/devices"},
		{name: "notifications", path: "/me/notifications"},
		{name: "password", path: "/me/password"},
		{name: "nowhere", path: "/such/a/page"},
		{name: "offline", path: "/offline"},
	}
}

// Every page, at the narrowest width and with letters of twice the size: it
// fits, and the browser has nothing against it.
func TestPagesInBrowser(t *testing.T) {
	b, o := browse(t)
	complaints := b.complaints()
	b.as("wang")
	for _, width := range []int64{360, 820} {
		b.size(width, 780, false)
		for _, s := range o.stops() {
			b.open(s.path)
			if wide := ask[int64](b, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("%s at %d px is %d px wide", s.name, width, wide)
			}
			if width > 360 {
				continue
			}
			wide := ask[int64](b, `document.documentElement.style.fontSize = '200%', document.documentElement.scrollWidth`)
			if wide > width {
				t.Errorf("%s with large letters is %d px wide; too wide are %s", s.name, wide, ask[string](b, `[...document.querySelectorAll('main *, .bar *, .nav *, #foot *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(e.parentElement).overflowX === 'visible').map(e => e.tagName + '.' + e.className).join(' ')`))
			}
			small := ask[string](b, `document.documentElement.style.fontSize = '', [...document.querySelectorAll('a, button, input, textarea, summary')].filter(e => e.offsetParent && !e.closest('p, .hush, .skip') && e.type !== 'radio').filter(e => { const r = e.getBoundingClientRect(); return r.height < 44 || r.width < 44 }).map(e => e.outerHTML.slice(0, 80)).join('\n')`)
			if small != "" {
				t.Errorf("%s has targets smaller than 44 px: %s", s.name, small)
			}
		}
	}
	for _, c := range complaints() {
		if !strings.Contains(c, "404") && !strings.Contains(c, "WebSocket") { // the page that is not there, the connection that only the fake refuses
			t.Error(c)
		}
	}
}

// Screenshots: go test ./web -run TestShots -shots DIR
func TestShots(t *testing.T) {
	if *shots == "" {
		return // nothing was asked for
	}
	b, o := browse(t)
	save := func(name string) {
		ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
		defer cancel()
		img, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, name+".png"), img, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	full := func(name string) {
		res, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, name+"-full.png"), res.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	looks := []struct {
		name          string
		width, height int64
		dark          bool
		lang          string
	}{
		{"360-light", 360, 740, false, Chinese},
		{"390-light", 390, 844, false, Chinese},
		{"390-dark", 390, 844, true, Chinese},
		{"390-en", 390, 844, false, English},
		{"820-light", 820, 1180, false, Chinese},
		{"1280-dark", 1280, 800, true, Chinese},
	}
	for _, l := range looks {
		b.size(l.width, l.height, l.dark)
		if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
			t.Log(err)
		}
		b.open("/signin?next=/d/" + string(o.flood))
		save("signin-" + l.name)
		b.as("wang")
		if err := o.accounts.SetLocale(t.Context(), "account-wang", l.lang); err != nil {
			t.Fatal(err)
		}
		for _, s := range o.stops() {
			b.open(s.path)
			b.wait(`document.fonts.status === 'loaded'`)
			if l.width >= 800 && strings.Contains(s.path, "/d/") && ask[bool](b, `!!document.querySelector('[data-side]')`) {
				b.wait(`!!document.querySelector('.side .card')`)
			}
			save(s.name + "-" + l.name)
			if l.name == "390-light" {
				full(s.name + "-" + l.name)
			}
		}
	}
	b.size(390, 844, false)
	if err := o.accounts.SetLocale(t.Context(), "account-wang", Chinese); err != nil {
		t.Fatal(err)
	}
	b.open("/d/" + string(o.flood))
	b.do(chromedp.Evaluate[chromedp.Void](`document.documentElement.style.fontSize = '200%'`))
	save("document-large")
	b.open("/d/" + string(o.flood) + "/decide")
	b.do(chromedp.Click(chromedp.CSS(".phrases button")))
	save("decide-phrase")
	b.follow("button[name=do]")
	save("after")
	b.open("/d/" + string(o.flood) + "/decide")
	save("decided")
	o.store.docs = nil
	b.open("/inbox")
	save("inbox-empty")
	o.store.err = http.ErrServerClosed
	b.open("/inbox")
	save("broken")
}
