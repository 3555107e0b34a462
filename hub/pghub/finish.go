package pghub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// result is what became of one attempt.
type result struct {
	d        delivery
	returned time.Time // zero: it never did
	verdict  hub.Verdict
	cost     int // of the message
}

// follow decides what follows from a result.
func (h *Hub) follow(r result, finds bool, now time.Time) hub.Next {
	d := r.d
	r.verdict.Safe = r.verdict.Safe && d.channel.Keyed()
	doubt := d.state == hub.StateUnknown // an attempt before may have been sent
	next := h.retries.Next(r.verdict, d.attempts, now, d.expires, h.jitter())
	switch {
	case r.verdict.Outcome == hub.OutcomeUnknown && !d.channel.Keyed() && finds:
		ask := h.retries.AskAfter()
		next.At = now.Add(ask + time.Duration(h.jitter()*float64(ask)))
		if next.At.After(d.expires) {
			next.At = time.Time{}
		}
	case doubt && next.State == hub.StatePending:
		next.State = hub.StateUnknown
	case doubt && next.State == hub.StateFailed && r.verdict.Outcome != hub.OutcomePermanent && r.verdict.Outcome != hub.OutcomeRejected:
		next.State = hub.StateUnknown
	}
	if next.State == hub.StateUnknown && d.keyForgotten(next.At) {
		next.At = time.Time{}
	}
	return next
}

// One statement records attempts and deliveries. Whoever took over an attempt
// that seemed dead has the word, unless this one did arrive, and has not failed
// since. A delivery that a callback has settled before the call returned learns
// only what it cost.
const finishAttempts = `
	with r as materialized (
		select *
		from unnest(@ids::text[], @numbers::int[], @outcomes::text[], @details::text[], @returned::timestamptz[],
			@states::text[], @reasons::text[], @providers::text[], @ats::timestamptz[], @dues::timestamptz[], @costs::int[])
			r (id, number, outcome, detail, returned, state, reason, provider, at, due, cost)
	), tried as (
		update attempt t
		set outcome = r.outcome, detail = r.detail, finished_at = r.returned
		from r
		where t.delivery = r.id and t.number = r.number and t.outcome = 'started'
	)
	update delivery d
	set state = r.state, reason = r.reason, cost = greatest(d.cost, r.cost),
		provider_id = case r.provider when '' then d.provider_id else r.provider end,
		reported = case when d.reported in ('undelivered', 'failed') and r.provider not in ('', d.provider_id) then '' else d.reported end,
		not_before = coalesce(r.at, r.due),
		done_at = case when r.at is null then @now::timestamptz end
	from r
	where d.id = r.id and (d.state = 'sending' and d.attempts = r.number
		or r.state = 'accepted' and not (d.reported in ('undelivered', 'failed') and d.provider_id = r.provider)
			and (d.state <> 'accepted' or d.cost < r.cost))`

// finish records results in one transaction, and what follows from them. It
// does so even when the work was cancelled: the calls were made. silent says
// that the provider has not answered anybody for some time. again reports
// whether any of the deliveries is to be looked at later.
func (h *Hub) finish(ctx context.Context, name hub.ChannelName, list []result, silent bool) (again bool, err error) {
	now := h.now()
	_, finds := h.channels[name].(hub.Finder)
	next := make([]hub.Next, len(list))
	// In the order of ids, like everybody who locks several deliveries.
	slices.SortFunc(list, func(a, b result) int { return cmp.Compare(a.d.id, b.d.id) })
	for i, r := range list {
		next[i] = h.follow(r, finds, now)
	}
	var forward []string
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		forward = nil
		b := &pgx.Batch{}
		b.Queue(byIndex)
		queueFinish(b, list, next, now)
		queueDead(b, list, next, now, &forward)
		h.queueBreaker(b, name, list, next, silent, now)
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return false, fmt.Errorf("pghub: record attempts: %w", err)
	}
	for i, r := range list {
		h.observe(ctx, r, next[i], now)
		again = again || !next[i].At.IsZero()
		if n := next[i]; n.State == hub.StateFailed || !n.Down.IsZero() || n.State == hub.StateUnknown && n.At.IsZero() {
			forward = append(forward, r.d.notification.ID)
		}
	}
	h.forward(ctx, forward)
	return again, nil
}

func queueFinish(b *pgx.Batch, list []result, next []hub.Next, now time.Time) {
	n := len(list)
	var (
		ids, outcomes, details     = make([]string, n), make([]string, n), make([]string, n)
		states, reasons, providers = make([]string, n), make([]string, n), make([]string, n)
		numbers, costs             = make([]int, n), make([]int, n)
		returned, ats              = make([]*time.Time, n), make([]*time.Time, n)
		dues                       = make([]time.Time, n)
	)
	for i, r := range list {
		reason := hub.Clip(r.verdict.Reason, 512)
		ids[i], numbers[i], outcomes[i], details[i], returned[i] = r.d.id, r.d.attempts, string(r.verdict.Outcome), reason, orNullTime(r.returned)
		states[i], reasons[i], providers[i] = string(next[i].State), reason, hub.Clip(r.verdict.ProviderID, 256)
		ats[i], dues[i] = orNullTime(next[i].At), r.d.due
		if next[i].State == hub.StateAccepted || next[i].State == hub.StateUnknown {
			costs[i] = r.d.cost + r.cost // what may have been sent may have to be paid
		}
	}
	b.Queue(finishAttempts, pgx.NamedArgs{
		"ids": ids, "numbers": numbers, "outcomes": outcomes, "details": details, "returned": returned, "states": states,
		"reasons": reasons, "providers": providers, "ats": ats, "dues": dues, "costs": costs, "now": now,
	})
}

// queueDead ends the links that the provider calls dead, in the order of ids,
// and gives up what else waits for them.
func queueDead(b *pgx.Batch, list []result, next []hub.Next, now time.Time, forward *[]string) {
	var dead []result
	for i, r := range list {
		if next[i].DisableLink {
			dead = append(dead, r)
		}
	}
	slices.SortFunc(dead, func(a, b result) int { return cmp.Compare(a.d.link, b.d.link) })
	for _, r := range dead {
		disableLink(b, r.d.link, hub.Clip(r.verdict.Reason, 512), r.d.began, now)
		queueGiveUp(b, r.d.link, now, forward)
	}
}

// observe counts, and logs what an operator may have to look at.
func (h *Hub) observe(ctx context.Context, r result, next hub.Next, now time.Time) {
	d, v := r.d, r.verdict
	h.metrics.deliveries.WithLabelValues(string(d.channel), string(v.Outcome)).Inc()
	h.tally.add(r, next.State == hub.StateAccepted, now)
	if next.State == hub.StateAccepted {
		h.metrics.seconds.WithLabelValues(string(d.channel)).Observe(max(now.Sub(d.due), 0).Seconds())
		return
	}
	h.log.WarnContext(ctx, "delivery was not accepted", "channel", d.channel, "delivery", d.id,
		"attempt", d.attempts, "outcome", v.Outcome, "reason", v.Reason, "state", next.State)
}
