package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Done gives a page of what p has acted on (已辦), latest first. The cursor of
// the first page is "". The page has at most limit cards, and never more than
// 100. Returns an [*approval.InvalidError] for a cursor that is none.
func (r *Reader) Done(ctx context.Context, p approval.PersonID, cursor string, limit int) (approval.DonePage, error) {
	scope := "done\x00" + string(p)
	var from doneKey
	if cursor != "" {
		var err error
		if from, err = openDoneKey(scope, cursor); err != nil {
			return approval.DonePage{}, err
		}
	}
	limit = page(limit)
	rows, err := r.pool.Query(ctx, `
		with page as (
			select s.*
			from step s
			where s.acted_by = @person
			and   s.state = 'closed'
			and   (@step = '' or (s.closed_at, s.id) < (@closed::timestamptz, @step))
			order by
				s.closed_at desc,
				s.id desc
			limit @limit
		)
		select
			d.id,
			s.id,
			d.number,
			d.type,
			d.category,
			d.reference,
			d.issuer,
			d.subject,
			d.speed,
			d.grade,
			s.duty,
			case when s.origin = 'returned' and s.cause <> all (s.after) then 'planned' else s.origin end,
			s.arrived_at,
			d.due,
			d.due_rule,
			d.due_calendar,
			d.due_uncertain,
			coalesce(sender.name, ''),
			(select count(*) from file f where f.document = d.id and f.version = d.version and f.role = 'attachment'),
			s.action,
			s.opinion,
			s.closed_at,
			d.state,
			coalesce(holder.names, '')
		from page s
		join document d on d.id = s.document
		left join lateral (
			select q.acted_name as name
			from step q
			where q.document = s.document
			and   q.id = any (s.after)
			order by
				q.closed_at desc,
				q.position desc
			limit 1
		) sender on true
		left join lateral (
			select string_agg(btrim(h.title || ' ' || h.name), '、' order by q.arrived_at, q.position) as names
			from step q
			join person h on h.id = q.person
			where q.document = s.document
			and   q.state = 'active'
		) holder on true
		order by
			s.closed_at desc,
			s.id desc`, pgx.NamedArgs{"person": string(p), "step": from.step, "closed": stamp(from.closed), "limit": limit + 1})
	if err != nil {
		return approval.DonePage{}, fail("done", err)
	}
	list, err := pgx.CollectRows(rows, scanDone)
	if err != nil {
		return approval.DonePage{}, fail("done", err)
	}
	out := approval.DonePage{Cards: list}
	if len(list) > limit {
		out.Cards = list[:limit]
		last := out.Cards[limit-1]
		out.Next = doneKey{last.ClosedAt, string(last.Step)}.seal(scope)
	}
	return out, nil
}

func scanDone(row pgx.CollectableRow) (approval.DoneCard, error) {
	var c approval.DoneCard
	var arrived, due, closed *time.Time
	err := row.Scan(
		&c.Document,
		&c.Step,
		&c.Number,
		&c.Type,
		&c.Category,
		&c.Reference,
		&c.Issuer,
		&c.Subject,
		&c.Speed,
		&c.Grade,
		&c.Duty,
		&c.Origin,
		&arrived,
		&due,
		&c.Deadline.Rule,
		&c.Deadline.Calendar,
		&c.Deadline.Uncertain,
		&c.FromName,
		&c.Attached,
		&c.Action,
		&c.Opinion,
		&closed,
		&c.State,
		&c.Now,
	)
	c.ArrivedAt, c.Deadline.Due, c.ClosedAt = taipei(arrived), taipei(due), taipei(closed)
	if hideCard(&c.Card); c.Grade.Classified() {
		c.Opinion, c.Now = "", ""
	}
	return c, err
}

// doneKey is a place in the list of what was done.
type doneKey struct {
	closed time.Time
	step   string // "" before the first
}

func (k doneKey) seal(scope string) string {
	return sealCursor(scope, append(appendTime(nil, k.closed), k.step...))
}

func openDoneKey(scope, s string) (doneKey, error) {
	b, err := openCursor(scope, s)
	if err != nil {
		return doneKey{}, err
	}
	f := fields{rest: b}
	k := doneKey{closed: f.time(), step: f.id()}
	if f.bad || k.closed.IsZero() {
		return doneKey{}, errCursor()
	}
	return k, nil
}
