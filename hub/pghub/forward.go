package pghub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// A delivery that waits for its turn while every other way has failed need not
// wait. One that was tried already is under way: it comes again by itself; one
// of which nobody will ever know whether it was sent is not.
const nextInLine = `
	with others as materialized (
		select d.id, d.notification, d.state, d.not_before, d.held_until, d.attempts, d.done_at, coalesce(c.down_until > @now, false) as down
		from delivery d
		left join channel_state c on c.channel = d.channel
		where d.notification = any(@notifications)
		order by d.id
		for update of d
	), first as (
		select distinct on (o.notification) o.id
		from others o
		where o.state = 'pending' and o.not_before > @now and not o.down
			and not exists (
				select
				from others u
				where u.notification = o.notification
					and (u.state in ('accepted', 'sending')
						or u.state = 'unknown' and u.done_at is null
						or u.state = 'pending' and not u.down and (u.attempts > 0 or u.not_before <= @now))
			)
		order by o.notification, o.not_before, o.id
	)
	update delivery d
	set not_before = greatest(@now, d.held_until)
	from first
	where d.id = first.id
	returning d.channel, d.not_before`

// forward fails over: where nothing else of a notification is under way or has
// arrived, the next leg of its plan is sent at once. What a process that died did not bring
// forward, [Hub.sweepForward] does.
func (h *Hub) forward(ctx context.Context, notifications []string) {
	if len(notifications) == 0 {
		return
	}
	slices.Sort(notifications)
	notifications = slices.Compact(notifications)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	now := h.now()
	var w wakes
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		w = wakes{}
		rows, _ := tx.Query(ctx, nextInLine, pgx.NamedArgs{"notifications": notifications, "now": now})
		var (
			name hub.ChannelName
			at   time.Time
		)
		_, err := pgx.ForEachRow(rows, []any{&name, &at}, func() error {
			w.add(name, at, now)
			return nil
		})
		if err != nil {
			return err
		}
		return h.wakeTx(ctx, tx, w, now)
	})
	if err != nil {
		h.log.WarnContext(ctx, "next channels were not brought forward", "notifications", len(notifications), "err", err)
		return
	}
	h.woken(w)
}

// sweepForward brings forward what nobody did, because the process that
// recorded the failure died right after: within a minute, where the next leg
// may lie hours ahead.
func (h *Hub) sweepForward(ctx context.Context, now time.Time) error {
	rows, _ := h.pool.Query(ctx, `
		select distinct d.notification
		from delivery d
		join delivery w on w.notification = d.notification
		where d.done_at > $1 and d.state in ('failed', 'unknown')
			and w.state = 'pending' and w.not_before > $2 and w.attempts = 0
			and not exists (select from delivery o where o.notification = d.notification and o.state in ('accepted', 'sending'))
		limit $3`, now.Add(-forwardWithin), now, sweepAtOnce)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("pghub: sweep: %w", err)
	}
	h.forward(ctx, list)
	return nil
}

// forwardWithin is how far back the sweep looks: longer than all nodes are
// down in a bad night.
const forwardWithin = 24 * time.Hour
