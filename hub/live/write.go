package live

import (
	"net"
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
	for !last {
		n += c.wait((*b)[n:])
		c.mu.Lock()
		if n < len(*b) { // it has waited long enough, or has been told to stop
			if c.code == 0 {
				c.server.metrics.slow.Inc()
				c.code = CloseSlow
				c.queue, c.queued, c.counts, c.control = nil, 0, nil, nil
			}
			*b, _ = c.due((*b)[n:], nil) // what is due now is the end
			n = 0
			c.mu.Unlock()
			break
		}
		*b, n = (*b)[:0], 0
		*b, last = c.due(*b, c.queue)
		if len(*b) == 0 {
			c.writing = false
			c.mu.Unlock()
			c.server.buffers.put(b)
			return
		}
		c.mu.Unlock()
	}
	c.finish((*b)[n:])
}

// wait writes while the page reads, and gives how much.
func (c *conn) wait(b []byte) (n int) {
	c.mu.Lock()
	if c.code == 0 { // else the deadline of the end stands
		_ = c.sock.SetWriteDeadline(time.Now().Add(c.server.opt.WriteTimeout))
	}
	c.mu.Unlock()
	for n < len(b) {
		m, err := c.sock.Write(b[n:])
		n += m
		if err != nil {
			return n
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == 0 {
		_ = c.sock.SetWriteDeadline(time.Time{})
	}
	return n
}

// finish sends the rest of what is on its way, and the close frame. The kernel
// gets room for it: so a page that has not read for long finds, when it reads
// again, all that was begun and after it why there is no more. The reader ends
// when the page answers, or after the grace.
func (c *conn) finish(b []byte) {
	deadline := time.Now().Add(closeGrace)
	_ = c.sock.SetReadDeadline(deadline)
	if len(b) == 0 {
		return
	}
	_ = c.sock.SetWriteDeadline(deadline)
	c.room(2*kernelBuffer + len(b))
	n, err := c.try(b)
	if err == nil && n < len(b) {
		_, err = c.sock.Write(b[n:])
	}
	if err != nil {
		c.sock.Close()
	}
}

// room lets the kernel hold that many bytes of what is written to the page.
func (c *conn) room(n int) {
	if t, ok := c.sock.(*net.TCPConn); ok {
		_ = t.SetWriteBuffer(n)
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
