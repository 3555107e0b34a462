package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/migrations/localpg"
)

const (
	variable = "TEST_DATABASE_URL"

	// poolSize lets a test hold a few connections at once (a transaction, a
	// listener, workers) and many tests run side by side on one server.
	poolSize = 10

	patience = time.Minute // for a database to be dropped or a pool to close
)

// shared is the server of this test process. Tests have no place to hand it
// from TestMain to New other than a variable.
var shared = process{address: os.Getenv(variable), installed: localpg.Installed, stderr: os.Stderr}

// process is what the tests of one package share.
type process struct {
	address   string // of a running server; empty for a private one
	installed func() error
	stderr    io.Writer

	mu      sync.Mutex
	running bool // inside run
	cluster *cluster
	err     error
}

// Main runs the tests of a package and exits. It is all of a TestMain.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is [Main] for a TestMain that has more to do; it returns the exit code.
func Run(m *testing.M) (code int) { return shared.run(m.Run) }

func (p *process) run(tests func() int) (code int) {
	if p.address == "" {
		if err := p.installed(); err != nil {
			fmt.Fprintln(p.stderr, err)
			return 1
		}
	}
	p.mu.Lock()
	p.running = true
	p.mu.Unlock()
	defer func() {
		if err := p.end(); err != nil {
			fmt.Fprintln(p.stderr, err)
			code = max(code, 1)
		}
	}()
	return tests()
}

func (p *process) end() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
	if p.cluster == nil {
		return nil
	}
	return p.cluster.close()
}

// server starts the server once; all further calls get the same or its error.
func (p *process) server(ctx context.Context) (*cluster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		return nil, errors.New("the package needs: func TestMain(m *testing.M) { pgtest.Main(m) }")
	}
	if p.cluster == nil && p.err == nil {
		// The server outlives the test that was the first to ask.
		p.cluster, p.err = start(context.WithoutCancel(ctx), p.address)
	}
	return p.cluster, p.err
}

// Goroutines names the functions of goroutines that live as long as the
// server does, for goleak.IgnoreAnyFunction.
func Goroutines() []string {
	return []string{"qianhe/migrations/localpg.(*Server).run", "qianhe/migrations/localpg.(*output).read"}
}

// New gives a pool on a new database with the current schema. The pool is
// closed and the database dropped when the test has ended; a connection that
// the test has not given back by then fails it.
func New(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(NewDSN(tb))
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(func() { closePool(tb, pool, patience) })
	return pool
}

// NewDSN is [New] as a connection string, for tests that start programs.
func NewDSN(tb testing.TB) string {
	tb.Helper()
	return database(tb, true)
}

// NewEmptyDSN gives a database without any schema, for tests of migrations.
func NewEmptyDSN(tb testing.TB) string {
	tb.Helper()
	return database(tb, false)
}

func database(tb testing.TB, migrated bool) string {
	tb.Helper()
	c, err := shared.server(tb.Context())
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	name, err := c.create(tb.Context(), migrated)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := c.drop(ctx, name); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	return c.dsn(name)
}

// closePool does not wait for ever for a connection that a test has lost.
func closePool(tb testing.TB, pool *pgxpool.Pool, patience time.Duration) {
	tb.Helper()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
		tb.Errorf("pgtest: the test has ended and still holds %d connections", pool.Stat().AcquiredConns())
	}
}
