package live

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/gorilla/websocket"

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
	// closeGrace is how long a page has to answer a close frame.
	closeGrace = time.Second
)

// conn is one page. Locks: entry.mu before conn.mu.
type conn struct {
	server  *Server
	ws      *websocket.Conn
	person  approval.PersonID
	session string
	entry   *entry

	greeted bool // of the reader alone

	// Under entry.mu.
	ready bool       // hello was answered
	pos   int64      // last event that was queued
	last  hub.Counts // that were queued
	acked int64      // what the page has said so far
	seen  int64

	mu      sync.Mutex
	queue   [][]byte // welcome, events, resync; shared between pages, never written to
	queued  int      // bytes in queue
	counts  []byte   // the latest, if not sent yet
	ping    bool     // one is due
	code    int      // it is to be closed with, 0 while it is open
	writing bool     // a writer runs, or has ended for good
}

// send queues frames. A page that is too far behind is cut off: it resumes.
func (c *conn) send(frames ...[]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	for _, f := range frames {
		c.queued += len(f)
	}
	c.queue = append(c.queue, frames...)
	if len(c.queue) > maxQueue || c.queued > maxQueued {
		c.server.metrics.slow.Inc()
		c.closeLocked(CloseSlow)
		return
	}
	c.startWriter()
}

// sendCounts replaces counts that were not sent yet.
func (c *conn) sendCounts(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	c.counts = frame
	c.startWriter()
}

func (c *conn) sendPing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	c.ping = true
	c.startWriter()
}

// close ends the connection with a code, after what is being written and
// instead of whatever else is queued.
func (c *conn) close(code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code)
}

func (c *conn) closeLocked(code int) {
	if c.code != 0 {
		return
	}
	c.code = code
	c.queue, c.queued, c.counts, c.ping = nil, 0, nil, false
	c.startWriter()
}

func (c *conn) closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code != 0
}

// startWriter lets somebody write what is queued; a page to which nothing is
// owed has no writer. Called with mu held.
func (c *conn) startWriter() {
	if !c.writing {
		c.writing = true
		go c.write()
	}
}

// write writes what there is and ends. It is the only one to write data.
func (c *conn) write() {
	for {
		c.mu.Lock()
		queue, counts, ping, code := c.queue, c.counts, c.ping, c.code
		c.queue, c.queued, c.counts, c.ping = nil, 0, nil, false
		if code == 0 && len(queue) == 0 && counts == nil && !ping {
			c.writing = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()

		if code != 0 {
			// The reader ends when the page answers, or after the grace.
			deadline := time.Now().Add(closeGrace)
			_ = c.ws.SetReadDeadline(deadline)
			if c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), deadline) != nil {
				c.ws.Close()
			}
			return
		}
		deadline := time.Now().Add(c.server.opt.WriteTimeout)
		_ = c.ws.SetWriteDeadline(deadline)
		if counts != nil {
			queue = append(queue, counts)
		}
		if err := c.writeAll(queue, ping, deadline); err != nil {
			c.ws.Close() // half a frame may be out: there is nothing to say on it any more
			return
		}
	}
}

// writeAll writes frames in as few system calls as it takes.
func (c *conn) writeAll(frames [][]byte, ping bool, deadline time.Time) (err error) {
	if wire, ok := c.ws.NetConn().(*corked); ok && len(frames) > 1 {
		wire.cork(&c.server.buffers)
		defer func() {
			if flushed := wire.uncork(&c.server.buffers); err == nil {
				err = flushed
			}
		}()
	}
	for _, f := range frames {
		if err := c.ws.WriteMessage(websocket.TextMessage, f); err != nil {
			return err
		}
	}
	if ping {
		return c.ws.WriteControl(websocket.PingMessage, nil, deadline)
	}
	return nil
}

// read is the goroutine of the connection: it ends when the connection does.
func (c *conn) read() {
	defer c.server.leave(c)
	c.ws.SetReadLimit(maxFrame)
	c.ws.SetPongHandler(func(string) error {
		if c.greeted && !c.closed() {
			return c.ws.SetReadDeadline(time.Now().Add(c.server.opt.Patience))
		}
		return nil
	})
	_ = c.ws.SetReadDeadline(time.Now().Add(c.server.opt.HelloTimeout))
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if c.closed() {
			continue // until the page has answered, or the grace is over
		}
		if kind != websocket.TextMessage {
			c.close(websocket.CloseUnsupportedData)
			continue
		}
		if err := c.handle(data); err != nil {
			c.server.opt.Log.Debug("live: page was cut off", "err", err)
			c.close(codeOf(err))
			continue
		}
		if c.greeted && !c.closed() {
			_ = c.ws.SetReadDeadline(time.Now().Add(c.server.opt.Patience))
		}
	}
}

// errProtocol: the page sent what no page of ours sends.
var errProtocol = errors.New("not a frame of the protocol")

func codeOf(err error) int {
	if errors.Is(err, errProtocol) {
		return CloseProtocol
	}
	return websocket.CloseTryAgainLater
}

// handle acts on one frame. A position that the page was never given is not
// believed.
func (c *conn) handle(data []byte) error {
	var in incoming
	if err := json.Unmarshal(data, &in); err != nil {
		return errProtocol
	}
	switch {
	case in.Type == "hello" && !c.greeted:
		c.greeted = true
		return c.server.join(c, in.Since)
	case in.Type == "hello", in.Type == "", !c.greeted:
		return errProtocol
	case in.Type == "ack" && c.advance(&c.acked, in.Seq):
		return c.server.acked(c, in.Seq)
	case in.Type == "seen" && c.advance(&c.seen, in.Seq):
		return c.server.sawUpTo(c, in.Seq)
	case in.Type == "ping":
		c.send(pongFrame())
	}
	return nil
}

// advance moves what the page has said to seq; false when that is nothing new.
func (c *conn) advance(said *int64, seq int64) bool {
	c.entry.mu.Lock()
	defer c.entry.mu.Unlock()
	if seq <= *said || seq > c.pos {
		return false
	}
	*said = seq
	return true
}
