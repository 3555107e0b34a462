package pgaccess

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Secret gives the key material of this name that all nodes share, made once by
// whichever node is the first. It is sealed under the configured secret; under
// another one it gives access.ErrSealed and does not make new material, for
// what was made with the old would be lost.
func (s *Store) Secret(ctx context.Context, name string, make func() ([]byte, error)) ([]byte, error) {
	plain, err := s.openSecret(ctx, name)
	if !errors.Is(err, approval.ErrNotFound) {
		return plain, err
	}
	if plain, err = make(); err != nil {
		return nil, fmt.Errorf("make secret %s: %w", name, err)
	}
	_, err = s.pool.Exec(ctx, `
		insert into server_secret (name, sealed, created_at)
		values ($1, $2, $3)
		on conflict (name) do nothing`, name, s.sealer.Seal(plain, secretContext(name)), s.now())
	if err != nil {
		return nil, fmt.Errorf("keep secret %s: %w", name, err)
	}
	// Another node may have been faster: what counts is what is kept.
	return s.openSecret(ctx, name)
}

// ReplaceSecret writes what change makes of the key material of this name.
// Changes follow each other: none is lost. Returns [approval.ErrNotFound] when
// there is no such material, and what change returns.
func (s *Store) ReplaceSecret(ctx context.Context, name string, change func(old []byte) ([]byte, error)) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		old, err := s.readSecret(ctx, tx, name, `select sealed from server_secret where name = $1 for update`)
		if err != nil {
			return err
		}
		plain, err := change(old)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update server_secret set sealed = $2 where name = $1`, name, s.sealer.Seal(plain, secretContext(name))); err != nil {
			return fmt.Errorf("replace secret %s: %w", name, err)
		}
		return nil
	})
}

func (s *Store) openSecret(ctx context.Context, name string) ([]byte, error) {
	return s.readSecret(ctx, s.pool, name, `select sealed from server_secret where name = $1`)
}

func (s *Store) readSecret(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, name, query string) ([]byte, error) {
	var sealed []byte
	err := q.QueryRow(ctx, query, name).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, approval.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	plain, err := s.sealer.Open(sealed, secretContext(name))
	if err != nil {
		return nil, fmt.Errorf("open secret %s: %w", name, err)
	}
	return plain, nil
}

func secretContext(name string) string { return "server_secret/" + name }
