package access

import "time"

// busyFor is after how long whoever found no place is told to come again. By
// then everybody who was inside has left.
const busyFor = 2 * time.Second

// Turnstile lets so many through at once and nobody wait before it. Behind it
// stands what is dear: hashing a password takes tens of milliseconds of a whole
// processor. A flood of sign-ins would make everybody wait for seconds, those
// who decide documents too; here the excess hears at once when to come again.
type Turnstile struct {
	places chan struct{}
}

// NewTurnstile makes one with so many places, at least one.
func NewTurnstile(places int) *Turnstile {
	return &Turnstile{places: make(chan struct{}, max(places, 1))}
}

// Enter takes a place until leave is called. Without a free one it gives a
// [*BusyError] and does not wait.
func (t *Turnstile) Enter() (leave func(), err error) {
	select {
	case t.places <- struct{}{}:
		return func() { <-t.places }, nil
	default:
		return nil, &BusyError{RetryAfter: busyFor}
	}
}
