package sms_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"qianhe/channels/sms"
)

func TestMeasure(t *testing.T) {
	t.Parallel()
	r := strings.Repeat
	tests := []struct {
		name string
		text string
		want sms.Size
	}{
		{"nothing", "", sms.Size{}},
		{"GSM, one", r("a", 160), sms.Size{Segments: 1, Units: 160}},
		{"GSM, two", r("a", 161), sms.Size{Segments: 2, Units: 161}},
		{"GSM, two full", r("a", 306), sms.Size{Segments: 2, Units: 306}},
		{"GSM, three", r("a", 307), sms.Size{Segments: 3, Units: 307}},
		{"GSM, all of the alphabet", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ ÄÖÑÜ§¿äöñüà", sms.Size{Segments: 1, Units: 43}},
		{"extension", "^{}\\[~]|€\f", sms.Size{Segments: 1, Units: 20}},
		{"extension, one", r("€", 80), sms.Size{Segments: 1, Units: 160}},
		{"extension, two", r("€", 80) + "a", sms.Size{Segments: 2, Units: 161}},
		// 152 septets and a pair that does not fit the last one of the first message.
		{"extension not divided", r("a", 152) + r("€", 77), sms.Size{Segments: 3, Units: 306}},
		{"extension at the edge", r("a", 151) + "€" + r("a", 153), sms.Size{Segments: 2, Units: 306}},
		{"Greek in lower case is not GSM", "α", sms.Size{Segments: 1, Units: 1, UCS2: true}},
		{"backtick is not GSM", "a`", sms.Size{Segments: 1, Units: 2, UCS2: true}},
		{"Chinese, one", r("文", 70), sms.Size{Segments: 1, Units: 70, UCS2: true}},
		{"Chinese, two", r("文", 71), sms.Size{Segments: 2, Units: 71, UCS2: true}},
		{"Chinese, two full", r("文", 134), sms.Size{Segments: 2, Units: 134, UCS2: true}},
		{"Chinese, three", r("文", 135), sms.Size{Segments: 3, Units: 135, UCS2: true}},
		{"one Chinese character makes it all so", r("a", 70) + "文", sms.Size{Segments: 2, Units: 71, UCS2: true}},
		{"extension is one unit there", r("€", 69) + "文", sms.Size{Segments: 1, Units: 70, UCS2: true}},
		{"emoji", "\U0001F600", sms.Size{Segments: 1, Units: 2, UCS2: true}},
		{"emoji, one", r("\U0001F600", 35), sms.Size{Segments: 1, Units: 70, UCS2: true}},
		{"extension B", r("𠀀", 36), sms.Size{Segments: 2, Units: 72, UCS2: true}},
		// 66 units and a pair that does not fit the last one of the first message.
		{"pair not divided", r("文", 66) + "𠀀" + r("文", 66), sms.Size{Segments: 3, Units: 134, UCS2: true}},
		{"pair at the edge", r("文", 65) + "𠀀" + r("文", 67), sms.Size{Segments: 2, Units: 134, UCS2: true}},
		{"family", "\U0001F468\u200d\U0001F469\u200d\U0001F467", sms.Size{Segments: 1, Units: 8, UCS2: true}},
		{"not UTF-8", "\xff", sms.Size{Segments: 1, Units: 1, UCS2: true}},
		{"a hundred units with an address", r("文", 60) + "https://sign.example.gov.tw/d/0123456789", sms.Size{Segments: 2, Units: 100, UCS2: true}},
	}
	for _, tt := range tests {
		if got := sms.Measure(tt.text); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func FuzzMeasure(f *testing.F) {
	for _, s := range []string{"", "a", "文€", strings.Repeat("𠀀", 67), "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := sms.Measure(s)
		part, single := 153, 160
		if got.UCS2 {
			part, single = 67, 70
		}
		if got.Units < utf8.RuneCountInString(s) || got.Units > 2*utf8.RuneCountInString(s) {
			t.Fatalf("%d units for %d characters", got.Units, utf8.RuneCountInString(s))
		}
		least := (got.Units + part - 1) / part
		if got.Units <= single {
			least = min(got.Units, 1)
		}
		// Each message loses at most one unit to a pair that is not divided.
		if most := (got.Units + part - 2) / (part - 1); got.Segments < least || got.Segments > max(most, least) {
			t.Fatalf("%d segments for %d units, UCS-2 %v", got.Segments, got.Units, got.UCS2)
		}
	})
}
