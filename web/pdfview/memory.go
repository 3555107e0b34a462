package pdfview

import (
	"container/list"
	"sync"
	"time"
)

// maxFacts bounds what is remembered. With 500 pages each that is some 8 MB.
const maxFacts = 1024

// fact is what is known of a file or a page without opening it again.
type fact struct {
	sizes []Size
	err   error
}

// memory remembers facts, the least recently used go first.
type memory struct {
	now   func() time.Time
	mu    sync.Mutex
	items map[key]*list.Element
	order *list.List // of *remembered, latest first
}

type remembered struct {
	key   key
	fact  fact
	until time.Time // zero: as long as there is room
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, items: map[key]*list.Element{}, order: list.New()}
}

func (m *memory) get(k key) (fact, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	el, ok := m.items[k]
	if !ok {
		return fact{}, false
	}
	r := el.Value.(*remembered)
	if !r.until.IsZero() && m.now().After(r.until) {
		m.order.Remove(el)
		delete(m.items, k)
		return fact{}, false
	}
	m.order.MoveToFront(el)
	return r.fact, true
}

// put remembers f for d, or for as long as there is room when d is 0.
func (m *memory) put(k key, f fact, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &remembered{key: k, fact: f}
	if d > 0 {
		r.until = m.now().Add(d)
	}
	if el, ok := m.items[k]; ok {
		el.Value = r
		m.order.MoveToFront(el)
		return
	}
	m.items[k] = m.order.PushFront(r)
	if m.order.Len() > maxFacts {
		el := m.order.Back()
		m.order.Remove(el)
		delete(m.items, el.Value.(*remembered).key)
	}
}
