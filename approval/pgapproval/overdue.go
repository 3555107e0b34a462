package pgapproval

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Overdue gives a page of what is due until horizon or late and p's business:
// what is in their own hands or theirs to handle, and what they answer for once
// it is late. The cursor of the first page is "". The page has at most limit
// cards, and never more than 100. Returns an [*approval.InvalidError] for a
// cursor that is none.
func (r *Reader) Overdue(ctx context.Context, p approval.PersonID, now, horizon time.Time, cursor string, limit int) (approval.OverduePage, error) {
	scope := "overdue\x00" + string(p)
	var from overdueKey
	if cursor != "" {
		var err error
		if from, err = openOverdueKey(scope, cursor); err != nil {
			return approval.OverduePage{}, err
		}
	}
	limit = page(limit)
	staff, err := r.Staff(ctx)
	if err != nil {
		return approval.OverduePage{}, err
	}
	chased, err := r.Chased(ctx, horizon)
	if err != nil {
		return approval.OverduePage{}, err
	}
	var out approval.OverduePage
	var list []overdueKey
	concern, concerns := staff.Concern(p), map[approval.DocumentID]approval.Concern{}
	for _, d := range chased {
		c, late := concern(d), approval.Deadline{Due: d.Due}.Overdue(now)
		if c == "" || c != approval.ConcernOwn && !late {
			continue
		}
		if late {
			out.Late++
		} else {
			out.Due++
		}
		k := overdueKey{others: 1, due: d.Due, document: string(d.Document)}
		if c == approval.ConcernOwn {
			k.others = 0
		}
		if cursor != "" && k.compare(from) <= 0 {
			continue
		}
		concerns[d.Document] = c
		list = append(list, k)
	}
	slices.SortFunc(list, overdueKey.compare)
	if len(list) > limit {
		list = list[:limit]
		out.Next = list[limit-1].seal(scope)
	}
	ids := make([]string, len(list))
	for i, k := range list {
		ids[i] = k.document
	}
	out.Cards, err = r.overdueCards(ctx, p, ids)
	for i := range out.Cards {
		out.Cards[i].Concern = concerns[out.Cards[i].Document]
	}
	return out, err
}

// overdueCards gives the cards of documents, in their order.
func (r *Reader) overdueCards(ctx context.Context, p approval.PersonID, ids []string) ([]approval.OverdueCard, error) {
	rows, err := r.pool.Query(ctx, `
		select
			d.id,
			d.number,
			d.type,
			d.category,
			d.reference,
			d.issuer,
			d.subject,
			d.speed,
			d.grade,
			d.due,
			d.due_rule,
			d.due_calendar,
			d.due_uncertain,
			(select count(*) from file f where f.document = d.id and f.version = d.version and f.role = 'attachment'),
			`+visible+`,
			btrim(u.name || ' ' || h.title || ' ' || h.name),
			coalesce((
				select string_agg(btrim(q.title || ' ' || q.name), '、' order by s.arrived_at, s.position)
				from step s
				join person q on q.id = s.person
				where s.document = d.id
				and   s.state = 'active'
			), '')
		from unnest(@ids::text[]) with ordinality as wanted (id, place)
		join document d on d.id = wanted.id
		join person h on h.id = d.handler
		join unit u on u.id = h.unit
		order by wanted.place`, pgx.NamedArgs{"ids": ids, "person": string(p)})
	if err != nil {
		return nil, fail("overdue", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (approval.OverdueCard, error) {
		var c approval.OverdueCard
		var due *time.Time
		err := row.Scan(&c.Document, &c.Number, &c.Type, &c.Category, &c.Reference, &c.Issuer, &c.Subject, &c.Speed, &c.Grade,
			&due, &c.Deadline.Rule, &c.Deadline.Calendar, &c.Deadline.Uncertain, &c.Attached, &c.Open, &c.Handler, &c.Now)
		c.Deadline.Due = taipei(due)
		hideCard(&c.Card)
		if !c.Open { // who answers for it is told that it is late, not what it says
			c.Subject, c.Issuer, c.Attached = "", "", 0
		}
		return c, err
	})
	return list, fail("overdue", err)
}

// overdueKey is a place in the list.
type overdueKey struct {
	others   int // 1 for what is in other hands
	due      time.Time
	document string
}

func (k overdueKey) compare(o overdueKey) int {
	return cmp.Or(k.others-o.others, k.due.Compare(o.due), cmp.Compare(k.document, o.document))
}

func (k overdueKey) seal(scope string) string {
	return sealCursor(scope, append(appendTime([]byte{byte(k.others)}, k.due), k.document...))
}

func openOverdueKey(scope, s string) (overdueKey, error) {
	b, err := openCursor(scope, s)
	if err != nil {
		return overdueKey{}, err
	}
	f := fields{rest: b}
	k := overdueKey{others: f.byte(1), due: f.time(), document: f.id()}
	if f.bad || k.due.IsZero() {
		return overdueKey{}, errCursor()
	}
	return k, nil
}
