package api

import (
	"sync"
	"time"
)

// limiter counts what each token has done in the running minute, by scope, on
// this node. Only tokens that are valid get here, so there are few.
type limiter struct {
	now func() time.Time

	mu     sync.Mutex
	minute time.Time // that is counted
	done   map[counted]int
}

type counted struct{ token, scope string }

func newLimiter(now func() time.Time) *limiter { return &limiter{now: now} }

// take counts one, of which a minute may have most. It returns how long to wait
// when most was reached before.
func (l *limiter) take(token, scope string, most int) time.Duration {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(l.minute) {
		l.minute, l.done = minute, map[counted]int{}
	}
	key := counted{token, scope}
	if l.done[key] >= most {
		return l.minute.Add(time.Minute).Sub(now)
	}
	l.done[key]++
	return 0
}

// add counts n more for what was let through: it goes through whole.
func (l *limiter) add(token, scope string, n int) {
	if n <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[counted{token, scope}] += n
}
