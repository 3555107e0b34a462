package hub

import (
	"context"
	"slices"
	"sync"

	"qianhe/approval"
)

const (
	// maxEnded is how many ended sessions a [Mailbox] holds. Who hears that some
	// may have been lost asks after all of them.
	maxEnded = 10000
	// maxAdded is how many notifications it holds of one person.
	maxAdded = 16
)

// Mailbox holds changes until somebody takes them: of each person the latest
// revision alone. It grows with the number of people, never with the number of
// changes. Every [Bus] is made of them.
type Mailbox struct {
	wake chan struct{} // has room for one

	mu     sync.Mutex
	latest map[approval.PersonID]state
	ended  map[string]bool
	lost   bool
}

// state is how far a person's inbox is, and how it came there if that is known.
type state struct {
	rev   int64
	added *Added
}

// NewMailbox makes an empty one.
func NewMailbox() *Mailbox {
	return &Mailbox{wake: make(chan struct{}, 1), latest: map[approval.PersonID]state{}, ended: map[string]bool{}}
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
			have, ok := m.latest[c.Person]
			m.latest[c.Person] = join(have, state{c.Rev, c.Added}, ok)
		case len(m.ended) < maxEnded:
			m.ended[c.Ended] = true
		default:
			m.lost = true
		}
	}
	m.mu.Unlock()
	m.signal()
}

// join makes one of two states, in whatever order they have come: the later
// one, and how it came from before the earlier one if they follow each other.
func join(a, b state, both bool) state {
	if !both {
		return b
	}
	if a.rev > b.rev {
		a, b = b, a
	}
	if a.rev == b.rev && b.added == nil {
		return a
	}
	if a.rev == b.rev || a.added == nil || b.added == nil || b.added.From != a.rev || a.added.Epoch != b.added.Epoch ||
		len(a.added.Notifications)+len(b.added.Notifications) > maxAdded {
		return b
	}
	return state{b.rev, &Added{a.added.Epoch, a.added.From, slices.Concat(a.added.Notifications, b.added.Notifications)}}
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
	if n := len(m.ended) + len(m.latest); n > 0 {
		changes = make([]Change, 0, n)
	}
	for id := range m.ended {
		changes = append(changes, Change{Ended: id})
	}
	for p, s := range m.latest {
		changes = append(changes, Change{Person: p, Rev: s.rev, Added: s.added})
	}
	if len(m.latest) > 1000 { // a map keeps the room of its best day
		m.latest = map[approval.PersonID]state{}
	}
	clear(m.latest)
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
