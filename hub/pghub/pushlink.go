package pghub

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// maxBrowsers is how many push subscriptions of a person are in use: an
// endpoint is an address that somebody gives us to call.
const maxBrowsers = 10

// makeRoom prepares for one more push subscription of a person: it refuses one
// that was found dead before, and ends the oldest where there would be too
// many.
func makeRoom(ctx context.Context, tx pgx.Tx, p approval.PersonID, hash [32]byte, now time.Time) (ended []string, err error) {
	var dead bool
	err = tx.QueryRow(ctx, `
		select exists (
			select from channel_link
			where channel = 'webpush' and address_hash = $1 and disabled_at is not null and starts_with(reason, $2)
		)`, hash[:], hub.DeadSubscription).Scan(&dead)
	if err != nil {
		return nil, err
	}
	if dead {
		return nil, hub.ErrDeadSubscription
	}
	// One after the other for each person, or two would make room for one each.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('push links of ' || $1, 0))`, string(p)); err != nil {
		return nil, err
	}
	return texts(ctx, tx, `
		update channel_link
		set disabled_at = $2, reason = 'newer ones took its place'
		where id in (
			select id
			from channel_link
			where person = $1 and channel = 'webpush' and disabled_at is null
			order by confirmed_at desc, id desc
			offset $3 - 1
		)
		returning id`, p, now, maxBrowsers)
}
