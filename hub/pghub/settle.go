package pghub

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// report is how far a provider says that a message has come.
type report struct {
	word   string // as it stands in the record
	rank   int    // what comes later has more
	failed bool
}

// reports by the words that providers use. What is not here tells nothing of
// our messages.
func reportOf(word string) (report, bool) {
	switch word = strings.ToLower(word); word {
	case "accepted", "taken", "scheduled":
		return report{"accepted", 1, false}, true
	case "queued":
		return report{"queued", 2, false}, true
	case "sending":
		return report{"sending", 3, false}, true
	case "sent":
		return report{"sent", 4, false}, true
	case "delivered", "partially_delivered":
		return report{"delivered", 5, false}, true
	case "undelivered":
		return report{"undelivered", 5, true}, true
	case "failed", "canceled":
		return report{"failed", 5, true}, true
	case "read":
		return report{"read", 6, false}, true
	}
	return report{}, false
}

// arrived reports whether a device has it.
func (r report) arrived() bool { return r.rank >= 5 && !r.failed }

// settle applies what a provider says afterwards about messages of ours: how
// far they have come, that a device has them, that they failed after all.
// Callbacks come repeated and in any order, and change nothing backwards.
//
// That somebody has read in a chat how many documents wait is recorded and
// cancels nothing: they have not opened one.
func (h *Hub) settle(ctx context.Context, in hub.Inbound) error {
	word := in.Data
	switch in.Kind {
	case hub.InDelivered:
		word = "delivered"
	case hub.InRead:
		word = "read"
	case hub.InStatus:
	default:
		return nil
	}
	says, known := reportOf(word)
	if !known {
		return nil
	}
	in.Delivery, in.Provider = hub.Storable(in.Delivery), slices.Clone(in.Provider)
	for i, id := range in.Provider {
		in.Provider[i] = hub.Storable(id)
	}
	now := h.now()
	var failed []string // notifications that need another way
	var freed []string  // so do these: their link has ended
	var w wakes
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		failed, freed, w = nil, nil, wakes{}
		list, err := meant(ctx, tx, in)
		if err != nil || len(list) == 0 {
			return err
		}
		b := &pgx.Batch{}
		var confirmed []string
		for _, d := range list {
			n := d.after(in, says)
			if !n.changed {
				continue
			}
			var again *time.Time
			if n.state == hub.StatePending {
				next := h.retries.Next(hub.Verdict{Outcome: hub.OutcomeRetry, After: tryOff}, d.attempts, now, d.deadline, h.jitter())
				if next.State == hub.StatePending {
					again = &next.At
					w.add(in.Channel, next.At, now)
				} else {
					n.state = hub.StateFailed
				}
			}
			if n.failed && again == nil {
				failed = append(failed, d.notification)
			}
			h.record(b, d, n, in, says, again, now, &freed)
			if says.arrived() {
				confirmed = append(confirmed, d.link)
			}
		}
		slices.Sort(confirmed)
		for _, link := range slices.Compact(confirmed) {
			b.Queue(`update channel_link set confirmed_at = $2 where id = $1 and confirmed_at < $2`, link, now)
		}
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		return h.wakeTx(ctx, tx, w, now)
	})
	if err != nil {
		return translate("pghub: settle", err)
	}
	h.woken(w)
	for _, n := range failed {
		h.metrics.deliveries.WithLabelValues(string(in.Channel), says.word).Inc()
		h.log.WarnContext(ctx, "message was taken and has failed", "channel", in.Channel, "notification", n, "status", says.word, "code", in.Code)
	}
	h.forward(ctx, append(failed, freed...))
	return nil
}

// tryOff is how long a telephone that was switched off is left alone.
const tryOff = 2 * time.Minute

// reported is a delivery that a callback is about.
type reported struct {
	id           string
	notification string
	link         string
	state        hub.State
	attempts     int
	provider     string // the provider's name of the last one it took
	says         report
	began        time.Time
	deadline     time.Time
	alone        bool // nothing else is still to be sent of the notification
}

// settled is what becomes of it.
type settled struct {
	changed  bool
	state    hub.State
	provider string
	failed   bool // it was with the provider, and is not any more
}

// after decides. A delivery may have been sent twice, once in doubt: what is
// said of the other message counts for it when it is good news.
func (d reported) after(in hub.Inbound, says report) settled {
	about := ""
	if len(in.Provider) == 1 {
		about = in.Provider[0]
	}
	other := about != "" && d.provider != "" && about != d.provider
	before := d.says.rank
	if other && d.says.failed {
		before = 0
	}
	n := settled{state: d.state, provider: d.provider}
	switch {
	case d.attempts == 0 || d.state == hub.StateCancelled:
		return n // it was never sent: somebody else's message
	case says.rank <= before:
		return n
	case says.failed && other && d.state != hub.StateSending:
		return n
	}
	n.changed = true
	if about != "" && (d.provider == "" || other && d.state != hub.StateAccepted) {
		n.provider = about
	}
	switch {
	case !says.failed:
		n.state = hub.StateAccepted
	case d.state == hub.StateAccepted, d.state == hub.StateUnknown, d.state == hub.StateSending:
		n.state, n.failed = hub.StateFailed, true
		if in.Outcome == hub.OutcomeRetry && d.alone && d.attempts == 1 {
			n.state = hub.StatePending
		}
	}
	return n
}

// meant locks the deliveries that a callback is about, and their notifications
// before them.
func meant(ctx context.Context, tx pgx.Tx, in hub.Inbound) ([]reported, error) {
	hash := sha256.Sum256([]byte(in.From))
	rows, _ := tx.Query(ctx, `
		select d.id, d.notification
		from delivery d
		where d.id = @delivery and d.channel = @channel
		union
		select d.id, d.notification
		from delivery d
		where d.channel = @channel and d.channel in ('messenger', 'sms') and d.provider_id <> '' and d.provider_id = any(@provider)
		union
		select d.id, d.notification
		from channel_link l
		join delivery d on d.link = l.id
		where @until::timestamptz is not null
			and l.channel = @channel and l.address_hash = @hash and l.disabled_at is null
			and d.channel = 'messenger' and d.state = 'accepted' and d.reported <> 'read'
			and (@read or d.delivered_at is null)
			and d.began_at <= @until`,
		pgx.NamedArgs{
			"delivery": in.Delivery, "channel": in.Channel, "provider": in.Provider,
			"until": orNullTime(in.Until), "hash": hash[:], "read": in.Kind == hub.InRead,
		})
	var ids, notifications []string
	var id, notification string
	_, err := pgx.ForEachRow(rows, []any{&id, &notification}, func() error {
		ids, notifications = append(ids, id), append(notifications, notification)
		return nil
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	slices.Sort(notifications)
	if _, err := tx.Exec(ctx, `select from notification where id = any($1) order by id for update`, slices.Compact(notifications)); err != nil {
		return nil, err
	}
	rows, _ = tx.Query(ctx, `
		select d.id, d.notification, d.link, d.state, d.attempts, d.provider_id, d.reported,
			coalesce(d.began_at, d.created_at), coalesce(d.expires_at, d.created_at + interval '10 hours'),
			not exists (select from delivery o where o.notification = d.notification and o.id <> d.id and o.done_at is null)
		from delivery d
		where d.id = any($1)
		order by d.id
		for update of d`, ids)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (reported, error) {
		var (
			d    reported
			word string
		)
		err := row.Scan(&d.id, &d.notification, &d.link, &d.state, &d.attempts, &d.provider, &word, &d.began, &d.deadline, &d.alone)
		d.says, _ = reportOf(word)
		return d, err
	})
}

// record queues the rows of what a callback has changed; again is when a
// message that failed is sent once more.
func (h *Hub) record(b *pgx.Batch, d reported, n settled, in hub.Inbound, says report, again *time.Time, now time.Time, freed *[]string) {
	at := now
	if !in.At.IsZero() && in.At.Before(now) {
		at = in.At
	}
	reason := ""
	if n.failed {
		reason = strings.TrimSpace(says.word + " " + hub.ProviderWords(in.Code, 64))
	}
	b.Queue(`
		update delivery
		set state = @state, provider_id = @provider, reported = @word,
			reason = case when @state = 'accepted' then '' when @failed then @reason else reason end,
			not_before = coalesce(@again, not_before),
			done_at = case when @again::timestamptz is null then coalesce(done_at, @now::timestamptz) end,
			delivered_at = case when @arrived then coalesce(delivered_at, @at::timestamptz) else delivered_at end
		where id = @id`,
		pgx.NamedArgs{
			"id": d.id, "state": string(n.state), "provider": hub.Clip(n.provider, 256), "word": says.word,
			"failed": n.failed, "reason": reason, "again": again, "now": now, "arrived": says.arrived(), "at": at,
		})
	if says.arrived() {
		b.Queue(`update notification set delivered_at = $2 where id = $1 and delivered_at is null`, d.notification, at)
	}
	if !n.failed {
		return
	}
	switch in.Outcome {
	case hub.OutcomePermanent:
		disableLink(b, d.link, reason, d.began, now)
		queueGiveUp(b, d.link, now, freed)
	case hub.OutcomeChannelDown:
		next := h.retries.Next(hub.Verdict{Outcome: hub.OutcomeChannelDown}, d.attempts, now, now, h.jitter())
		openBreaker(b, in.Channel, next.Down, reason, now)
	}
}
