package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"time"
)

// child is a server of this program, in a process of its own: what it uses is
// its own alone.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ready ready
	http  *http.Client
}

// ready is what a child writes, as one line, when it serves.
type ready struct {
	Address string // of pages
	Control string // of the orders that a measurement gives
}

// startChild runs this program again with other arguments and waits until it
// serves.
func startChild(ctx context.Context, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, args...), http: &http.Client{Timeout: 2 * time.Minute}}
	c.cmd.Stderr = os.Stderr
	// A child whose stdin ends has lost its parent, and ends.
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line := make(chan []byte, 1)
	go func() {
		b, _ := bufio.NewReader(out).ReadBytes('\n')
		line <- b
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case b := <-line:
		err = json.Unmarshal(b, &c.ready)
	case <-time.After(time.Minute):
		err = errors.New("is not ready after a minute")
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		c.kill()
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop lets it end in good order, and insists after a while.
func (c *child) stop() {
	c.stdin.Close()
	c.http.CloseIdleConnections()
	done := make(chan struct{})
	go func() { defer close(done); _ = c.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		_ = c.cmd.Process.Kill()
		<-done
	}
}

// kill ends it as kill -9 does.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	c.http.CloseIdleConnections()
}

// order asks the control address, and reads the answer into out.
func (c *child) order(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.ready.Control+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("%s: %s: %s", path, res.Status, b)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// profile writes what the processor does for it in the next while.
func (c *child) profile(ctx context.Context, file string, d time.Duration) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", c.ready.Control, d.Seconds()), nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, res.Body)
	return errors.Join(err, f.Close())
}

// newControl is what every child answers on its control address: profiles.
func newControl() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// announce tells the parent where a child serves, and returns when the parent
// has gone or wants it to end.
func announce(r ready) {
	b, _ := json.Marshal(r) // two texts
	fmt.Println(string(b))
	_, _ = io.Copy(io.Discard, os.Stdin)
}
