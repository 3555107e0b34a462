package live

import (
	"bufio"
	"net"
	"net/http"
	"sync"
)

// corked is a connection that can hold back what is written, so that an event
// and the counts after it, or everything that a page has missed, go out in one
// system call: that call is most of what a delivery costs.
type corked struct {
	net.Conn

	mu     sync.Mutex
	on     bool
	buffer *[]byte
}

// maxCorked bounds what is held back, in bytes.
const maxCorked = 16 << 10

// Write takes whole frames: one message, or a control frame of another
// goroutine, which goes between two messages.
func (c *corked) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.on {
		return c.Conn.Write(p)
	}
	if len(*c.buffer)+len(p) > maxCorked {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	*c.buffer = append(*c.buffer, p...)
	return len(p), nil
}

// cork begins to hold back.
func (c *corked) cork(pool *sync.Pool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = true
	b, ok := pool.Get().(*[]byte)
	if !ok {
		b = new([]byte)
	}
	c.buffer = b
}

// uncork lets everything go that was held back.
func (c *corked) uncork(pool *sync.Pool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.flush()
	c.on = false
	pool.Put(c.buffer)
	c.buffer = nil
	return err
}

func (c *corked) flush() error {
	if len(*c.buffer) == 0 {
		return nil
	}
	_, err := c.Conn.Write(*c.buffer)
	*c.buffer = (*c.buffer)[:0]
	return err
}

// hijacker gives out a corked connection. It looks for the real one behind
// what middleware has put around it.
type hijacker struct{ http.ResponseWriter }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &corked{Conn: c}, rw, nil
}
