package di

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
)

// republic is what a year of the Republic (民國) lacks to one of the common era.
const republic = 1911

// ParseDate reads a date as documents write it, 中華民國115年11月20日, into its
// midnight in Asia/Taipei. 民國115年11月20日 and 115年11月20日 are read too, with
// full-width digits, Chinese numerals (generation 91) and spaces between. It
// reports false for anything else, and for days that do not exist.
func ParseDate(s string) (time.Time, bool) {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '　' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, digits(s))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "中華"), "民國")
	year, s, ok1 := strings.Cut(s, "年")
	month, s, ok2 := strings.Cut(s, "月")
	day, rest, ok3 := strings.Cut(s, "日")
	if !ok1 || !ok2 || !ok3 || rest != "" {
		return time.Time{}, false
	}
	y, m, d := numeral(year), numeral(month), numeral(day)
	if y < 1 || y > 999 || m < 1 || m > 12 || d < 1 || d > 31 {
		return time.Time{}, false
	}
	t := time.Date(republic+y, time.Month(m), d, 0, 0, 0, 0, approval.Zone)
	return t, t.Day() == d
}

// FormatDate writes the day of t in Asia/Taipei as documents do:
// 中華民國115年11月20日. Before 1912 there is no such date and it gives "".
func FormatDate(t time.Time) string {
	t = t.In(approval.Zone)
	if t.Year() <= republic {
		return ""
	}
	return fmt.Sprintf("中華民國%d年%d月%d日", t.Year()-republic, t.Month(), t.Day())
}

// numeral reads a number below a thousand: digits, or Chinese numerals by place
// (一一五) or by name (一百十五). It gives -1 for anything else.
func numeral(s string) int {
	if len(s) > 0 && len(s) <= 3 && strings.Trim(s, "0123456789") == "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return -1
		}
		return n
	}
	const places = "○一二三四五六七八九"
	total, digit, unit, runes := 0, -1, 1000, 0
	for _, r := range strings.NewReplacer("〇", "○", "零", "○", "元", "一").Replace(s) {
		if runes++; runes > 5 {
			return -1
		}
		value := strings.IndexRune(places, r) / len("一")
		switch {
		case r == '百' && unit > 100 && digit != 0, r == '十' && unit > 10 && digit != 0:
			unit = map[rune]int{'百': 100, '十': 10}[r]
			total, digit = total+max(digit, 1)*unit, -1
		case !strings.ContainsRune(places, r):
			return -1
		case unit == 1000 && digit >= 0:
			digit = digit*10 + value // by place
		case digit > 0:
			return -1 // two digits after 百 or 十
		default:
			digit = value
		}
	}
	if runes == 0 || total+max(digit, 0) > 999 {
		return -1
	}
	return total + max(digit, 0)
}
