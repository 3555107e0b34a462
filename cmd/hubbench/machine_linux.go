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
	s, err := statOf(pid)
	return s.own, err
}

// stat is what the kernel counts of a process.
type stat struct {
	parent int
	own    time.Duration // processor time
	ended  time.Duration // that of children that have ended
}

func statOf(pid int) (s stat, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// After the name in parentheses: the parent is field 4 of the whole, utime,
	// stime, cutime and cstime, in hundredths of a second, are 14 to 17.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	number := func(i int) int64 {
		n, wrong := strconv.ParseInt(string(f[i-3]), 10, 64)
		err = errors.Join(err, wrong)
		return n
	}
	const tick = 10 * time.Millisecond
	s.parent = int(number(4))
	s.own = time.Duration(number(14)+number(15)) * tick
	s.ended = time.Duration(number(16)+number(17)) * tick
	return s, err
}

// family gives the processor time of a process and its children, with those
// that have ended.
func family(pid int) (time.Duration, error) {
	s, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	used := s.own + s.ended
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := statOf(n); err == nil && s.parent == pid { // else it has just ended
			used += s.own
		}
	}
	return used, nil
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
