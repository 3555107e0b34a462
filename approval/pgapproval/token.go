package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// useToken fails with a violation of form_token_pkey when the token was used,
// having waited for whoever is using it at this moment.
func useToken(b *pgx.Batch, token [32]byte, at time.Time) {
	b.Queue(`
		insert into form_token (
			hash,
			used_at
		) values (
			$1,
			$2
		)`, token[:], at)
}

// SweepFormTokens forgets tokens that were used before a time at which every
// form of then has expired. It returns how many.
func (s *Store) SweepFormTokens(ctx context.Context, before time.Time) (int64, error) {
	tag, err := s.pool.Exec(ctx, `delete from form_token where used_at < $1`, before)
	return tag.RowsAffected(), fail("sweep form tokens", err)
}
