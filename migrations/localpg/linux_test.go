//go:build linux

package localpg

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// childDir makes the test binary the owner of a server there, see TestMain.
const childDir = "LOCALPG_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child starts a server, says its address, and waits to be killed.
func child(dir string) int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	s, err := Start(context.Background(), Options{Dir: dir, Durable: true, Log: log})
	if err != nil {
		log.Error("start", "error", err)
		return 1
	}
	if _, err := os.Stdout.WriteString(s.DSN("postgres") + "\n"); err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 1
}

// kill -9 of the owner ends its server, what was committed is there, and the
// next start waits for the old server to be gone.
func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), childDir+"="+dir)
	owner.Stderr = t.Output()
	if _, err := owner.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	dsn, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the owner did not start a server: %v, %v", err, owner.Wait())
	}
	conn, err := pgx.Connect(t.Context(), strings.TrimSpace(dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `create table kept as select 'kept' as word`); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}

	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	if _, err := conn.WaitForNotification(t.Context()); err == nil || t.Context().Err() != nil {
		t.Fatalf("the server has not ended our session: %v", err)
	}
	s := begin(t, Options{Dir: dir, Durable: true})
	if got := serving(postmaster, filepath.Join(dir, "data")); got == yes {
		t.Errorf("process %d, the server of the killed owner, is still there", postmaster)
	}
	if got := value(t, connect(t, s, "postgres"), `select word from kept`); got != "kept" {
		t.Errorf("got %q, want kept", got)
	}
}

// postmaster.pid of a server that was not stopped may name a process that has
// nothing to do with it, above all in containers, where numbers are small.
func TestStaleProcessNumber(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	if err := begin(t, Options{Dir: dir, Durable: true}).Stop(); err != nil {
		t.Fatal(err)
	}
	other := exec.CommandContext(t.Context(), "cat") // some process of ours
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	file := filepath.Join(dir, "data", "postmaster.pid")
	for name, content := range map[string]string{
		"another process": strconv.Itoa(other.Process.Pid) + "\n" + dir + "/data\n1\n5432\n" + dir + "\n\n",
		"no process":      "4194304\n" + dir + "/data\n1\n",
		"torn":            "",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Start(t.Context(), Options{Dir: dir, Durable: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Stop(); err != nil {
			t.Errorf("%s: Stop: %v", name, err)
		}
	}
}

// When we are root the server's account must be able to enter, and the message says where not.
func TestUnreachableDirectory(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(directory(t), "closed")
	if err := os.MkdirAll(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	stranger := &account{name: "somebody", uid: 12345, gid: 12345}
	err := stranger.canReach(filepath.Join(closed, "pg"))
	if err == nil || !strings.Contains(err.Error(), "somebody, as which PostgreSQL runs, cannot enter "+closed) {
		t.Errorf("got %v, want the directory that is closed", err)
	}
}

// The rest of these tests as an ordinary user, where they run as root; as an
// ordinary user they have all run that way already.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return
	}
	dir := filepath.Dir(directory(t))
	// The go command's directory is closed to others.
	program := filepath.Join(dir, "localpg.test")
	b, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(dir, "tmp")
	if err := errors.Join(os.Mkdir(tmp, 0o700), os.Chown(tmp, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^(TestForgetful|TestDurable|TestStaleProcessNumber|TestOwnerKilled|TestDurableAfterCrash)$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as nobody: %v\n%s", err, out)
	}
	for _, name := range []string{"TestForgetful", "TestDurable", "TestDurableAfterCrash", "TestStaleProcessNumber", "TestOwnerKilled"} {
		if !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("as nobody, %s did not pass:\n%s", name, out)
		}
	}
}
