package api

import (
	"sync"
	"time"
)

// limiter counts the calls of each token in the running minute. Only tokens
// that are valid get here, so there are few.
type limiter struct {
	perMinute int
	now       func() time.Time

	mu     sync.Mutex
	minute time.Time // that is counted
	calls  map[[32]byte]int
}

func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{perMinute: perMinute, now: now}
}

// take counts a call. It returns how long to wait when there were too many.
func (l *limiter) take(token [32]byte) time.Duration {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(l.minute) {
		l.minute, l.calls = minute, map[[32]byte]int{}
	}
	if l.calls[token] >= l.perMinute {
		return l.minute.Add(time.Minute).Sub(now)
	}
	l.calls[token]++
	return 0
}
