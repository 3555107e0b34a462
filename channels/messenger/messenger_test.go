package messenger_test

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/channels/channeltest"
	"qianhe/channels/messenger"
	"qianhe/hub"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := messenger.Config{PageID: page, Token: "s3cret-token", AppSecret: "s3cret-app"}
	if _, err := messenger.New(good); err != nil {
		t.Fatalf("a good configuration is refused: %v", err)
	}
	for name, spoil := range map[string]func(*messenger.Config){
		"no page":            func(c *messenger.Config) { c.PageID = "" },
		"page by name":       func(c *messenger.Config) { c.PageID = "qingchuan" },
		"page with a path":   func(c *messenger.Config) { c.PageID = "../me" },
		"no token":           func(c *messenger.Config) { c.Token = "" },
		"token of two lines": func(c *messenger.Config) { c.Token = "a\r\nb" },
		"no app secret":      func(c *messenger.Config) { c.AppSecret = "" },
		"version":            func(c *messenger.Config) { c.Version = "26" },
		"page name":          func(c *messenger.Config) { c.PageName = "青川" },
		"plain http":         func(c *messenger.Config) { c.BaseURL = "http://graph.example" },
		"no address":         func(c *messenger.Config) { c.BaseURL = "graph.facebook.com" },
		"password":           func(c *messenger.Config) { c.LinkURL = "https://me:s3cret@m.me" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := messenger.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %q shows a secret", name, err)
		}
	}
}

// TestSend: the sandbox holds the request against Meta's rules (token in its
// header, proof, window, limits); here is what goes out.
func TestSend(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*messenger.Config){
		"proof":          nil,
		"proof of a day": func(c *messenger.Config) { c.ProofTime = true },
	} {
		st := newStand(t, nil, change)
		to := st.address()
		m := message(to)
		r, err := st.channel.Send(t.Context(), m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := st.Messages(to.Value)
		if len(got) != 1 || r.ProviderID != got[0].ID || r.Duplicate {
			t.Fatalf("%s: receipt %+v, arrived %+v", name, r, got)
		}
		want := `{"recipient":{"id":"` + to.Value + `"},"messaging_type":"UPDATE","message":{"attachment":{"type":"template","payload":{"template_type":"button",` +
			`"text":"待處理公文 5 件\n▲最速件：1 件\n・今日到期：2 件\n內容請於系統內檢視","buttons":[` +
			`{"type":"web_url","title":"立即處理","url":"https://sign.example.gov.tw/inbox"},` +
			`{"type":"postback","title":"已讀","payload":"seen:` + m.Delivery + `"}]}}}}`
		if diff := cmp.Diff(want, string(got[0].JSON)); diff != "" {
			t.Errorf("%s: request (-want +got):\n%s", name, diff)
		}
	}
}

// TestWindow: outside it nobody is called, and the reason says so; whatever
// the row said, Meta has the last word.
func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, nil)
	to := st.address()
	send := func(heard time.Time) error {
		to.Heard = heard
		_, err := st.channel.Send(t.Context(), message(to))
		return err
	}
	tests := []struct {
		name  string
		heard time.Time
		want  string
		says  string
	}{
		{"just now", now, "accepted", ""},
		{"by a clock that is ahead", now.Add(time.Minute), "accepted", ""},
		{"23 hours ago", now.Add(-23 * time.Hour), "accepted", ""},
		{"a minute more", now.Add(-23*time.Hour - time.Minute), "rejected", "24-hour window is closed: last heard from 23 hours ago"},
		{"last week", now.Add(-7 * 24 * time.Hour), "rejected", "last heard from 168 hours ago"},
		{"never", time.Time{}, "rejected", "never heard from"},
	}
	for _, tt := range tests {
		before := len(st.Messages(to.Value))
		// Whoever is called outside the window would take the message.
		err := send(tt.heard)
		if got := channeltest.Outcome(err); got != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %s (%v), want %s", tt.name, got, err, tt.want)
		}
		arrived := len(st.Messages(to.Value)) - before
		if want := map[bool]int{true: 1}[tt.want == "accepted"]; arrived != want {
			t.Errorf("%s: %d messages arrived, want %d", tt.name, arrived, want)
		}
	}
	// The row says that there is time; Meta knows better.
	now = now.Add(25 * time.Hour)
	if err := send(now); channeltest.Outcome(err) != "rejected" || !strings.Contains(err.Error(), "24-hour window is closed: 403 #10/2018278") {
		t.Errorf("closed at Meta: got %v, want rejected", err)
	}
	// A tap opens it again.
	if !st.Tap(to.Value, st.Messages(to.Value)[0].ID, "已讀") {
		t.Fatal("no such button")
	}
	if err := send(now); err != nil {
		t.Errorf("after a tap: %v", err)
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, nil)
	to := st.address()
	in := hub.Inbound{Channel: hub.Messenger, From: to.Value, At: now}
	if err := st.channel.Reply(t.Context(), in, hub.Message{Title: "驗證碼 012345", Text: "請輸入網頁。"}); err != nil {
		t.Fatal(err)
	}
	m := message(to)
	m.Delivery = "" // an answer is no delivery: nothing to tap that names one
	if err := st.channel.Reply(t.Context(), in, m); err != nil {
		t.Fatal(err)
	}
	m.URL, m.Delivery = "", "01kat3fj5wd8h9vxe2qn7rzm4c"
	if err := st.channel.Reply(t.Context(), in, m); err != nil {
		t.Fatal(err)
	}
	got := st.Messages(to.Value)
	if len(got) != 3 {
		t.Fatalf("%d messages arrived, want 3", len(got))
	}
	if want := `{"recipient":{"id":"` + to.Value + `"},"messaging_type":"RESPONSE","message":{"text":"驗證碼 012345\n請輸入網頁。"}}`; string(got[0].JSON) != want {
		t.Errorf("got  %s\nwant %s", got[0].JSON, want)
	}
	if body := string(got[1].JSON); !strings.Contains(body, `"messaging_type":"RESPONSE"`) || !strings.Contains(body, `"web_url"`) || strings.Contains(body, `"postback"`) {
		t.Errorf("got %s, want a template without postbacks", body)
	}
	if body := string(got[2].JSON); strings.Contains(body, `"web_url"`) || !strings.Contains(body, `"postback"`) {
		t.Errorf("got %s, want a template with a postback only", body)
	}
	for name, tt := range map[string]struct {
		in hub.Inbound
		m  hub.Message
	}{
		"nobody":        {hub.Inbound{Channel: hub.Messenger, At: now}, hub.Message{Title: "a"}},
		"other channel": {hub.Inbound{Channel: hub.LINE, From: to.Value, At: now}, hub.Message{Title: "a"}},
		"nothing":       {in, hub.Message{}},
		"a day late":    {hub.Inbound{Channel: hub.Messenger, From: to.Value, At: now.Add(-24 * time.Hour)}, hub.Message{Title: "a"}},
		"not https":     {in, hub.Message{Title: "a", URL: "http://sign.example.gov.tw/inbox"}},
	} {
		if err := st.channel.Reply(t.Context(), tt.in, tt.m); channeltest.Outcome(err) != "rejected" {
			t.Errorf("%s: got %v, want rejected", name, err)
		}
	}
	if n := len(st.Messages(to.Value)); n != 3 {
		t.Errorf("%d messages arrived, want 3", n)
	}
}

func TestLinkURL(t *testing.T) {
	t.Parallel()
	c := newParser(t, func(cfg *messenger.Config) { cfg.PageName = "qingchuan.gov" })
	for ref, want := range map[string]string{
		"":                       "https://m.me/qingchuan.gov",
		"AbC_9-x":                "https://m.me/qingchuan.gov?ref=AbC_9-x",
		"a=":                     "https://m.me/qingchuan.gov?ref=a%3D",
		"a&b":                    "",
		"公":                      "",
		strings.Repeat("a", 251): "",
	} {
		if got := c.LinkURL(ref); got != want {
			t.Errorf("ref %q: got %q, want %q", ref, got, want)
		}
	}
	if got := newParser(t, nil).LinkURL("a"); got != "https://m.me/"+page+"?ref=a" {
		t.Errorf("without a name: %q", got)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	if rate, burst := newParser(t, nil).Rate(); rate != 30 || burst != 30 {
		t.Errorf("rate is %g, %d at once; want 30 and 30", rate, burst)
	}
	if rate, burst := newParser(t, func(c *messenger.Config) { c.PerSecond = 0.5 }).Rate(); rate != 0.5 || burst != 1 {
		t.Errorf("rate is %g, %d at once; want 0.5 and 1", rate, burst)
	}
}

// TestNotSent: what never left is to be tried again, without doubt.
func TestNotSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := "http://" + l.Addr().String()
	l.Close()
	st := newStand(t, nil, func(c *messenger.Config) { c.BaseURL = away })
	_, err = st.channel.Send(t.Context(), message(st.address()))
	if got := channeltest.Outcome(err); got != "retry after 0s" || strings.Contains(err.Error(), away) {
		t.Errorf("got %s (%v), want retry", got, err)
	}
}

// TestCredentials: the stand-in itself refuses them.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*messenger.Config){
		"token":      func(c *messenger.Config) { c.Token = "revoked" },
		"app secret": func(c *messenger.Config) { c.AppSecret = "another" },
		"page":       func(c *messenger.Config) { c.PageID = "999888777666" },
		"clock": func(c *messenger.Config) {
			c.ProofTime, c.Now = true, func() time.Time { return time.Now().Add(time.Hour) }
		},
	} {
		st := newStand(t, nil, change)
		to := st.address()
		to.Heard = time.Now().Add(time.Hour)
		_, err := st.channel.Send(t.Context(), message(to))
		if got := channeltest.Outcome(err); got != "channel down" {
			t.Errorf("%s: got %s (%v), want channel down", name, got, err)
		}
		if _, err := st.channel.Probe(t.Context()); err == nil || strings.Contains(err.Error(), "revoked") || strings.Contains(err.Error(), "another") {
			t.Errorf("%s: probe says %v", name, err)
		}
	}
}

// TestBoundedAnswer: an answer without end is cut, and the message was taken.
func TestBoundedAnswer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(bytes.Repeat([]byte("a"), 32<<10)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	c := newParser(t, func(cfg *messenger.Config) { cfg.BaseURL = srv.URL })
	t.Cleanup(c.Close)
	if _, err := c.Send(t.Context(), message(hub.Address{Value: psid, Heard: time.Now()})); err != nil {
		t.Errorf("got %v, want accepted", err)
	}
}
