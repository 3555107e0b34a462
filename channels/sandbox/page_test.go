package sandbox_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	wp "github.com/SherClockHolmes/webpush-go"

	"qianhe/channels/sandbox"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]sandbox.Options{
		"no address":       {},
		"address and path": {URL: "http://127.0.0.1:9700/x"},
		"malformed key":    {URL: "http://127.0.0.1:9700", People: []sandbox.Person{{Key: "../wang"}}},
		"same key twice":   {URL: "http://127.0.0.1:9700", People: []sandbox.Person{{Key: "a"}, {Key: "a"}}},
		"malformed PSID":   {URL: "http://127.0.0.1:9700", People: []sandbox.Person{{Key: "a", PSID: "me"}}},
		"malformed user":   {URL: "http://127.0.0.1:9700", People: []sandbox.Person{{Key: "a", LINE: "wang"}}},
	} {
		if _, err := sandbox.New(opt); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// full is a sandbox whose phones show something.
func full(t *testing.T) (*stand, *browser) {
	t.Helper()
	st := newStand(t, newClock().now)
	b := st.browser("wang")
	if status, body := st.push(b, payload("待處理公文 3 件", "inbox"), wp.Options{Urgency: wp.UrgencyHigh}, nil); status != 201 {
		t.Fatalf("push: %d %s", status, body)
	}
	card := `{"to":"` + wang + `","messages":[{"type":"flex","altText":"待處理公文 3 件，最速件 1 件","contents":{"type":"bubble",
	 "header":{"type":"box","layout":"vertical","backgroundColor":"#1f4e79","contents":[{"type":"text","text":"<b>待處理</b>","color":"#ffffff"}]},
	 "footer":{"type":"box","layout":"vertical","contents":[{"type":"button","style":"primary","color":"#1f4e79","action":{"type":"uri","label":"立即處理","uri":"http://127.0.0.1:8080/inbox?a=1&b=2"}}]}}},
	 {"type":"text","text":"<script>alert(1)</script>"}]}`
	if got := st.line("POST", "/v2/bot/message/push", card); got.status != 200 {
		t.Fatalf("push: %d %s", got.status, got.body)
	}
	return st, b
}

func TestPhonePage(t *testing.T) {
	t.Parallel()
	st, b := full(t)
	got := st.do("GET", "/phone/wang", "")
	if got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	for _, want := range []string{
		`lang="zh-Hant-TW"`, "王大明 科長", "工務局水利科", "青川市政府公文通知", "11月23日 星期一", ">08:30<", "緊急",
		`href="http://127.0.0.1:8080/inbox"`, `href="http://127.0.0.1:8080/inbox?a=1&amp;b=2"`, "立即處理", "最速件 1 件",
		"&lt;b&gt;待處理&lt;/b&gt;", "&lt;script&gt;", `aria-label="待處理 3 件">3<`, "bg-1f4e79",
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("page has no %q:\n%s", want, got.body)
		}
	}
	// Another phone shows nothing of it.
	if other := st.do("GET", "/phone/lin", ""); strings.Contains(other.body, "立即處理") || !strings.Contains(other.body, "還沒有訊息") || !strings.Contains(other.body, "還沒有開啟瀏覽器推播") {
		t.Errorf("the other phone: %s", other.body)
	}
	if chen := st.do("GET", "/phone/chen", ""); !strings.Contains(chen.body, "陳柏宇沒有使用 LINE") {
		t.Errorf("the phone without LINE: %s", chen.body)
	}
	if missing := st.do("GET", "/phone/nobody", ""); missing.status != 404 {
		t.Errorf("nobody's phone: got %d, want 404", missing.status)
	}
	if people := st.do("GET", "/", ""); people.status != 200 || !strings.Contains(people.body, `href="/phone/wang"`) || !strings.Contains(people.body, "陳柏宇") || !strings.Contains(people.body, ">3</span>") {
		t.Errorf("everybody: %d %s", people.status, people.body)
	}
	// A notification with the same tag takes the place of the first.
	if status, _ := st.push(b, payload("待處理公文 2 件", "inbox"), wp.Options{}, nil); status != 201 {
		t.Fatalf("push: %d", status)
	}
	lock, _, _ := strings.Cut(st.do("GET", "/phone/wang", "").body, `class="phone line"`)
	if strings.Contains(lock, "待處理公文 3 件") || !strings.Contains(lock, "待處理公文 2 件") {
		t.Errorf("lock screen: %s", lock)
	}
}

var inline = regexp.MustCompile(`(?i)\sstyle=|<style|\son[a-z]+=|<script(?:>|[^>]*[^c]>)[^<]|javascript:`)

// TestPagesAreStrict: nothing inline, and a policy that would refuse it.
func TestPagesAreStrict(t *testing.T) {
	t.Parallel()
	st, _ := full(t)
	stylesheet := regexp.MustCompile(`href="(/flex\.css\?k=[^"]*)"`)
	for _, path := range []string{"/", "/phone/wang", "/phone/lin", "/phone/chen", "/m.me/" + st.Page().ID + "?ref=abc"} {
		got := st.do("GET", path, "")
		if m := inline.FindString(got.body); m != "" {
			t.Errorf("%s has %q inline", path, m)
		}
		csp := got.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy is %q", path, csp)
		}
		if h := got.header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", path, h)
		}
		if m := stylesheet.FindStringSubmatch(got.body); m != nil {
			css := st.do("GET", strings.ReplaceAll(m[1], "&amp;", "&"), "")
			if css.status != 200 || css.header.Get("Content-Type") != "text/css; charset=utf-8" {
				t.Errorf("%s: %d %v", m[1], css.status, css.header)
			}
			if path == "/phone/wang" && !strings.Contains(css.body, ".bg-1f4e79{background-color:#1f4e79}") {
				t.Errorf("rules of %s are %q", path, css.body)
			}
		}
	}
	for path, kind := range map[string]string{"/static/phone.css": "text/css", "/static/messenger.css": "text/css", "/static/phone.js": "text/javascript", "/static/seal.svg": "image/svg+xml"} {
		if got := st.do("GET", path, ""); got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
	if got := st.do("GET", "/flex.css?k="+url.QueryEscape("x}body{display:none},fg-ffffff"), ""); got.body != ".fg-ffffff{color:#ffffff}\n" {
		t.Errorf("rules from a made-up address: %q", got.body)
	}
}

// TestChanges: the stream says at once where it stands, and then every change,
// and ends when the sandbox closes.
func TestChanges(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, st.url+"/changes", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := st.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type is %q", got)
	}
	lines := bufio.NewScanner(res.Body)
	next := func() string {
		for lines.Scan() {
			if v, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return v
			}
		}
		return "end"
	}
	first := next()
	st.browser("wang")
	if second := next(); second == first || second == "end" {
		t.Errorf("after a change the stream says %q, before %q", second, first)
	}
	st.Close()
	if got := next(); got != "end" {
		t.Errorf("after Close the stream says %q, want its end", got)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	done := make(chan []sandbox.Message)
	go func() {
		list, _ := st.Wait(t.Context(), "wang", 2)
		done <- list
	}()
	for _, words := range []string{"一", "二"} {
		if got := st.line("POST", "/v2/bot/message/push", text(wang, words)); got.status != 200 {
			t.Fatalf("push: %d", got.status)
		}
	}
	if got := <-done; len(got) != 2 {
		t.Errorf("%d messages, want 2", len(got))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := st.Wait(ctx, "wang", 3); err == nil {
		t.Error("a wait with a cancelled context found what is not there")
	}
	st.Close()
	if _, err := st.Wait(t.Context(), "wang", 3); err == nil {
		t.Error("a wait outlives the sandbox")
	}
}

// TestKept: old messages are let go, and still counted.
func TestKept(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	st.SetQuota(0, 0)
	for range 61 {
		body := `{"to":"` + wang + `","messages":[` + strings.TrimSuffix(strings.Repeat(`{"type":"text","text":"a"},`, 5), ",") + `]}`
		if got := st.line("POST", "/v2/bot/message/push", body); got.status != 200 {
			t.Fatalf("push: %d %s", got.status, got.body)
		}
	}
	if n := len(st.wait("wang", 305)); n != 300 {
		t.Errorf("%d messages kept, want 300", n)
	}
}
