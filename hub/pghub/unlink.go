package pghub

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// What waits to be sent to a link that has ended is never sent, and the next
// leg of its plan need not wait for a time that was reckoned from it. It is
// given up in the transaction that ends the link; after its commit the
// notifications go to [Hub.forward]. Who has locked a delivery is sending it, or
// ends it: nobody waits here, and what was passed over is the sweep's.
const giveUp = `
	with waiting as (
		select d.id
		from delivery d
		join channel_link l on l.id = d.link
		where d.link = any(@links) and d.state = 'pending' and l.disabled_at is not null
		order by d.id
		for update of d skip locked
	)
	update delivery d
	set state = 'cancelled', reason = 'link has ended', done_at = @now
	from waiting w
	where d.id = w.id
	returning d.notification`

// giveUp gives the notifications of what it has given up.
func (h *Hub) giveUp(ctx context.Context, tx pgx.Tx, links ...string) ([]string, error) {
	if len(links) == 0 {
		return nil, nil
	}
	return texts(ctx, tx, giveUp, pgx.NamedArgs{"links": links, "now": h.now()})
}

// texts runs a statement that gives one column.
func texts(ctx context.Context, q queryer, sql string, args ...any) ([]string, error) {
	rows, _ := q.Query(ctx, sql, args...)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// queueGiveUp does so in a batch, and adds to forward when that is sent.
func queueGiveUp(b *pgx.Batch, link string, now time.Time, forward *[]string) {
	b.Queue(giveUp, pgx.NamedArgs{"links": []string{link}, "now": now}).Query(func(rows pgx.Rows) error {
		list, err := pgx.CollectRows(rows, pgx.RowTo[string])
		*forward = append(*forward, list...)
		return err
	})
}

// sweepGivenUp does what was passed over because somebody had it locked, and
// brings forward what the process that ended a link did not, because it died
// right after.
func (h *Hub) sweepGivenUp(ctx context.Context, now time.Time) error {
	list, err := texts(ctx, h.pool, `
		select distinct l.id
		from channel_link l
		join delivery d on d.link = l.id and d.state = 'pending'
		where l.disabled_at > $1
		limit $2`, now.Add(-forwardWithin), sweepAtOnce)
	if err != nil {
		return fmt.Errorf("pghub: sweep: %w", err)
	}
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		_, err := h.giveUp(ctx, tx, list...)
		return err
	})
	if err != nil {
		return fmt.Errorf("pghub: sweep: %w", err)
	}
	list, err = texts(ctx, h.pool, `
		select distinct w.notification
		from channel_link l
		join channel_link o on o.person = l.person and o.disabled_at is null
		join delivery w on w.link = o.id and w.state = 'pending' and w.not_before > $2 and w.attempts = 0
		join delivery d on d.notification = w.notification and d.link = l.id and d.state = 'cancelled' and d.done_at > $1
		where l.disabled_at > $1 and d.reason = 'link has ended'
			and w.not_before > coalesce(w.held_until, $2)
			and not exists (select from delivery o where o.notification = w.notification and o.state in ('accepted', 'sending'))
		limit $3`, now.Add(-forwardWithin), now, sweepAtOnce)
	if err != nil {
		return fmt.Errorf("pghub: sweep: %w", err)
	}
	h.forward(ctx, list)
	return nil
}
