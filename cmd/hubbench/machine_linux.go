package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// memory gives what of a process is in memory, in bytes: all of it, and what
// it has not from a file.
func memory(pid int) (rss, anonymous int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	field := func(name string) int64 {
		_, rest, _ := bytes.Cut(b, []byte("\n"+name+":"))
		n, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
		return n << 10
	}
	return field("VmRSS"), field("RssAnon"), nil
}

// processor gives the processor time that a process has used.
func processor(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// After the name in parentheses: utime and stime are fields 14 and 15 of
	// the whole, in hundredths of a second.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	var ticks int64
	for _, v := range f[11:13] {
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// raiseFiles lets this process and its children have as many files as they may.
func raiseFiles(want uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	if l.Max < want { // root may raise it
		l.Max = want
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			return err
		}
		if l.Cur = l.Max; l.Cur >= want {
			return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
		}
		return fmt.Errorf("%d open files are allowed, %d are needed", l.Max, want)
	}
	return nil
}

func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// sockets counts the connections that a process has accepted on a loopback TCP
// socket and not closed: those of pages.
func sockets(pid int) (n int, err error) {
	mine := map[string]bool{}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if to, err := os.Readlink(dir + "/" + e.Name()); err == nil {
			if inode, ok := strings.CutPrefix(to, "socket:["); ok {
				mine[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		// State 1 is established, 8 closed by the other side. The order of a
		// measurement comes over one more, which the caller leaves out.
		if len(f) > 9 && (string(f[3]) == "01" || string(f[3]) == "08") && mine[string(f[9])] {
			n++
		}
	}
	return n - 1, nil
}

// smallWindow lets a connection take no more than a few kilobytes that are not
// read.
func smallWindow(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
	})
	return errors.Join(err, failed)
}
