package sandbox_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
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
	ctx, eval := newBrowser(t, path)
	if err := chromedp.Do(ctx, chromedp.Navigate(st.url+"/phone/wang")); err != nil {
		t.Fatal(err)
	}
	eval(watch)
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

// newBrowser starts Chromium and gives its context, and a function that
// evaluates an expression to a string.
func newBrowser(t *testing.T, path string) (context.Context, func(expression string) string) {
	t.Helper()
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"),
	}
	limited, done := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(done)
	allocated, stop := chromedp.NewExecAllocator(limited, opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	return ctx, func(expression string) string {
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
}

// watch is the expression that begins to write down what offends the policy.
const watch = `window.offences = []; document.addEventListener("securitypolicyviolation", (e) => offences.push(e.violatedDirective)); addEventListener("error", (e) => offences.push(e.message)); ""`

// TestMessengerInBrowser: what is typed and tapped reaches the Page without
// leaving the phone, and what comes of it shows up.
func TestMessengerInBrowser(t *testing.T) {
	path := browserPath(t)
	st := newStand(t, nil)
	if got := st.graph("POST", withProof("/messenger_profile"), `{"get_started":{"payload":"started"}}`); got.status != 200 {
		t.Fatalf("profile: %s", got.body)
	}
	ctx, eval := newBrowser(t, path)
	if err := chromedp.Do(ctx,
		chromedp.Navigate(st.url+"/m.me/"+st.Page().ID+"?ref=abc"),
		chromedp.Click(chromedp.CSS(`form[action="/phone/wang/messenger"] button`)),
		chromedp.WaitVisible(chromedp.CSS("#messenger .begin button")),
	); err != nil {
		t.Fatal(err)
	}
	eval(watch)
	if err := chromedp.Do(ctx,
		chromedp.Click(chromedp.CSS("#messenger .begin button")),
		chromedp.WaitVisible(chromedp.CSS("#mchat .mine")),
		chromedp.SendKeys(chromedp.CSS("#messenger .say input[name=text]"), "查詢"),
		chromedp.Click(chromedp.CSS("#messenger .say button")),
		chromedp.WaitVisible(chromedp.CSS("#mchat .mine + .mine")),
	); err != nil {
		t.Fatal(err)
	}
	if got := st.send(strings.Replace(template("待處理公文 5 件\n▲最速件：1 件", openButton, readButton), psid, wangPSID, 1)); got.status != 200 {
		t.Fatalf("send: %s", got.body)
	}
	if err := chromedp.Do(ctx,
		chromedp.WaitVisible(chromedp.CSS("#mchat .theirs a.act")),
		chromedp.Click(chromedp.CSS("#mchat .theirs button.act")),
		chromedp.WaitVisible(chromedp.CSS("#mchat .theirs + .mine")),
	); err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]string{
		`[...document.querySelectorAll("#mchat .mine p")].map((e) => e.textContent).join()`:                    "開始使用,查詢,已讀",
		`document.querySelector("#mchat .theirs a.act").href`:                                                  "https://sign.example.gov.tw/next",
		`document.querySelector("#messenger .say input[name=text]").value`:                                     "",
		`String(document.documentElement.scrollWidth <= innerWidth)`:                                           "true",
		`String(document.querySelector("#mchat").scrollWidth <= document.querySelector("#mchat").clientWidth)`: "true",
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
