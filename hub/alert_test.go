package hub_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"qianhe/approval"
	"qianhe/hub"
)

// matters are all that an alert may say in particular, by kind.
var matters = map[hub.Kind][]string{
	hub.KindNewDevice: {"", approval.MatterWaiting, approval.MatterReading, approval.MatterDenied, approval.MatterVouched, "unheard.of"},
	hub.KindReplaced:  {"", approval.MatterContext},
	hub.KindAccount: {"", approval.MatterPassword, approval.MatterReset, approval.MatterPhone, approval.MatterFactor, approval.MatterFactorOff,
		approval.MatterSignedOut, approval.MatterNamed, approval.MatterLocked, approval.MatterUnlocked},
	hub.KindLinked: {""}, hub.KindUnlinked: {""}, hub.KindSignature: {""}, hub.KindSignatureDebt: {""},
}

// TestAlertsSayWhatHappened: every matter has words of its own in both
// languages, says what kind of device and from where, and where to go; nothing is
// left to be filled in.
func TestAlertsSayWhatHappened(t *testing.T) {
	t.Parallel()
	for kind, list := range matters {
		for _, lang := range []string{"zh-TW", "en"} {
			var titles []string
			for _, matter := range list {
				n := hub.Notification{ID: "id", Kind: kind, At: now, About: hub.LINE, Alert: hub.Alert{Matter: matter, Device: "mobile", Network: "outside", Count: 3, Until: now.Add(10 * time.Minute)}}
				m := hub.Compose(n, hub.Counts{}, hub.Setting{Lang: lang, BaseURL: "https://sign.example.gov.tw", Now: now})
				if strings.ContainsAny(m.Title+m.Text+m.Button, "{}") || m.Whole {
					t.Errorf("%s %s in %s: %q, %q", kind, matter, lang, m.Title, m.Text)
				}
				if units := len(utf16.Encode([]rune(m.Text))); units > 112 || len([]rune(m.Title)) > 44 || len([]rune(m.Button)) > 20 {
					t.Errorf("%s %s in %s is long (%d units): %q, %q", kind, matter, lang, units, m.Title, m.Text)
				}
				if kind.Security() && !strings.Contains(m.Text, "請由平常的網址登入") && !strings.Contains(m.Text, "usual address") {
					t.Errorf("%s %s in %s does not say where to go: %q", kind, matter, lang, m.Text)
				}
				if kind == hub.KindNewDevice && !strings.Contains(m.Text, "手機、外部網路") && !strings.Contains(m.Text, "phone, outside") {
					t.Errorf("%s %s in %s does not say which: %q", kind, matter, lang, m.Text)
				}
				if (kind == hub.KindLinked || kind == hub.KindUnlinked) && (!strings.Contains(m.Title, "LINE") || !strings.Contains(m.Text, "LINE")) {
					t.Errorf("%s in %s does not name the channel: %q, %q", kind, lang, m.Title, m.Text)
				}
				if kind == hub.KindSignatureDebt && !strings.Contains(m.Text, "3") {
					t.Errorf("%s in %s does not count: %q", kind, lang, m.Text)
				}
				titles = append(titles, m.Title)
			}
			if slices.Sort(titles); kind != hub.KindNewDevice && len(slices.Compact(titles)) != len(list) {
				t.Errorf("%s in %s has the same title twice", kind, lang)
			}
		}
	}
}

// TestAlertLeadsWhereItSays: its own path, which is one of ours.
func TestAlertLeadsWhereItSays(t *testing.T) {
	t.Parallel()
	n := hub.Notification{ID: "id", Kind: hub.KindNewDevice, At: now, Alert: hub.Alert{Path: "/me/devices/01h"}}
	if m := hub.Compose(n, hub.Counts{}, hub.Setting{BaseURL: "https://sign.example.gov.tw/", Now: now}); m.URL != "https://sign.example.gov.tw/me/devices/01h" {
		t.Errorf("leads to %s", m.URL)
	}
}

// TestSecretIsOneWay: a text has the link or else the code, never both, and
// what refuses only beside the code. Without a secret there is neither.
func TestSecretIsOneWay(t *testing.T) {
	t.Parallel()
	all := hub.Secret{Code: "483920", Link: "/c/AAAAAAAAAAAAAAAAAAAAAA", Deny: "7Q4M"}
	tests := []struct {
		name    string
		secret  hub.Secret
		has     []string
		lacks   []string
		isWhole bool
	}{
		{"none", hub.Secret{}, []string{"usual address"}, []string{"483920", "/c/", "7Q4M"}, false},
		{"code", hub.Secret{Code: all.Code}, []string{"483920", "staff never ask", "11/23 08:30", "(phone, outside)"}, []string{"https:", "7Q4M"}, true},
		{"code and refusal", hub.Secret{Code: all.Code, Deny: all.Deny}, []string{"483920", "7Q4M", "Usual address"}, []string{"https:"}, true},
		{"link", hub.Secret{Link: all.Link}, []string{"https://sign.example.gov.tw/c/AAAAAAAAAAAAAAAAAAAAAA "}, []string{"483920"}, true},
		{"all", all, []string{"/c/AAAA"}, []string{"483920", "7Q4M"}, true},
		{"refusal alone", hub.Secret{Deny: all.Deny}, []string{"usual address"}, []string{"7Q4M"}, false},
	}
	n := hub.Notification{ID: "id", Kind: hub.KindNewDevice, At: now, Alert: hub.Alert{Matter: approval.MatterWaiting, Device: "mobile", Network: "outside", Until: now.Add(10 * time.Minute)}}
	for _, tt := range tests {
		m := hub.Compose(n, hub.Counts{}, hub.Setting{Lang: "en", BaseURL: "https://sign.example.gov.tw/", Now: now, Secret: tt.secret})
		for _, s := range tt.has {
			if !strings.Contains(m.Text, s) {
				t.Errorf("%s: %q lacks %q", tt.name, m.Text, s)
			}
		}
		for _, s := range tt.lacks {
			if strings.Contains(m.Title+m.Text, s) {
				t.Errorf("%s: %q, %q has %q", tt.name, m.Title, m.Text, s)
			}
		}
		if m.Whole != tt.isWhole {
			t.Errorf("%s: whole %t", tt.name, m.Whole)
		}
	}
}

// TestAlertPlan: ways are as the alert says, none goes on beyond its end, and
// nothing that was linked after it happened is told.
func TestAlertPlan(t *testing.T) {
	t.Parallel()
	before, after := now.Add(-time.Hour), now.Add(time.Second)
	links := []hub.Link{
		{ID: "push", Channel: hub.WebPush, CreatedAt: before}, {ID: "line", Channel: hub.LINE, CreatedAt: before}, {ID: "sms", Channel: hub.SMS, CreatedAt: before},
		{ID: "new push", Channel: hub.WebPush, CreatedAt: after},
	}
	for _, tt := range []struct {
		way  approval.AlertWay
		want []string
	}{
		{approval.AlertEveryWay, []string{"line", "push", "sms"}},
		{approval.AlertText, []string{"sms"}},
		{approval.AlertNoText, []string{"line", "push"}},
	} {
		n := hub.Notification{Kind: hub.KindNewDevice, At: now, Alert: hub.Alert{Way: tt.way, Until: now.Add(10 * time.Minute)}}
		var got []string
		for _, leg := range (hub.Policy{}).Plan(n, hub.Recipient{}, links, nil) {
			got = append(got, leg.Link)
			if !leg.At.Equal(now) || !leg.Expires.Equal(now.Add(10*time.Minute)) {
				t.Errorf("%q: %s from %s to %s", tt.way, leg.Link, leg.At, leg.Expires)
			}
		}
		if slices.Sort(got); !slices.Equal(got, tt.want) {
			t.Errorf("%q goes to %q, want %q", tt.way, got, tt.want)
		}
	}
	// A new browser is told of what does not concern the account's safety.
	n := hub.Notification{Kind: hub.KindSignature, At: now}
	if got := len((hub.Policy{}).Plan(n, hub.Recipient{}, links, nil)); got != 3 {
		t.Errorf("a prompt has %d legs, want 3", got)
	}
}
