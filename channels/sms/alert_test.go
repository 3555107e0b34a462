package sms_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/approval"
	"qianhe/channels/sms"
	"qianhe/hub"
)

// TestNewDeviceText: the text that confirms a new device says what happened,
// when, on what and from where, that staff never ask, and carries the code or the
// link; whole, with the code or the link even where there is little room.
func TestNewDeviceText(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 17, 5, 0, 0, approval.Zone)
	code, link := hub.Secret{Code: "483920", Deny: "7Q4M"}, hub.Secret{Link: "/c/AAAAAAAAAAAAAAAAAAAAAA"}
	tests := []struct {
		name, lang, agency string
		secret             hub.Secret
		want               string
	}{
		{"code", "zh-TW", "青川市政府工務局", code, "678 青川市政府工務局：登入驗證碼 483920，10 分鐘內有效，同仁不會索取。11/24 17:05 有人以您的帳號在新裝置登入（手機、外部網路），非本人請到平常的網址按「不是我」，輸入 7Q4M。〔A7K2〕"},
		{"link", "zh-TW", "青川市政府工務局", link, "678 青川市政府工務局：11/24 17:05 有人以您的帳號在新裝置登入（手機、外部網路）。請開啟 https://sign.example.gov.tw/c/AAAAAAAAAAAAAAAAAAAAAA 確認或拒絕，10 分鐘內有效，同仁不會索取。〔A7K2〕"},
		{"code in English", "en", "Cingchuan City", code, "678 Cingchuan City: Code 483920; staff never ask. 11/24 17:05 new device (phone, outside). Not you? Usual address: 7Q4M. 〔A7K2〕"},
		{"long name", "zh-TW", strings.Repeat("很長的機關名稱", 9), code, "同仁不會索取"},
		{"long name, link", "zh-TW", strings.Repeat("很長的機關名稱", 9), link, "新裝置登入，請開啟 https://sign.example.gov.tw/c/AAAAAAAAAAAAAAAAAAAAAA 確認或拒絕"},
	}
	for _, tt := range tests {
		d := &desk{traits: sms.Traits{Links: true}}
		n := hub.Notification{ID: delivery, Person: "p", Kind: hub.KindNewDevice, At: at, Alert: hub.Alert{
			Matter: approval.MatterWaiting, Device: "mobile", Network: "outside", Until: at.Add(10 * time.Minute),
		}}
		m := hub.Compose(n, hub.Counts{}, hub.Setting{Lang: tt.lang, Agency: tt.agency, BaseURL: "https://sign.example.gov.tw", Now: at, Secret: tt.secret})
		m.Delivery, m.To, m.Ref = delivery, hub.Address{Value: "+886912345678"}, "A7K2"
		got := send(t, newChannel(t, d, "example.gov.tw"), d, m)
		if !strings.Contains(got.Body, tt.want) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got.Body, tt.want)
		}
		if n := len(utf16.Encode([]rune(got.Body))); n > 134 || got.Segments > 2 {
			t.Errorf("%s: %d units, %d segments", tt.name, n, got.Segments)
		}
		hasCode, hasLink := strings.Contains(got.Body, "483920"), strings.Contains(got.Body, "https:")
		if hasCode == hasLink || hasCode != (tt.secret.Code != "") {
			t.Errorf("%s: code %t, link %t: %s", tt.name, hasCode, hasLink, got.Body)
		}
		if _, err := traditionalchinese.Big5.NewEncoder().String(got.Body); err != nil {
			t.Errorf("%s: Big5 lacks some of %s", tt.name, got.Body)
		}
	}
}

// TestTakesLink: only an address of the agency's own, and only where the provider
// takes any.
func TestTakesLink(t *testing.T) {
	t.Parallel()
	on := newChannel(t, &desk{traits: sms.Traits{Links: true}}, "example.gov.tw")
	if !on.TakesLink("https://sign.example.gov.tw/c/x") || on.TakesLink("https://evil.example/c/x") || on.TakesLink("http://sign.example.gov.tw/c/x") {
		t.Error("takes others than our own, or not those")
	}
	if off := newChannel(t, &desk{}, "example.gov.tw"); off.TakesLink("https://sign.example.gov.tw/c/x") {
		t.Error("takes one where links are off")
	}
}
