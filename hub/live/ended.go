package live

import (
	"sync"
	"time"

	"qianhe/hub"
)

// CloseSessions ends the connections of sessions that have ended: here at
// once, on the other nodes as soon as the bus has told them.
func (s *Server) CloseSessions(ids ...string) {
	if len(ids) == 0 {
		return
	}
	s.end(ids)
	changes := make([]hub.Change, len(ids))
	for i, id := range ids {
		changes[i] = hub.Change{Ended: id}
	}
	s.bus.Publish(changes...)
}

// end closes the pages of sessions, and those that are about to come.
func (s *Server) end(ids []string) {
	now, over := time.Now(), make(map[string]bool, len(ids))
	for _, id := range ids {
		s.ended.add(id, now)
		over[id] = true
	}
	for _, c := range s.registry.conns() {
		if over[c.session] {
			c.close(CloseSignedOut)
		}
	}
}

const (
	// memory is how long a session that has ended is remembered: longer than a
	// handshake takes, which may have begun before.
	memory = time.Minute
	// maxRemembered bounds it; the check of sessions finds the others.
	maxRemembered = 10000
)

// ended remembers which sessions have ended lately.
type ended struct {
	mu       sync.Mutex
	sessions map[string]time.Time
	order    []string
}

func (e *ended) add(session string, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sessions == nil {
		e.sessions = map[string]time.Time{}
	}
	for len(e.order) > 0 && (len(e.order) >= maxRemembered || now.Sub(e.sessions[e.order[0]]) > memory) {
		delete(e.sessions, e.order[0])
		e.order = e.order[1:]
	}
	if _, ok := e.sessions[session]; !ok {
		e.order = append(e.order, session)
	}
	e.sessions[session] = now
}

func (e *ended) has(session string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.sessions[session]
	return ok
}
