package live

import (
	"context"
	"sync"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// ackEvery is how long acknowledgements are gathered. Nothing waits for them:
// they are recorded and end nothing.
const ackEvery = 250 * time.Millisecond

// acks are what pages have got and what people have seen, of each person the
// latest, until that is recorded. They grow with the number of people.
type acks struct {
	mu    sync.Mutex
	acked map[approval.PersonID]hub.Ack
	seen  map[approval.PersonID]int64
	wake  chan struct{} // something was seen; has room for one
}

func newAcks() *acks {
	return &acks{acked: map[approval.PersonID]hub.Ack{}, seen: map[approval.PersonID]int64{}, wake: make(chan struct{}, 1)}
}

func (s *Server) acked(p approval.PersonID, after, seq int64) {
	a := s.acks
	a.mu.Lock()
	defer a.mu.Unlock()
	have, ok := a.acked[p]
	if !ok {
		have = hub.Ack{Person: p, After: after, Seq: seq}
	}
	have.After, have.Seq = min(have.After, after), max(have.Seq, seq)
	a.acked[p] = have
}

func (s *Server) saw(p approval.PersonID, seq int64) {
	a := s.acks
	a.mu.Lock()
	a.seen[p] = max(a.seen[p], seq)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// recordAcks records what pages have got until ctx ends, and then what is left.
func (s *Server) recordAcks(ctx context.Context) {
	tick := time.NewTicker(ackEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		s.flushAcks(context.WithoutCancel(ctx))
	}
}

func (s *Server) flushAcks(ctx context.Context) {
	a := s.acks
	for {
		a.mu.Lock()
		batch := make([]hub.Ack, 0, min(len(a.acked), lookUps))
		for p, ack := range a.acked {
			if len(batch) == lookUps {
				break
			}
			batch = append(batch, ack)
			delete(a.acked, p)
		}
		a.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := s.ask(ctx, func(ctx context.Context) error { return s.inbox.Acked(ctx, batch) })
		if err != nil {
			// Later acknowledgements of these pages do not reach back to these,
			// and nothing but a time in the ledger depends on them.
			s.opt.Log.WarnContext(ctx, "live: acknowledgements were not recorded", "people", len(batch), "err", err)
			return
		}
	}
}

// recordSeen records what people have seen, at once: something may be about to
// be sent about it.
func (s *Server) recordSeen(ctx context.Context) {
	a := s.acks
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		for ctx.Err() == nil {
			var p approval.PersonID
			var seq int64
			a.mu.Lock()
			for p, seq = range a.seen {
				delete(a.seen, p)
				break
			}
			a.mu.Unlock()
			if seq == 0 {
				break
			}
			err := s.ask(ctx, func(ctx context.Context) error { return s.inbox.SeenUpTo(ctx, p, seq, hub.Live) })
			if err != nil && ctx.Err() == nil {
				s.opt.Log.WarnContext(ctx, "live: what was seen was not recorded", "err", err)
			}
		}
	}
}
