package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Factor is a second one that an account has.
type Factor struct {
	ID         string
	Method     Method // ByTOTP or ByPasskey
	Label      string // the browser that it was added on, "" when not known
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}

// Askable is what somebody may show now. The zero value is nothing.
type Askable struct {
	Password bool   // login and password once more
	Codes    bool   // an app's digits, or a code on paper
	Passkeys bool   // there are some to be asked
	Passkey  string // options for navigator.credentials.get, as JSON; "" while none is asked
}

// Shown is one thing that was shown.
type Shown struct {
	Password string
	Code     string
	Passkey  []byte // what the browser gave, as JSON
}

// LogValue leaves everything out.
func (Shown) LogValue() slog.Value { return slog.StringValue("(shown)") }

// SecondError: what was shown is right, and the account asks for a second factor.
// There is no session yet. Cookie is to be set, see [FlowCookie].
type SecondError struct{ Cookie string }

func (*SecondError) Error() string { return "a second factor is asked for" }

// LogValue leaves the cookie out.
func (e *SecondError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// FlowLife is how long something begun may take.
const FlowLife = 10 * time.Minute

// FlowCookie gives the name of the cookie that ties what was begun in a browser
// to that browser.
func FlowCookie(tls bool) string {
	if tls {
		return "__Host-qianhe_flow"
	}
	return "qianhe_flow"
}

// FactorKey is under what failures at the second factor of an account are
// counted.
func FactorKey(account string) (key [32]byte) {
	m := hmac.New(sha256.New, []byte("qianhe factor attempts"))
	m.Write([]byte(account))
	m.Sum(key[:0])
	return key
}

// RecoveryCodes is how many are printed at once.
const RecoveryCodes = 8

// NewRecoveryCode makes a code for paper: 80 random bits. Neither 0 nor 1 is in
// it, so whoever reads them there means o and l.
func NewRecoveryCode(random io.Reader) string {
	var b [10]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		panic(fmt.Sprintf("access: source of randomness failed: %v", err))
	}
	s := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
	return s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
}

// HashRecoveryCode gives what is kept of a code, however it was typed; false when
// it cannot be one.
func HashRecoveryCode(typed string) (hash [32]byte, ok bool) {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return -1
		case r == '0':
			return 'o'
		case r == '1':
			return 'l'
		}
		return r
	}, strings.ToLower(typed))
	return sha256.Sum256([]byte(s)), len(s) == 16
}
