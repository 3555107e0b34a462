package hub

import (
	"context"
	"sync"

	"qianhe/approval"
)

// maxEnded is how many ended sessions a [Mailbox] holds. Who hears that some
// may have been lost asks after all of them.
const maxEnded = 10000

// Mailbox holds changes until somebody takes them: of each person the latest
// revision alone. It grows with the number of people, never with the number of
// changes. Every [Bus] is made of them.
type Mailbox struct {
	wake chan struct{} // has room for one

	mu    sync.Mutex
	revs  map[approval.PersonID]int64
	ended map[string]bool
	lost  bool
}

// NewMailbox makes an empty one.
func NewMailbox() *Mailbox {
	return &Mailbox{wake: make(chan struct{}, 1), revs: map[approval.PersonID]int64{}, ended: map[string]bool{}}
}

// Wake has a value when there is something to take, and may have one when
// there is not.
func (m *Mailbox) Wake() <-chan struct{} { return m.wake }

// Put adds changes.
func (m *Mailbox) Put(changes ...Change) {
	if len(changes) == 0 {
		return
	}
	m.mu.Lock()
	for _, c := range changes {
		switch {
		case c.Ended == "":
			m.revs[c.Person] = max(m.revs[c.Person], c.Rev)
		case len(m.ended) < maxEnded:
			m.ended[c.Ended] = true
		default:
			m.lost = true
		}
	}
	m.mu.Unlock()
	m.signal()
}

// Lose notes that something may have gone missing.
func (m *Mailbox) Lose() {
	m.mu.Lock()
	m.lost = true
	m.mu.Unlock()
	m.signal()
}

func (m *Mailbox) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Take empties it. Ended sessions come first: what they are not to see may
// come after them.
func (m *Mailbox) Take() (changes []Change, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.ended) + len(m.revs); n > 0 {
		changes = make([]Change, 0, n)
	}
	for id := range m.ended {
		changes = append(changes, Change{Ended: id})
	}
	for p, rev := range m.revs {
		changes = append(changes, Change{Person: p, Rev: rev})
	}
	// A map keeps the room of its best day: after 100,000 people a new one.
	if len(m.revs) > 1000 {
		m.revs = map[approval.PersonID]int64{}
	}
	clear(m.revs)
	clear(m.ended)
	lost, m.lost = m.lost, false
	return changes, lost
}

// Subscribers hand changes to everybody on this node: the near half of a
// [Bus]. The zero value has none.
type Subscribers struct {
	mu   sync.Mutex
	each map[*Mailbox]bool
}

// Subscribe is [Bus.Subscribe].
func (s *Subscribers) Subscribe(ctx context.Context, fn func([]Change)) error {
	m := NewMailbox()
	s.mu.Lock()
	if s.each == nil {
		s.each = map[*Mailbox]bool{}
	}
	s.each[m] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.each, m)
		s.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.Wake():
		}
		changes, lost := m.Take()
		if lost {
			fn(nil)
		}
		if len(changes) > 0 {
			fn(changes)
		}
	}
}

// Deliver hands changes to all of them; it does not wait for anybody.
func (s *Subscribers) Deliver(changes ...Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m := range s.each {
		m.Put(changes...)
	}
}

// Lose tells all of them that something may have gone missing.
func (s *Subscribers) Lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m := range s.each {
		m.Lose()
	}
}
