package di_test

import (
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/di"
)

func TestParseDate(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"中華民國115年11月20日", "2026-11-20"},
		{"民國115年1月2日", "2026-01-02"},
		{"115年11月20日", "2026-11-20"},
		{"中華民國１１５年１１月２０日", "2026-11-20"},
		{"中華民國115年 1月 2日\n", "2026-01-02"},
		{"　中華民國 099 年 02 月 28 日", "2010-02-28"},
		{"中華民國113年2月29日", "2024-02-29"},
		{"中華民國九十一年三月五日", "2002-03-05"},
		{"中華民國九十一年十二月三十一日", "2002-12-31"},
		{"中華民國一一五年十月二十日", "2026-10-20"},
		{"中華民國一○三年一月十日", "2014-01-10"},
		{"中華民國一百零三年二月廿日", ""},
		{"中華民國一百零三年二月二十日", "2014-02-20"},
		{"中華民國一百一十五年二月二十日", "2026-02-20"},
		{"中華民國元年1月1日", "1912-01-01"},
		{"", ""},
		{"115年11月", ""},
		{"115/11/20", ""},
		{"2026-11-20", ""},
		{"中華民國115年2月29日", ""},
		{"中華民國115年13月1日", ""},
		{"中華民國115年11月31日", ""},
		{"中華民國0年1月1日", ""},
		{"中華民國-1年1月1日", ""},
		{"中華民國1150年1月1日", ""},
		{"中華民國115年11月20日(星期五)", ""},
		{"中華民國年月日", ""},
		{"中華民國十五百年一月一日", ""},
		{"中華民國一百二三年一月一日", ""},
	}
	for _, tt := range tests {
		got, ok := di.ParseDate(tt.in)
		if ok != (tt.want != "") || ok && got.Format(time.DateOnly) != tt.want {
			t.Errorf("ParseDate(%q): got %v, %t, want %q", tt.in, got, ok, tt.want)
		}
		if ok && (!got.Equal(approval.Midnight(got)) || got.Location() != approval.Zone) {
			t.Errorf("ParseDate(%q): got %v, want midnight in Taipei", tt.in, got)
		}
	}
}

func TestFormatDate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   time.Time
		want string
	}{
		{time.Date(2026, 11, 20, 23, 59, 0, 0, approval.Zone), "中華民國115年11月20日"},
		{time.Date(2026, 11, 19, 16, 0, 0, 0, time.UTC), "中華民國115年11月20日"},
		{time.Date(1912, 1, 1, 0, 0, 0, 0, approval.Zone), "中華民國1年1月1日"},
		{time.Date(1911, 12, 31, 0, 0, 0, 0, approval.Zone), ""},
		{time.Time{}, ""},
	}
	for _, tt := range tests {
		got := di.FormatDate(tt.in)
		if got != tt.want {
			t.Errorf("FormatDate(%v): got %q, want %q", tt.in, got, tt.want)
		}
		if again, ok := di.ParseDate(got); got != "" && (!ok || !again.Equal(approval.Midnight(tt.in))) {
			t.Errorf("ParseDate(%q): got %v, %t", got, again, ok)
		}
	}
}
