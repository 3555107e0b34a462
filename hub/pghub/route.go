package pghub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// route plans the deliveries of notifications: policy, choices and links are
// those of this moment. It may be called again with the same; what has been
// planned stays.
func (h *Hub) route(ctx context.Context, ids []string) error {
	now := h.now()
	policy, err := h.Policy(ctx)
	if err != nil {
		return err
	}
	var w wakes
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		pending, err := unrouted(ctx, tx, ids)
		if err != nil || len(pending) == 0 {
			return err
		}
		known, err := h.recipients(ctx, tx, pending, now)
		if err != nil {
			return err
		}
		r := router{policy: policy, worked: h.workdays.Workday, newID: h.newID, known: known}
		planned := make([]string, 0, len(pending))
		for _, n := range pending {
			planned = append(planned, n.ID)
			if !n.pointless {
				r.add(n.Notification)
			}
		}
		if w, err = h.writePlan(ctx, tx, r, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update notification set routed_at = $2 where id = any($1)`, planned, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("pghub: route: %w", err)
	}
	h.woken(w)
	return nil
}

// toRoute is a notification without a plan.
type toRoute struct {
	hub.Notification
	pointless bool // seen or cancelled before it was planned
}

// unrouted locks those of ids that have no plan yet, and gives them in the order
// in which people were told. The inboxes come first: two plans for one person
// wait for each other, so that neither misses what the other is about to send.
//
// The statements of a plan take many rows at once, by a plan of PostgreSQL's
// that was made once, when the tables were small (byIndex). Hence each row is
// looked up by itself (offset 0): joined or filtered, all notifications that
// wait for a plan would be compared with the two hundred of this one.
func unrouted(ctx context.Context, tx pgx.Tx, ids []string) ([]toRoute, error) {
	ids = slices.Sorted(slices.Values(ids))
	var list []toRoute
	b := &pgx.Batch{}
	b.Queue(byIndex)
	b.Queue(`
		select
		from (
			select distinct n.person
			from unnest($1::text[]) as x (id)
			cross join lateral (select n.person from notification n where n.id = x.id and n.routed_at is null offset 0) n
			order by n.person
		) p
		cross join lateral (select from inbox i where i.person = p.person offset 0 for update) i`, ids)
	b.Queue(`
		select `+notificationColumns+`, n.seen_at is not null and n.kind not in `+securityKinds+` or n.cancelled_at is not null
		from unnest($1::text[]) as x (id)
		cross join lateral (select * from notification n where n.id = x.id and n.routed_at is null offset 0 for update) n`, ids).Query(func(rows pgx.Rows) error {
		var err error
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (toRoute, error) {
			var (
				n   toRoute
				err error
			)
			n.Notification, err = scanNotification(row, &n.pointless)
			return n, err
		})
		return err
	})
	err := tx.SendBatch(ctx, b).Close()
	slices.SortStableFunc(list, func(a, b toRoute) int { return int(a.Seq - b.Seq) })
	return list, err
}

// known is what a plan needs of a person.
type known struct {
	hub.Recipient
	links   []hub.Link // in force, through channels that this process has
	waiting []waiting  // that were planned before
}

// waiting is a delivery that waits for its time, or one that was given up for
// a later one and may be taken up again.
type waiting struct {
	id           string
	notification string
	seq          int64
	kind         hub.Kind
	urgent       bool
	channel      hub.ChannelName
	link         string
	at           time.Time
	over         bool // given up
}

const selectLinksOf = `
	select l.id, l.person, l.channel, l.created_at, l.last_inbound_at
	from unnest(@people::text[]) as p (person)
	cross join lateral (
		select l.*
		from channel_link l
		left join session s on s.id = l.session
		left join account a on a.person = l.person
		where l.person = p.person and ` + linkInForce + `
		offset 0
	) l
	order by l.created_at, l.id`

// linksOf are the links l of people p, in force or not for other reasons.
const linksOf = `
	from unnest(@people::text[]) as p (person)
	cross join lateral (select l.id, l.person from channel_link l where l.person = p.person and l.disabled_at is null offset 0) l`

const selectPreferencesOf = `
	select c.person, c.preferences
	from unnest(@people::text[]) as p (person)
	join person_preferences c on c.person = p.person`

// What a worker holds at this moment is about to be sent: it waits no more.
const selectWaitingOf = `
	select d.id, d.notification, l.person, n.seq, n.kind, n.speed = '最速件', d.channel, d.link, d.not_before, false` + linksOf + `
	cross join lateral (
		select *
		from delivery d
		where d.link = l.id and d.state = 'pending' and d.done_at is null
		offset 0
		for update of d skip locked
	) d
	cross join lateral (select n.seq, n.kind, n.speed from notification n where n.id = d.notification offset 0) n`

const selectGivenUp = `
	select d.id, d.notification, n.person, n.seq, n.kind, n.speed = '最速件', d.channel, d.link, d.not_before, true
	from unnest(@ids::text[]) as i (id)
	join notification n on n.id = i.id
	join delivery d on d.notification = n.id
	where d.superseded_by is not null and d.state = 'cancelled'`

// Several addresses of one channel are one message to the person; a refresh is
// none.
const selectSentOf = `
	select l.person, d.channel, min(d.done_at)` + linksOf + `
	cross join lateral (
		select d.channel, d.notification, d.done_at
		from delivery d
		where d.link = l.id and d.state in ('accepted', 'unknown') and d.done_at > @since
			and (select n.kind from notification n where n.id = d.notification) <> 'tray.refresh'
		offset 0
	) d
	group by l.person, d.channel, d.notification
	order by min(d.done_at)`

// recipients reads all that a plan needs of the people concerned. It opens no
// address.
func (h *Hub) recipients(ctx context.Context, tx pgx.Tx, pending []toRoute, now time.Time) (map[approval.PersonID]*known, error) {
	people := map[approval.PersonID]*known{}
	var names []approval.PersonID
	var ids []string
	for _, n := range pending {
		ids = append(ids, n.ID)
		if people[n.Person] == nil {
			names = append(names, n.Person)
			people[n.Person] = &known{Recipient: hub.Recipient{Person: n.Person, Sent: map[hub.ChannelName][]time.Time{}}}
		}
	}
	args := pgx.NamedArgs{"people": names, "ids": ids, "now": now, "since": now.Add(-time.Hour)}
	b := &pgx.Batch{}
	b.Queue(selectLinksOf, args).Query(func(rows pgx.Rows) error {
		var l hub.Link
		var heard *time.Time
		_, err := pgx.ForEachRow(rows, []any{&l.ID, &l.Person, &l.Channel, &l.CreatedAt, &heard}, func() error {
			if h.channels[l.Channel] != nil {
				l.Address.Heard = orZero(heard)
				people[l.Person].links = append(people[l.Person].links, l)
			}
			return nil
		})
		return err
	})
	b.Queue(selectPreferencesOf, args).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r hub.Recipient, err error) {
			return r, row.Scan(&r.Person, &r.Preferences)
		})
		for _, r := range list {
			people[r.Person].Preferences = r.Preferences
		}
		return err
	})
	for _, sql := range []string{selectWaitingOf, selectGivenUp} {
		b.Queue(sql, args).Query(func(rows pgx.Rows) error {
			var w waiting
			var person approval.PersonID
			_, err := pgx.ForEachRow(rows, []any{&w.id, &w.notification, &person, &w.seq, &w.kind, &w.urgent, &w.channel, &w.link, &w.at, &w.over}, func() error {
				people[person].waiting = append(people[person].waiting, w)
				return nil
			})
			return err
		})
	}
	b.Queue(selectSentOf, args).Query(func(rows pgx.Rows) error {
		var person approval.PersonID
		var channel hub.ChannelName
		var sent time.Time
		_, err := pgx.ForEachRow(rows, []any{&person, &channel, &sent}, func() error {
			people[person].Sent[channel] = append(people[person].Sent[channel], sent)
			return nil
		})
		return err
	})
	return people, tx.SendBatch(ctx, b).Close()
}

// The rows that are not there yet. What tells of a link is not told through it.
// One that was given up for a later message
// which has lost its point is taken up again.
const insertDeliveries = `
	insert into delivery (id, notification, channel, link, state, priority, not_before, expires_at, ref, created_at, done_at, reason, superseded_by)
	select p.id, p.notification, p.channel, p.link,
		case when p.by is null then 'pending' else 'cancelled' end,
		p.priority, p.not_before, p.expires, p.ref, @now::timestamptz,
		case when p.by is not null then @now::timestamptz end,
		case when p.by is null then '' else @reason::text end,
		p.by
	from unnest(@ids::text[], @notifications::text[], @channels::text[], @links::text[], @priorities::smallint[],
		@times::timestamptz[], @expires::timestamptz[], @refs::text[], @by::text[])
		as p (id, notification, channel, link, priority, not_before, expires, ref, by)
	where not exists (select from notification n where n.id = p.notification and n.link = p.link offset 0)
	on conflict (notification, link) do update
	set state = excluded.state, priority = excluded.priority, not_before = excluded.not_before, expires_at = excluded.expires_at,
		done_at = excluded.done_at, reason = excluded.reason, superseded_by = excluded.superseded_by
	where delivery.state = 'cancelled' and delivery.superseded_by is not null
	returning id, channel, not_before, state = 'pending'`

// What was given up for a message that is itself given up now follows the one
// that takes its place.
const supersede = `
	update delivery d
	set state = 'cancelled', done_at = coalesce(d.done_at, @now), reason = @reason, superseded_by = p.by
	from unnest(@ids::text[], @by::text[]) as p (id, by)
	where d.id = p.id and (d.state = 'pending' and d.done_at is null or d.state = 'cancelled' and d.superseded_by is not null)`

const supersedeFollowers = `
	update delivery d
	set superseded_by = p.by
	from unnest(@ids::text[], @by::text[]) as p (id, by)
	where d.superseded_by = p.id`

const superseded = "a later message says it"

// writePlan writes the deliveries of a plan, and the jobs that wake who is to
// send them, in the same transaction.
func (h *Hub) writePlan(ctx context.Context, tx pgx.Tx, r router, now time.Time) (w wakes, err error) {
	if len(r.plan) == 0 && len(r.gone) == 0 {
		return w, nil
	}
	b := &pgx.Batch{}
	if len(r.gone) > 0 {
		var ids, by []string
		for _, g := range r.gone {
			ids, by = append(ids, g.id), append(by, g.by)
		}
		args := pgx.NamedArgs{"ids": ids, "by": by, "now": now, "reason": superseded}
		b.Queue(supersede, args)
		b.Queue(supersedeFollowers, args)
	}
	if len(r.plan) > 0 {
		b.Queue(insertDeliveries, planArgs(r.plan, now)).Query(func(rows pgx.Rows) error {
			var (
				id      string
				name    hub.ChannelName
				at      time.Time
				pending bool
			)
			_, err := pgx.ForEachRow(rows, []any{&id, &name, &at, &pending}, func() error {
				if pending {
					w.add(name, at, now)
				}
				return nil
			})
			return err
		})
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return w, err
	}
	return w, h.wakeTx(ctx, tx, w, now)
}

func planArgs(plan []planned, now time.Time) pgx.NamedArgs {
	n := len(plan)
	ids, notifications, channels, links, refs := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	priorities, times, expires, by := make([]int16, n), make([]time.Time, n), make([]time.Time, n), make([]*string, n)
	for i, p := range plan {
		ids[i], notifications[i], channels[i], links[i], refs[i] = p.id, p.notification, string(p.leg.Channel), p.leg.Link, hub.RefOf(p.id)
		priorities[i], times[i], expires[i], by[i] = int16(p.leg.Priority), p.leg.At, p.leg.Expires, orNull(p.by)
	}
	return pgx.NamedArgs{
		"ids": ids, "notifications": notifications, "channels": channels, "links": links, "refs": refs,
		"priorities": priorities, "times": times, "expires": expires, "by": by, "now": now, "reason": superseded,
	}
}
