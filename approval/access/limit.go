package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"time"
)

// Rule allows fewer than Max failures within a time that slides.
type Rule struct {
	Max    int
	Within time.Duration
}

// Failures is what was counted under a rule.
type Failures struct {
	Rule
	// Decisive is when the Max-th last failure happened, the zero time when
	// there were fewer than Max. Only when it has left the window is the next
	// attempt allowed.
	Decisive time.Time
}

// Limit gives a [*LimitedError] when one of the rules has been reached, with the
// longest wait that any of them asks for, else nil.
func Limit(now time.Time, counted []Failures) error {
	var wait time.Duration
	for _, f := range counted {
		if !f.Decisive.IsZero() {
			wait = max(wait, f.Decisive.Add(f.Within).Sub(now))
		}
	}
	if wait <= 0 {
		return nil
	}
	return &LimitedError{RetryAfter: (wait + time.Second - 1).Truncate(time.Second)}
}

// LoginKey is under what failures on a login are counted, whether it exists or
// not: SHA-256 of the login as [FoldLogin] gives it.
func LoginKey(login string) [32]byte { return sha256.Sum256([]byte(login)) }

// DeviceKey is under what failures on a login from a browser that its account
// knows are counted. It is an HMAC, so that nobody can type a login that has it
// for its [LoginKey].
func DeviceKey(login, device string) (key [32]byte) {
	m := hmac.New(sha256.New, []byte("qianhe device attempts"))
	m.Write([]byte(login + "\x00" + device))
	m.Sum(key[:0])
	return key
}

// CountKey is under what anything else is counted: texts to one person, wrong
// deny codes from one address. Like [DeviceKey], nobody can type it.
func CountKey(what, of string) (key [32]byte) {
	m := hmac.New(sha256.New, []byte("qianhe counts"))
	m.Write([]byte(what + "\x00" + of))
	m.Sum(key[:0])
	return key
}
