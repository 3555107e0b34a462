package pgapproval

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// maxPage is the longest page that is given, whatever was asked for.
const maxPage = 100

func page(limit int) int { return min(max(limit, 1), maxPage) }

// pending are the steps in @person's hands with what orders them: late ones
// first, then by speed, then by due date (none last), then by arrival. sent is
// true where the document was sent back to this person, and false where they
// are only asked again after somebody else has answered a return.
//
// The documents are looked up one by one, and offset 0 keeps the planner from
// joining otherwise: whose hands a step is in and whether it is open are not
// independent, so it takes the tray of a busy person for ten times as long as
// it is, and would rather sort all documents there are (2,000 pending among
// 200,000: 100 ms instead of 14 ms).
const pending = `
	select
		s.id as step,
		s.document,
		s.duty,
		s.arrived_at,
		s.origin = 'returned' and s.cause = any (s.after) as sent,
		case when d.due <= @now then 0 else 1 end as late,
		case d.speed when '最速件' then 0 when '速件' then 1 else 2 end as rank,
		coalesce(d.due, 'infinity') as ends
	from step s
	cross join lateral (
		select
			d.speed,
			d.due
		from document d
		where d.id = s.document
		offset 0
	) d
	where s.person = @person
	and   s.state = 'active'`

// Tray gives a page of what is in p's hands, most urgent first, and the counts
// of the whole. The cursor of the first page is "". What is late is decided
// when the first page is made and stays so for all pages of it, so that turning
// pages neither skips nor repeats anything; the counts are of now. The page has
// at most limit cards, and never more than 100. Returns an
// [*approval.InvalidError] for a filter or cursor that is none.
func (r *Reader) Tray(ctx context.Context, p approval.PersonID, now time.Time, f approval.TrayFilter, cursor string, limit int) (approval.Tray, error) {
	switch f {
	case approval.TrayAll, approval.TrayHighest, approval.TrayOverdue, approval.TrayDecide, approval.TrayConsult, approval.TrayReturned:
	default:
		return approval.Tray{}, &approval.InvalidError{Field: "filter", Reason: "filter.unknown", Detail: string(f)}
	}
	scope := "tray\x00" + string(p) + "\x00" + string(f)
	from := trayKey{now: now}
	if cursor != "" {
		var err error
		if from, err = openTrayKey(scope, cursor, now); err != nil {
			return approval.Tray{}, err
		}
	}
	limit = page(limit)
	var tray approval.Tray
	var last trayKey
	more := false
	err := r.pool.SendBatch(ctx, trayBatch(p, now, f, from, limit, &tray, func(row pgx.Rows) error {
		if len(tray.Cards) == limit {
			more = true
			return nil
		}
		card, key, err := scanCard(row)
		tray.Cards = append(tray.Cards, card)
		last = key
		return err
	})).Close()
	if err != nil {
		return approval.Tray{}, fail("tray", err)
	}
	if more {
		last.now = from.now
		tray.Next = last.seal(scope)
	}
	return tray, nil
}

func trayBatch(p approval.PersonID, now time.Time, f approval.TrayFilter, from trayKey, limit int, tray *approval.Tray, each func(pgx.Rows) error) *pgx.Batch {
	var b pgx.Batch
	b.Queue(`
		with pending as (`+pending+`
		), page as (
			select *
			from pending p
			where case @filter
				when 'highest'  then p.rank = 0
				when 'overdue'  then p.late = 0
				when 'decide'   then p.duty = 'decide'
				when 'consult'  then p.duty = 'consult'
				when 'returned' then p.sent
				else true
			end
			and (@step = '' or (p.late, p.rank, p.ends, p.arrived_at, p.step) > (@late::int, @rank::int, coalesce(@due, 'infinity'::timestamptz), @arrived::timestamptz, @step))
			order by
				p.late,
				p.rank,
				p.ends,
				p.arrived_at,
				p.step
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
			case when s.origin = 'returned' and not p.sent then 'planned' else s.origin end,
			s.arrived_at,
			d.due,
			d.due_rule,
			d.due_calendar,
			d.due_uncertain,
			coalesce(sender.name, ''),
			(select count(*) from file f where f.document = d.id and f.version = d.version and f.role = 'attachment'),
			p.late,
			p.rank
		from page p
		join step s on s.id = p.step
		join document d on d.id = p.document
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
		order by
			p.late,
			p.rank,
			p.ends,
			p.arrived_at,
			p.step`, pgx.NamedArgs{
		"person":  string(p),
		"now":     from.now,
		"filter":  string(f),
		"late":    from.late,
		"rank":    from.rank,
		"due":     stamp(from.due),
		"arrived": stamp(from.arrived),
		"step":    from.step,
		"limit":   limit + 1,
	}).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := each(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	queueCounts(&b, p, now, &tray.Counts)
	return &b
}

func scanCard(row pgx.Row) (approval.Card, trayKey, error) {
	var c approval.Card
	var k trayKey
	var arrived, due *time.Time
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
		&k.late,
		&k.rank,
	)
	c.ArrivedAt, c.Deadline.Due = taipei(arrived), taipei(due)
	k.due, k.arrived, k.step = c.Deadline.Due, c.ArrivedAt, string(c.Step)
	hideCard(&c)
	return c, k, err
}

// hideCard takes out of the card of a classified document what a register of
// such documents must not show (新北市政府文書處理要點 §78 and its like).
func hideCard(c *approval.Card) {
	if c.Grade.Classified() {
		c.Number, c.Reference, c.Issuer, c.Subject, c.FromName = "", "", "", "", ""
	}
}

// trayKey is a place in a tray, and the moment as of which it is ordered.
type trayKey struct {
	now     time.Time
	late    int // 0 late, 1 in time
	rank    int
	due     time.Time
	arrived time.Time
	step    string // "" before the first
}

func (k trayKey) seal(scope string) string {
	b := appendTime(nil, k.now)
	b = append(b, byte(k.late), byte(k.rank))
	b = appendTime(b, k.due)
	b = appendTime(b, k.arrived)
	return sealCursor(scope, append(b, k.step...))
}

// clocksApart is how far the clock of another node may be ahead.
const clocksApart = 5 * time.Minute

func openTrayKey(scope, s string, now time.Time) (trayKey, error) {
	b, err := openCursor(scope, s)
	if err != nil {
		return trayKey{}, err
	}
	f := fields{rest: b}
	k := trayKey{now: f.time(), late: f.byte(1), rank: f.byte(2), due: f.time(), arrived: f.time(), step: f.id()}
	if f.bad || k.now.IsZero() || k.now.After(now.Add(clocksApart)) || k.arrived.IsZero() {
		return trayKey{}, errCursor()
	}
	return k, nil
}

// trayCounts are what is counted of steps s and their documents d, in the order
// of scanCounts.
const (
	trayCounts = `
			count(*),
			count(*) filter (where d.speed = '最速件'),
			count(*) filter (where d.due <= @now),
			count(*) filter (where d.due > @now and d.due <= @tomorrow),
			count(*) filter (where s.duty = 'decide'),
			count(*) filter (where s.duty = 'consult'),
			count(*) filter (where s.origin = 'returned' and s.cause = any (s.after))`
	trayDocument = `
			select
				d.speed,
				d.due
			from document d
			where d.id = s.document
			offset 0`
)

func scanCounts(c *approval.TrayCounts) []any {
	return []any{&c.All, &c.Highest, &c.Overdue, &c.DueToday, &c.Decide, &c.Consult, &c.Returned}
}

// TrayCounts counts what is in p's hands.
func (r *Reader) TrayCounts(ctx context.Context, p approval.PersonID, now time.Time) (approval.TrayCounts, error) {
	var b pgx.Batch
	var c approval.TrayCounts
	queueCounts(&b, p, now, &c)
	return c, fail("tray counts", r.pool.SendBatch(ctx, &b).Close())
}

func queueCounts(b *pgx.Batch, p approval.PersonID, now time.Time, into *approval.TrayCounts) {
	b.Queue(`
		select`+trayCounts+`
		from step s
		cross join lateral (`+trayDocument+`
		) d
		where s.person = @person
		and   s.state = 'active'`, pgx.NamedArgs{
		"person":   string(p),
		"now":      now,
		"tomorrow": approval.Midnight(now).AddDate(0, 0, 1),
	}).QueryRow(func(row pgx.Row) error {
		return row.Scan(scanCounts(into)...)
	})
}

// TrayCountsOf counts for many people at once; who has nothing is left out.
func (r *Reader) TrayCountsOf(ctx context.Context, people []approval.PersonID, now time.Time) (map[approval.PersonID]approval.TrayCounts, error) {
	rows, _ := r.pool.Query(ctx, `
		select
			s.person,`+trayCounts+`
		from unnest(@people::text[]) p (person)
		cross join lateral (
			select *
			from step s
			where s.person = p.person
			and   s.state = 'active'
			offset 0
		) s
		cross join lateral (`+trayDocument+`
		) d
		group by s.person`, pgx.NamedArgs{
		"people":   people,
		"now":      now,
		"tomorrow": approval.Midnight(now).AddDate(0, 0, 1),
	})
	counts := make(map[approval.PersonID]approval.TrayCounts, len(people))
	var (
		p approval.PersonID
		c approval.TrayCounts
	)
	_, err := pgx.ForEachRow(rows, append([]any{&p}, scanCounts(&c)...), func() error {
		counts[p] = c
		return nil
	})
	return counts, fail("tray counts of many", err)
}

// Waiting gives everybody in whose hands something is.
func (r *Reader) Waiting(ctx context.Context) ([]approval.PersonID, error) {
	rows, err := r.pool.Query(ctx, `
		select distinct person
		from step
		where state = 'active'
		order by person`)
	if err != nil {
		return nil, fail("who has something pending", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[approval.PersonID])
	return list, fail("who has something pending", err)
}
