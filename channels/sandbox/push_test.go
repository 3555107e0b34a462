package sandbox_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	wp "github.com/SherClockHolmes/webpush-go"
	"github.com/google/go-cmp/cmp"
)

func TestPush(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	b := st.browser("wang")
	status, body := st.push(b, payload("待處理公文 3 件", "inbox"), wp.Options{TTL: 60, Topic: "inbox", Urgency: wp.UrgencyHigh}, nil)
	if status != http.StatusCreated {
		t.Fatalf("got %d %s, want 201", status, body)
	}
	got := st.wait("wang", 1)[0]
	got.ID, got.At, got.JSON, got.Key = "", time.Time{}, nil, ""
	want := st.Messages(b.Endpoint)[0]
	want.ID, want.At, want.JSON, want.Key = "", time.Time{}, nil, ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by person and by endpoint (-endpoint +person):\n%s", diff)
	}
	if got.Title != "待處理公文 3 件" || got.Badge != 3 || got.TTL != 60 || got.Topic != "inbox" || got.Urgency != "high" || got.URL != "http://127.0.0.1:8080/inbox" {
		t.Errorf("arrived: %+v", got)
	}
}

// TestPushRefuses: each request differs from a good one in one thing.
func TestPushRefuses(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	set := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	del := func(k string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(k) } }
	good := payload("題", "inbox")
	tests := []struct {
		name   string
		text   string
		opt    wp.Options
		change func(*http.Request)
		want   int
		says   string
	}{
		{"good", good, wp.Options{}, nil, 201, ""},
		{"no TTL", good, wp.Options{}, del("TTL"), 400, "TTL"},
		{"TTL of a day", good, wp.Options{}, set("TTL", "1d"), 400, "TTL"},
		{"topic too long", good, wp.Options{Topic: strings.Repeat("a", 33)}, nil, 400, "Topic"},
		{"topic with a dot", good, wp.Options{Topic: "a.b"}, nil, 400, "Topic"},
		{"unknown urgency", good, wp.Options{}, set("Urgency", "urgent"), 400, "Urgency"},
		{"two urgencies", good, wp.Options{}, set("Urgency", "high, low"), 400, "Urgency"},
		{"other coding", good, wp.Options{}, set("Content-Encoding", "aesgcm"), 400, "Content-Encoding"},
		{"no authorization", good, wp.Options{}, del("Authorization"), 401, "Missing"},
		{"other scheme", good, wp.Options{}, set("Authorization", "Bearer x"), 403, "BadJwtToken"},
		{"record too large", good, wp.Options{RecordSize: 4097}, nil, 413, "TooLarge"},
		{"unknown subscription", good, wp.Options{}, func(r *http.Request) { r.URL.Path += "0" }, 404, ""},
		{"not JSON", "hello", wp.Options{}, nil, 400, "JSON"},
		{"not declarative", `{"title":"題"}`, wp.Options{}, nil, 400, "web_push"},
		{"no title", `{"web_push":8030,"notification":{"navigate":"https://a.example/"}}`, wp.Options{}, nil, 400, "title"},
		{"relative navigate", `{"web_push":8030,"notification":{"title":"題","navigate":"/inbox"}}`, wp.Options{}, nil, 400, "navigate"},
		{"silent of a wrong type", `{"web_push":8030,"notification":{"title":"題","navigate":"https://a.example/","silent":"no"}}`, wp.Options{}, nil, 400, "shape"},
		{"negative badge", `{"web_push":8030,"notification":{"title":"題","navigate":"https://a.example/"},"app_badge":-1}`, wp.Options{}, nil, 400, "badge"},
		{"two badges", `{"web_push":8030,"notification":{"title":"題","navigate":"https://a.example/","app_badge":"2"},"app_badge":3}`, wp.Options{}, nil, 400, "badge"},
	}
	for _, tt := range tests {
		b := st.browser("")
		status, body := st.push(b, tt.text, tt.opt, tt.change)
		if status != tt.want || !strings.Contains(body, tt.says) {
			t.Errorf("%s: got %d %q, want %d %q", tt.name, status, body, tt.want, tt.says)
		}
		if n := len(st.Messages(b.Endpoint)); (n == 1) != (tt.want == 201) {
			t.Errorf("%s: %d messages arrived", tt.name, n)
		}
	}
}

func TestPushKeys(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	b, other := st.browser(""), st.browser("")
	if status, _ := st.push(b, payload("一", "a"), wp.Options{}, nil); status != 201 {
		t.Fatalf("got %d, want 201", status)
	}
	mine := b.public
	b.public, b.private = other.public, other.private
	if status, body := st.push(b, payload("二", "a"), wp.Options{}, nil); status != 403 || !strings.Contains(body, "VapidPkHashMismatch") {
		t.Errorf("another server's key: got %d %s, want 403", status, body)
	}
	if got := st.Messages(b.Endpoint)[0].Key; got != mine {
		t.Errorf("key is %s, want %s", got, mine)
	}
	// Encrypted for another browser.
	other.Endpoint = st.browser("").Endpoint
	if status, body := st.push(other, payload("三", "a"), wp.Options{}, nil); status != 400 || !strings.Contains(body, "decrypt") {
		t.Errorf("for another browser: got %d %s, want 400", status, body)
	}
	st.Expire(b.Endpoint)
	if status, _ := st.push(b, payload("四", "a"), wp.Options{}, nil); status != 410 {
		t.Errorf("expired: got %d, want 410", status)
	}
}

// TestTopic: what waits for a phone makes way for the same topic, and is let
// go after its time; on the screen the same tag replaces.
func TestTopic(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	b := st.browser("wang")
	send := func(title, topic, tag string, ttl int) {
		t.Helper()
		if status, body := st.push(b, payload(title, tag), wp.Options{Topic: topic, TTL: ttl}, nil); status != 201 {
			t.Fatalf("%s: %d %s", title, status, body)
		}
	}
	st.SetOffline(b.Endpoint, true)
	send("一", "inbox", "inbox", 3600)
	send("二", "inbox", "inbox", 3600)
	send("三", "", "", 60)
	send("四", "login", "login", 3600)
	send("五", "", "", 0) // now or never
	if got := st.titles("wang"); len(got) != 0 {
		t.Errorf("while off: %v arrived", got)
	}
	clock.pass(2 * time.Minute)
	st.SetOffline(b.Endpoint, false)
	if diff := cmp.Diff([]string{"二", "四"}, st.titles("wang")); diff != "" {
		t.Errorf("after coming back (-want +got):\n%s", diff)
	}
	send("六", "inbox", "inbox", 3600)
	send("七", "", "", 3600)
	send("八", "", "", 3600)
	var shown []string
	for _, m := range st.Notifications("wang") {
		shown = append(shown, m.Title)
	}
	if diff := cmp.Diff([]string{"八", "七", "六", "四"}, shown); diff != "" {
		t.Errorf("on the screen (-want +got):\n%s", diff)
	}
}

// clock stands still unless told.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 0, 30, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
