package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed *.sql
var files embed.FS

// lockKey names the advisory lock under which schemas are raised. It spells
// "qianhe" and must never change: older and newer versions wait for each other.
const lockKey int64 = 0x7169616e6865

// connections is what Up takes out of the pool at once: one that holds the
// lock, one for goose, one for River.
const connections = 3

// Up brings the database to this program's schema, creating it when it is
// empty, and does nothing when it is current. It returns an error that wraps
// [ErrNewer], and changes nothing, when the schema is newer than this program.
//
// Instances that call it at the same time take turns. The pool must allow at
// least three connections.
func Up(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	if n := pool.Config().MaxConns; n < connections {
		return fmt.Errorf("migrations: the pool allows %d connections, and raising the schema needs %d", n, connections)
	}
	return locked(ctx, pool, func(conn *pgxpool.Conn) error {
		at, err := versions(ctx, conn)
		if err != nil {
			return err
		}
		want, err := known()
		if err != nil {
			return err
		}
		if at.after(want) {
			return newer(at, want)
		}
		if err := upOwn(ctx, pool, log); err != nil {
			return err
		}
		return upQueue(ctx, pool, log)
	})
}

// locked runs fn while this session, and no other, holds the lock. A blocking
// lock wakes the next in line at once; polling ones cost seconds at start.
func locked(ctx context.Context, pool *pgxpool.Pool, fn func(*pgxpool.Conn) error) (err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrations: connect: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, lockKey); err != nil {
		return fmt.Errorf("migrations: wait for other instances: %w", err)
	}
	defer func() {
		// A cancelled caller must not put a locked session back into the pool.
		if _, uerr := conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, lockKey); uerr != nil {
			err = errors.Join(err, fmt.Errorf("migrations: unlock: %w", uerr), conn.Conn().Close(context.WithoutCancel(ctx)))
		}
	}()
	return fn(conn)
}

func upOwn(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close() // gives its connections back; the pool stays open
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	done, err := provider.Up(ctx)
	for _, m := range done {
		log.InfoContext(ctx, "migration applied", "file", m.Source.Path, "duration", m.Duration)
	}
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}

func upQueue(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	m, err := queue(pool)
	if err != nil {
		return err
	}
	done, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return fmt.Errorf("migrations: job queue: %w", err)
	}
	for _, v := range done.Versions {
		log.InfoContext(ctx, "migration applied", "queue", v.Version, "name", v.Name, "duration", v.Duration)
	}
	return nil
}

// queue makes River's migrator; a nil pool serves to ask what it knows.
// Its own log is dropped: it returns its errors, and upQueue logs what was done.
func queue(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("migrations: job queue: %w", err)
	}
	return m, nil
}
