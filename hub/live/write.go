package live

import (
	"sync"
	"time"
)

// closeGrace is how long a page has to answer a close frame.
const closeGrace = time.Second

// maxKept is how large a buffer may be that is kept for the next writer.
const maxKept = 16 << 10

// buffers are what writers put frames together in. An idle page has none.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, 0, 1024)
	return &p
}

func (b *buffers) put(p *[]byte) {
	if cap(*p) <= maxKept {
		*p = (*p)[:0]
		b.pool.Put(p)
	}
}

// due puts together what is to be written now, in the order events, counts,
// control frames, and whether that is the end. Called with mu held.
func (c *conn) due(b []byte, frames [][]byte) (_ []byte, last bool) {
	if c.code != 0 {
		return append(b, closeFrame(c.code, c.reason)...), true
	}
	for _, f := range frames {
		b = append(b, f...)
	}
	b = append(b, c.counts...)
	b = append(b, c.control...)
	c.queue, c.queued, c.counts, c.control = nil, 0, nil, nil
	return b, false
}

// startWriter writes frames, counts and whatever else is due. A socket that has
// room takes it at once, in one system call: that call is most of what a
// delivery costs. For one that has none somebody waits, and nobody else.
// Called with mu held.
func (c *conn) startWriter(frames [][]byte) {
	if c.writing {
		return
	}
	c.writing = true
	b := c.server.buffers.get()
	var last bool
	*b, last = c.due(*b, frames)
	n, err := c.try(*b)
	if err == nil && n == len(*b) && !last {
		c.server.buffers.put(b)
		c.writing = false
		return
	}
	go c.write(b, n, last)
}

// write writes a buffer from n on, and then what is queued meanwhile, and
// ends. Nobody else writes while it runs.
func (c *conn) write(b *[]byte, n int, last bool) {
	for {
		if last {
			c.finish((*b)[n:])
			return
		}
		if n < len(*b) {
			_ = c.sock.SetWriteDeadline(time.Now().Add(c.server.opt.WriteTimeout))
			_, err := c.sock.Write((*b)[n:])
			_ = c.sock.SetWriteDeadline(time.Time{})
			if err != nil {
				c.sock.Close() // half a frame may be out: there is nothing to say on it any more
				return
			}
		}
		*b, n = (*b)[:0], 0
		c.mu.Lock()
		*b, last = c.due(*b, c.queue)
		if len(*b) == 0 {
			c.writing = false
			c.mu.Unlock()
			c.server.buffers.put(b)
			return
		}
		c.mu.Unlock()
	}
}

// finish sends a close frame. The reader ends when the page answers, or after
// the grace.
func (c *conn) finish(frame []byte) {
	deadline := time.Now().Add(closeGrace)
	_ = c.sock.SetReadDeadline(deadline)
	_ = c.sock.SetWriteDeadline(deadline)
	if len(frame) == 0 {
		return
	}
	if _, err := c.sock.Write(frame); err != nil {
		c.sock.Close()
	}
}

// receiveInto waits with a buffer in hand, where there is no other way.
func (c *conn) receiveInto(b *[]byte) (*[]byte, error) {
	n, err := c.sock.Read((*b)[:cap(*b)])
	if n <= 0 && err != nil {
		c.server.buffers.put(b)
		return nil, err
	}
	*b = (*b)[:n]
	return b, nil
}
