package live

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// writes is a connection that notes each system call it would be.
type writes struct {
	net.Conn
	sizes []int
	all   bytes.Buffer
}

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	return w.all.Write(p)
}

func TestCork(t *testing.T) {
	t.Parallel()
	var (
		wire writes
		pool sync.Pool
		want bytes.Buffer
	)
	c := &corked{Conn: &wire}
	write := func(n int) {
		t.Helper()
		p := bytes.Repeat([]byte{byte(n)}, n)
		want.Write(p)
		if m, err := c.Write(p); err != nil || m != n {
			t.Errorf("Write of %d: %d, %v", n, m, err)
		}
	}
	write(10)
	write(20)
	for range 2 {
		c.cork(&pool)
		write(30)
		write(40)
		if err := c.uncork(&pool); err != nil {
			t.Error(err)
		}
	}
	write(50)
	c.cork(&pool)
	for range 100 {
		write(1000)
	}
	if err := c.uncork(&pool); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(wire.all.Bytes(), want.Bytes()) {
		t.Error("what came out is not what went in")
	}
	for i, n := range []int{10, 20, 70, 70, 50} {
		if wire.sizes[i] != n {
			t.Errorf("call %d is %d bytes, want %d", i, wire.sizes[i], n)
		}
	}
	for _, n := range wire.sizes {
		if n > maxCorked {
			t.Errorf("a call of %d bytes: more is held back than %d", n, maxCorked)
		}
	}
}
