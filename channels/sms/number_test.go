package sms_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"qianhe/channels/sms"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want string
		err  error
	}{
		{"0912345678", "+886912345678", nil},
		{"0912-345-678", "+886912345678", nil},
		{" 0912 345 678 ", "+886912345678", nil},
		{"(0912)345.678", "+886912345678", nil},
		{"０９１２－３４５－６７８", "+886912345678", nil},
		{"＋８８６９１２３４５６７８", "+886912345678", nil},
		{"886912345678", "+886912345678", nil},
		{"+886912345678", "+886912345678", nil},
		{"+886 912-345-678", "+886912345678", nil},
		{"+886 0912-345-678", "+886912345678", nil},
		{"+81 90 1234 5678", "+819012345678", nil},
		{"+1 (415) 555-0123", "+14155550123", nil},
		{"+123456789012345", "+123456789012345", nil},
		{"+1234567890123456", "", sms.ErrNumber}, // 16 digits
		{"+1234567", "", sms.ErrNumber},
		{"+0912345678", "", sms.ErrNumber},
		{"02-2345-6789", "", sms.ErrLandline},
		{"+886223456789", "", sms.ErrLandline},
		{"0800-000-000", "", sms.ErrLandline},
		{"091234567", "", sms.ErrNumber},
		{"09123456789", "", sms.ErrNumber},
		{"912345678", "", sms.ErrNumber},
		{"00886912345678", "", sms.ErrNumber}, // which of the international prefixes?
		{"", "", sms.ErrNumber},
		{"+", "", sms.ErrNumber},
		{"0912345678#12", "", sms.ErrNumber},
		{"0912345678\r\nTo: x", "", sms.ErrNumber},
		{"+88691234567٨", "", sms.ErrNumber}, // digits of another script
		{"whatsapp:+886912345678", "", sms.ErrNumber},
	}
	for _, tt := range tests {
		got, err := sms.ParseNumber(tt.in)
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%q: got %q, %v, want %q, %v", tt.in, string(got), err, tt.want, tt.err)
		}
		if got != "" && !got.Valid() {
			t.Errorf("%q: what was read is not valid", tt.in)
		}
		if err != nil && len(tt.in) > 3 && strings.Contains(err.Error(), tt.in) {
			t.Errorf("%q: error repeats it: %v", tt.in, err)
		}
	}
}

func TestNumberForms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		n                             sms.Number
		taiwan, valid                 bool
		national, digits, last3, mask string
	}{
		{"+886912345678", true, true, "0912345678", "886912345678", "678", "09xx***678"},
		{"+819012345678", false, true, "", "819012345678", "678", "+xx***678"},
		{"0912345678", false, false, "", "0912345678", "678", "***"}, // not in the stored form
		{"+886", true, false, "0", "886", "886", "***"},
		{"", false, false, "", "", "", "***"},
	}
	for _, tt := range tests {
		if got := tt.n.Taiwan(); got != tt.taiwan {
			t.Errorf("%s: Taiwan is %v", string(tt.n), got)
		}
		if got := tt.n.Valid(); got != tt.valid {
			t.Errorf("%s: Valid is %v", string(tt.n), got)
		}
		for what, pair := range map[string][2]string{
			"national": {tt.n.National(), tt.national}, "digits": {tt.n.Digits(), tt.digits},
			"last three": {tt.n.Last3(), tt.last3}, "mask": {tt.n.Mask(), tt.mask},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s is %q, want %q", string(tt.n), what, pair[0], pair[1])
			}
		}
	}
}

// TestNumberIsNotPrinted: whatever prints a number prints its mask.
func TestNumberIsNotPrinted(t *testing.T) {
	t.Parallel()
	const n sms.Number = "+886912345678"
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("sent", "to", n)
	fmt.Fprintf(&b, "%v %s %q %+v %#v %v", n, n, n, n, n, struct{ N sms.Number }{n})
	fmt.Fprint(&b, n)
	if strings.Contains(b.String(), "12345") || !strings.Contains(b.String(), "09xx***678") {
		t.Errorf("printed: %s", b.String())
	}
}
