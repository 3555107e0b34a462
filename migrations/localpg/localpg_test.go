package localpg

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// directory is a new one that the server's account can reach: when the tests
// run as root, what testing makes is closed to others.
func directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "pg")
}

func begin(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func connect(t *testing.T, s *Server, db string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DSN(db))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func value(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	var v string
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestForgetful(t *testing.T) {
	t.Parallel()
	s := begin(t, Options{})
	conn := connect(t, s, "postgres")
	for setting, want := range map[string]string{"fsync": "off", "listen_addresses": "", "server_encoding": "UTF8"} {
		if got := value(t, conn, "show "+setting); got != want {
			t.Errorf("%s: got %q, want %q", setting, got, want)
		}
	}
	info, err := os.Stat(s.Dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: got %v, %v; want mode 0700", info.Mode(), err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("Stop again: %v", err)
	}
	<-s.Done()
	if exists(s.Dir) {
		t.Errorf("Stop has left %s", s.Dir)
	}
}

func TestDurable(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	s := begin(t, Options{Dir: dir, Durable: true})
	conn := connect(t, s, "postgres")
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit", "data_checksums", "autovacuum"} {
		if got := value(t, conn, "show "+setting); got != "on" {
			t.Errorf("%s: got %q, want on", setting, got)
		}
	}
	for range 2 { // the second finds it
		if err := s.Create(t.Context(), `qian"he`); err != nil {
			t.Fatalf("Create: %v", err)
		}
	}
	if _, err := connect(t, s, `qian"he`).Exec(t.Context(), `create table kept as select '公文' as word`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `alter system set fsync = off`); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatalf("Stop: %v", err)
	}

	s = begin(t, Options{Dir: dir, Durable: true})
	conn = connect(t, s, `qian"he`)
	if got := value(t, conn, `select word from kept`); got != "公文" {
		t.Errorf("after a restart: got %q, want 公文", got)
	}
	if got := value(t, conn, `show fsync`); got != "on" {
		t.Errorf("the configuration file turns fsync %s", got)
	}
}

// The server dies without a chance to write anything out.
func TestDurableAfterCrash(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	s := begin(t, Options{Dir: dir, Durable: true})
	if _, err := connect(t, s, "postgres").Exec(t.Context(), `create table kept as select 'kept' as word`); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Done() // tells the owner, who did not stop it
	if err := s.Stop(); err != nil {
		t.Errorf("Stop of a server that has crashed: %v", err)
	}
	s = begin(t, Options{Dir: dir, Durable: true})
	if got := value(t, connect(t, s, "postgres"), `select word from kept`); got != "kept" {
		t.Errorf("after a crash: got %q, want kept", got)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	used := directory(t)
	s := begin(t, Options{Dir: used, Durable: true})

	other := directory(t)
	if err := os.MkdirAll(filepath.Join(other, "letters"), 0o755); err != nil {
		t.Fatal(err)
	}
	stopped := directory(t)
	if err := begin(t, Options{Dir: stopped, Durable: true}).Stop(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"a directory in use", Options{Dir: used, Durable: true}, "in use by another process"},
		{"a directory with other things in it", Options{Dir: other, Durable: true}, "letters"},
		{"to forget what was kept", Options{Dir: stopped}, "holds data"},
		{"to keep nowhere", Options{Durable: true}, "needs a directory"},
	}
	for _, tt := range tests {
		got, err := Start(t.Context(), tt.o)
		if err == nil {
			_ = got.Stop()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
	if got := value(t, connect(t, s, "postgres"), `select 'well'`); got != "well" {
		t.Errorf("the server in use: got %q", got)
	}
	if !exists(filepath.Join(stopped, "data", "PG_VERSION")) {
		t.Error("a refused Start has deleted data")
	}
}

// A forgetful server in a directory that was named leaves that directory.
func TestForgetfulInNamedDirectory(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	for range 2 {
		if err := begin(t, Options{Dir: dir}).Stop(); err != nil {
			t.Fatalf("Stop: %v", err)
		}
		if !exists(dir) || exists(filepath.Join(dir, "data")) {
			t.Fatalf("after Stop: directory there %t, data there %t; want true, false", exists(dir), exists(filepath.Join(dir, "data")))
		}
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(directory(t), strings.Repeat("長", 30))
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	s := begin(t, Options{Dir: dir, Durable: true})
	connect(t, s, "postgres")
	if err := s.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if s.socket == s.Dir || exists(s.socket) {
		t.Errorf("socket in %s: want a directory of its own, gone after Stop", s.socket)
	}
}

// A start that is given up leaves no process and no directory.
func TestStartGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := directory(t)
	if _, err := Start(ctx, Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("Start: got %v, want context.Canceled", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{"lock"}, left); diff != "" {
		t.Errorf("left behind (-want +got):\n%s", diff)
	}
	if lock, err := lockExisting(filepath.Join(dir, "lock")); err != nil {
		t.Errorf("the directory is still locked: %v", err)
	} else {
		_ = lock.Close()
	}
}

// A server that cannot start says why.
func TestStartFails(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	if err := begin(t, Options{Dir: dir, Durable: true}).Stop(); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "data", "postgresql.auto.conf")
	if err := os.WriteFile(conf, []byte("no_such_setting = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), Options{Dir: dir, Durable: true})
	if err == nil {
		_ = s.Stop()
		t.Fatal("Start: got no error for a broken configuration")
	}
	if !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("Start: got %q, want PostgreSQL's own words", err)
	}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// What the server says reaches the log; what people wrote does not.
func TestLogHoldsNoContent(t *testing.T) {
	t.Parallel()
	var out buffer
	s := begin(t, Options{Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	conn := connect(t, s, "postgres")
	if _, err := conn.Exec(t.Context(), `create table t (subject text primary key)`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, _ = conn.Exec(t.Context(), `insert into t values ('classified words')`)
	}
	_, _ = conn.Exec(t.Context(), `select 'classified words'::int`)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := out.b.String(); !strings.Contains(got, "ready to accept connections") || strings.Contains(got, "classified") {
		t.Errorf("log: want the server's own messages and no statement, got\n%s", got)
	}
}
