package pghub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// How a delivery goes through:
//
//	claim      lock what is due, look, write "sending" and the attempts; commit
//	compose    the message, from what is true now; what has lost its point is taken back
//	send       the call; the process may die here
//	finish     write what became of it and what follows; commit
//
// Claims and finishes are of many deliveries at a time, calls are each by
// itself. A claim moves not_before to when nobody can be at it any more, so
// that an attempt whose process has died is found as any other that is due.

// lease is how long an attempt may take, all told; after that nobody is at it.
func (h *Hub) lease() time.Duration { return h.sendTimeout + recordTime }

// outgoing is a claimed delivery with its message.
type outgoing struct {
	d       delivery
	message hub.Message
}

// compose makes the messages of claimed deliveries from what is true now. A
// digest of nothing is not sent. What cannot be sent is taken back; when counts
// cannot be read, all of it, to be tried again soon.
func (h *Hub) compose(ctx context.Context, list []delivery) ([]outgoing, error) {
	people := make([]approval.PersonID, 0, len(list))
	for _, d := range list {
		people = append(people, d.notification.Person)
	}
	slices.Sort(people)
	people = slices.Compact(people)
	now := h.now()
	counts, err := h.trays.TrayCountsOf(ctx, people, now)
	var s brief
	if err == nil {
		s, err = h.brief(ctx, list, people)
	}
	var back takenBack
	if err != nil {
		for _, d := range list {
			back.again(d, now.Add(time.Second))
		}
		h.takeBack(ctx, back)
		return nil, fmt.Errorf("pghub: counts: %w", err)
	}
	out := make([]outgoing, 0, len(list))
	for _, d := range list {
		tray := counts[d.notification.Person]
		c := hub.Counts{Pending: tray.All, Highest: tray.Highest, Overdue: tray.Overdue, DueToday: tray.DueToday, Forms: s.forms[d.notification.Person]}
		over, until := s.check(d, c, now)
		switch {
		case over != "":
			back.end(d, hub.StateCancelled, over)
			continue
		case until.After(now):
			back.again(d, until)
			continue
		}
		m, err := h.message(d, c, s.setting(h, d, now))
		if err != nil {
			// Sealed under another secret: nobody can ever read it.
			h.log.ErrorContext(ctx, "address of a link cannot be opened, or what it is to be sent", "link", d.link, "err", err)
			back.end(d, hub.StateFailed, "address cannot be opened")
			continue
		}
		out = append(out, outgoing{d, m})
	}
	h.takeBack(ctx, back)
	return out, nil
}

// message is what a delivery brings.
func (h *Hub) message(d delivery, c hub.Counts, s hub.Setting) (m hub.Message, err error) {
	if d.channel == hub.SMS {
		if s.Secret, err = h.openSecret(d.notification.ID, d.secret); err != nil {
			return m, err
		}
		taker, ok := h.channels[d.channel].(hub.LinkTaker)
		if s.Secret.Link != "" && (!ok || !taker.TakesLink(strings.TrimRight(s.BaseURL, "/")+s.Secret.Link)) {
			s.Secret.Link = ""
		}
	}
	m = hub.Compose(d.notification, c, s)
	m.Delivery = d.id
	m.Ref = d.ref
	m.TTL = max(d.expires.Sub(s.Now), time.Minute)
	m.To, err = h.open(d.link, d.address, d.keys)
	m.To.Heard = d.heard
	return m, err
}

// send makes one call, bounded in time. A channel that panics may have sent.
func (h *Hub) send(ctx context.Context, c hub.Channel, m hub.Message) (r hub.Receipt, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.sendTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			h.log.ErrorContext(ctx, "channel panicked", "channel", c.Name(), "panic", v)
			err = &hub.Unknown{Reason: "the channel failed inside", Safe: c.Name().Keyed()}
		}
	}()
	return c.Send(ctx, m)
}

// takenBack are attempts that were begun and not made.
type takenBack struct {
	ids     []string
	numbers []int
	states  []string
	reasons []string
	done    []bool
	ats     []time.Time
	forward []string
	ended   []ended
}

// again puts a delivery back as it was, to be looked at then.
func (t *takenBack) again(d delivery, at time.Time) {
	t.add(d, d.state, "", false, at)
}

// end ends a delivery; what may have been sent before stays unknown.
func (t *takenBack) end(d delivery, s hub.State, reason string) {
	m := d.ends(s, reason)
	t.add(d, m.end, reason, true, d.due)
	t.ended = append(t.ended, ended{d.channel, m.end})
	if m.end == hub.StateFailed {
		t.forward = append(t.forward, d.notification.ID)
	}
}

func (t *takenBack) add(d delivery, s hub.State, reason string, done bool, at time.Time) {
	t.ids, t.numbers = append(t.ids, d.id), append(t.numbers, d.attempts)
	t.states, t.reasons = append(t.states, string(s)), append(t.reasons, reason)
	t.done, t.ats = append(t.done, done), append(t.ats, at)
}

const takeBackAttempts = `
	with back as (
		update delivery d
		set state = r.state, reason = r.reason, attempts = d.attempts - 1, not_before = r.at,
			first_at = case when d.attempts > 1 then d.first_at end,
			done_at = case when r.done then @now::timestamptz end
		from unnest(@ids::text[], @numbers::int[], @states::text[], @reasons::text[], @done::bool[], @ats::timestamptz[])
			r (id, number, state, reason, done, at)
		where d.id = r.id and d.state = 'sending' and d.attempts = r.number
		returning d.id, r.number
	)
	delete from attempt t
	using back
	where t.delivery = back.id and t.number = back.number`

// takeBack writes that attempts were not made. Where that fails they count as
// interrupted.
func (h *Hub) takeBack(ctx context.Context, t takenBack) {
	if len(t.ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	_, err := h.pool.Exec(ctx, takeBackAttempts, pgx.NamedArgs{
		"ids": t.ids, "numbers": t.numbers, "states": t.states, "reasons": t.reasons, "done": t.done, "ats": t.ats, "now": h.now(),
	})
	if err != nil {
		h.log.WarnContext(ctx, "attempts that were not made could not be taken back", "count", len(t.ids), "err", err)
		return
	}
	for _, e := range t.ended {
		h.metrics.deliveries.WithLabelValues(string(e.channel), string(e.state)).Inc()
	}
	h.forward(ctx, t.forward)
}

func orNullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
