package access

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Challenge is a sign-in on a new device that waits for its owner. It belongs to
// one waiting session, and whatever ends it ends it once: every method that
// answers gives [ErrAnswered] when another was first.
type Challenge struct {
	State     ChallengeState
	CreatedAt time.Time
	ExpiresAt time.Time // nobody can answer any more
	ClosedAt  time.Time // zero while open
	By        Answerer  // "" while open
	// TookOver: a text alone has confirmed it, while the account had devices of
	// before. These shall have time to object.
	TookOver bool

	// Number is what the waiting page shows: two digits. Choices are the three
	// among which the owner picks, on a device that is trusted.
	Number  int
	Choices []int

	// Code is what a text has brought, "" while none was asked for. It is good
	// until CodeUntil and for so many tries. Deny is what refuses.
	Code      string
	Deny      string
	CodeUntil time.Time
	Tries     int // wrong ones
	Texts     int // how often the text was sent
}

// ChallengeState says how a challenge stands.
type ChallengeState string

const (
	Open      ChallengeState = "open"
	Confirmed ChallengeState = "confirmed"
	Denied    ChallengeState = "denied"
)

// Answerer is by whom, or by what, a challenge was answered.
type Answerer string

const (
	ByDevice Answerer = "device" // on a device that is trusted
	ByText   Answerer = "text"   // with what a text has brought
	ByVouch  Answerer = "vouch"  // the registry desk or an administrator
)

var (
	// ErrAnswered: it was confirmed or denied before, or nobody has in time.
	ErrAnswered = errors.New("sign-in was answered already")
	// ErrWrongNumber: the picked number is not the one that the new device
	// shows. The sign-in is denied.
	ErrWrongNumber = errors.New("not the number that the new device shows")
	// ErrCode: the code is not the one of the text.
	ErrCode = errors.New("code is not right")
	// ErrCodeSpent: the code has ended, was tried too often, or there is none.
	ErrCodeSpent = errors.New("code can no longer be used")
	// ErrNoNumber: there is no telephone number to send a text to, or texts do
	// not count for this account at present.
	ErrNoNumber = errors.New("no text can be sent for this account")
	// ErrTrusted: what asks for it is not a session of a device that is trusted.
	ErrTrusted = errors.New("only a device that is trusted may do this")
)

const (
	codeDigits = 6
	denyDigits = 8

	// MaxTries is how many wrong codes a challenge takes.
	MaxTries = 5
	// MaxTexts is how often its text is sent.
	MaxTexts = 3
)

// NewChallenge begins one. It panics when random fails.
func NewChallenge(p Policy, now time.Time, random io.Reader) *Challenge {
	c := &Challenge{State: Open, CreatedAt: now, ExpiresAt: now.Add(p.Waiting)}
	for len(c.Choices) < 3 {
		if n := 10 + draw(random, 90); !slices.Contains(c.Choices, n) {
			c.Choices = append(c.Choices, n)
		}
	}
	c.Number = c.Choices[draw(random, 3)]
	return c
}

// IsOpen reports whether it can be answered.
func (c *Challenge) IsOpen(now time.Time) bool { return c.State == Open && now.Before(c.ExpiresAt) }

// SendText asks for the text: the first time a code is made, later ones repeat
// it as it is. It gives [ErrCodeSpent] when that code cannot be used any more,
// or was sent often enough: to get another is to sign in again.
func (c *Challenge) SendText(p Policy, now time.Time, random io.Reader) error {
	switch {
	case !c.IsOpen(now):
		return ErrAnswered
	case c.Code == "":
		c.Code, c.Deny = digits(random, codeDigits), digits(random, denyDigits)
		c.CodeUntil = now.Add(p.Code)
		if c.ExpiresAt.Before(c.CodeUntil) {
			c.CodeUntil = c.ExpiresAt
		}
	case !c.CodeGood(now), c.Texts >= MaxTexts:
		return ErrCodeSpent
	}
	c.Texts++
	return nil
}

// CodeGood reports whether the code of the text could still confirm.
func (c *Challenge) CodeGood(now time.Time) bool {
	return c.IsOpen(now) && c.Code != "" && now.Before(c.CodeUntil) && c.Tries < MaxTries
}

// Enter confirms with the code of the text, or counts a try and gives
// [ErrCode]. Spaces and the like between the digits are left out. For the first
// device of an account a text is enough; to any other it gives reading only.
func (c *Challenge) Enter(code string, first bool, now time.Time) error {
	switch {
	case !c.IsOpen(now):
		return ErrAnswered
	case !c.CodeGood(now):
		return ErrCodeSpent
	case subtle.ConstantTimeCompare([]byte(OnlyDigits(code)), []byte(c.Code)) != 1:
		c.Tries++
		return ErrCode
	}
	c.close(Confirmed, ByText, now)
	c.TookOver = !first
	return nil
}

// Pick confirms when n is the number that the new device shows. Any other
// denies, with [ErrWrongNumber]: somebody who guesses is not its owner.
func (c *Challenge) Pick(n int, now time.Time) error {
	switch {
	case !c.IsOpen(now):
		return ErrAnswered
	case n != c.Number:
		c.close(Denied, ByDevice, now)
		return ErrWrongNumber
	}
	c.close(Confirmed, ByDevice, now)
	return nil
}

// Vouch confirms in the name of the agency, also what a text alone has confirmed
// and may only read for that.
func (c *Challenge) Vouch(p Policy, now time.Time) error {
	if !c.IsOpen(now) && !c.Undoable(ByText, p, now) {
		return ErrAnswered
	}
	c.close(Confirmed, ByVouch, now)
	c.TookOver = false
	return nil
}

// Refuse denies it. One that took over can be refused for some time after: by a
// trusted device, or by the deny code while the new device may only read. What
// is trusted is beyond the reach of a text.
func (c *Challenge) Refuse(by Answerer, p Policy, now time.Time) error {
	switch {
	case c.IsOpen(now):
	case c.Undoable(by, p, now):
	default:
		return ErrAnswered
	}
	c.close(Denied, by, now)
	return nil
}

// Undoable reports whether a confirmation can still be taken back.
func (c *Challenge) Undoable(by Answerer, p Policy, now time.Time) bool {
	if c.State != Confirmed || !c.TookOver {
		return false
	}
	within := p.Undo
	if by == ByText {
		within = min(within, p.Reading)
	}
	return now.Before(c.ClosedAt.Add(within))
}

func (c *Challenge) close(state ChallengeState, by Answerer, now time.Time) {
	c.State, c.By, c.ClosedAt = state, by, now
}

// ReadsUntil gives until when a device that was confirmed may only read, zero
// for never.
func (c *Challenge) ReadsUntil(p Policy) time.Time {
	if c.State != Confirmed || !c.TookOver {
		return time.Time{}
	}
	return c.ClosedAt.Add(p.Reading)
}

// LogValue leaves out what is secret.
func (c *Challenge) LogValue() slog.Value {
	return slog.GroupValue(slog.String("state", string(c.State)), slog.String("by", string(c.By)), slog.Int("tries", c.Tries))
}

// OnlyDigits gives the ASCII digits of what somebody has typed; those of full
// width, which a Chinese keyboard writes, are taken for the same.
func OnlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		}
		return -1
	}, s)
}

// draw gives a number below n, each as likely as the others. It panics when
// random fails.
func draw(random io.Reader, n int) int {
	limit := uint64(1) << 32 / uint64(n) * uint64(n)
	for {
		var b [4]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			panic("access: source of randomness failed: " + err.Error())
		}
		if v := uint64(binary.BigEndian.Uint32(b[:])); v < limit {
			return int(v % uint64(n))
		}
	}
}

func digits(random io.Reader, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + draw(random, 10))
	}
	return string(b)
}
