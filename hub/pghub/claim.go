package pghub

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// claimAtOnce is how many deliveries one transaction claims, and one records.
// Beyond some hundred a larger batch saves nothing and makes others wait.
const claimAtOnce = 100

// postponeAtOnce is how many deliveries of a channel that is down one
// transaction puts off.
const postponeAtOnce = 500

// room is how many deliveries may be claimed: calls that can be made.
type room struct {
	urgent int // of any kind
	normal int // of these, what is not urgent
	calls  int // that are under way
}

// claimed is what a claim has brought, written and committed.
type claimed struct {
	send        []delivery // "sending" and their attempt are on record
	ask         []delivery
	interrupted []delivery
	forward     []string  // notifications whose other ways are to be tried
	ended       []ended   // deliveries that came to an end without a call
	looked      int       // how many were due
	skipped     int       // of these, how many there was no room for
	tokens      time.Time // when the provider's rate allows more; zero: it does
	careful     bool      // the channel only just comes back to service
	next        time.Time // when the next is due, where none was; zero: none is known
}

type ended struct {
	channel hub.ChannelName
	state   hub.State
}

// settings of the statements that claim and record: always the plan over the
// indexes, made once. Tables grow from nothing to millions of rows under the
// same connection, and the planner, asked with arrays and limits that it does
// not know, would rather read them as a whole.
const byIndex = `select
	set_config('plan_cache_mode', 'force_generic_plan', true),
	set_config('enable_seqscan', 'off', true),
	set_config('enable_bitmapscan', 'off', true),
	set_config('enable_hashjoin', 'off', true),
	set_config('enable_mergejoin', 'off', true)`

// Urgent ones first, then by when they are due. The rows of each priority are
// read in the order of the index and locked one by one as far as they are
// wanted; what another node has locked is left to it.
const claimDue = `
	with due as materialized (
		select x.*
		from (values (0::smallint, @urgent::int), (1, @normal), (2, @normal)) p (priority, room)
		cross join lateral (
			select d.*
			from delivery d
			where d.channel = @channel and d.priority = p.priority and d.done_at is null and d.not_before <= @now
			order by d.not_before
			limit p.room
			for update skip locked
		) x
		limit @urgent
	)` + selectDelivery

// nextDue is for when nothing is due.
const nextDue = `
	select min(x.not_before)
	from (values (0::smallint), (1), (2)) p (priority)
	cross join lateral (
		select d.not_before
		from delivery d
		where d.channel = @channel and d.priority = p.priority and d.done_at is null and d.not_before > @now
		order by d.not_before
		limit 1
	) x`

const (
	beginAttempts = `
		with begun as (
			update delivery d
			set state = 'sending', attempts = d.attempts + 1, first_at = coalesce(d.first_at, @now), began_at = @now, not_before = @lease
			where d.id = any(@ids)
			returning d.id, d.attempts
		)
		insert into attempt (delivery, number, started_at)
		select id, attempts, @now from begun`
	holdAsked       = `update delivery set asked = asked + 1, not_before = @lease where id = any(@ids)`
	holdInterrupted = `update delivery set not_before = @lease where id = any(@ids)`
	postpone        = `
		update delivery d
		set not_before = w.at
		from unnest(@ids::text[], @ats::timestamptz[]) w (id, at)
		where d.id = w.id`
	endWithoutCall = `
		update delivery d
		set state = e.state, reason = e.reason, done_at = @now
		from unnest(@ids::text[], @states::text[], @reasons::text[]) e (id, state, reason)
		where d.id = e.id`
)

// claim takes what is due of a channel and writes what is to happen to it: the
// beginning of an attempt, the end, or another time. It holds a connection for
// as long as that takes, and none when it returns.
//
// It is not interrupted by the end of ctx: a claim of which nobody knows whether
// it was committed would leave attempts behind that look as if they were made.
func (h *Hub) claim(ctx context.Context, name hub.ChannelName, r room) (claimed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	var c claimed
	now, share := h.now(), h.quotaShare(ctx, name)
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		c = claimed{}
		s, rate, err := h.stand(ctx, tx, name, share, now)
		if err != nil {
			return err
		}
		limit := room{urgent: min(r.urgent, claimAtOnce), normal: min(r.normal, claimAtOnce)}
		if s.down.After(now) {
			limit = room{urgent: postponeAtOnce, normal: postponeAtOnce}
		}
		if rate != nil && !s.down.After(now) {
			if limit = rate.limit(limit); limit.urgent == 0 {
				c.tokens = rate.more()
				return nil
			}
		}
		list, err := due(ctx, tx, name, now, limit)
		if err != nil {
			return err
		}
		if c.looked = len(list); c.looked == 0 {
			c.next, err = h.nextDue(ctx, tx, name, now)
			return err
		}
		left := r
		if !s.down.IsZero() && !s.down.After(now) {
			left, c.careful = left.careful(), true
		}
		w := moves{now: now, lease: now.Add(s.lease)}
		for _, d := range list {
			m := d.next(now, s, h.retries, h.jitter())
			if m.send || m.ask {
				if !left.take(d.urgent) || m.send && rate != nil && !rate.take() {
					c.skipped++
					continue
				}
			}
			w.add(d, m, &c)
		}
		b := &pgx.Batch{}
		w.queue(b)
		if rate != nil {
			rate.queue(b)
			c.tokens = rate.more()
		}
		if b.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return claimed{}, fmt.Errorf("pghub: claim: %w", err)
	}
	return c, nil
}

// careful is the room while a channel comes back to service: a few calls show
// whether it has.
func (r room) careful() room {
	n := max(tryCalls-r.calls, 0)
	return room{urgent: min(r.urgent, n), normal: min(r.normal, n)}
}

// take takes room for one.
func (r *room) take(urgent bool) bool {
	switch {
	case r.urgent <= 0, !urgent && r.normal <= 0:
		return false
	case !urgent:
		r.normal--
	}
	r.urgent--
	return true
}

// due locks and reads what is due.
func due(ctx context.Context, tx pgx.Tx, name hub.ChannelName, now time.Time, limit room) ([]delivery, error) {
	if limit.urgent <= 0 {
		return nil, nil
	}
	rows, _ := tx.Query(ctx, claimDue, pgx.NamedArgs{
		"channel": name, "now": now, "urgent": limit.urgent, "normal": limit.normal,
	})
	return pgx.CollectRows(rows, scanDelivery)
}

func (h *Hub) nextDue(ctx context.Context, tx pgx.Tx, name hub.ChannelName, now time.Time) (time.Time, error) {
	var at *time.Time
	err := tx.QueryRow(ctx, nextDue, pgx.NamedArgs{"channel": name, "now": now}).Scan(&at)
	return orZero(at), err
}

// stand reads how a channel stands, and where its provider has a rate locks
// what is left of it.
func (h *Hub) stand(ctx context.Context, tx pgx.Tx, name hub.ChannelName, share float64, now time.Time) (standing, *bucket, error) {
	_, finds := h.channels[name].(hub.Finder)
	s := standing{finds: finds, lease: h.lease()}
	b := &pgx.Batch{}
	b.Queue(byIndex)
	t := h.queueBucket(b, name, now)
	queueStanding(b, name, share, now, &s)
	err := tx.SendBatch(ctx, b).Close()
	return s, t, err
}

// moves gathers what a claim writes.
type moves struct {
	now, lease             time.Time
	begin, ask, held       []string
	endIDs, states, reason []string
	waitIDs                []string
	ats                    []time.Time
}

func (w *moves) add(d delivery, m move, c *claimed) {
	switch {
	case m.send:
		w.begin = append(w.begin, d.id)
		d.attempts++
		d.began = w.now
		if d.first.IsZero() {
			d.first = w.now
		}
		c.send = append(c.send, d)
	case m.ask:
		w.ask = append(w.ask, d.id)
		d.asked++
		c.ask = append(c.ask, d)
	case m.interrupted:
		w.held = append(w.held, d.id)
		c.interrupted = append(c.interrupted, d)
	case m.end != "":
		w.endIDs, w.states, w.reason = append(w.endIDs, d.id), append(w.states, string(m.end)), append(w.reason, m.reason)
		c.ended = append(c.ended, ended{d.channel, m.end})
	default:
		w.waitIDs, w.ats = append(w.waitIDs, d.id), append(w.ats, m.wait)
	}
	if m.over {
		c.forward = append(c.forward, d.notification.ID)
	}
}

func (w *moves) queue(b *pgx.Batch) {
	if len(w.begin) > 0 {
		b.Queue(beginAttempts, pgx.NamedArgs{"ids": w.begin, "now": w.now, "lease": w.lease})
	}
	if len(w.ask) > 0 {
		b.Queue(holdAsked, pgx.NamedArgs{"ids": w.ask, "lease": w.lease})
	}
	if len(w.held) > 0 {
		b.Queue(holdInterrupted, pgx.NamedArgs{"ids": w.held, "lease": w.now.Add(recordTime)})
	}
	if len(w.endIDs) > 0 {
		b.Queue(endWithoutCall, pgx.NamedArgs{"ids": w.endIDs, "states": w.states, "reasons": w.reason, "now": w.now})
	}
	if len(w.waitIDs) > 0 {
		b.Queue(postpone, pgx.NamedArgs{"ids": w.waitIDs, "ats": w.ats})
	}
}
