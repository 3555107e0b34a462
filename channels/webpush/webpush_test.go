package webpush_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/channels/channeltest"
	"qianhe/channels/sandbox"
	"qianhe/channels/webpush"
	"qianhe/hub"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	keys, err := webpush.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	other, err := webpush.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	good := webpush.Config{Keys: ringOf(keys), Subscriber: "mailto:it@qingchuan.example"}
	if _, err := webpush.New(good); err != nil {
		t.Fatalf("a good configuration is refused: %v", err)
	}
	tests := map[string]func(*webpush.Config){
		"keys of two pairs": func(c *webpush.Config) { c.Keys = ringOf(webpush.Keys{Public: other.Public, Private: keys.Private}) },
		"a bad older key":   func(c *webpush.Config) { c.Keys = ringOf(keys, webpush.Keys{Public: other.Public, Private: "x"}) },
		"no keys":           func(c *webpush.Config) { c.Keys = webpush.Keyring{} },
		"private key of zeros": func(c *webpush.Config) {
			c.Keys = ringOf(webpush.Keys{Public: keys.Public, Private: strings.Repeat("A", 43)})
		},
		"no subscriber":            func(c *webpush.Config) { c.Subscriber = "" },
		"address without mailto":   func(c *webpush.Config) { c.Subscriber = "it@qingchuan.example" },
		"subscriber at localhost":  func(c *webpush.Config) { c.Subscriber = "mailto:it@localhost" },
		"subscriber at .local":     func(c *webpush.Config) { c.Subscriber = "mailto:it@mail.local" },
		"subscriber with a name":   func(c *webpush.Config) { c.Subscriber = "mailto: <it@qingchuan.example>" },
		"subscriber on http":       func(c *webpush.Config) { c.Subscriber = "http://qingchuan.example" },
		"allowed host is a domain": func(c *webpush.Config) { c.AllowHosts = []string{"com"} },
		"allowed host is an IP":    func(c *webpush.Config) { c.AllowHosts = []string{"10.0.0.1"} },
		"allowed host is a URL":    func(c *webpush.Config) { c.AllowHosts = []string{"https://push.example.org"} },
		"loopback that is none":    func(c *webpush.Config) { c.Loopback = []string{"http://10.0.0.1:9700"} },
		"loopback by name":         func(c *webpush.Config) { c.Loopback = []string{"http://localhost:9700"} },
		"loopback without port":    func(c *webpush.Config) { c.Loopback = []string{"http://127.0.0.1"} },
	}
	for name, spoil := range tests {
		cfg := good
		spoil(&cfg)
		if _, err := webpush.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), keys.Private) {
			t.Errorf("%s: error shows the private key", name)
		}
	}
}

// TestSend: headers and content as the push service and the browser get them.
// The sandbox checks the token of RFC 8292 and decrypts by RFC 8291.
func TestSend(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	to := st.address()
	m := message(to)
	m.Urgent = true
	r, err := st.channel.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	got := st.Messages(to.Value)
	if len(got) != 1 {
		t.Fatalf("%d messages arrived, want 1", len(got))
	}
	a := got[0]
	if r.ProviderID != a.ID {
		t.Errorf("provider's id is %q, want %q", r.ProviderID, a.ID)
	}
	if a.Topic != "inbox" || a.Urgency != "high" || a.TTL != 3600 || a.Key != st.keys.Public {
		t.Errorf("topic %q, urgency %q, TTL %d, key ours %t; want inbox, high, 3600, true", a.Topic, a.Urgency, a.TTL, a.Key == st.keys.Public)
	}
	if a.Title != m.Title || a.Body != "最速件 1 件 · 今日到期 2 件" || a.URL != m.URL || a.Tag != "inbox" || a.Badge != 5 {
		t.Errorf("shown: %+v", a)
	}
}

// TestOneCount: of two messages that say how the in-tray stands a phone that was
// off gets the last one only, and one that was on shows one; another group
// stands beside it.
func TestOneCount(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	for _, off := range []bool{true, false} {
		to := st.address()
		st.SetOffline(to.Value, off)
		for i, title := range []string{"待處理公文 5 件", "承辦公文已決行", "待處理公文 4 件"} {
			m := message(to)
			m.Delivery, m.Title, m.Tag = fmt.Sprint("dlv-", i), title, "tray0123456789abcdef0123"
			if i == 1 {
				m.Tag = "done0123456789abcdef0123"
			}
			if _, err := st.channel.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		st.SetOffline(to.Value, false)
		if n := len(st.Messages(to.Value)); off && n != 2 {
			t.Errorf("back on the net: %d messages arrived, want 2", n)
		}
		var titles []string
		for _, n := range st.Notifications(to.Value) {
			titles = append(titles, n.Title)
		}
		if want := []string{"待處理公文 4 件", "承辦公文已決行"}; !slices.Equal(titles, want) {
			t.Errorf("off %t: shown %q, want %q", off, titles, want)
		}
	}
}

// TestLongest: a message cut to the longest plaintext of one record goes
// through (3993 bytes; the library refuses one more).
func TestLongest(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	to := st.address()
	m := message(to)
	m.Facts, m.Text = nil, strings.Repeat("a", 6000)
	if _, err := st.channel.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := len(st.Messages(to.Value)[0].JSON); got != 3993 {
		t.Errorf("payload has %d bytes, want 3993", got)
	}
}

// TestHTTPSSubscriber: the library puts mailto: before all but https:.
func TestHTTPSSubscriber(t *testing.T) {
	t.Parallel()
	st := newStand(t, func(c *webpush.Config) { c.Subscriber = "https://www.qingchuan.example/contact" })
	if _, err := st.channel.Send(t.Context(), message(st.address())); err != nil {
		t.Errorf("the sandbox does not like the subject: %v", err)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	st := newStand(t, func(c *webpush.Config) {
		c.Now = func() time.Time { return time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC) }
	})
	retry := func(status int, after string) sandbox.Fault {
		return sandbox.Fault{Status: status, Header: http.Header{"Retry-After": {after}}}
	}
	tests := []struct {
		name  string
		fault sandbox.Fault
		want  string
	}{
		{"200", sandbox.Answer(200, ""), "accepted"},
		{"202 with receipt", sandbox.Answer(202, ""), "accepted"},
		{"301 of an old bridge", sandbox.Answer(301, ""), "rejected"},
		{"302", sandbox.Redirect("https://push.example.org/"), "rejected"},
		{"308", sandbox.Answer(308, ""), "rejected"},
		{"400", sandbox.Answer(400, `{"reason":"BadWebPushTopic"}`), "rejected"},
		{"401", sandbox.Answer(401, `{"errno":109}`), "rejected"},
		{"403", sandbox.Answer(403, `{"reason":"BadJwtToken"}`), "rejected"},
		{"403 other key, FCM", sandbox.Answer(403, "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions."), "permanent"},
		{"400 other key, Apple", sandbox.Answer(400, `{"reason":"VapidPkHashMismatch"}`), "permanent"},
		{"404", sandbox.Answer(404, ""), "permanent"},
		{"410", sandbox.Answer(410, "push subscription has unsubscribed or expired."), "permanent"},
		{"406 of Edge", retry(406, "30"), "retry after 30s"},
		{"429", retry(429, "120"), "retry after 2m0s"},
		{"429 with a date", retry(429, "Mon, 23 Nov 2026 08:31:30 GMT"), "retry after 1m30s"},
		{"503 in a year", retry(503, "31536000"), "retry after 24h0m0s"},
		{"429 without time", sandbox.Answer(429, ""), "retry after 0s"},
		{"500", sandbox.Answer(500, "<html>oh</html>"), "retry after 0s"},
		{"502", sandbox.Answer(502, ""), "retry after 0s"},
		{"418", sandbox.Answer(418, ""), "rejected"},
		{"cut", sandbox.Fault{}, "unknown, safe"},
	}
	for _, tt := range tests {
		to := st.address()
		st.SetFault(to.Value, tt.fault)
		_, err := st.channel.Send(t.Context(), message(to))
		if got := channeltest.Outcome(err); got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.name, got, err, tt.want)
		}
		var permanent *hub.Permanent
		if errors.As(err, &permanent) && !hub.Resubscribable(permanent.Reason) {
			t.Errorf("%s: a page cannot tell from %q that it has to subscribe again", tt.name, permanent.Reason)
		}
		if err != nil && !strings.Contains(err.Error(), "127.0.0.1: ") {
			t.Errorf("%s: %q does not name the push service", tt.name, err)
		}
	}
}

// TestKeyMismatch: the stand-in service itself says it.
func TestKeyMismatch(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	to := st.address()
	other, err := webpush.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	st.Bind(to.Value, other.Public)
	_, err = st.channel.Send(t.Context(), message(to))
	if got := channeltest.Outcome(err); got != "permanent" {
		t.Errorf("got %s (%v), want permanent", got, err)
	}
}

// TestDenials: one person's refusals, however many, do not close the channel;
// three people's do, and a message that is taken opens it again.
func TestDenials(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	st := newStand(t, func(c *webpush.Config) { c.Now = func() time.Time { return now } })
	send := func(person string, denied bool) string {
		to := st.address()
		if denied {
			st.SetFault(to.Value, sandbox.Answer(http.StatusForbidden, `{"reason":"BadJwtToken"}`))
		}
		m := message(to)
		m.Person = approval.PersonID(person)
		_, err := st.channel.Send(t.Context(), m)
		return channeltest.Outcome(err)
	}
	steps := []struct {
		person string
		denied bool
		want   string
	}{
		{"a", true, "rejected"}, {"a", true, "rejected"}, {"a", true, "rejected"}, {"b", true, "rejected"},
		{"c", false, "accepted"},
		{"a", true, "rejected"}, {"b", true, "rejected"}, {"c", true, "channel down"}, {"a", true, "channel down"},
		{"b", false, "accepted"}, {"a", true, "rejected"},
	}
	for i, s := range steps {
		if got := send(s.person, s.denied); got != s.want {
			t.Errorf("step %d, %s: got %s, want %s", i, s.person, got, s.want)
		}
	}
}

// TestTooLarge: once more, shorter; then it is given up.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	to := st.address()
	m := message(to)
	st.SetFault(to.Value, sandbox.Answer(http.StatusRequestEntityTooLarge, "").Once())
	if _, err := st.channel.Send(t.Context(), m); err != nil {
		t.Fatalf("the shorter one: %v", err)
	}
	got := st.Messages(to.Value)
	if len(got) != 1 || got[0].Title != m.Title || got[0].Body != "" || got[0].URL != m.URL || got[0].Badge != 5 {
		t.Errorf("arrived: %+v", got)
	}
	st.SetFault(to.Value, sandbox.Answer(http.StatusRequestEntityTooLarge, ""))
	if _, err := st.channel.Send(t.Context(), m); channeltest.Outcome(err) != "rejected" {
		t.Errorf("got %v, want rejected", err)
	}
}

// fixed resolves every name to one address.
type fixed string

func (f fixed) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr(string(f))}, nil
}

// TestPrivateNetwork: an allowed name that leads inside is refused, and nobody
// inside hears of it.
func TestPrivateNetwork(t *testing.T) {
	t.Parallel()
	st := newStand(t, func(c *webpush.Config) { c.Resolver = fixed("127.0.0.1") })
	to := st.address()
	to.Value = "https://web.push.apple.com/abc"
	_, err := st.channel.Send(t.Context(), message(to))
	if got := channeltest.Outcome(err); got != "rejected" {
		t.Errorf("got %s (%v), want rejected", got, err)
	}
}

// TestNotSent: what never left is to be tried again, without doubt.
func TestNotSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://" + l.Addr().String()
	l.Close()
	st := newStand(t, func(c *webpush.Config) { c.Loopback = append(c.Loopback, origin) })
	to := st.address()
	to.Value = origin + "/push/abc"
	_, err = st.channel.Send(t.Context(), message(to))
	if got := channeltest.Outcome(err); got != "retry after 0s" {
		t.Errorf("got %s (%v), want retry", got, err)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	lines, err := st.channel.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	if !strings.Contains(text, "reached in") || strings.Contains(text, st.keys.Private) {
		t.Errorf("probe says:\n%s", text)
	}
	away := newStand(t, func(c *webpush.Config) { c.Loopback, c.Resolver = nil, fixed("10.0.0.1") })
	if _, err := away.channel.Probe(t.Context()); err == nil {
		t.Error("probe finds push services that cannot be reached")
	}
}

func TestPublicKey(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	if got := st.channel.PublicKey(t.Context()); got != st.keys.Public || len(got) != 87 {
		t.Errorf("public key is %q, want %q", got, st.keys.Public)
	}
}
