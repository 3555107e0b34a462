//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stalePatience is for a server whose owner was killed to be gone.
const stalePatience = 10 * time.Second

// awaitStale deals with the postmaster.pid of a server that was not stopped.
// One that is still ending is waited for. A number that now belongs to some
// other process would keep PostgreSQL from starting; that file is removed.
func awaitStale(ctx context.Context, data string) error {
	file := filepath.Join(data, "postmaster.pid")
	ctx, cancel := context.WithTimeout(ctx, stalePatience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(b), "\n")
		pid, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil || pid <= 0 {
			return os.Remove(file) // torn by a crash
		}
		switch serving(pid, data) {
		case no:
			return os.Remove(file)
		case yes, maybe:
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d is still running on %s (if it is no PostgreSQL, delete %s): %w", pid, data, file, ctx.Err())
		case <-tick.C:
		}
	}
}

type answer int

const (
	no answer = iota
	maybe
	yes
)

// alive reports whether the process exists, whoever's it is.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
