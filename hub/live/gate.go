package live

import (
	"bufio"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxWait is how long a handshake waits for its turn.
const maxWait = 15 * time.Second

// Gate stands in front of the handler that looks up the session of a page and
// hands it to [Server.Serve], at one path. When all pages come at once, after a
// restart of a node or of the network, few of them are with the database at a
// time; the others wait in line without a connection to it, and those for whom
// the line is too long are told to come back. What else goes to next is not
// held up.
func (s *Server) Gate(path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path || r.Header.Get("Upgrade") == "" {
			next.ServeHTTP(w, r)
			return
		}
		if !s.queueUp(r) {
			s.metrics.refused.Inc()
			w.Header().Set("Retry-After", s.retryAfter(10*time.Second))
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
			return
		}
		defer func() { <-s.slots }()
		next.ServeHTTP(w, r)
	})
}

// queueUp waits for a slot.
func (s *Server) queueUp(r *http.Request) bool {
	if s.full() {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		return true
	default:
	}
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > int64(s.opt.MaxWaiting) {
		return false
	}
	patience := time.NewTimer(maxWait)
	defer patience.Stop()
	select {
	case s.slots <- struct{}{}:
		return true
	case <-patience.C:
	case <-r.Context().Done():
	}
	return false
}

// full reports whether there is no room, or none any more.
func (s *Server) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.total >= s.opt.MaxConnections
}

// retryAfter draws a value of the header, in seconds.
func (s *Server) retryAfter(about time.Duration) string {
	return strconv.Itoa(int(math.Ceil(about.Seconds() * s.jitter())))
}

// hijacker looks for the real connection behind what middleware has put around
// it.
type hijacker struct{ http.ResponseWriter }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}
