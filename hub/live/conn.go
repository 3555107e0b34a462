package live

import (
	"net"
	"sync"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// Close codes of our own (RFC 6455 §7.4.2).
const (
	CloseProtocol  = 4400 // the page does not speak the protocol
	CloseSignedOut = 4401 // the session has ended
	CloseSlow      = 4408 // the page did not read fast enough
)

const (
	maxFrame  = 4 << 10  // bytes of a frame of the page
	maxQueue  = 512      // frames that a page may be behind
	maxQueued = 64 << 10 // and bytes
)

// conn is one page. Locks: entry.mu before conn.mu.
type conn struct {
	server  *Server
	sock    net.Conn
	socket  socket
	person  approval.PersonID
	session string
	entry   *entry

	// Of the reader alone.
	greeted bool
	in      inbound

	// Under entry.mu.
	ready bool       // hello was answered
	pos   int64      // last event that was queued
	rev   int64      // of the counts that were queued
	last  hub.Counts // these
	acked int64      // what the page has said so far
	seen  int64

	mu      sync.Mutex
	queue   [][]byte // welcome, events, resync; shared between pages, never written to
	queued  int      // bytes in queue
	counts  []byte   // the latest, if not sent yet
	control []byte   // pings and pongs that are due
	reason  string   // why it is to be closed, in words of the protocol
	code    int      // it is to be closed with, 0 while it is open
	writing bool     // somebody writes, or nobody ever will again
}

// send passes on events and other frames, in order, and the counts after them,
// which replace counts that were not sent yet. Either may be missing. A page
// that is too far behind is cut off: it resumes.
func (c *conn) send(frames [][]byte, counts []byte) {
	if len(frames) == 0 && counts == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	if counts != nil {
		c.counts = counts
	}
	if !c.writing {
		c.startWriter(frames)
		return
	}
	for _, f := range frames {
		c.queued += len(f)
	}
	c.queue = append(c.queue, frames...)
	if len(c.queue) > maxQueue || c.queued > maxQueued {
		c.server.metrics.slow.Inc()
		c.closeLocked(CloseSlow, "")
	}
}

// sendControl queues a ping or a pong. A page that is owed many of them is one
// that does not read.
func (c *conn) sendControl(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 || len(c.control) > maxFrame {
		return
	}
	c.control = append(c.control, frame...)
	c.startWriter(nil)
}

// sendPing asks for a sign of life, unless something is on its way that the page
// does not take: it would only find the question after it.
func (c *conn) sendPing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == 0 && !c.writing {
		c.control = append(c.control, pingFrame()...)
		c.startWriter(nil)
	}
}

// close ends the connection with a code, after what is being written and
// instead of whatever else is queued.
func (c *conn) close(code int) { c.closeFor(code, "") }

func (c *conn) closeFor(code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, reason)
}

func (c *conn) closeLocked(code int, reason string) {
	if c.code != 0 {
		return
	}
	c.code, c.reason = code, reason
	c.queue, c.queued, c.counts, c.control = nil, 0, nil, nil
	if c.writing {
		_ = c.sock.SetWriteDeadline(time.Now()) // nobody waits any longer for a page that does not read
		return
	}
	c.startWriter(nil)
}

func (c *conn) closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code != 0
}
