package pghub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// chaseAtOnce is how many people one transaction reminds.
const chaseAtOnce = 200

// Chaser knows which documents are due or late, and who answers for them.
// Package pgapproval implements it.
type Chaser interface {
	Staff(ctx context.Context) (*approval.Staff, error)
	// Chased gives the documents whose deadline ends at horizon or earlier.
	Chased(ctx context.Context, horizon time.Time) ([]approval.Chased, error)
}

// Chase tells people of what is due or late (稽催), on working days from the
// policy's time on, and gives how many it told. Everybody is told of a document
// once for each rung of the ladder, and by one message of all their documents,
// however often and in however many processes it is called, and wherever one
// of them was ended. What was missed while no server ran is made up for by the
// next call: by one message.
func (h *Hub) Chase(ctx context.Context, now time.Time) (n int, err error) {
	if h.chaser == nil {
		return 0, nil
	}
	policy, err := h.Policy(ctx)
	if err != nil {
		return 0, err
	}
	ladder := *policy.Chase
	if !ladder.Ready(now, h.workdays.Workday) {
		return 0, nil
	}
	n, err = h.chase(ctx, ladder, now)
	if err != nil {
		return n, fmt.Errorf("pghub: chase: %w", err)
	}
	return n, nil
}

func (h *Hub) chase(ctx context.Context, ladder approval.Ladder, now time.Time) (n int, err error) {
	day := now.In(approval.Zone).Format(time.DateOnly)
	var done bool
	err = h.pool.QueryRow(ctx, `select done_at is not null from chase_run where day = $1::date`, day).Scan(&done)
	switch {
	case done:
		return 0, nil
	case errors.Is(err, pgx.ErrNoRows):
		_, err = h.pool.Exec(ctx, `insert into chase_run (day) values ($1::date) on conflict do nothing`, day)
	}
	if err != nil {
		return 0, err
	}
	staff, err := h.chaser.Staff(ctx)
	if err != nil {
		return 0, err
	}
	documents, err := h.chaser.Chased(ctx, ladder.Horizon(now, h.workdays.Workday))
	if err != nil {
		return 0, err
	}
	reminders := ladder.Remind(now, h.workdays, staff, documents)
	for len(reminders) > 0 {
		part := reminders[:atPerson(reminders, chaseAtOnce)]
		reminders = reminders[len(part):]
		var done written
		var over bool
		err := h.inTx(ctx, func(tx pgx.Tx) (err error) {
			done, over, err = h.chasePart(ctx, tx, part, day, now)
			return err
		})
		if err != nil {
			return n, err
		}
		h.told(done)
		n += len(done.kinds)
		if over {
			return n, nil
		}
	}
	_, err = h.pool.Exec(ctx, `update chase_run set done_at = $2 where day = $1::date and done_at is null`, day, now)
	return n, err
}

// atPerson gives how many of the first reminders concern at most so many
// people, all of each.
func atPerson(list []approval.Reminder, most int) int {
	people := 1
	for i := 1; i < len(list); i++ {
		if list[i].Person != list[i-1].Person {
			if people++; people > most {
				return i
			}
		}
	}
	return len(list)
}

// selectTold gives which of the reminders were told: the same of the same
// document, or, of a list, that of the period.
const selectTold = `
	select r.i
	from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[]) as r (i, person, document, rung, number, due)
	where exists (
		select from chase c
		where c.person = r.person and c.document = r.document and c.rung = r.rung and c.number = r.number and c.due = r.due
	) or r.rung in ('weekly', 'monthly') and exists (
		select from chase c
		where c.person = r.person and c.rung = r.rung and c.number = r.number
	)`

const insertChase = `
	insert into chase (person, document, rung, number, due, step, own, notification, at)
	select r.person, r.document, r.rung, r.number, r.due, r.step, r.own, n.id, @now
	from unnest(@people::text[], @documents::text[], @rungs::text[], @numbers::int[], @dues::timestamptz[], @steps::text[], @own::bool[], @dedups::text[])
		as r (person, document, rung, number, due, step, own, dedup)
	join notification n on n.person = r.person and n.dedup = r.dedup
	on conflict do nothing`

// chasePart tells some people, all of each. Whoever does so holds the day's row:
// two nodes take turns, and the second finds what the first has told. over
// reports that the day is done.
func (h *Hub) chasePart(ctx context.Context, tx pgx.Tx, list []approval.Reminder, day string, now time.Time) (done written, over bool, err error) {
	if _, err = tx.Exec(ctx, byIndex); err != nil {
		return done, false, err
	}
	err = tx.QueryRow(ctx, `select done_at is not null from chase_run where day = $1::date for update`, day).Scan(&over)
	if err != nil || over {
		return done, over, err
	}
	rows := chaseRows(list)
	told, err := column[int](ctx, tx, selectTold, rows.index, rows.people, rows.documents, rows.rungs, rows.numbers, rows.dues)
	if err != nil {
		return done, false, err
	}
	slices.Sort(told)
	var fresh []approval.Reminder
	for i, r := range list {
		if _, is := slices.BinarySearch(told, i); !is {
			fresh = append(fresh, r)
		}
	}
	if len(fresh) == 0 {
		return done, false, nil
	}
	w, dedups := chaseItems(fresh, now)
	if done, err = h.write(ctx, tx, w); err != nil {
		return done, false, err
	}
	rows = chaseRows(fresh)
	_, err = tx.Exec(ctx, insertChase, pgx.NamedArgs{
		"people": rows.people, "documents": rows.documents, "rungs": rows.rungs, "numbers": rows.numbers, "dues": rows.dues,
		"steps": rows.steps, "own": rows.own, "dedups": dedups, "now": now,
	})
	return done, false, err
}

// chaseColumns are reminders as columns.
type chaseColumns struct {
	index, numbers           []int
	people, documents, rungs []string
	dues                     []time.Time
	steps                    []*string
	own                      []bool
}

func chaseRows(list []approval.Reminder) (c chaseColumns) {
	for i, r := range list {
		c.index, c.numbers = append(c.index, i), append(c.numbers, r.Number)
		c.people, c.documents, c.rungs = append(c.people, string(r.Person)), append(c.documents, string(r.Document)), append(c.rungs, string(r.Rung))
		c.dues, c.steps, c.own = append(c.dues, r.Due), append(c.steps, orNull(string(r.Step))), append(c.own, r.Own)
	}
	return c
}

// chaseItems makes the notifications: one a person for the day, of the gravest
// kind, and one for each list. It gives by which of them each reminder is told.
// One that is about a single document of the person's own leads to it.
func chaseItems(list []approval.Reminder, now time.Time) (w writing, dedups []string) {
	type message struct {
		item
		grave     int
		documents []approval.Reminder
	}
	messages := map[string]*message{}
	var order []string
	keys := make([]string, len(list))
	for i, r := range list {
		key := string(r.Person) + " day"
		if r.Rung.List() {
			key = string(r.Person) + " " + string(r.Rung)
		}
		m := messages[key]
		if m == nil {
			m = &message{item: item{person: r.Person, at: now}, grave: -1}
			messages[key] = m
			order = append(order, key)
			w.people = append(w.people, r.Person)
		}
		if g := slices.Index(gravity(), r.Rung); g > m.grave {
			m.grave = g
			m.kind = chaseKind(r.Rung)
			m.dedup = "chase:" + string(r.Rung) + ":" + cmp.Or(listed(r), now.In(approval.Zone).Format(time.DateOnly))
		}
		m.documents = append(m.documents, r)
		keys[i] = key
	}
	for _, key := range order {
		m := messages[key]
		one := !slices.ContainsFunc(m.documents, func(r approval.Reminder) bool { return r.Document != m.documents[0].Document })
		if first := m.documents[0]; one && first.Own && !first.Grade.Classified() {
			m.document, m.due = first.Document, first.Due
		}
		w.items = append(w.items, m.item)
	}
	for _, key := range keys {
		dedups = append(dedups, messages[key].dedup)
	}
	return w, dedups
}

// gravity lists the rungs, the gravest last.
func gravity() []approval.Rung {
	return []approval.Rung{approval.RungSoon, approval.RungDue, approval.RungDesk, approval.RungHead, approval.RungWeekly, approval.RungMonthly}
}

func chaseKind(r approval.Rung) hub.Kind {
	switch r {
	case approval.RungSoon:
		return hub.KindOverdueSoon
	case approval.RungDue:
		return hub.KindOverdue
	}
	return hub.KindEscalation
}

// listed names the period of a list.
func listed(r approval.Reminder) string {
	if r.Rung.List() {
		return strconv.Itoa(r.Number)
	}
	return ""
}

// selectTallies counts what notifications speak for, as far as it has not moved:
// the document is not decided, its deadline is the same, and where it was in
// the person's own hands it still is.
const selectTallies = `
	select c.notification,
		count(distinct c.document) filter (where c.own and d.due > $3),
		count(distinct c.document) filter (where c.own and d.due > $2 and d.due <= $3),
		count(distinct c.document) filter (where c.own and d.due <= $2),
		count(distinct c.document) filter (where not c.own)
	from unnest($1::text[]) as n (id)
	join chase c on c.notification = n.id
	join document d on d.id = c.document
	left join step s on s.id = c.step
	where d.state = 'circulating' and d.due = c.due and (c.step is null or s.state = 'active')
	group by c.notification`

func collectTallies(rows pgx.Rows) (map[string]hub.Tally, error) {
	tallies := map[string]hub.Tally{}
	var id string
	var t hub.Tally
	_, err := pgx.ForEachRow(rows, []any{&id, &t.Soon, &t.Today, &t.Late, &t.Others}, func() error {
		tallies[id] = t
		return nil
	})
	return tallies, err
}

// column runs a query of one column.
func column[T any](ctx context.Context, q queryer, sql string, args ...any) ([]T, error) {
	rows, _ := q.Query(ctx, sql, args...)
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// forgetChased removes the record of what was told longer ago than records are
// kept.
func (h *Hub) forgetChased(ctx context.Context, now time.Time) error {
	policy, err := h.Policy(ctx)
	if err != nil {
		return err
	}
	before := now.AddDate(0, 0, -policy.Keep)
	_, err = h.pool.Exec(ctx, `
		with old as (
			select ctid from chase where at < $1 order by at limit $2 for update skip locked
		), runs as (
			delete from chase_run where done_at < $1
		)
		delete from chase c using old where c.ctid = old.ctid`, before, sweepAtOnce)
	if err != nil {
		return fmt.Errorf("pghub: forget what was chased: %w", err)
	}
	return nil
}
