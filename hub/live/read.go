package live

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"
)

// errProtocol: the page sent what no page of ours sends.
var errProtocol = errors.New("not a frame of the protocol")

// read is the goroutine of the connection: it ends when the connection does.
// It waits most of its life and keeps a small stack for it; what a frame means
// is worked out elsewhere.
func (c *conn) read() {
	defer c.server.leave(c)
	c.ws.SetReadLimit(maxFrame)
	// The package is not to write: only we know what is being written.
	c.ws.SetPingHandler(func(data string) error { c.sendControl(controlPong(data)); return nil })
	c.ws.SetPongHandler(func(string) error { return c.alive() })
	c.ws.SetCloseHandler(c.answerClose)
	_ = c.ws.SetReadDeadline(time.Now().Add(c.server.opt.HelloTimeout))
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			return
		}
		b := c.server.buffers.get()
		*b, err = readAll(r, *b)
		if err == nil && !c.closed() { // else until the page has answered, or the grace is over
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.frame(kind, *b)
			}()
			<-done
		}
		c.server.buffers.put(b)
		if err != nil {
			return
		}
	}
}

// readAll reads a frame, which the connection keeps below maxFrame.
func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// alive notes that somebody is there.
func (c *conn) alive() error {
	if c.greeted && !c.closed() {
		return c.ws.SetReadDeadline(time.Now().Add(c.server.opt.Patience))
	}
	return nil
}

// answerClose says goodbye in the page's own words, as RFC 6455 §5.5.1 wants.
func (c *conn) answerClose(code int, _ string) error {
	if code == websocket.CloseNoStatusReceived {
		code = websocket.CloseNormalClosure
	}
	c.close(code)
	return nil
}

// frame acts on one frame of the page.
func (c *conn) frame(kind int, data []byte) {
	if kind != websocket.TextMessage {
		c.close(websocket.CloseUnsupportedData)
		return
	}
	if err := c.handle(data); err != nil {
		c.server.opt.Log.Debug("live: page was cut off", "err", err)
		c.close(CloseProtocol)
		return
	}
	_ = c.alive()
}

// handle acts on one frame. A position that the page was never given is not
// believed.
func (c *conn) handle(data []byte) error {
	in, err := parse(data)
	switch {
	case err != nil:
		return err
	case in.Type == "hello" && !c.greeted:
		c.greeted = true
		c.server.hellos.push(&greeting{conn: c, since: in.Since})
	case in.Type == "hello", !c.greeted:
		return errProtocol
	case in.Type == "ack":
		if after, ok := c.advance(&c.acked, in.Seq); ok {
			c.server.acked(c.person, after, in.Seq)
		}
	case in.Type == "seen":
		if _, ok := c.advance(&c.seen, in.Seq); ok {
			c.server.saw(c.person, in.Seq)
		}
	case in.Type == "ping":
		c.sendControl(pongFrame())
	}
	return nil
}

// advance moves what the page has said to seq, and gives what it had said
// before; false when that is nothing new.
func (c *conn) advance(said *int64, seq int64) (before int64, ok bool) {
	c.entry.mu.Lock()
	defer c.entry.mu.Unlock()
	if seq <= *said || seq > c.pos {
		return *said, false
	}
	before, *said = *said, seq
	return before, true
}

// tcp gives the socket of a connection, where we may write to it directly.
func tcp(c net.Conn) *net.TCPConn {
	t, _ := c.(*net.TCPConn)
	return t
}
