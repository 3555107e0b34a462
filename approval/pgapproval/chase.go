package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Staff gives the units and those of their people who are told about others'
// documents: 登記桌, 長官, 研考.
func (r *Reader) Staff(ctx context.Context) (*approval.Staff, error) {
	units, err := r.Units(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := r.pool.Query(ctx, selectPerson+`
		where p.roles && array['official', 'registry', 'auditor']
		and   p.left_at is null`)
	if err != nil {
		return nil, fail("staff", err)
	}
	people, err := pgx.CollectRows(rows, scanPerson)
	if err != nil {
		return nil, fail("staff", err)
	}
	return approval.NewStaff(units, people), nil
}

// Chased gives the documents on their way whose deadline ends at horizon or
// earlier, with those in whose hands they are. People who have left are not
// chased. Rows are looked up one by one, see pending.
func (r *Reader) Chased(ctx context.Context, horizon time.Time) ([]approval.Chased, error) {
	rows, err := r.pool.Query(ctx, `
		select
			d.id,
			d.grade,
			d.due,
			case when h.left_at is null then h.id else '' end,
			h.unit,
			coalesce(s.id, ''),
			coalesce(s.person, ''),
			coalesce(s.unit, '')
		from document d
		cross join lateral (
			select h.id, h.unit, h.left_at
			from person h
			where h.id = d.handler
			offset 0
		) h
		left join lateral (
			select s.id, s.person, s.position, (select p.unit from person p where p.id = s.person and p.left_at is null) as unit
			from step s
			where s.document = d.id
			and   s.state = 'active'
			offset 0
		) s on s.unit is not null
		where d.state = 'circulating'
		and   d.due <= $1
		order by
			d.id,
			s.position`, horizon)
	if err != nil {
		return nil, fail("documents to chase", err)
	}
	var list []approval.Chased
	var d approval.Chased
	var hand approval.Hand
	_, err = pgx.ForEachRow(rows, []any{&d.Document, &d.Grade, &d.Due, &d.Handler, &d.Unit, &hand.Step, &hand.Person, &hand.Unit}, func() error {
		if n := len(list); n == 0 || list[n-1].Document != d.Document {
			d.Due = d.Due.In(approval.Zone)
			list = append(list, approval.Chased{Document: d.Document, Grade: d.Grade, Due: d.Due, Handler: d.Handler, Unit: d.Unit})
		}
		if hand.Step != "" {
			last := &list[len(list)-1]
			last.Hands = append(last.Hands, hand)
		}
		return nil
	})
	return list, fail("documents to chase", err)
}
