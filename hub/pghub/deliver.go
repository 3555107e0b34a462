package pghub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// deliver brings a delivery as far as it can be brought now, and says after
// how long to come again, 0 for never. It may be called at any time, any number
// of times and in several processes at once.
//
//	look      is there anything to send?
//	claim     lock, look again, write "sending" and the attempt; commit
//	send      the call; the process may die here
//	finish    write what became of it and what follows; commit
func (h *Hub) deliver(ctx context.Context, id string) (again time.Duration, err error) {
	for range 3 {
		d, m, err := h.look(ctx, id)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("pghub: deliver: %w", err)
		case m.interrupted:
			return h.finish(ctx, d, time.Time{}, hub.Verdict{
				Outcome: hub.OutcomeUnknown, Reason: "the process ended during the call", Safe: d.channel.Keyed(),
			})
		case !m.send && m.end == "":
			if m.down {
				h.bringForward(ctx, d.notification.ID)
			}
			return m.wait, nil
		case h.channels[d.channel] == nil:
			return time.Minute, nil // another process may have it
		}
		message := hub.Message{}
		if m.send {
			if message, m, err = h.compose(ctx, d); err != nil {
				return 0, err
			}
		}
		claimed, err := h.claim(ctx, &d, m)
		switch {
		case err != nil:
			return 0, fmt.Errorf("pghub: deliver: %w", err)
		case !claimed:
			continue // something has changed in between
		case m.end != "":
			h.metrics.deliveries.WithLabelValues(string(d.channel), string(m.end)).Inc()
			if m.end == hub.StateFailed {
				h.bringForward(ctx, d.notification.ID)
			}
			return 0, nil
		}
		receipt, sendErr := h.send(ctx, d.channel, message)
		return h.finish(ctx, d, h.now(), hub.Classify(d.channel, receipt, sendErr))
	}
	return time.Second, nil
}

// lease is how long an attempt may take, all told; after that nobody is at it.
func (h *Hub) lease() time.Duration { return h.sendTimeout + 30*time.Second }

// look reads a delivery and decides on it, without a lock.
func (h *Hub) look(ctx context.Context, id string) (delivery, move, error) {
	now := h.now()
	d, err := loadDelivery(ctx, h.pool, id, "", now)
	if err != nil {
		return d, move{}, err
	}
	return d, d.next(now, h.lease(), h.retries, h.jitter()), nil
}

// compose makes the message from what is true now. A digest of nothing is not
// sent.
func (h *Hub) compose(ctx context.Context, d delivery) (hub.Message, move, error) {
	counts, err := h.counts(ctx, d.notification.Person)
	if err != nil {
		return hub.Message{}, move{}, err
	}
	if d.notification.Kind == hub.KindDigest && counts.Pending == 0 {
		return hub.Message{}, d.ends(hub.StateCancelled, "nothing is pending any more"), nil
	}
	m := hub.Compose(d.notification, counts, hub.Setting{Lang: d.lang, Agency: h.agency, BaseURL: h.baseURL, Now: h.now()})
	m.Delivery = d.id
	m.To, err = h.open(d.link, d.address, d.keys)
	if err != nil {
		// Sealed under another secret: nobody can ever read it.
		h.log.ErrorContext(ctx, "address of a link cannot be opened", "link", d.link, "err", err)
		return hub.Message{}, d.ends(hub.StateFailed, "address cannot be opened"), nil
	}
	return m, move{send: true}, nil
}

// claim writes the move if the delivery is still what it was: the end, or the
// beginning of an attempt. false means that it has changed.
func (h *Hub) claim(ctx context.Context, d *delivery, m move) (claimed bool, err error) {
	now := h.now()
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		locked, err := loadDelivery(ctx, tx, d.id, "for update of d", now)
		if err != nil {
			return err
		}
		if locked.state != d.state || locked.attempts != d.attempts || locked.done != d.done {
			return nil
		}
		if is := locked.next(now, h.lease(), h.retries, 0); m.send && !is.send {
			return nil
		}
		claimed = true
		b := &pgx.Batch{}
		if m.send {
			locked.attempts++
			locked.state, locked.began = hub.StateSending, now
			b.Queue(`update delivery set state = 'sending', attempts = $2, first_at = coalesce(first_at, $3), began_at = $3 where id = $1`, d.id, locked.attempts, now)
			b.Queue(`insert into attempt (delivery, number, started_at) values ($1, $2, $3)`, d.id, locked.attempts, now)
		} else {
			b.Queue(`update delivery set state = $2, reason = $3, done_at = $4 where id = $1`, d.id, m.end, m.reason, now)
		}
		*d = locked
		return tx.SendBatch(ctx, b).Close()
	})
	return claimed && err == nil, err
}

// send makes one call, bounded in time. A channel that panics may have sent.
func (h *Hub) send(ctx context.Context, name hub.ChannelName, m hub.Message) (r hub.Receipt, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.sendTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			h.log.ErrorContext(ctx, "channel panicked", "channel", name, "panic", v)
			err = &hub.Unknown{Reason: "the channel failed inside", Safe: name.Keyed()}
		}
	}()
	return h.channels[name].Send(ctx, m)
}

// finish records the last attempt, which returned at returned (zero: never),
// and what follows from it. It does so even when ctx has ended: the call was
// made.
func (h *Hub) finish(ctx context.Context, d delivery, returned time.Time, v hub.Verdict) (again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	now := h.now()
	next := h.retries.Next(v, d.attempts, now, d.deadline(), h.jitter())
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(`
			update attempt
			set outcome = @outcome, detail = @detail, finished_at = @returned
			where delivery = @id and number = @number and outcome = 'started'`,
			pgx.NamedArgs{"id": d.id, "number": d.attempts, "outcome": v.Outcome, "detail": hub.Clip(v.Reason, 512), "returned": orNullTime(returned)})
		// Whoever took over an attempt that seemed dead has the word, unless
		// this one did arrive, and has not failed since.
		b.Queue(`
			update delivery
			set state = @state, reason = @reason, provider_id = @provider,
				not_before = coalesce(@at, not_before),
				done_at = case when @at::timestamptz is null then @now::timestamptz end
			where id = @id and (state = 'sending' and attempts = @number
				or @state = 'accepted' and state <> 'accepted' and not (reported in ('undelivered', 'failed') and provider_id = @provider))`,
			pgx.NamedArgs{
				"id": d.id, "number": d.attempts, "state": string(next.State), "reason": hub.Clip(v.Reason, 512),
				"provider": hub.Clip(v.ProviderID, 256), "at": orNullTime(next.At), "now": now,
			})
		if next.DisableLink {
			disableLink(b, d.link, hub.Clip(v.Reason, 512), d.began, now)
		}
		switch {
		case !next.Down.IsZero():
			openBreaker(b, d.channel, next.Down, v.Reason, now)
		case next.State == hub.StateAccepted && !d.down.IsZero():
			closeBreaker(b, d.channel, now)
		}
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return 0, fmt.Errorf("pghub: record attempt: %w", err)
	}
	h.observe(ctx, d, v, next, now)
	if next.State == hub.StateFailed || !next.Down.IsZero() {
		h.bringForward(ctx, d.notification.ID)
	}
	if next.At.IsZero() {
		return 0, nil
	}
	return max(next.At.Sub(now), time.Millisecond), nil
}

// observe counts, and logs what an operator may have to look at.
func (h *Hub) observe(ctx context.Context, d delivery, v hub.Verdict, next hub.Next, now time.Time) {
	h.metrics.deliveries.WithLabelValues(string(d.channel), string(v.Outcome)).Inc()
	if next.State == hub.StateAccepted {
		h.metrics.seconds.WithLabelValues(string(d.channel)).Observe(max(now.Sub(d.notBefore), 0).Seconds())
		return
	}
	h.log.WarnContext(ctx, "delivery was not accepted", "channel", d.channel, "delivery", d.id,
		"attempt", d.attempts, "outcome", v.Outcome, "reason", v.Reason, "state", next.State)
}

func orNullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
