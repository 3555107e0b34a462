package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	stopPatience = time.Minute      // a shutdown writes everything out first
	quitPatience = 10 * time.Second // an immediate one does not
	pollInterval = 5 * time.Millisecond
)

// settings are given on the command line, where they are stronger than any
// configuration file.
func (s *Server) settings() []string {
	list := []string{
		"port=" + port, "listen_addresses=", "unix_socket_permissions=0700",
		"max_connections=300", "jit=off",
		// ERROR is left out, and details with it: they quote statements and values.
		"log_min_messages=log", "log_error_verbosity=terse", "log_min_error_statement=panic",
		"log_destination=stderr", "logging_collector=off", "log_line_prefix=", "log_checkpoints=off", "lc_messages=C",
	}
	if s.durable {
		return append(list, "fsync=on", "full_page_writes=on", "synchronous_commit=on")
	}
	return append(list, "fsync=off", "full_page_writes=off", "synchronous_commit=off",
		"wal_level=minimal", "max_wal_senders=0", "shared_buffers=64MB", "max_wal_size=1GB", "checkpoint_timeout=1h", "autovacuum=off")
}

// prepare sets what both programs need: the account, the directory, and an
// environment in which no PG variable of ours changes their minds.
func (s *Server) prepare(cmd *exec.Cmd, as *account) {
	cmd.Dir = s.Dir
	cmd.SysProcAttr = attributes(as)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
}

// launch starts the server and waits until it takes connections.
func (s *Server) launch(ctx context.Context, bin, data string, as *account) error {
	args := []string{"-D", data, "-k", s.socket}
	for _, v := range s.settings() {
		args = append(args, "-c", v)
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), args...)
	s.prepare(s.cmd, as)
	if err := s.output.attach(s.cmd); err != nil {
		return err
	}
	started := make(chan error)
	go s.run(started)
	err := <-started
	s.output.started()
	if err != nil {
		s.cmd = nil
		s.output.close()
		return err
	}
	go s.output.read(s.log)
	return s.ready(ctx)
}

// run starts the process and waits for it on one thread, whose end would be
// the parent's death to the kernel.
func (s *Server) run(started chan<- error) {
	_, _ = onOneThread(func() ([]byte, error) {
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.status = s.cmd.Wait()
			close(s.exited)
		}
		return nil, err
	})
}

// ready waits for the first connection, however long a recovery takes.
func (s *Server) ready(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.DSN(user))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended while it started: %w\n%s", s.status, s.output.tail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for the server: %w", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// terminate asks, insists, and kills.
func (s *Server) terminate() error {
	steps := []struct {
		signal   os.Signal
		patience time.Duration
	}{{syscall.SIGINT, stopPatience}, {syscall.SIGQUIT, quitPatience}, {os.Kill, quitPatience}}
	if !s.durable {
		steps = steps[1:] // nothing is worth writing out
	}
	for i, step := range steps {
		if err := s.cmd.Process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		timer := time.NewTimer(step.patience)
		select {
		case <-s.exited:
			timer.Stop()
			s.output.wait()
			if i > 0 {
				return fmt.Errorf("the server did not stop when asked and was ended by %v", step.signal)
			}
			return nil
		case <-timer.C:
		}
	}
	return fmt.Errorf("process %d of the server does not end", s.cmd.Process.Pid)
}
