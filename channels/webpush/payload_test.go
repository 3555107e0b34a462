package webpush

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"qianhe/channels/channeltest"
	"qianhe/hub"
)

func digest() hub.Message {
	m := channeltest.Message(hub.Address{}, "dlv-1")
	m.Urgent = true
	return m
}

// TestPayload holds the whole against what WebKit's parser, the W3C draft and
// our service worker read.
func TestPayload(t *testing.T) {
	t.Parallel()
	p, err := newPayload(digest())
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"web_push":8030,"notification":{"title":"待處理公文 5 件","body":"最速件 1 件 · 今日到期 2 件","lang":"zh-TW","tag":"inbox",` +
		`"navigate":"https://sign.example.gov.tw/inbox","app_badge":"5","data":{"delivery":"dlv-1","kind":"pending.digest","urgent":true,"sent":1795422600000,` +
		`"counts":{"pending":5,"highest":1,"overdue":0,"due_today":2,"forms":0}}},"app_badge":5}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	if p.topic != "inbox" || p.urgency != "high" || p.ttl != 3600 {
		t.Errorf("topic %q, urgency %q, ttl %d; want inbox, high, 3600", p.topic, p.urgency, p.ttl)
	}
}

// TestPayloadUrgency: 最速件 wakes a phone, a mere refresh makes no sound.
func TestPayloadUrgency(t *testing.T) {
	t.Parallel()
	tests := []struct {
		urgent  bool
		urgency hub.Urgency
		kind    hub.Kind
		want    string
		silent  bool
	}{
		{false, "", hub.KindDigest, "normal", false},
		{false, hub.UrgencyNormal, hub.KindDigest, "normal", false},
		{true, hub.UrgencyNormal, hub.KindArrived, "high", false},
		{false, hub.UrgencyHigh, hub.KindNewDevice, "high", false},
		{false, hub.UrgencyLow, hub.KindRefresh, "low", true},
		{false, "", hub.KindRefresh, "low", true},
		{false, "shrill", hub.KindDigest, "normal", false},
	}
	for _, tt := range tests {
		m := digest()
		m.Urgent, m.Urgency, m.Kind = tt.urgent, tt.urgency, tt.kind
		p, err := newPayload(m)
		if err != nil {
			t.Fatal(err)
		}
		if string(p.urgency) != tt.want || p.Notification.Silent != tt.silent || p.shrink().Notification.Silent != tt.silent {
			t.Errorf("%+v: urgency %s, silent %t", tt, p.urgency, p.Notification.Silent)
		}
	}
}

func TestPayloadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*hub.Message){
		"no title":          func(m *hub.Message) { m.Title = "" },
		"no delivery":       func(m *hub.Message) { m.Delivery = "" },
		"tag with a hyphen": func(m *hub.Message) { m.Tag = "a-b" },
		"tag too long":      func(m *hub.Message) { m.Tag = strings.Repeat("a", 33) },
		"relative address":  func(m *hub.Message) { m.URL = "/inbox" },
		"script":            func(m *hub.Message) { m.URL = "javascript:alert(1)" },
		"endless address":   func(m *hub.Message) { m.URL += "?" + strings.Repeat("a", 4000) },
	}
	for name, spoil := range tests {
		m := digest()
		spoil(&m)
		p, err := newPayload(m)
		if err == nil {
			_, err = p.encode()
		}
		var rejected *hub.Rejected
		if !errors.As(err, &rejected) {
			t.Errorf("%s: got %v, want *hub.Rejected", name, err)
		}
	}
}

func TestPayloadTag(t *testing.T) {
	t.Parallel()
	m := digest()
	m.Tag = ""
	one, two := tag(m), tag(m)
	if one != two || !tagPattern.MatchString(one) {
		t.Errorf("tags of one delivery are %q and %q, want the same, of letters and digits", one, two)
	}
	m.Delivery = "dlv-2"
	if tag(m) == one {
		t.Error("another delivery has the same tag")
	}
}

func TestPayloadBody(t *testing.T) {
	t.Parallel()
	m := digest()
	m.Facts = nil
	if got := body(m); got != m.Text {
		t.Errorf("body without facts is %q, want the sentence", got)
	}
	m.Text = m.Title
	if got := body(m); got != "" {
		t.Errorf("body is %q, want none that repeats the title", got)
	}
}

func TestTTL(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]int{
		0: defaultTTL, -time.Second: defaultTTL, time.Millisecond: 1, time.Minute: 60, 90 * 24 * time.Hour: maxTTL,
	} {
		if got := ttl(d); got != want {
			t.Errorf("ttl(%s) = %d, want %d", d, got, want)
		}
	}
}

// TestEncodeFits: whatever its length, what goes out fits a record, is whole
// JSON, and keeps what must be kept.
func TestEncodeFits(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100, 1100, 1110, 1120, 1130, 1140, 1150, 1160, 1170, 3000, 90000} {
		m := digest()
		m.Facts, m.Text = nil, strings.Repeat("公", n)+"a"
		m.Title += strings.Repeat("文", n/40)
		p, err := newPayload(m)
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.encode()
		if err != nil {
			t.Fatalf("%d characters: %v", n, err)
		}
		if len(text) > maxPlaintext {
			t.Errorf("%d characters: %d bytes, want at most %d", n, len(text), maxPlaintext)
		}
		var back payload
		if err := json.Unmarshal(text, &back); err != nil || !utf8.Valid(text) {
			t.Errorf("%d characters: not whole: %v", n, err)
		}
		if back.Notification.Navigate != m.URL || back.Notification.Data.Delivery != m.Delivery || back.Notification.Title == "" {
			t.Errorf("%d characters: lost what must be there: %s", n, text)
		}
		size := recordSize(len(text))
		if int(size) < len(text)+overhead || size > 4096 {
			t.Errorf("%d bytes go into a record of %d", len(text), size)
		}
	}
}

func TestShrink(t *testing.T) {
	t.Parallel()
	p, err := newPayload(digest())
	if err != nil {
		t.Fatal(err)
	}
	long, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	short, err := p.shrink().encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(short) >= len(long) || recordSize(len(short)) > 768 {
		t.Errorf("shrunk from %d to %d bytes, want less, within the smallest record", len(long), len(short))
	}
	if p.Notification.Body == "" {
		t.Error("shrinking changed the original")
	}
}
