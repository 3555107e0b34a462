package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// officeServer is a small office's server: its own database in its data directory.
type officeServer struct {
	data, listen, admin string
}

func newOfficeServer(t *testing.T) officeServer {
	t.Helper()
	data := t.TempDir()
	// As root the database runs as another user, who must get there.
	for _, dir := range []string{data, filepath.Dir(data)} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return officeServer{filepath.Join(data, "qianhe-data"), freeAddress(t), freeAddress(t)} // which it makes
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs "qianhe serve" and waits until it is ready. The returned func
// tells it to stop and gives the exit status.
func (o officeServer) start(t *testing.T, flags ...string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, env{strings.NewReader(""), io.Discard, t.Output(), nil}, append([]string{"serve",
			"-data", o.data, "-listen", o.listen, "-admin-listen", o.admin, "-base-url", "http://" + o.listen, "-webpush-subject", "mailto:it@example.gov.tw", "-log-level", "warn"}, flags...))
	}()
	deadline := time.Now().Add(patience)
	for {
		resp, err := http.Get("http://" + o.admin + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case code := <-status:
			t.Fatalf("serve ended with status %d", code)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready after %s: %v", patience, err)
		}
	}
	return func() int { cancel(); return <-status }
}

// TestServe: a server on its own database comes up, answers its probes, shows
// its metrics, ends its live connections when it is told to stop, and finds
// its keys and accounts again at the next start.
func TestServe(t *testing.T) {
	t.Parallel()
	o := newOfficeServer(t)
	stop := o.start(t)

	var metrics string
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "qianhe_"} {
		resp, err := http.Get("http://" + o.admin + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: %d %.60q, want %q", path, resp.StatusCode, body, want)
		}
		if path == "/metrics" {
			metrics = string(body)
		}
	}
	if strings.Contains(metrics, "password") {
		t.Error("metrics speak of passwords")
	}
	resp, err := http.Get("http://" + o.listen + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("the public address answers /metrics with %d, want 404", resp.StatusCode)
	}
	health := func() int {
		return run(t.Context(), env{strings.NewReader(""), io.Discard, io.Discard, nil}, []string{"healthcheck", "-listen", o.listen})
	}
	if got := health(); got != 0 {
		t.Errorf("healthcheck of a server that is ready: status %d, want 0", got)
	}
	secret, err := os.ReadFile(filepath.Join(o.data, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(filepath.Join(o.data, "secret")); info.Mode().Perm() != 0o600 {
		t.Errorf("the secret has mode %v, want 0600", info.Mode().Perm())
	}
	defer func() {
		if got := health(); got != 1 {
			t.Errorf("healthcheck of a server that has stopped: status %d, want 1", got)
		}
	}()
	if code := stop(); code != 0 {
		t.Errorf("serve ended with status %d, want 0", code)
	}

	stop = o.start(t)
	again, err := os.ReadFile(filepath.Join(o.data, "secret"))
	if err != nil || string(again) != string(secret) {
		t.Errorf("the secret after a restart is another (%v)", err)
	}
	if code := stop(); code != 0 {
		t.Errorf("second start ended with status %d, want 0", code)
	}
}

// TestServeTwoListeners: a tap without the VPN meets the landing, which leads on
// to the app; either listener runs without the other.
func TestServeTwoListeners(t *testing.T) {
	t.Parallel()
	o := newOfficeServer(t)
	front := freeAddress(t)
	get := func(address, path string) (int, string) {
		t.Helper()
		resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get("http://" + address + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	const doc = "/d/01m7v968e9hqh760et8sgstw08"
	stop := o.start(t, "-public-listen", front, "-public-url", "http://"+front)
	if status, body := get(front, doc); status != http.StatusOK || !strings.Contains(body, "請先連上機關 VPN") || !strings.Contains(body, `href="http://`+o.listen+doc+`"`) {
		t.Errorf("the landing: %d %.300s", status, body)
	}
	if status, _ := get(o.listen, doc); status != http.StatusSeeOther {
		t.Errorf("the app: %d, want the way to the sign-in", status)
	}
	if status, _ := get(front, "/hooks/line"); status == http.StatusOK {
		t.Errorf("callbacks of a channel that there is not: %d", status)
	}
	if code := stop(); code != 0 {
		t.Errorf("serve ended with status %d", code)
	}
	stop = o.start(t, "-public-listen", front, "-listen", "none")
	if status, body := get(front, doc); status != http.StatusOK || !strings.Contains(body, `href="`+doc+`"`) {
		t.Errorf("the landing alone: %d %.300s", status, body)
	}
	if status, _ := get(o.listen, doc); status != 0 {
		t.Errorf("the app listens: %d", status)
	}
	health := run(t.Context(), env{strings.NewReader(""), io.Discard, io.Discard, nil}, []string{"healthcheck", "-listen", "none", "-public-listen", front})
	if health != 0 {
		t.Errorf("healthcheck: status %d", health)
	}
	if code := stop(); code != 0 {
		t.Errorf("serve ended with status %d", code)
	}
}

// TestShutdownClosesLiveConnections: pages that are open do not hold up the
// end, and are told that it is one.
func TestShutdownClosesLiveConnections(t *testing.T) {
	t.Parallel()
	d, stop := runningDemo(t)
	wang := d.signedIn(t, "wang")
	header := http.Header{"Origin": {wang.base}}
	dialer := websocket.Dialer{Jar: wang.http.Jar}
	conn, resp, err := dialer.DialContext(t.Context(), strings.Replace(wang.base, "http://", "ws://", 1)+"/live", header)
	if err != nil {
		t.Fatalf("open a live connection: %v", err)
	}
	defer resp.Body.Close()
	defer conn.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`)); err != nil {
		t.Fatal(err)
	}
	if _, frame, err := conn.ReadMessage(); err != nil || !strings.Contains(string(frame), "welcome") {
		t.Fatalf("first frame is %.80q, %v, want a welcome", frame, err)
	}
	if err := stop(); err != nil {
		t.Errorf("the end: %v", err)
	}
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the page was told %v, want going away", err)
	}
}

// runningDemo is startDemo for tests that stop it themselves.
func runningDemo(t *testing.T) (*demo, func() error) {
	t.Helper()
	d, err := newDemo(t.Context(), env{strings.NewReader(""), io.Discard, t.Output(), nil}, demoOptions{lineAfter: 15 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() { done <- d.serve(ctx) }()
	deadline := time.Now().Add(patience)
	for !d.ready.Load() {
		if time.Now().After(deadline) {
			t.Fatal("the demo does not get ready")
		}
		select {
		case err := <-done:
			t.Fatalf("the demo ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return d, func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			return fmt.Errorf("not stopped after %s", patience)
		}
	}
}
