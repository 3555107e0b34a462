package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
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
