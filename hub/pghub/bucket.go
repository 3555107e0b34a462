package pghub

import (
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// bucket is what is left of the rate that a provider allows all nodes together
// (token bucket). The row is locked from when it is read until the claim that
// takes from it commits, so two nodes never spend the same token; whoever holds
// it waits for nobody.
type bucket struct {
	channel   hub.ChannelName
	perSecond float64
	burst     float64
	left      float64
	at        time.Time // as of when
	taken     bool
}

// slowDown is for how long nothing is sent when a provider says that it is too
// much and not for how long.
const slowDown = time.Second

// queueBucket reads and locks the bucket of a channel, if it has one. The first
// to ask finds it full.
func (h *Hub) queueBucket(b *pgx.Batch, name hub.ChannelName, now time.Time) *bucket {
	l, ok := h.channels[name].(hub.Limited)
	if !ok {
		return nil
	}
	perSecond, burst := l.Rate()
	if perSecond <= 0 {
		return nil
	}
	t := &bucket{channel: name, perSecond: perSecond, burst: max(float64(burst), 1)}
	b.Queue(`insert into channel_rate (channel, tokens, as_of) values ($1, $2, $3) on conflict do nothing`, name, t.burst, now)
	b.Queue(`select tokens, as_of from channel_rate where channel = $1 for update`, name).QueryRow(func(row pgx.Row) error {
		var asOf time.Time
		if err := row.Scan(&t.left, &asOf); err != nil {
			return err
		}
		t.refill(asOf, now)
		return nil
	})
	return t
}

// refill adds what has come since asOf. A node whose clock is behind adds
// nothing, and a bucket that is held back until some time is empty until then.
func (t *bucket) refill(asOf, now time.Time) {
	t.at = asOf
	if now.After(asOf) {
		t.left += now.Sub(asOf).Seconds() * t.perSecond
		t.at = now
	}
	t.left = min(t.left, t.burst)
}

func (t *bucket) limit(r room) room {
	n := int(t.left)
	return room{urgent: min(r.urgent, n), normal: min(r.normal, n)}
}

func (t *bucket) take() bool {
	if t.left < 1 {
		return false
	}
	t.left--
	t.taken = true
	return true
}

// queue writes what is left.
func (t *bucket) queue(b *pgx.Batch) {
	if t.taken {
		b.Queue(`update channel_rate set tokens = $2, as_of = $3 where channel = $1`, t.channel, t.left, t.at)
	}
}

// more is when it is worth to come again: for a fast provider not for each
// token, for a slow one as soon as there is one.
func (t *bucket) more() time.Time {
	want := min(max(t.perSecond/50, 1), claimAtOnce/2, t.burst)
	if t.left >= want {
		return time.Time{}
	}
	return t.at.Add(time.Duration((want - t.left) / t.perSecond * float64(time.Second)))
}

// slow empties the bucket of a channel whose provider said that it is too much,
// until after has passed.
func slow(b *pgx.Batch, name hub.ChannelName, after time.Duration, now time.Time) {
	if after <= 0 {
		after = slowDown
	}
	b.Queue(`update channel_rate set tokens = 0, as_of = greatest(as_of, $2) where channel = $1`, name, now.Add(after))
}
