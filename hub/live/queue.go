package live

import (
	"context"
	"sync"
)

// queue holds what workers are to do. They take several things at once, so
// that a crowd costs a few questions to the database and not one each.
type queue[T any] struct {
	wake chan struct{} // has room for one

	mu    sync.Mutex
	items []T
}

func newQueue[T any]() *queue[T] { return &queue[T]{wake: make(chan struct{}, 1)} }

func (q *queue[T]) push(items ...T) {
	if len(items) == 0 {
		return
	}
	q.mu.Lock()
	q.items = append(q.items, items...)
	q.mu.Unlock()
	q.signal()
}

func (q *queue[T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for work and gives the share of one of so many workers, at most
// limit; nil when ctx has ended.
func (q *queue[T]) take(ctx context.Context, workers, limit int) []T {
	for {
		if ctx.Err() != nil {
			return nil
		}
		q.mu.Lock()
		if n := len(q.items); n > 0 {
			n = min((n+workers-1)/workers, limit)
			batch := make([]T, n)
			copy(batch, q.items)
			clear(q.items[:n])
			q.items = q.items[n:]
			more := len(q.items) > 0
			q.mu.Unlock()
			if more {
				q.signal() // another worker may help
			}
			return batch
		}
		q.items = nil
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		}
	}
}
