package pghub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// unroutedAfter leaves time for the job that should have done it.
	unroutedAfter = 30 * time.Second
	// abandonedAfter is beyond every TTL: no process has the channel any more.
	abandonedAfter = 48 * time.Hour
	sweepAtOnce    = 1000
)

// sweep does whatever is due: 稽催, the digest, and what jobs have left behind. It
// runs every minute on one node; a minute that was missed is made up for by
// the next. Deliveries that are due need none: every pump looks for them by
// itself.
func (h *Hub) sweep(ctx context.Context, now time.Time) error {
	_, chase := h.Chase(ctx, now)
	_, digest := h.Digest(ctx, now)
	return errors.Join(chase, digest, h.forgetChased(ctx, now), h.sweepUnrouted(ctx, now), h.sweepAbandoned(ctx, now), h.sweepForward(ctx, now), h.sweepGivenUp(ctx, now),
		h.sweepInbound(ctx, now), h.sweepPairings(ctx, now), h.sweepProofs(ctx, now), h.sweepEnded(ctx, now), h.sweepWebhooks(ctx, now), h.sweepSecrets(ctx, now))
}

// sweepUnrouted plans notifications whose job is gone.
func (h *Hub) sweepUnrouted(ctx context.Context, now time.Time) error {
	rows, _ := h.pool.Query(ctx, `
		select id
		from notification
		where routed_at is null and created_at < $1
		order by created_at
		limit $2`, now.Add(-unroutedAfter), sweepAtOnce)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("pghub: sweep: %w", err)
	}
	if len(ids) == 0 {
		return nil
	}
	h.log.WarnContext(ctx, "notifications were never planned", "count", len(ids))
	return h.route(ctx, ids)
}

// sweepAbandoned closes the record of deliveries through channels that nobody
// has any more.
func (h *Hub) sweepAbandoned(ctx context.Context, now time.Time) error {
	_, err := h.pool.Exec(ctx, `
		with open as (
			select id
			from delivery
			where done_at is null and created_at < $1 and coalesce(expires_at, created_at) < $3
			order by id
			limit $2
			for update skip locked
		)
		update delivery d
		set state = case state when 'pending' then 'failed' else 'unknown' end, reason = 'nobody delivered it', done_at = $3
		from open
		where d.id = open.id`, now.Add(-abandonedAfter), sweepAtOnce, now)
	if err != nil {
		return fmt.Errorf("pghub: sweep: %w", err)
	}
	return nil
}
