package migrations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
)

// Errors of [Check] and [Up], wrapped with the versions that were found.
var (
	ErrBehind = errors.New("the database schema is behind this program: run 'qianhe migrate'")
	ErrNewer  = errors.New("the database schema is newer than this program: run the version of qianhe that raised it, or a later one")
)

// version is how far a schema has come: our own files and River's.
type version struct{ own, queue int64 }

func (v version) String() string { return fmt.Sprintf("%d/%d", v.own, v.queue) }

// after reports whether any part of v is newer than w.
func (v version) after(w version) bool { return v.own > w.own || v.queue > w.queue }

// Check reports whether the database has exactly the schema of this program.
// The error wraps [ErrBehind] or [ErrNewer]. It changes nothing and needs no
// more than the right to read.
func Check(ctx context.Context, pool *pgxpool.Pool) error {
	at, err := versions(ctx, pool)
	if err != nil {
		return err
	}
	want, err := known()
	if err != nil {
		return err
	}
	switch {
	case at.after(want):
		return newer(at, want)
	case at != want:
		return fmt.Errorf("%w (it has %v, needed is %v)", ErrBehind, at, want)
	}
	return nil
}

func newer(at, want version) error {
	return fmt.Errorf("%w (it has %v, known is %v)", ErrNewer, at, want)
}

type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// versions reads how far the database has come; a database without our tables
// is at 0. It does not ask goose, which would create its table to answer.
func versions(ctx context.Context, db queryer) (v version, err error) {
	var own, queue bool
	err = db.QueryRow(ctx, `select to_regclass($1) is not null, to_regclass('river_migration') is not null`, goose.DefaultTablename).Scan(&own, &queue)
	if err == nil && own {
		err = db.QueryRow(ctx, `select coalesce(max(version_id), 0) from `+goose.DefaultTablename+` where is_applied`).Scan(&v.own)
	}
	if err == nil && queue {
		err = db.QueryRow(ctx, `select coalesce(max(version), 0) from river_migration`).Scan(&v.queue)
	}
	if err != nil {
		return version{}, fmt.Errorf("migrations: read the version of the schema: %w", err)
	}
	return v, nil
}

// known is the newest schema this program has.
func known() (v version, err error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return v, fmt.Errorf("migrations: %w", err)
	}
	for _, name := range names {
		n, err := goose.NumericComponent(name)
		if err != nil {
			return v, fmt.Errorf("migrations: %s: %w", name, err)
		}
		v.own = max(v.own, n)
	}
	m, err := queue(nil)
	if err != nil {
		return v, err
	}
	for _, step := range m.AllVersions() {
		v.queue = max(v.queue, int64(step.Version))
	}
	return v, nil
}

// Fingerprint identifies the schema that [Up] makes: it changes when one of
// our files or one of River's does. Test databases are kept by it.
func Fingerprint() (string, error) {
	sum := sha256.New()
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", fmt.Errorf("migrations: %w", err)
	}
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("migrations: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	m, err := queue(nil)
	if err != nil {
		return "", err
	}
	for _, step := range m.AllVersions() {
		fmt.Fprintf(sum, "river %d %d\n%s", step.Version, len(step.SQLUp), step.SQLUp)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
