package pghub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// What waits for a channel that is down was put off: it counts as waiting since
// it was planned.
const selectHealth = `
	select c.channel,
		s.down_until, coalesce(s.reason, ''), coalesce(s.last_error, ''), s.last_error_at, s.last_sent_at,
		coalesce(s.quota_limit, 0), coalesce(s.quota_used, 0), s.quota_at,
		s.probed_at, coalesce(s.probe_error, ''),
		case when s.cost_month = @month then s.cost else 0 end,
		w.waiting, w.oldest,
		(select count(*)
			from channel_link l
			left join session s on s.id = l.session
			left join account a on a.person = l.person
			where l.channel = c.channel and ` + linkInForce + `)
	from unnest(@channels::text[]) c (channel)
	left join channel_state s on s.channel = c.channel
	cross join lateral (
		select count(*) as waiting, min(case when d.not_before <= @now then d.not_before else d.created_at end) as oldest
		from delivery d
		where d.channel = c.channel and d.done_at is null and d.state <> 'sending'
			and d.not_before <= greatest(@now, s.down_until + interval '10 seconds')
	) w`

// Health gives how each channel does, in the order of their names in the
// policy: those that this process has, and all others that there could be.
func (h *Hub) Health(ctx context.Context) ([]hub.ChannelHealth, error) {
	names := []hub.ChannelName{hub.WebPush, hub.LINE, hub.Messenger, hub.SMS}
	for _, name := range h.names() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	now := h.now()
	list := make([]hub.ChannelHealth, len(names))
	for i, name := range names {
		list[i] = hub.ChannelHealth{Channel: name, InService: h.channels[name] != nil, Hour: map[hub.Outcome]int{}}
		if l, ok := h.channels[name].(hub.Limited); ok {
			list[i].Rate, _ = l.Rate()
		}
	}
	of := func(name hub.ChannelName) *hub.ChannelHealth { return &list[slices.Index(names, name)] }
	b := &pgx.Batch{}
	b.Queue(selectHealth, pgx.NamedArgs{"channels": names, "now": now, "month": monthOf(now)}).Query(func(rows pgx.Rows) error {
		var (
			name                                       hub.ChannelName
			down, errAt, sent, quotaAt, oldest, probed *time.Time
			reason, lastError, trouble                 string
			quota                                      hub.Quota
			cost                                       int64
			waiting, links                             int
		)
		_, err := pgx.ForEachRow(rows, []any{&name, &down, &reason, &lastError, &errAt, &sent, &quota.Limit, &quota.Used, &quotaAt, &probed, &trouble, &cost, &waiting, &oldest, &links}, func() error {
			c := of(name)
			if down != nil && down.After(now) {
				c.DownUntil, c.Reason = *down, reason
			}
			c.LastError, c.LastErrAt, c.LastSent = lastError, orZero(errAt), orZero(sent)
			if quotaAt != nil && monthOf(*quotaAt) == monthOf(now) {
				c.Quota, c.QuotaAt = quota, *quotaAt
			}
			if c.InService { // else nobody asks any more
				c.Probed, c.ProbeError = orZero(probed), trouble
			}
			c.Cost, c.Waiting, c.Oldest, c.Links = int(cost), waiting, orZero(oldest), links
			return nil
		})
		return err
	})
	b.Queue(`
		select channel, outcome, sum(count)::bigint
		from channel_tally
		where channel = any($1) and minute > $2
		group by channel, outcome`, names, now.Add(-time.Hour)).Query(func(rows pgx.Rows) error {
		var (
			name    hub.ChannelName
			outcome hub.Outcome
			count   int64
		)
		_, err := pgx.ForEachRow(rows, []any{&name, &outcome, &count}, func() error {
			of(name).Hour[outcome] = int(count)
			return nil
		})
		return err
	})
	if err := h.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("pghub: health: %w", err)
	}
	inbound, err := h.InboundHealth(ctx)
	for _, in := range inbound {
		c := of(in.Channel)
		c.Heard, c.Parked, c.ParkedError = in.Last, in.Parked, in.LastError
	}
	return list, err
}

// testEvery is how far apart the tests of a person through one channel are: a
// button that is pressed twice sends one message.
const testEvery = 10 * time.Second

// SendTest sends a test message to p's own addresses of a channel, past policy
// and quiet hours. One that was asked for a moment ago is not sent again.
// Returns [approval.ErrNotFound] when nothing of p's is linked there, or this
// process does not have the channel.
func (h *Hub) SendTest(ctx context.Context, p approval.PersonID, c hub.ChannelName) error {
	if h.channels[c] == nil {
		return fmt.Errorf("pghub: test: %w", approval.ErrNotFound)
	}
	links, err := h.Links(ctx, p)
	if err != nil {
		return err
	}
	links = slices.DeleteFunc(links, func(l hub.Link) bool { return l.Channel != c })
	if len(links) == 0 {
		return fmt.Errorf("pghub: test: %w", approval.ErrNotFound)
	}
	now := h.now()
	it := item{person: p, kind: hub.KindTest, dedup: fmt.Sprintf("test:%s:%d", c, now.Truncate(testEvery).Unix()), at: now}
	var done written
	var w wakes
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		if done, err = h.write(ctx, tx, writing{people: []approval.PersonID{p}, items: []item{it}}); err != nil {
			return err
		}
		// It is planned here: through this channel, and at once.
		var id string
		err := tx.QueryRow(ctx, `
			update notification
			set routed_at = $3
			where person = $1 and dedup = $2 and routed_at is null
			returning id`, p, it.dedup, now).Scan(&id)
		if err == pgx.ErrNoRows {
			return nil // it was asked for a moment ago
		}
		if err != nil {
			return err
		}
		var r router
		for _, l := range links {
			r.plan = append(r.plan, planned{id: h.newID(), notification: id, leg: hub.Leg{
				Channel: c, Link: l.ID, At: now, Expires: now.Add(hub.KindTest.TTL()), Priority: hub.PriorityUrgent,
			}})
		}
		w, err = h.writePlan(ctx, tx, r, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("pghub: test: %w", err)
	}
	h.told(done)
	h.woken(w)
	return nil
}
