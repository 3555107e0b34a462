package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
	"qianhe/migrations"
	"qianhe/migrations/localpg"
)

// office is a private PostgreSQL, durable as a real one, with people in it who
// have signed in.
type office struct {
	dir      string
	server   *localpg.Server
	pid      int // of the database
	dsn      string
	pool     *pgxpool.Pool
	people   []approval.PersonID
	logins   []string
	cookies  []string // of sessions
	sessions []string
	token    string // of the API, and its id
	tokenID  string
	fdata    time.Duration // what a write to its disk costs
}

// settingsOfOffice are those of a database that has a machine of some size for
// itself; what is durable stays so.
var settingsOfOffice = map[string]string{
	"shared_buffers":         "512MB",
	"max_wal_size":           "4GB",
	"track_commit_timestamp": "on", // when was it committed? for the latency of what comes after
	"checkpoint_timeout":     "15min",
}

// openOffice starts the database and enters n people, each with a session.
func openOffice(ctx context.Context, dir string, n int) (_ *office, err error) {
	o := &office{}
	if o.dir, err = os.MkdirTemp(dir, "hubbench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	// The database runs as another user when we are root.
	if err := os.Chmod(o.dir, 0o711); err != nil {
		return nil, err
	}
	if o.fdata, err = syncTime(o.dir); err != nil {
		return nil, err
	}
	start := func() error {
		o.server, err = localpg.Start(ctx, localpg.Options{Dir: filepath.Join(o.dir, "postgres"), Durable: true})
		return err
	}
	if err := start(); err != nil {
		return nil, err
	}
	if err := o.configure(ctx); err != nil {
		return nil, err
	}
	if err := o.server.Stop(); err != nil {
		return nil, err
	}
	if err := start(); err != nil {
		return nil, err
	}
	if o.pid, err = readPID(filepath.Join(o.dir, "postgres", "data", "postmaster.pid")); err != nil {
		return nil, err
	}
	if err := o.server.Create(ctx, "office"); err != nil {
		return nil, err
	}
	o.dsn = o.server.DSN("office")
	if o.pool, err = pgxpool.New(ctx, o.dsn); err != nil {
		return nil, err
	}
	if err := migrations.Up(ctx, o.pool, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	return o, o.enter(ctx, n)
}

// readPID reads the first line of a file such as PostgreSQL's.
func readPID(file string) (int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(line)
}

func (o *office) configure(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, o.server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for name, value := range settingsOfOffice {
		if _, err := conn.Exec(ctx, fmt.Sprintf("alter system set %s = '%s'", name, value)); err != nil {
			return err
		}
	}
	return nil
}

// enter adds people, accounts, devices and sessions. Passwords are not needed
// here, and hashing thousands of them would take minutes.
func (o *office) enter(ctx context.Context, n int) error {
	now := time.Now()
	id := func() string { return approval.NewID(now, rand.Reader) }
	unit := id()
	if _, err := o.pool.Exec(ctx, `insert into unit (id, name) values ($1, '青川市政府')`, unit); err != nil {
		return err
	}
	var people, accounts, devices, sessions [][]any
	for i := range n {
		person, account, device := id(), id(), id()
		login := fmt.Sprintf("p%05d", i)
		session := access.NewToken(now, rand.Reader)
		hash, other := session.Hash(), access.NewToken(now, rand.Reader).Hash()
		people = append(people, []any{person, login, unit, now})
		accounts = append(accounts, []any{account, person, login, "", now})
		devices = append(devices, []any{device, account, other[:], "load generator", now, now, now})
		sessions = append(sessions, []any{session.ID, account, device, hash[:], now, now, now.Add(24 * time.Hour), now})
		o.people = append(o.people, approval.PersonID(person))
		o.logins = append(o.logins, login)
		o.cookies = append(o.cookies, session.Reveal())
		o.sessions = append(o.sessions, session.ID)
	}
	for _, t := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{
		{"person", []string{"id", "name", "unit", "created_at"}, people},
		{"account", []string{"id", "person", "login", "password_hash", "created_at"}, accounts},
		{"device", []string{"id", "account", "secret_hash", "label", "created_at", "last_seen_at", "trusted_at"}, devices},
		{"session", []string{"id", "account", "device", "secret_hash", "created_at", "last_seen_at", "expires_at", "proven_at"}, sessions},
	} {
		if _, err := o.pool.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return fmt.Errorf("enter %s: %w", t.table, err)
		}
	}
	var err error
	store := pgaccess.New(o.pool, pgaccess.Options{Log: slog.New(slog.DiscardHandler)})
	if o.token, err = store.IssueToken(ctx, access.NewAPIToken{Name: "load generator", Scopes: []string{"notifications:write"}, PerMinute: math.MaxInt32}); err != nil {
		return err
	}
	o.tokenID, _, _ = strings.Cut(strings.TrimPrefix(o.token, access.APITokenPrefix), ".")
	_, err = o.pool.Exec(ctx, `analyze`)
	return err
}

func (o *office) close() {
	if o.pool != nil {
		o.pool.Close()
	}
	if o.server != nil {
		_ = o.server.Stop()
	}
	_ = os.RemoveAll(o.dir)
}
