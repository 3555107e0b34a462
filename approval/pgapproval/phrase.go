package pgapproval

import (
	"context"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Phrases gives the opinions that p may pick (常用語): p's own, then those for
// everybody.
func (r *Reader) Phrases(ctx context.Context, p approval.PersonID) ([]string, error) {
	rows, err := r.pool.Query(ctx, `
		select text
		from phrase
		where person = $1
		or    person is null
		order by
			person is null,
			position,
			id`, string(p))
	if err != nil {
		return nil, fail("phrases", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return list, fail("phrases", err)
}

// SetPhrases puts a list in the place of p's own phrases, or with "" of those
// for everybody.
func (s *Store) SetPhrases(ctx context.Context, p approval.PersonID, list []string) error {
	err := s.inTx(ctx, pgx.TxOptions{}, func(b *pgx.Batch) {
		b.Queue(`delete from phrase where person is not distinct from $1`, some(p))
		b.Queue(`
			insert into phrase (
				person,
				position,
				text
			)
			select
				$1,
				n,
				text
			from unnest($2::text[]) with ordinality as list (text, n)`, some(p), texts(list))
	}, func(pgx.Tx) error { return nil })
	return fail("set phrases", err)
}
