package migrations_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/migrations"
	"qianhe/migrations/localpg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// open makes a pool of n connections that is closed with the test.
func open(t *testing.T, dsn string, n int32) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = n
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func testLog(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func column[T any](t *testing.T, pool *pgxpool.Pool, sql string, args ...any) []T {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return list
}

// Four instances of a new release start at once on an empty database.
func TestUpByManyInstances(t *testing.T) {
	t.Parallel()
	dsn := pgtest.NewEmptyDSN(t)
	var group sync.WaitGroup
	failed := make([]error, 4)
	for i := range failed {
		pool := open(t, dsn, 3) // the least that is allowed
		log := testLog(t)
		group.Go(func() { failed[i] = migrations.Up(t.Context(), pool, log) })
	}
	group.Wait()
	for i, err := range failed {
		if err != nil {
			t.Errorf("instance %d: %v", i, err)
		}
	}
	pool := open(t, dsn, 3)
	if err := migrations.Check(t.Context(), pool); err != nil {
		t.Errorf("Check after Up: %v", err)
	}
	got := column[int64](t, pool, `select version_id from goose_db_version where version_id > 0 order by id`)
	for i, v := range got {
		if i > 0 && v <= got[i-1] {
			t.Fatalf("files applied: got %v, want each once, in order", got)
		}
	}
	if locks := column[int](t, pool, `select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`); len(locks) > 0 {
		t.Errorf("sessions %v still hold the lock", locks)
	}
}

func TestUpAgainChangesNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	const applied = `select tstamp::text from goose_db_version union all select created_at::text from river_migration order by 1`
	before := column[string](t, pool, applied)
	if err := migrations.Up(t.Context(), pool, testLog(t)); err != nil {
		t.Fatalf("Up on a current schema: %v", err)
	}
	if diff := cmp.Diff(before, column[string](t, pool, applied)); diff != "" {
		t.Errorf("migrations applied (-before +after):\n%s", diff)
	}
}

func TestUpNeedsThreeConnections(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.NewEmptyDSN(t), 2)
	if err := migrations.Up(t.Context(), pool, testLog(t)); err == nil {
		t.Error("Up with two connections: got no error, want one instead of waiting for ever")
	}
}

// An instance that is stopped while it waits leaves the others alone.
func TestUpStoppedWhileItWaits(t *testing.T) {
	t.Parallel()
	dsn := pgtest.NewEmptyDSN(t)
	pool := open(t, dsn, 4)
	holder, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Release()
	const key = 0x7169616e6865 // spells "qianhe": releases must agree on it for ever
	if _, err := holder.Exec(t.Context(), `select pg_advisory_lock($1)`, int64(key)); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	waiting := open(t, dsn, 3)
	go func() { done <- migrations.Up(ctx, waiting, testLog(t)) }()
	for len(column[int](t, pool, `select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()) and not granted`)) == 0 {
		select {
		case err := <-done:
			t.Fatalf("Up did not wait for the lock: %v", err)
		default: // the query takes its time; ask again
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Up stopped while it waits: got %v, want context.Canceled", err)
	}
	if _, err := holder.Exec(t.Context(), `select pg_advisory_unlock($1)`, int64(key)); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Up(t.Context(), pool, testLog(t)); err != nil {
		t.Errorf("Up after that: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change string // of a current schema
		want   error  // nil: current
	}{
		{"current", ``, nil},
		{"our part behind", `delete from goose_db_version where version_id = (select max(version_id) from goose_db_version)`, migrations.ErrBehind},
		{"the queue behind", `delete from river_migration where version = (select max(version) from river_migration)`, migrations.ErrBehind},
		{"our part newer", `insert into goose_db_version (version_id, is_applied) values (9999, true)`, migrations.ErrNewer},
		{"the queue newer", `insert into river_migration (line, version) values ('main', 9999)`, migrations.ErrNewer},
		{"one part newer, one behind", `insert into goose_db_version (version_id, is_applied) values (9999, true); delete from river_migration`, migrations.ErrNewer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			if tt.change != "" {
				exec(t, pool, tt.change)
			}
			if err := migrations.Check(t.Context(), pool); !errors.Is(err, tt.want) {
				t.Errorf("Check: got %v, want %v", err, tt.want)
			}
			if errors.Is(tt.want, migrations.ErrNewer) {
				if err := migrations.Up(t.Context(), pool, testLog(t)); !errors.Is(err, tt.want) {
					t.Errorf("Up on a newer schema: got %v, want %v", err, tt.want)
				}
			}
		})
	}
}

// A database that nobody has migrated is behind, and asking leaves it empty.
func TestCheckOnlyReads(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.NewEmptyDSN(t), 3)
	if err := migrations.Check(t.Context(), pool); !errors.Is(err, migrations.ErrBehind) {
		t.Errorf("Check of an empty database: got %v, want %v", err, migrations.ErrBehind)
	}
	if made := column[string](t, pool, `select tablename::text from pg_tables where schemaname = 'public'`); len(made) > 0 {
		t.Errorf("Check has made tables %v", made)
	}
}

func TestFingerprintIsStable(t *testing.T) {
	t.Parallel()
	a, err := migrations.Fingerprint()
	b, err2 := migrations.Fingerprint()
	if err != nil || err2 != nil || a != b || len(a) != 16 {
		t.Errorf("Fingerprint: got %q, %v and %q, %v; want the same 16 digits", a, err, b, err2)
	}
}
