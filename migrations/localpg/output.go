package localpg

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// output takes what the server prints: the last lines for an error, all of
// them for the log. It reads to the end, or the server would block.
type output struct {
	r, w *os.File
	done chan struct{}

	mu    sync.Mutex
	lines []string
}

const (
	keptLines      = 20
	outputPatience = 5 * time.Second
)

// attach connects the command that is about to start.
func (o *output) attach(cmd *exec.Cmd) (err error) {
	o.done = make(chan struct{})
	if o.r, o.w, err = os.Pipe(); err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = o.w, o.w
	return nil
}

// started closes our copy of the writing end: the server has its own.
func (o *output) started() { _ = o.w.Close() }

// close gives up a pipe that nothing will be written to.
func (o *output) close() { _ = o.r.Close() }

// read runs until the server and all its children have ended.
func (o *output) read(log *slog.Logger) {
	defer close(o.done)
	defer o.r.Close()
	for r := bufio.NewReader(o.r); ; {
		line, err := r.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" {
			o.keep(line)
			level := slog.LevelDebug
			if strings.HasPrefix(line, "PANIC:") || strings.HasPrefix(line, "FATAL:") && !expected(line) {
				level = slog.LevelWarn
			}
			log.Log(context.Background(), level, "private database", "line", line)
		}
		if err != nil { // io.EOF, or the pipe is gone
			_, _ = io.Copy(io.Discard, o.r)
			return
		}
	}
}

// expected says whether a line is about what we do ourselves: knocking while the
// server starts, and stopping it while a connection is still closing.
func expected(line string) bool {
	return strings.Contains(line, "the database system is starting up") || strings.Contains(line, "due to administrator command")
}

func (o *output) keep(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, line)
	if len(o.lines) > keptLines {
		o.lines = o.lines[1:]
	}
}

// tail waits for the end of the output and gives its last lines.
func (o *output) tail() string {
	o.wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}

// wait returns when all has been read. A child that outlives its server and
// holds the pipe is not waited for long.
func (o *output) wait() {
	timer := time.NewTimer(outputPatience)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
		_ = o.r.Close()
		<-o.done
	}
}
