package live

import (
	"errors"
	"os"
	"time"
)

// errProtocol: the page sent what no page of ours sends.
var errProtocol = errors.New("not a frame of the protocol")

// read is the goroutine of the connection: it ends when the connection does.
// It waits most of its life, and keeps a small stack for it: what has come in
// is worked out on another.
func (c *conn) read() {
	defer c.server.leave(c)
	_ = c.sock.SetReadDeadline(time.Now().Add(c.server.opt.HelloTimeout))
	for {
		b, err := c.receive()
		if errors.Is(err, os.ErrDeadlineExceeded) && c.giveUp() {
			continue
		}
		if err != nil {
			return
		}
		done := make(chan bool)
		go func() { done <- c.take(b) }()
		if !<-done {
			return
		}
	}
}

// giveUp closes a connection on which nothing has come for too long, in words
// that wait in the kernel for a page that is asleep. false when it was closed
// before.
func (c *conn) giveUp() bool {
	if c.closed() {
		return false
	}
	_ = c.sock.SetReadDeadline(time.Now().Add(closeGrace))
	if c.greeted {
		c.close(CloseSlow)
	} else {
		c.close(closeTryAgain)
	}
	return true
}

// take works out what has come in, and gives the buffer back. false ends the
// connection.
func (c *conn) take(b *[]byte) (goOn bool) {
	defer c.server.buffers.put(b)
	rest := *b
	if len(c.in.pending) > 0 {
		rest = append(c.in.pending, rest...)
		c.in.pending = nil
	}
	for len(rest) > 0 {
		var p piece
		var err error
		p, rest, err = c.in.next(rest)
		if errors.Is(err, errMore) {
			c.in.pending = append([]byte(nil), rest...)
			return true
		}
		if err == nil {
			goOn, err = c.piece(p)
		}
		if err != nil {
			c.server.opt.Log.Debug("live: page was cut off", "err", err)
			c.close(codeOf(err))
			return true // until the page has answered, or the grace is over
		}
		if !goOn {
			return false
		}
	}
	return true
}

func codeOf(err error) int {
	if e, ok := errors.AsType[*closeError](err); ok {
		return e.code
	}
	return CloseProtocol
}

// piece acts on one message or control frame; false ends the connection.
func (c *conn) piece(p piece) (goOn bool, err error) {
	switch {
	case p.op == isClose:
		code, err := closeCode(p.data)
		if err == nil {
			c.close(code) // as RFC 6455 §5.5.1 wants; nothing when we have begun it
		}
		return false, err
	case c.closed():
		return true, nil
	case p.op == isPing:
		c.sendControl(controlPong(p.data))
	case p.op == isBinary:
		return true, &closeError{closeUnsupported, "binary"}
	case p.op == isText:
		if err := c.handle(p.data); err != nil {
			return true, err
		}
	}
	c.alive()
	return true, nil
}

// alive notes that somebody is there.
func (c *conn) alive() {
	if c.greeted && !c.closed() {
		_ = c.sock.SetReadDeadline(time.Now().Add(c.server.opt.Patience))
	}
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
