package messenger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/channels/channeltest"
	"qianhe/channels/messenger"
	"qianhe/channels/sandbox"
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

func TestOutcome(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	graph := sandbox.GraphError
	tests := []struct {
		name  string
		fault sandbox.Fault
		want  string
	}{
		{"200 of nothing", sandbox.Answer(200, ""), "accepted"},
		{"200 with an error", graph(200, 100, 0, "Invalid parameter"), "rejected"},
		{"301", sandbox.Answer(301, ""), "rejected"},
		{"outside the window", graph(403, 10, 2018278, "outside of allowed window"), "rejected"},
		{"outside, older", graph(400, 10, 2018065, "outside of allowed window"), "rejected"},
		{"outside, Instagram's", graph(400, 10, 2534022, "outside of allowed window"), "rejected"},
		{"parameter", graph(400, 100, 0, "Invalid parameter"), "rejected"},
		{"dead tag", graph(400, 100, 0, "The message tag is no longer supported"), "rejected"},
		{"no such person", graph(400, 100, 2018001, "No matching user found"), "permanent"},
		{"not available", graph(400, 551, 0, "This person isn't available right now."), "rejected"},
		{"not receiving", graph(403, 200, 1545041, "Message Not Sent: This Person Isn't Receiving Messages From You Right Now."), "rejected"},
		{"not receiving at the moment", graph(403, 10, 2018108, "cannot receive messages"), "rejected"},
		{"no role", graph(403, 200, 2018028, "Cannot message users who are not admins, developers or testers of the app"), "rejected"},
		{"no role, other code", graph(403, 10, 2018028, "Cannot message users"), "rejected"},
		{"token", graph(401, 190, 463, "Session has expired"), "channel down"},
		{"token, other code", graph(401, 102, 0, "Session key invalid"), "channel down"},
		{"restricted", graph(403, 10, 1893063, "restricted from sending"), "channel down"},
		{"policy", graph(403, 368, 0, "temporarily blocked for policies violations"), "channel down"},
		{"no such Page", graph(400, 100, 33, "Object does not exist"), "channel down"},
		{"no such alias", graph(404, 803, 0, "Some of the aliases you requested do not exist"), "channel down"},
		{"proof", graph(400, 100, 0, "Invalid appsecret_proof provided in the API argument"), "channel down"},
		{"app limit", sandbox.GraphLimited(4, 0), "retry after 0s"},
		{"user limit", sandbox.GraphLimited(17, 0), "retry after 0s"},
		{"Page limit", sandbox.GraphLimited(32, 30*time.Second), "retry after 30s"},
		{"call limit", sandbox.GraphLimited(613, 0), "retry after 0s"},
		{"Messenger's limit", sandbox.GraphLimited(80006, 5*time.Minute), "retry after 5m0s"},
		{"Messenger's limit for an hour", sandbox.GraphLimited(80006, time.Hour), "channel down"},
		{"429", sandbox.RateLimited(7 * time.Second), "retry after 7s"},
		{"temporary", graph(400, 1200, 0, "Temporary send message failure"), "unknown"},
		{"service", graph(500, 2, 0, "An unexpected error has occurred. Please retry your request later."), "unknown"},
		{"unknown", graph(500, 1, 99, "An unknown error occurred"), "unknown"},
		{"500 of nothing", sandbox.Answer(500, ""), "unknown"},
		{"502 of a proxy", sandbox.Answer(502, "<html>Bad Gateway</html>"), "unknown"},
		{"408", sandbox.Answer(408, ""), "unknown"},
		{"permission", graph(403, 10, 0, "Application does not have permission for this action"), "rejected"},
		{"404 of nothing", sandbox.Answer(404, ""), "rejected"},
		{"code to come", graph(400, 99999, 0, "?"), "rejected"},
		{"cut", sandbox.Fault{}, "unknown"},
	}
	for i, tt := range tests {
		to := st.address()
		st.SetFault(to.Value, tt.fault)
		m := message(to)
		m.Person = approval.PersonID(fmt.Sprint("person ", i%2)) // never three people
		_, err := st.channel.Send(t.Context(), m)
		if got := channeltest.Outcome(err); got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.name, got, err, tt.want)
		}
	}
}

// TestReason: what Graph says gets into rows and logs, without whom it is about.
func TestReason(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	body := `{"error":{"message":"(#100) Invalid user ` + to.Value + ` \n<b>","type":"OAuthException","code":100,"error_subcode":17,"fbtrace_id":"BLBz/WZt8dN"}}`
	st.SetFault(to.Value, sandbox.Answer(http.StatusBadRequest, body))
	_, err := st.channel.Send(t.Context(), message(to))
	if got, want := fmt.Sprint(err), "message was refused: 400 #100/17 (#100) Invalid user … b (trace BLBz/WZt8dN)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRegainAccess: an hour without the Page closes the channel for that hour.
func TestRegainAccess(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, nil)
	for minutes, want := range map[int]time.Time{17: now.Add(17 * time.Minute), 9000: now.Add(24 * time.Hour)} {
		to := st.address()
		st.SetFault(to.Value, sandbox.GraphLimited(80006, time.Duration(minutes)*time.Minute))
		_, err := st.channel.Send(t.Context(), message(to))
		var down *hub.ChannelDown
		if !errors.As(err, &down) || !down.Until.Equal(want) {
			t.Errorf("%d minutes: got %v (%+v), want down until %s", minutes, err, down, want)
		}
	}
}

// TestAbsent: refusals close together are one; three over time are the end,
// unless the person shows a sign of life or gets a message in between.
func TestAbsent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, nil)
	to := st.address()
	steps := []struct {
		pass    time.Duration
		blocked bool
		heard   bool // something came from the person just before
		want    string
	}{
		{0, true, false, "rejected"}, {time.Minute, true, false, "rejected"}, {time.Minute, true, false, "rejected"}, {time.Minute, true, false, "rejected"},
		{time.Hour, true, false, "rejected"}, {0, false, false, "accepted"},
		{time.Hour, true, false, "rejected"}, {time.Hour, true, false, "rejected"}, {time.Minute, true, true, "rejected"},
		{time.Hour, true, false, "rejected"}, {time.Hour, true, false, "permanent"},
		{time.Hour, true, false, "rejected"}, // linked again: counted anew
	}
	for i, s := range steps {
		now = now.Add(s.pass)
		if s.heard {
			st.Say(to.Value, "在")
			to.Heard = now
		}
		st.BlockPage(to.Value, s.blocked)
		_, err := st.channel.Send(t.Context(), message(to))
		if got := channeltest.Outcome(err); got != s.want {
			t.Errorf("step %d: got %s (%v), want %s", i, got, err, s.want)
		}
	}
}

// TestDenials: one person's refusals, however many, do not close the channel;
// three people's do, and a message that is taken opens it again.
func TestDenials(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	send := func(person string, denied bool) string {
		to := st.address()
		if denied {
			st.SetFault(to.Value, sandbox.GraphError(403, 10, 0, "Application does not have permission for this action"))
		}
		m := message(to)
		m.Person = approval.PersonID(person)
		_, err := st.channel.Send(t.Context(), m)
		return channeltest.Outcome(err)
	}
	for i, s := range []struct {
		person string
		denied bool
		want   string
	}{
		{"a", true, "rejected"}, {"a", true, "rejected"}, {"a", true, "rejected"}, {"b", true, "rejected"}, {"c", false, "accepted"},
		{"a", true, "rejected"}, {"b", true, "rejected"}, {"c", true, "channel down"}, {"b", false, "accepted"}, {"a", true, "rejected"},
	} {
		if got := send(s.person, s.denied); got != s.want {
			t.Errorf("step %d, %s: got %s, want %s", i, s.person, got, s.want)
		}
	}
}

// TestDeadTag: an error about a tag, of which we send none, alarms somebody.
func TestDeadTag(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	st := newStand(t, nil, func(c *messenger.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	to := st.address()
	st.SetFault(to.Value, sandbox.GraphError(400, 100, 0, "The message tag ACCOUNT_UPDATE is no longer supported"))
	if _, err := st.channel.Send(t.Context(), message(to)); channeltest.Outcome(err) != "rejected" {
		t.Errorf("got %v, want rejected", err)
	}
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log: %s", log.String())
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

func TestProbeAndSetup(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	probe := func() (string, error) {
		lines, err := st.channel.Probe(t.Context())
		return strings.Join(lines, "\n"), err
	}
	said, err := probe()
	if err == nil || !strings.Contains(err.Error(), "messaging_referrals") || !strings.Contains(said, "青川市政府公文通知") {
		t.Errorf("before the set-up: %v\n%s", err, said)
	}
	for range 2 { // may be repeated
		lines, err := st.channel.Setup(t.Context(), "https://sign.example.gov.tw")
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) != 2 {
			t.Errorf("set-up says %q", lines)
		}
	}
	if said, err = probe(); err != nil || !strings.Contains(said, "events: subscribed") || !strings.Contains(said, "v26.0") {
		t.Errorf("after the set-up: %v\n%s", err, said)
	}
	for _, secret := range []string{st.Page().Token, st.Page().AppSecret, st.Page().VerifyToken} {
		if strings.Contains(said, secret) {
			t.Errorf("probe shows a secret:\n%s", said)
		}
	}
	// Meta ends it after an hour of failed callbacks.
	st.Unsubscribe()
	if _, err := probe(); err == nil || !strings.Contains(err.Error(), "-setup") {
		t.Errorf("unsubscribed: %v, want an error that says what to do", err)
	}
	if _, err := st.channel.Setup(t.Context(), "http://sign.example.gov.tw"); err == nil {
		t.Error("a menu that opens an http address")
	}
}

// TestEvents: what people do in the sandbox reaches us signed, once per thing,
// and opens what it should open: both shapes of a link, menu, tap, receipts.
func TestEvents(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	if _, err := st.channel.Setup(t.Context(), "https://sign.example.gov.tw"); err != nil {
		t.Fatal(err)
	}
	type received struct {
		in  []hub.Inbound
		err error
	}
	events := make(chan received, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil {
			t.Error(err)
		}
		in, err := st.channel.ParseInbound(hub.Callback{Header: r.Header, Body: body.Bytes()})
		if err != nil {
			w.WriteHeader(http.StatusForbidden)
		}
		events <- received{in, err}
	}))
	t.Cleanup(hook.Close)
	st.SetPageCallback(hook.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	next := func() hub.Inbound {
		t.Helper()
		select {
		case r := <-events:
			if r.err != nil || len(r.in) != 1 {
				t.Fatalf("received %+v", r)
			}
			return r.in[0]
		case <-ctx.Done():
			t.Fatal("no event came")
		}
		return hub.Inbound{}
	}
	want := func(kind hub.InboundKind, data string) hub.Inbound {
		t.Helper()
		in := next()
		if in.Kind != kind || in.Data != data || in.From != psid || in.ID == "" {
			t.Fatalf("got %+v, want %s %q", in, kind, data)
		}
		return in
	}
	st.OpenLink(psid, "first")
	st.GetStarted(psid)
	want(hub.InReferral, "first")
	st.OpenLink(psid, "second")
	started := want(hub.InReferral, "second")
	st.TapMenu(psid, "查詢待辦件數")
	want(hub.InMessage, "查詢")
	st.Say(psid, "什麼是公文？")
	want(hub.InMessage, "什麼是公文？")

	m := message(hub.Address{Value: psid, Heard: started.At})
	r, err := st.channel.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if in := want(hub.InDelivered, ""); len(in.Provider) != 1 || in.Provider[0] != r.ProviderID {
		t.Errorf("delivered: %+v, want %s", in, r.ProviderID)
	}
	st.ReadChat(psid)
	if in := want(hub.InRead, ""); in.Until.IsZero() {
		t.Errorf("read: %+v", in)
	}
	st.Tap(psid, r.ProviderID, "已讀")
	tapped := want(hub.InPostback, "seen:"+m.Delivery)
	if verb, delivery, ok := hub.ParsePostback(tapped.Data); !ok || verb != "seen" || delivery != m.Delivery {
		t.Errorf("postback %q", tapped.Data)
	}
	// Sent twice it is the same event; forged it is none.
	st.SetCallbackFault("messenger", sandbox.CallbackFault{Twice: true})
	st.Say(psid, "再")
	if one, two := want(hub.InMessage, "再"), want(hub.InMessage, "再"); one.ID != two.ID {
		t.Errorf("repeated under another ID: %s, %s", one.ID, two.ID)
	}
	st.SetCallbackFault("messenger", sandbox.CallbackFault{Forged: true})
	st.Say(psid, "假")
	if r := <-events; !errors.Is(r.err, hub.ErrSignature) {
		t.Errorf("forged: %+v", r)
	}
	called, err := st.WaitCalled(ctx, "messenger", 10)
	if err != nil || called[len(called)-1].Status != http.StatusForbidden || called[0].Status != http.StatusOK {
		t.Errorf("called: %v %+v", err, called)
	}
	if !json.Valid(called[3].Body) || !bytes.Contains(called[3].Body, []byte(`\u4ec0\u9ebc`)) {
		t.Errorf("Meta escapes what is not ASCII: %s", called[3].Body)
	}
}
