package sms

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
)

// Number is a telephone number in E.164 form, such as +886912345678. Its own
// words are masked: string(n) is what a provider gets and nobody else.
type Number string

// What a number that was typed may be refused for. The texts do not repeat it.
var (
	ErrNumber   = errors.New("not a telephone number: write 09xxxxxxxx, or one abroad with + and its country")
	ErrLandline = errors.New("not a mobile number: text messages reach 09xxxxxxxx only")
)

const taiwan = "+886"

var (
	e164         = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`) // ITU-T E.164: at most 15 digits
	taiwanMobile = regexp.MustCompile(`^\+8869[0-9]{8}$`)
	separators   = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "\u00a0", "", "\u3000", "", "\u2010", "", "\u2011", "")
)

// ParseNumber reads a number as people write it: 0912-345-678, ０９１２３４５６７８,
// 886912345678, +886 912 345 678, +81 90 1234 5678. Returns [ErrNumber], or
// [ErrLandline] for a Taiwanese number that no text message reaches.
func ParseNumber(s string) (Number, error) {
	s = separators.Replace(strings.Map(narrow, strings.TrimSpace(s)))
	switch {
	case strings.HasPrefix(s, taiwan+"0"): // +886 0912...: both ways of writing at once
		s = taiwan + s[len(taiwan)+1:]
	case strings.HasPrefix(s, "+"):
	case strings.HasPrefix(s, "8869"):
		s = "+" + s
	case strings.HasPrefix(s, "0") && !strings.HasPrefix(s, "00"):
		s = taiwan + s[1:]
	default:
		return "", ErrNumber
	}
	switch {
	case !e164.MatchString(s):
		return "", ErrNumber
	case strings.HasPrefix(s, taiwan+"9") && !taiwanMobile.MatchString(s):
		return "", ErrNumber
	case strings.HasPrefix(s, taiwan) && !taiwanMobile.MatchString(s):
		return "", ErrLandline
	}
	return Number(s), nil
}

// narrow gives the ASCII form of a full-width digit or plus sign (全形).
func narrow(r rune) rune {
	switch {
	case r >= '０' && r <= '９':
		return r - '０' + '0'
	case r == '＋':
		return '+'
	case r == '－':
		return '-'
	}
	return r
}

// Valid reports whether n is what [ParseNumber] gives.
func (n Number) Valid() bool {
	m, err := ParseNumber(string(n))
	return err == nil && m == n
}

// Taiwan reports whether n is a Taiwanese number.
func (n Number) Taiwan() bool { return strings.HasPrefix(string(n), taiwan) }

// National is the number as it is dialled in Taiwan, 0912345678; "" for one
// abroad.
func (n Number) National() string {
	if !n.Taiwan() {
		return ""
	}
	return "0" + string(n)[len(taiwan):]
}

// Digits is the number without its plus sign.
func (n Number) Digits() string { return strings.TrimPrefix(string(n), "+") }

// Last3 are the last three digits (末三碼), by which people know that a text is
// for them.
func (n Number) Last3() string {
	if len(n) < 3 {
		return ""
	}
	return string(n[len(n)-3:])
}

// Mask is the number as it may be shown: 09xx***678.
func (n Number) Mask() string {
	switch {
	case !n.Valid():
		return "***"
	case n.Taiwan():
		return "09xx***" + n.Last3()
	}
	return "+xx***" + n.Last3()
}

// String is [Number.Mask].
func (n Number) String() string { return n.Mask() }

// GoString is [Number.Mask].
func (n Number) GoString() string { return n.Mask() }

// LogValue is [Number.Mask].
func (n Number) LogValue() slog.Value { return slog.StringValue(n.Mask()) }
