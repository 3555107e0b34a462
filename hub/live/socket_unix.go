//go:build unix

package live

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// socket is what we read and write without waiting in between, nil where a
// connection is none.
type socket struct{ raw syscall.RawConn }

func socketOf(c net.Conn) socket {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return socket{}
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return socket{}
	}
	return socket{raw}
}

// try writes as much as goes without waiting. What the socket does not take now
// somebody else has to wait for.
func (c *conn) try(b []byte) (n int, err error) {
	if c.socket.raw == nil || len(b) == 0 {
		return 0, nil
	}
	var failed error
	err = c.socket.raw.Write(func(fd uintptr) bool {
		n, failed = syscall.Write(int(fd), b)
		return true
	})
	if errors.Is(failed, syscall.EAGAIN) || errors.Is(failed, syscall.EINTR) {
		failed = nil
	}
	return max(n, 0), errors.Join(err, failed)
}

// receive waits until something comes in. While it waits there is no buffer.
func (c *conn) receive() (b *[]byte, err error) {
	if c.socket.raw == nil {
		return c.receiveInto(c.server.buffers.get())
	}
	var n int
	var failed error
	err = c.socket.raw.Read(func(fd uintptr) bool {
		b = c.server.buffers.get()
		for {
			if n, failed = syscall.Read(int(fd), (*b)[:cap(*b)]); !errors.Is(failed, syscall.EINTR) {
				break
			}
		}
		if !errors.Is(failed, syscall.EAGAIN) {
			return true
		}
		c.server.buffers.put(b)
		b = nil
		return false
	})
	if err == nil {
		err = failed
	}
	if err == nil && n <= 0 {
		err = io.EOF
	}
	if err != nil {
		if b != nil {
			c.server.buffers.put(b)
		}
		return nil, err
	}
	*b = (*b)[:n]
	return b, nil
}
