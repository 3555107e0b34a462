package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/approval/access"
)

// selectHeld lists the documents on their way that p has to do with.
const selectHeld = `
	select d.id, case when d.grade = '' then d.number else '' end as number, d.speed, d.grade, d.due,
	       coalesce((array_agg(s.duty order by s.state, s.position) filter (where s.id is not null))[1], '') as duty,
	       coalesce(bool_or(s.state = 'active'), false) as waiting, d.handler = @person as handler,
	       coalesce(bool_or(s.state = 'waiting'), false) as coming
	from   document d
	left join step s on s.document = d.id and s.state <> 'closed' and (s.person = @person or s.principal = @person)
	where  d.state = 'circulating'
	and    (d.handler = @person or s.id is not null)
	group by d.id`

// Held gives what is in somebody's hands, or comes to them, of which at most
// limit documents one by one.
func (r *Reader) Held(ctx context.Context, p approval.PersonID, limit int) (approval.Holding, error) {
	var h approval.Holding
	err := r.snapshot(ctx, func(b *pgx.Batch) {
		args := pgx.NamedArgs{"person": string(p), "limit": limit}
		b.Queue(`
			select count(*) filter (where waiting), count(*) filter (where coming and not waiting), count(*) filter (where handler), count(*)
			from (`+selectHeld+`) held`, args).QueryRow(func(row pgx.Row) error { return row.Scan(&h.Waiting, &h.Coming, &h.Handled, &h.Total) })
		b.Queue(`
			select id, number, speed, grade, due, duty, waiting, handler
			from (`+selectHeld+`) held
			order by waiting desc, due nulls last, id
			limit @limit`, args).Query(func(rows pgx.Rows) error {
			list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x approval.Held, err error) {
				var due *time.Time
				err = row.Scan(&x.Document, &x.Number, &x.Speed, &x.Grade, &due, &x.Duty, &x.Waiting, &x.Handler)
				x.Due = taipei(due)
				return x, err
			})
			h.Items = list
			return err
		})
	})
	return h, fail("held", err)
}

// Reassign gives everything that is in the hands of from, or comes to them, to
// somebody else, and says how many documents that were. Each document is a
// transaction of its own, in which the passing on is recorded: after a crash the
// rest can be given by doing it again. Returns an [*approval.InvalidError] when
// the other is not there to take it.
func (s *Store) Reassign(ctx context.Context, from, to approval.PersonID, at time.Time) (n int, err error) {
	var there bool
	err = s.pool.QueryRow(ctx, `select exists (
		select from person p join account a on a.person = p.id where p.id = $1 and p.left_at is null and a.disabled_at is null)`, string(to)).Scan(&there)
	if err != nil {
		return 0, fail("reassign", err)
	}
	if !there || to == from {
		return 0, &approval.InvalidError{Field: "to", Reason: "reassign.missing"}
	}
	rows, err := s.pool.Query(ctx, `select id from (`+selectHeld+`) held order by id`, pgx.NamedArgs{"person": string(from)})
	if err != nil {
		return 0, fail("reassign", err)
	}
	documents, err := pgx.CollectRows(rows, pgx.RowTo[approval.DocumentID])
	if err != nil {
		return 0, fail("reassign", err)
	}
	o := access.OriginOf(ctx)
	for _, id := range documents {
		err := s.update(ctx, id, func(d *approval.Document) ([]approval.Event, error) {
			return d.Reassign(from, to, o.Person, at)
		}, func(b *pgx.Batch) {
			// The triggers that record it read who does it from the transaction.
			b.Queue(`
				select set_config('qianhe.actor', $1, true), set_config('qianhe.session', $2, true), set_config('qianhe.address', $3, true),
				       set_config('qianhe.network', $4, true), set_config('qianhe.operator', $5, true)`,
				string(o.Person), o.Session, o.Address, o.Network, o.Operator)
		})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
