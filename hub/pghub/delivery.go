package pghub

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// delivery is a delivery with all that decides on it.
type delivery struct {
	id           string
	channel      hub.ChannelName
	state        hub.State
	done         bool // the state is final
	notBefore    time.Time
	attempts     int
	began        time.Time // the last attempt
	notification hub.Notification
	cancelled    bool // the notification was
	stepLeft     bool // its step is not active any more
	link         string
	linkEnded    bool
	down         time.Time // until when the channel is; zero: never was, lately
	lang         string

	address, keys []byte // sealed
}

const selectDelivery = `
	select ` + notificationColumns + `,
		d.id, d.channel, d.state, d.done_at is not null, d.not_before, d.attempts,
		coalesce((select started_at from attempt t where t.delivery = d.id and t.number = d.attempts), d.created_at),
		n.cancelled_at is not null,
		n.kind in ('document.arrived', 'document.returned') and st.state <> 'active',
		l.id, l.address, l.keys,
		not (` + linkInForce + `),
		c.down_until,
		coalesce(a.locale, 'zh-TW')
	from delivery d
	join notification n on n.id = d.notification
	join channel_link l on l.id = d.link
	left join session s on s.id = l.session
	left join account a on a.person = l.person
	left join step st on st.id = n.step
	left join channel_state c on c.channel = d.channel
	where d.id = @id`

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// loadDelivery reads a delivery; lock is empty or "for update of d". Returns
// pgx.ErrNoRows when there is none.
func loadDelivery(ctx context.Context, q queryer, id, lock string, now time.Time) (delivery, error) {
	rows, _ := q.Query(ctx, selectDelivery+" "+lock, pgx.NamedArgs{"id": id, "now": now})
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (delivery, error) {
		var (
			d        delivery
			down     *time.Time
			stepLeft *bool
			err      error
		)
		d.notification, err = scanNotification(row,
			&d.id, &d.channel, &d.state, &d.done, &d.notBefore, &d.attempts, &d.began,
			&d.cancelled, &stepLeft, &d.link, &d.address, &d.keys, &d.linkEnded, &down, &d.lang)
		d.down, d.stepLeft = orZero(down), stepLeft != nil && *stepLeft
		return d, err
	})
}

// deadline is when the message need not arrive any more.
func (d *delivery) deadline() time.Time {
	return d.notification.At.Add(d.notification.Kind.TTL())
}

// move is what there is to do about a delivery. The zero value is: nothing,
// ever.
type move struct {
	send        bool
	wait        time.Duration // come again then
	end         hub.State     // write this state: it was the end
	reason      string        // of the end
	down        bool          // the wait is for the channel to come back
	interrupted bool          // an attempt was begun and nobody will finish it
}

// next decides. lease is how long an attempt is taken to be running.
func (d *delivery) next(now time.Time, lease time.Duration, retries hub.Retries, jitter float64) move {
	switch d.state {
	case hub.StateAccepted, hub.StateFailed, hub.StateCancelled:
		return move{}
	case hub.StateSending:
		if left := d.began.Add(lease).Sub(now); left > 0 {
			return move{wait: left}
		}
		return move{interrupted: true}
	}
	if d.done {
		return move{}
	}
	switch {
	case !d.notification.Seen.IsZero():
		return d.ends(hub.StateCancelled, "seen")
	case d.cancelled, d.stepLeft:
		return d.ends(hub.StateCancelled, "no longer in this person's hands")
	case d.linkEnded:
		return d.ends(hub.StateCancelled, "link has ended")
	case now.After(d.deadline()):
		return d.ends(hub.StateFailed, "too late")
	case d.notBefore.After(now):
		return move{wait: d.notBefore.Sub(now)}
	case d.down.After(now):
		at := retries.Reopen(d.down, jitter)
		if at.After(d.deadline()) {
			return d.ends(hub.StateFailed, "channel is down for longer than it makes sense to wait")
		}
		return move{wait: at.Sub(now), down: true}
	}
	return move{send: true}
}

// ends gives the move to a final state. What may have been sent stays unknown.
func (d *delivery) ends(s hub.State, reason string) move {
	if d.state == hub.StateUnknown {
		s = hub.StateUnknown
	}
	return move{end: s, reason: reason}
}
