package pghub

import (
	"context"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// EndSessionsTx ends what hangs on sessions that a transaction ends (換機、停用):
// their push subscriptions inside it, and once it has been committed, by after,
// their open pages on every node. What was under way to a subscription goes on
// by the next channel of its plan.
func (h *Hub) EndSessionsTx(ctx context.Context, tx pgx.Tx, sessions []string) (after func(), err error) {
	if err := sayOrigin(ctx, tx); err != nil {
		return nil, translate("pghub: end sessions", err)
	}
	links, err := texts(ctx, tx, `
		update channel_link
		set disabled_at = $2, reason = 'session ended'
		where session = any ($1) and disabled_at is null
		returning id`, sessions, h.now())
	if err != nil {
		return nil, translate("pghub: end sessions", err)
	}
	forward, err := h.giveUp(ctx, tx, links...)
	if err != nil {
		return nil, translate("pghub: end sessions", err)
	}
	changes := make([]hub.Change, len(sessions))
	for i, id := range sessions {
		changes[i] = hub.Change{Ended: id}
	}
	return func() {
		h.bus.Publish(changes...)
		h.forward(ctx, forward)
	}, nil
}
