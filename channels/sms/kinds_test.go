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

// TestEveryKind: whatever the hub tells people fits two messages whole, says who
// speaks, where to go once, and can be found again; in Chinese it loses no
// character in Big5.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, approval.Zone)
	counts := hub.Counts{Pending: 128, Highest: 12, Overdue: 34, DueToday: 56}
	for _, kind := range hub.Kinds() {
		for _, lang := range []string{"zh-TW", "en"} {
			for _, grade := range []approval.Grade{"", approval.GradeSecret} {
				for _, speed := range []approval.Speed{approval.SpeedNormal, approval.SpeedHighest} {
					for _, links := range []bool{false, true} {
						d := &desk{traits: sms.Traits{Links: links}}
						n := hub.Notification{ID: delivery, Person: "p", Kind: kind, Document: "01hzzzzzzzzzzzzzzzzzzzzzzd", Grade: grade, Speed: speed, Due: now, At: now}
						m := hub.Compose(n, counts, hub.Setting{Lang: lang, Agency: "青川市政府工務局", BaseURL: "https://sign.example.gov.tw", Now: now})
						m.Delivery, m.To, m.Ref = delivery, hub.Address{Value: "+886912345678"}, "A7K2"
						got := send(t, newChannel(t, d, "example.gov.tw"), d, m)
						if units := len(utf16.Encode([]rune(got.Body))); units > 134 || got.Segments > 2 || strings.Contains(got.Body, "…") {
							t.Errorf("%s: %d units, %d segments: %s", kind, units, got.Segments, got.Body)
						}
						if !strings.HasPrefix(got.Body, "678 青川市政府工務局") || strings.Count(got.Body, "〔A7K2〕") != 1 {
							t.Errorf("%s: %s", kind, got.Body)
						}
						ways := 0
						for _, way := range []string{"平常的網址", "usual address", "請至辦公室辦理", "at the office", "https://sign.example.gov.tw/"} {
							ways += strings.Count(got.Body, way)
						}
						if ways != 1 {
							t.Errorf("%s: says %d times where to go: %s", kind, ways, got.Body)
						}
						if kind.Security() && strings.Contains(got.Body, "https:") {
							t.Errorf("%s: security has a link: %s", kind, got.Body)
						}
						if grade.Classified() && (strings.Contains(got.Body, "01hz") || strings.Contains(got.Body, "最速件")) && !kind.Security() {
							t.Errorf("%s: classified: %s", kind, got.Body)
						}
						if _, err := traditionalchinese.Big5.NewEncoder().String(got.Body); err != nil {
							t.Errorf("%s: Big5 lacks some of %s: %v", kind, got.Body, err)
						}
					}
				}
			}
		}
	}
}

const delivery = "01hzzzzzzzzzzzzzzzzzzzzzzz"
