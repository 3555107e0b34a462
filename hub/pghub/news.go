package pghub

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// fewMarks is up to how many a statement for each, sent together, costs less
// than one for all: with single values PostgreSQL plans once and for all.
const fewMarks = 8

const (
	newsHead   = `select i.person, i.epoch, i.seq, i.rev, ` + newsForms + ` from inbox i where i.person = $1`
	newsMissed = `
		select n.person, n.id, n.seq, n.kind, coalesce(n.document, ''), n.grade
		from inbox i
		join notification n on n.person = i.person
		where i.person = $1 and i.epoch = $2 and n.seq > $3 and i.seq - $3 <= $4
		order by n.seq`
	newsForms = `(select count(*) from notification f where f.person = i.person and f.kind = 'form.pending' and f.cancelled_at is null)`

	// Each goes by the index, one person after the other. A plan that the
	// planner finds better when the tables have just been filled, and whoever
	// counts their rows has not come by yet, takes a thousand times as long.
	newsHeads = `
		select i.*
		from unnest($1::text[]) as m (person)
		cross join lateral (
			select i.person, i.epoch, i.seq, i.rev, ` + newsForms + `
			from inbox i
			where i.person = m.person
			limit 1
		) i`
	newsAllMissed = `
		select m.nth, n.*
		from unnest($1::text[], $2::text[], $3::bigint[]) with ordinality as m (person, epoch, seq, nth)
		cross join lateral (
			select i.epoch, i.seq
			from inbox i
			where i.person = m.person
			limit 1
		) i
		cross join lateral (
			select n.id, n.seq, n.kind, coalesce(n.document, ''), n.grade
			from notification n
			where n.person = m.person and n.seq > m.seq
			order by n.person, n.seq
			limit $4
		) n
		where i.epoch = m.epoch and i.seq > m.seq and i.seq - m.seq <= $4
		order by m.nth, n.seq`
)

// News gives where inboxes stand and what came after the marks, in two round
// trips however many they are. The counts are at least as new as the position.
// More than [Kept] are not given one by one.
func (h *Hub) News(ctx context.Context, marks []hub.Mark) ([]hub.News, error) {
	if len(marks) == 0 {
		return nil, nil
	}
	heads, missed, err := h.readNews(ctx, marks)
	if err != nil {
		return nil, translate("pghub: news", err)
	}
	if heads, err = h.firstHeads(ctx, marks, heads); err != nil {
		return nil, translate("pghub: news", err)
	}
	counts, err := h.trayCountsOf(ctx, heads)
	if err != nil {
		return nil, fmt.Errorf("pghub: news: %w", err)
	}
	news := make([]hub.News, len(marks))
	for i, m := range marks {
		n := &news[i]
		n.Head = heads[m.Person]
		c := counts[m.Person]
		n.Counts.Pending, n.Counts.Highest, n.Counts.Overdue, n.Counts.DueToday = c.All, c.Highest, c.Overdue, c.DueToday
		if m.Epoch != "" {
			n.Missed, n.Gap = missed[i], gap(m, n.Head, missed[i])
		}
		if n.Gap {
			n.Missed = nil
		}
	}
	return news, nil
}

func (h *Hub) trayCountsOf(ctx context.Context, heads map[approval.PersonID]hub.Head) (map[approval.PersonID]approval.TrayCounts, error) {
	people := make([]approval.PersonID, 0, len(heads))
	for p := range heads {
		people = append(people, p)
	}
	if len(people) == 1 {
		c, err := h.trays.TrayCounts(ctx, people[0], h.now())
		return map[approval.PersonID]approval.TrayCounts{people[0]: c}, err
	}
	return h.trays.TrayCountsOf(ctx, people, h.now())
}

// gap reports whether list is not everything from a mark to the head. Numbers
// are given without gaps, so whatever is missing shows.
func gap(m hub.Mark, head hub.Head, list []hub.Notification) bool {
	if m.Epoch != head.Epoch || m.Seq < 0 || m.Seq > head.Seq {
		return true
	}
	next := m.Seq
	for _, n := range list {
		if next++; n.Seq != next {
			return true
		}
	}
	return next < head.Seq
}

// readNews reads heads by person, and what was missed by mark. A head may be
// missing: nothing has ever happened to that person.
func (h *Hub) readNews(ctx context.Context, marks []hub.Mark) (heads map[approval.PersonID]hub.Head, missed [][]hub.Notification, err error) {
	heads, missed = make(map[approval.PersonID]hub.Head, len(marks)), make([][]hub.Notification, len(marks))
	head := func(rows pgx.Rows) error { return collectHeads(rows, heads) }
	b := &pgx.Batch{}
	if len(marks) <= fewMarks {
		for i, m := range marks {
			b.Queue(newsHead, m.Person).Query(head)
			if m.Epoch == "" {
				continue
			}
			b.Queue(newsMissed, m.Person, m.Epoch, m.Seq, Kept).Query(func(rows pgx.Rows) error {
				n := hub.Notification{}
				_, err := pgx.ForEachRow(rows, []any{&n.Person, &n.ID, &n.Seq, &n.Kind, &n.Document, &n.Grade}, func() error {
					missed[i] = append(missed[i], n)
					return nil
				})
				return err
			})
		}
		return heads, missed, h.pool.SendBatch(ctx, b).Close()
	}
	people, epochs, seqs := make([]string, len(marks)), make([]string, len(marks)), make([]int64, len(marks))
	var since bool
	for i, m := range marks {
		people[i], epochs[i], seqs[i] = string(m.Person), m.Epoch, m.Seq
		since = since || m.Epoch != ""
	}
	b.Queue(newsHeads, people).Query(head)
	if since {
		b.Queue(newsAllMissed, people, epochs, seqs, Kept).Query(func(rows pgx.Rows) error {
			n, nth := hub.Notification{}, 0
			_, err := pgx.ForEachRow(rows, []any{&nth, &n.ID, &n.Seq, &n.Kind, &n.Document, &n.Grade}, func() error {
				n.Person = marks[nth-1].Person
				missed[nth-1] = append(missed[nth-1], n)
				return nil
			})
			return err
		})
	}
	return heads, missed, h.pool.SendBatch(ctx, b).Close()
}

// firstHeads gives those an inbox who have none yet: the epoch must be the same
// when something happens to them. Nobody's id gets none.
func (h *Hub) firstHeads(ctx context.Context, marks []hub.Mark, heads map[approval.PersonID]hub.Head) (map[approval.PersonID]hub.Head, error) {
	var people, epochs []string
	for _, m := range marks {
		if _, ok := heads[m.Person]; !ok {
			people, epochs = append(people, string(m.Person)), append(epochs, h.newID())
		}
	}
	if len(people) == 0 {
		return heads, nil
	}
	b := &pgx.Batch{}
	b.Queue(`
		insert into inbox (person, epoch)
		select distinct on (p.id) p.id, m.epoch
		from unnest($1::text[], $2::text[]) as m (person, epoch)
		join person p on p.id = m.person
		order by p.id
		on conflict do nothing`, people, epochs)
	b.Queue(newsHeads, people).Query(func(rows pgx.Rows) error { return collectHeads(rows, heads) })
	return heads, h.pool.SendBatch(ctx, b).Close()
}

func collectHeads(rows pgx.Rows, into map[approval.PersonID]hub.Head) error {
	var p approval.PersonID
	var head hub.Head
	_, err := pgx.ForEachRow(rows, []any{&p, &head.Epoch, &head.Seq, &head.Rev, &head.Counts.Forms}, func() error {
		into[p] = head
		return nil
	})
	return err
}
