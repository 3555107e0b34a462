package web

import (
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var (
	shots = flag.String("shots", "", "directory for screenshots of all pages")
	only  = flag.String("only", "", "of those pages only, by the beginning of their names")
)

// Screenshots: go test ./web -run TestShots -shots DIR
func TestShots(t *testing.T) {
	if *shots == "" {
		return // nothing was asked for
	}
	b, o := browse(t)
	save := func(name string) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
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
		for _, account := range []string{"account-wang", "account-admin"} {
			if err := o.accounts.SetLocale(t.Context(), account, l.lang); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range o.stops() {
			if !strings.HasPrefix(s.name, *only) {
				continue
			}
			b.as(s.who())
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
	if *only != "" {
		return
	}
	b.size(390, 844, false)
	b.as("wang")
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
