//go:build unix

package live

import (
	"errors"
	"syscall"
)

// try writes as much as goes without waiting. The socket does not block; what
// it does not take now somebody else has to wait for.
func (c *conn) try(b []byte) (n int, err error) {
	if c.raw == nil {
		return 0, nil
	}
	var failed error
	err = c.raw.Write(func(fd uintptr) bool {
		n, failed = syscall.Write(int(fd), b)
		return true
	})
	if n < 0 {
		n = 0
	}
	if errors.Is(failed, syscall.EAGAIN) || errors.Is(failed, syscall.EINTR) {
		failed = nil
	}
	return n, errors.Join(err, failed)
}
