package sandbox_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	wp "github.com/SherClockHolmes/webpush-go"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestPhoneInBrowser: what arrives shows up on the open page, in its colours,
// and nothing offends the policy.
func TestPhoneInBrowser(t *testing.T) {
	path := browserPath(t)
	st := newStand(t, nil)
	b := st.browser("wang")
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"),
	}
	limited, done := context.WithTimeout(t.Context(), 60*time.Second)
	defer done()
	allocated, stop := chromedp.NewExecAllocator(limited, opts...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocated)
	defer cancel()
	eval := func(expression string) string {
		t.Helper()
		r, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: expression})
		if err != nil {
			t.Fatal(err)
		}
		var v string
		if err := json.Unmarshal(r.Result.Value, &v); err != nil {
			t.Fatalf("%s: %s: %v", expression, r.Result.Value, err)
		}
		return v
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(st.url+"/phone/wang")); err != nil {
		t.Fatal(err)
	}
	eval(`window.offences = []; document.addEventListener("securitypolicyviolation", (e) => offences.push(e.violatedDirective)); addEventListener("error", (e) => offences.push(e.message)); ""`)
	if status, body := st.push(b, payload("待處理公文 3 件", "inbox"), wp.Options{}, nil); status != 201 {
		t.Fatalf("push: %d %s", status, body)
	}
	card := flexMessage(`{"type":"text","text":"題","color":"#123456"},{"type":"button","action":{"type":"uri","label":"立即處理","uri":"http://127.0.0.1:8080/inbox"}}`)
	if got := st.line("POST", "/v2/bot/message/push", card); got.status != 200 {
		t.Fatalf("push: %d %s", got.status, got.body)
	}
	if err := chromedp.Do(ctx,
		chromedp.WaitVisible(chromedp.CSS("#lock a.notice")),
		chromedp.WaitVisible(chromedp.CSS("#chat .fg-123456")),
	); err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]string{
		`document.querySelector("#lock .notice b").textContent`:              "待處理公文 3 件",
		`getComputedStyle(document.querySelector("#chat .fg-123456")).color`: "rgb(18, 52, 86)",
		`document.querySelector("#chat a.fx-button").href`:                   "http://127.0.0.1:8080/inbox",
		`document.querySelector("#lock .badge").textContent`:                 "3",
		`String(document.documentElement.scrollWidth <= innerWidth)`:         "true",
		`String(document.querySelectorAll("link[data-flex]").length)`:        "1",
		`offences.join()`: "",
	} {
		if got := eval(expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
}

// browserPath finds Chromium. Where there is none the test is left out, except
// in CI.
func browserPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium: install it (Debian: apt-get install -y chromium fonts-noto-cjk)")
	}
	t.Skip("no Chromium on this machine (Debian: apt-get install -y chromium fonts-noto-cjk)")
	return ""
}
