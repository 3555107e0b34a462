package pghub

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/hub"
)

// The breaker of a channel is a row that all nodes see: while it is open,
// deliveries wait and nobody is called. The first of them after that tries.

func openBreaker(b *pgx.Batch, c hub.ChannelName, until time.Time, reason string, now time.Time) {
	b.Queue(`
		insert into channel_state (channel, down_until, reason, changed_at)
		values ($1, $2, $3, $4)
		on conflict (channel) do update
		set down_until = excluded.down_until, reason = excluded.reason, changed_at = excluded.changed_at`,
		c, until, hub.Clip(reason, 512), now)
}

func closeBreaker(b *pgx.Batch, c hub.ChannelName, now time.Time) {
	b.Queue(`
		update channel_state
		set down_until = null, reason = '', changed_at = $2
		where channel = $1 and down_until <= $2`, c, now)
}

// A delivery that waits for its turn while every other way has failed need not
// wait. One that was tried already is under way: it comes again by itself.
const nextInLine = `
	with others as (
		select d.id, d.state, d.channel, d.not_before, d.attempts, d.done_at, coalesce(c.down_until > @now, false) as down
		from delivery d
		left join channel_state c on c.channel = d.channel
		where d.notification = @notification
		order by d.id
		for update of d
	)
	update delivery d
	set not_before = @now
	from (
		select id
		from others
		where state = 'pending' and not_before > @now and not down
		order by not_before, id
		limit 1
	) o
	where d.id = o.id and not exists (
		select from others
		where state in ('accepted', 'sending', 'unknown')
			or state = 'pending' and not down and (attempts > 0 or not_before <= @now)
	)
	returning d.id, d.channel`

// bringForward fails over: when nothing else is under way or has arrived, the
// next leg of the plan is sent at once. It is a service, not a duty; what it
// does not bring forward comes at its time.
func (h *Hub) bringForward(ctx context.Context, notification string) {
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		var (
			id   string
			name hub.ChannelName
			jobs []river.InsertManyParams
		)
		rows, _ := tx.Query(ctx, nextInLine, pgx.NamedArgs{"notification": notification, "now": h.now()})
		_, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
			jobs = append(jobs, deliverJob(id, name, 0, true))
			return nil
		})
		if err != nil || len(jobs) == 0 {
			return err
		}
		_, err = h.jobs.InsertManyTx(ctx, tx, jobs)
		return err
	})
	if err != nil {
		h.log.WarnContext(ctx, "next channel was not brought forward", "notification", notification, "err", err)
	}
}
