package access

import (
	"errors"
	"io"
	"slices"
	"time"
)

// HandoverFor is how long a hand-over can be answered: both screens are in one
// hand.
const HandoverFor = 60 * time.Second

// Handover lets another browser context of the same phone in: the home-screen
// app, the browser and LINE's own browser share no cookies. The new context has
// a session that waits and shows two digits; a context that is trusted picks
// them out of three. Whatever answers it ends it.
type Handover struct {
	Number    int
	Choices   []int
	CreatedAt time.Time
	ClosedAt  time.Time // zero while open
	Done      bool      // it was answered with the number
}

var (
	// ErrHandoverOver: it was answered, or nobody has in time.
	ErrHandoverOver = errors.New("hand-over is over")
	// ErrOtherPhone: the new context says that it is of another sort of phone,
	// or of none.
	ErrOtherPhone = errors.New("not the same phone")
	// ErrContexts: the phone has as many contexts as it may have.
	ErrContexts = errors.New("phone has too many browser contexts")
)

// NewHandover begins one. It panics when random fails.
func NewHandover(now time.Time, random io.Reader) *Handover {
	h := &Handover{CreatedAt: now}
	for len(h.Choices) < 3 {
		if n := 10 + draw(random, 90); !slices.Contains(h.Choices, n) {
			h.Choices = append(h.Choices, n)
		}
	}
	h.Number = h.Choices[draw(random, 3)]
	return h
}

// Until is when it ends by itself.
func (h *Handover) Until() time.Time { return h.CreatedAt.Add(HandoverFor) }

// IsOpen reports whether it can be answered.
func (h *Handover) IsOpen(now time.Time) bool {
	return h.ClosedAt.IsZero() && !now.Before(h.CreatedAt) && now.Before(h.Until())
}

// Pick answers it with the number that the new context shows. Any other ends it
// too, with [ErrWrongNumber]: there is no second guess.
func (h *Handover) Pick(n int, now time.Time) error {
	if !h.IsOpen(now) {
		return ErrHandoverOver
	}
	h.ClosedAt, h.Done = now, n == h.Number
	if !h.Done {
		return ErrWrongNumber
	}
	return nil
}

// MayJoin says whether a new context can be of the phone that a trusted one
// belongs to: both say that they are phones of one family, and there is room.
// Contexts is how many the phone has.
func MayJoin(newcomer, trusted Device, contexts, most int) error {
	switch {
	case !trusted.Trusted:
		return ErrTrusted
	case trusted.Class != Mobile || newcomer.Class != Mobile || trusted.Platform == "" || newcomer.Platform != trusted.Platform:
		return ErrOtherPhone
	case contexts >= most:
		return ErrContexts
	}
	return nil
}

// MaxContexts is the most that an agency may allow of one phone.
const MaxContexts = 5

// HandoverWait is a hand-over as the new context shows it.
type HandoverWait struct {
	Can    bool      // there is a phone of this family that it could be of
	Begun  bool      // one was begun
	Number int       // to be picked elsewhere; 0 when none is open
	Until  time.Time // its end
}

// HandoverAsk is a hand-over as a context that is trusted is asked about it.
type HandoverAsk struct {
	ID      string
	Device  string // what the new context says it is
	Choices []int
	Until   time.Time
}
