package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Place says where a document stands in p's tray, and what stands around it,
// in the order of [Reader.Tray]. A document that is in the tray twice, on two
// branches, counts once, where it comes first.
func (r *Reader) Place(ctx context.Context, p approval.PersonID, now time.Time, id approval.DocumentID) (approval.Place, error) {
	rows, err := r.pool.Query(ctx, `
		with pending as (
			select distinct on (p.document) p.*
			from (`+pending+`) p
			order by
				p.document,
				p.arrived_at,
				p.step
		), placed as (
			select
				document,
				row_number()   over tray as position,
				count(*)       over () as total,
				lag(document)  over tray as previous,
				lead(document) over tray as next
			from pending
			window tray as (
				order by
					late,
					rank,
					ends,
					arrived_at,
					step
			)
		)
		select
			document,
			position,
			total,
			coalesce(previous, ''),
			coalesce(next, '')
		from placed
		where document = @document
		or    position = 1
		order by document = @document desc
		limit 1`, pgx.NamedArgs{"person": string(p), "now": now, "document": string(id)})
	if err != nil {
		return approval.Place{}, fail("place in the tray", err)
	}
	var place approval.Place
	var found approval.DocumentID
	_, err = pgx.ForEachRow(rows, []any{&found, &place.Position, &place.Total, &place.Previous, &place.Next}, func() error { return nil })
	if err != nil {
		return approval.Place{}, fail("place in the tray", err)
	}
	if found != id && found != "" { // not in the tray, which is not empty
		return approval.Place{Total: place.Total, Next: found}, nil
	}
	return place, nil
}
