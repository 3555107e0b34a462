package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/migrations"
	"qianhe/migrations/localpg"
)

// recorder takes the failures that a test provokes.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// Without PostgreSQL a package fails with the one line, and no test runs.
func TestMissingServerFailsThePackage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := process{installed: func() error { return localpg.ErrNoBinaries }, stderr: &out}
	code := p.run(func() int {
		t.Error("tests run without a server")
		return 0
	})
	if want := localpg.ErrNoBinaries.Error() + "\n"; code != 1 || out.String() != want {
		t.Errorf("got exit code %d and %q, want 1 and %q", code, out.String(), want)
	}
}

// A server that cannot be reached is an error of every test that needs it.
func TestBadAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"host=/nowhere user=x", "postgres:///db?host=/nowhere"} {
		var out bytes.Buffer
		p := process{address: address, stderr: &out}
		code := p.run(func() int {
			for range 2 {
				if _, err := p.server(t.Context()); err == nil {
					t.Errorf("%s: got a server", address)
				}
			}
			return 1
		})
		if code != 1 || out.Len() > 0 {
			t.Errorf("%s: got exit code %d and %q, want that of the tests", address, code, out.String())
		}
	}
}

func TestNewWithoutMain(t *testing.T) {
	t.Parallel()
	var p process
	if _, err := p.server(t.Context()); err == nil || !strings.Contains(err.Error(), "pgtest.Main(m)") {
		t.Errorf("got %v, want what to add", err)
	}
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("owner", func(t *testing.T) {
		if err := New(t).QueryRow(t.Context(), `select current_database()`).Scan(&name); err != nil {
			t.Fatal(err)
		}
	})
	c, err := shared.server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = pgx.Connect(t.Context(), c.dsn(name))
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("connecting to the database of a test that has ended: got %v", err)
	}
}

func TestLostConnectionFailsItsTest(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), NewDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	lost, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Release()
	r := &recorder{TB: t}
	closePool(r, pool, time.Nanosecond)
	want := []string{"pgtest: the test has ended and still holds 1 connections"}
	if diff := cmp.Diff(want, r.failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

// TEST_DATABASE_URL: packages share a server, one template, and clean up
// behind runs that were killed.
func TestServerOfOthers(t *testing.T) {
	t.Parallel()
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := server.Create(t.Context(), "admin"); err != nil {
		t.Fatal(err)
	}
	stamp := func(age time.Duration) string {
		return clonePrefix + strconv.FormatInt(time.Now().Add(-age).Unix(), 36) + "_x"
	}
	old, inUse, young := stamp(3*time.Hour), stamp(2*time.Hour), stamp(time.Minute)
	for _, db := range []string{old, inUse, young, clonePrefix, "letters"} {
		if err := server.Create(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	user, err := pgx.Connect(t.Context(), server.DSN(inUse))
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close(t.Context())

	var out bytes.Buffer
	for range 2 { // two packages, one after the other
		p := process{address: server.DSN("admin"), stderr: &out}
		code := p.run(func() int {
			c, err := p.server(t.Context())
			if err != nil {
				t.Errorf("server: %v", err)
				return 1
			}
			if err := errors.Join(check(t, c), check(t, c)); err != nil {
				t.Error(err)
			}
			return 0
		})
		if code != 0 || out.Len() > 0 {
			t.Fatalf("got exit code %d and %q", code, out.String())
		}
	}

	admin, err := pgx.Connect(t.Context(), server.DSN("admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	rows, err := admin.Query(t.Context(), `select datname::text from pg_database where datname not in ('postgres', 'template0', 'template1', 'admin') order by datname`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	fingerprint, err := migrations.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"letters", templatePrefix + fingerprint, clonePrefix, inUse, young}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("databases left (-want +got):\n%s", diff)
	}
}

// check makes a database, looks at its schema and drops it.
func check(t *testing.T, c *cluster) error {
	t.Helper()
	name, err := c.create(t.Context(), true)
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(t.Context(), c.dsn(name))
	if err != nil {
		return err
	}
	err = migrations.Check(t.Context(), pool)
	pool.Close()
	return errors.Join(err, c.drop(t.Context(), name))
}

// A run that was killed while it raised the template leaves a database that is
// no template yet.
func TestHalfTemplateIsThrownAway(t *testing.T) {
	t.Parallel()
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	c, err := start(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := server.Create(t.Context(), c.template); err != nil {
		t.Fatal(err)
	}
	if err := check(t, c); err != nil {
		t.Error(err)
	}
}

// What Goroutines names is what runs, or leak tests would find the server.
func TestGoroutines(t *testing.T) {
	t.Parallel()
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	all := make([]byte, 1<<20)
	stacks := string(all[:runtime.Stack(all, true)])
	for _, name := range Goroutines() {
		if !strings.Contains(stacks, name) {
			t.Errorf("no goroutine runs %s", name)
		}
	}
}
