package pghub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// A message whose provider knows no idempotency key, and of which nobody knows
// whether it went out, is not sent again on suspicion. A status callback may
// settle it ([Hub.settle]). Else the provider is asked for it by its reference,
// until it answers or the message need not arrive any more. Only when it says
// that it does not have it is it sent again: once, ever. Where it never can be
// asked, or says that the message has failed, the next channel has its turn.

// askMost is the longest that lies between two questions.
const askMost = 10 * time.Minute

// ask asks the provider for a delivery in doubt and records what follows.
func (h *Hub) ask(ctx context.Context, d delivery) {
	finder := h.channels[d.channel].(hub.Finder)
	m, err := h.message(d, hub.Counts{}, hub.Setting{Lang: d.lang, Agency: h.agency, BaseURL: h.baseURL, Now: h.now()})
	if err != nil {
		h.log.ErrorContext(ctx, "address of a link cannot be opened", "link", d.link, "err", err)
		h.answered(ctx, d, answer{state: hub.StateUnknown, reason: "address cannot be opened"})
		return
	}
	receipt, found, err := h.find(ctx, finder, m, d.first)
	receipt.ProviderID = hub.Storable(receipt.ProviderID)
	a := answer{}
	if c, ok := finder.(hub.Costed); ok {
		a.cost = c.Cost(m)
	}
	now := h.now()
	switch {
	case found && err != nil:
		a.cost = 0
		a.state, a.provider, a.reason = hub.StateFailed, receipt.ProviderID, hub.Classify(d.channel, receipt, err).Reason
	case errors.Is(err, hub.ErrCannotAsk):
		// Its callbacks had their time to come.
		a.cost = 0
		a.state, a.reason = hub.StateUnknown, "may have been sent, and its provider does not say"
	case err != nil:
		wait := min(h.retries.AskAfter()<<min(d.asked-1, 10), askMost)
		a.cost = 0
		a.state, a.reason, a.at = hub.StateUnknown, "its provider cannot be asked: "+hub.TransportWords(err), now.Add(wait/2+time.Duration(h.jitter()*float64(wait/2)))
		if a.at.After(d.expires) {
			a.at = time.Time{}
		}
	case found:
		a.state, a.provider = hub.StateAccepted, receipt.ProviderID
		a.cost = 0 // paid for when it was sent
	case d.resent:
		a.state, a.reason, a.cost = hub.StateFailed, "its provider does not have it", -a.cost
	default:
		a.state, a.reason, a.cost, a.at, a.again = hub.StatePending, "its provider does not have it", -a.cost, now, true
	}
	h.answered(ctx, d, a)
}

// find asks, bounded in time like a call.
func (h *Hub) find(ctx context.Context, f hub.Finder, m hub.Message, since time.Time) (r hub.Receipt, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.sendTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			h.log.ErrorContext(ctx, "channel panicked", "panic", v)
			found, err = false, fmt.Errorf("the channel failed inside")
		}
	}()
	return f.Find(ctx, m, since)
}

// answer is what follows from what a provider said of a delivery in doubt.
type answer struct {
	state    hub.State
	reason   string
	provider string
	cost     int       // what is to be added to its cost
	at       time.Time // when to go on; zero: that was the end
	again    bool      // it is to be sent again
}

// answered records it, unless a callback was faster.
func (h *Hub) answered(ctx context.Context, d delivery, a answer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	tag, err := h.pool.Exec(ctx, `
		update delivery
		set state = @state, reason = @reason, cost = greatest(cost + @cost, 0),
			provider_id = case @provider when '' then provider_id else @provider end,
			resent_at = case when @again then @now else resent_at end,
			not_before = coalesce(@at, not_before),
			done_at = case when @at::timestamptz is null then @now::timestamptz end
		where id = @id and state = 'unknown' and asked = @asked and done_at is null`,
		pgx.NamedArgs{
			"id": d.id, "asked": d.asked, "state": string(a.state), "reason": hub.Clip(a.reason, 512),
			"provider": hub.Clip(a.provider, 256), "cost": a.cost, "again": a.again, "at": orNullTime(a.at), "now": h.now(),
		})
	if err != nil {
		// It is asked again when the time of this question is over.
		h.log.WarnContext(ctx, "a provider's answer could not be recorded", "channel", d.channel, "delivery", d.id, "err", err)
		return
	}
	if tag.RowsAffected() == 0 {
		return
	}
	h.log.InfoContext(ctx, "provider was asked for a message", "channel", d.channel, "delivery", d.id, "state", a.state, "reason", a.reason)
	switch {
	case !a.at.IsZero():
		h.wake(d.channel)
	case a.state != hub.StateAccepted:
		h.forward(ctx, []string{d.notification.ID})
	}
}
