package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long any one thing may take on a slow machine.
const patience = time.Minute

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
	t      *testing.T
	ctx    context.Context
	base   string
	server *httptest.Server

	scripts []page.ScriptIdentifier // that run before a page's own
}

// browse serves an office on loopback and opens a tab.
func browse(t *testing.T, change ...func(*Options)) (*browser, *office) {
	t.Helper()
	return browseThrough(t, func(h http.Handler) http.Handler { return h }, change...)
}

// browseThrough is browse with something between the browser and the office.
func browseThrough(t *testing.T, between func(http.Handler) http.Handler, change ...func(*Options)) (*browser, *office) {
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
	srv.Config.Handler = between(o.Handler())
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
	b := &browser{t: t, ctx: ctx, base: base, server: srv}
	b.do() // starts it
	return b, o
}

// do runs steps, each page within a minute.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
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
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
		switch {
		case err == nil:
			return v
		case !pageIsNew(err):
			b.t.Fatalf("%s: %v", script, err)
		}
	}
}

// pageIsNew reports that a script was meant for the page before: on a busy
// machine a page can be loaded before its world is known.
func pageIsNew(err error) bool {
	return strings.Contains(err.Error(), "Cannot find context with specified id")
}

// wait waits until a script gives true.
func (b *browser) wait(script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](script))
		switch {
		case err == nil:
			return
		case !pageIsNew(err):
			b.t.Fatalf("waiting for %s: %v", script, err)
		}
	}
}

// follow taps something that leads to another page, and waits for that.
func (b *browser) follow(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
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

// tap taps something that does not lead to another page.
func (b *browser) tap(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// load runs a script that leads to another page, and waits for that.
func (b *browser) load(script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Evaluate[chromedp.Void](script))); err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
}

// during waits for another page that fn leads to.
func (b *browser) during(fn func()) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	step := func(context.Context, *chromedp.Target) (chromedp.Void, error) {
		fn()
		return chromedp.Void{}, nil
	}
	if _, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, step)); err != nil {
		b.t.Fatal(err)
	}
}

// offline tells the page that there is no line, or again one.
func (b *browser) offline(off bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: off, DownloadThroughput: -1, UploadThroughput: -1}); err != nil {
		b.t.Fatal(err)
	}
}
