package pghub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// A provider's monthly quota is asked for every few minutes and kept where all
// nodes see it. When the configured share of it is used, what is left is for
// what is urgent, and everything else takes the next channel.

// readQuotas asks the providers that have a quota.
func (h *Hub) readQuotas(ctx context.Context) error {
	var errs []error
	for _, name := range h.names() {
		reader, ok := h.channels[name].(hub.QuotaReader)
		if !ok {
			continue
		}
		asking, cancel := context.WithTimeout(ctx, h.sendTimeout)
		q, err := reader.Quota(asking)
		cancel()
		if err != nil {
			// What was known last goes on to hold.
			h.log.WarnContext(ctx, "quota could not be read", "channel", name, "reason", hub.TransportWords(err))
			continue
		}
		_, err = h.pool.Exec(ctx, `
			insert into channel_state (channel, changed_at, quota_limit, quota_used, quota_at)
			values ($1, $4, $2, $3, $4)
			on conflict (channel) do update
			set quota_limit = excluded.quota_limit, quota_used = excluded.quota_used, quota_at = excluded.quota_at`,
			name, max(q.Limit, 0), max(q.Used, 0), h.now())
		if err != nil {
			errs = append(errs, fmt.Errorf("pghub: quota of %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// names gives the channels of this process in order.
func (h *Hub) names() []hub.ChannelName {
	var list []hub.ChannelName
	for name := range h.channels {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// quotaShare is how much of a quota everybody may use. It is read before a
// claim, which holds a connection.
func (h *Hub) quotaShare(ctx context.Context, name hub.ChannelName) float64 {
	if _, ok := h.channels[name].(hub.QuotaReader); !ok {
		return 0
	}
	p, err := h.Policy(ctx)
	if err != nil {
		return h.base.QuotaShare
	}
	return p.QuotaShare
}

// queueStanding reads how a channel stands: breaker and quota.
func queueStanding(b *pgx.Batch, name hub.ChannelName, share float64, now time.Time, s *standing) {
	b.Queue(`select down_until, quota_limit, quota_used, quota_at from channel_state where channel = $1`, name).Query(func(rows pgx.Rows) error {
		var (
			down, at *time.Time
			q        hub.Quota
		)
		_, err := pgx.ForEachRow(rows, []any{&down, &q.Limit, &q.Used, &at}, func() error {
			s.down = orZero(down)
			s.scarce = at != nil && monthOf(*at) == monthOf(now) && share > 0 && q.Limit > 0 && float64(q.Used) >= share*float64(q.Limit)
			return nil
		})
		return err
	})
}
