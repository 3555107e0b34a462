package pghub

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// tallyEvery is how often a node writes what it has counted. What a node that
// is killed has not written is missing on a page about health, and nowhere
// else: the record is in the deliveries.
const tallyEvery = 5 * time.Second

// tally counts what became of calls, for the page that says how channels do.
type tally struct {
	mu       sync.Mutex
	counts   map[tallyKey]int64
	channels map[hub.ChannelName]*lately
}

type tallyKey struct {
	channel hub.ChannelName
	minute  int64
	outcome hub.Outcome
}

// lately is what happened to a channel since the last time it was written.
type lately struct {
	sent  time.Time
	error string
	errAt time.Time
	cost  int64
	taken int64 // messages
}

// add takes in a result that was recorded.
func (t *tally) add(r result, accepted bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts, t.channels = map[tallyKey]int64{}, map[hub.ChannelName]*lately{}
	}
	t.counts[tallyKey{r.d.channel, now.Truncate(time.Minute).Unix(), r.verdict.Outcome}]++
	l := t.channels[r.d.channel]
	if l == nil {
		l = &lately{}
		t.channels[r.d.channel] = l
	}
	if accepted {
		l.sent = now
		l.cost += int64(r.cost)
		l.taken++
		return
	}
	l.error, l.errAt = hub.Clip(r.verdict.Reason, 512), now
}

func (t *tally) take() (map[tallyKey]int64, map[hub.ChannelName]*lately) {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts, channels := t.counts, t.channels
	t.counts, t.channels = nil, nil
	return counts, channels
}

// countUntil writes the tally every few seconds until ctx ends, and what is
// left then.
func (h *Hub) countUntil(ctx context.Context) {
	tick := time.NewTicker(tallyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
			defer cancel()
			h.writeTally(last)
			return
		case <-tick.C:
			h.writeTally(ctx)
		}
	}
}

const addTally = `
	insert into channel_tally (channel, minute, outcome, count)
	values ($1, $2, $3, $4)
	on conflict (channel, minute, outcome) do update
	set count = channel_tally.count + excluded.count`

// What this node sent is used of the quota, until the provider is asked again.
const addLately = `
	insert into channel_state (channel, changed_at, last_sent_at, last_error, last_error_at, cost_month, cost)
	values (@channel, @now, @sent, @error, @errat, @month, @cost)
	on conflict (channel) do update
	set last_sent_at = greatest(channel_state.last_sent_at, excluded.last_sent_at),
		last_error = case when excluded.last_error_at >= coalesce(channel_state.last_error_at, '-infinity') then excluded.last_error else channel_state.last_error end,
		last_error_at = greatest(channel_state.last_error_at, excluded.last_error_at),
		cost = excluded.cost + case when channel_state.cost_month = excluded.cost_month then channel_state.cost else 0 end,
		cost_month = excluded.cost_month,
		quota_used = channel_state.quota_used + case when channel_state.quota_limit > 0 then @taken::bigint else 0 end`

// writeTally writes what was counted since the last time. What cannot be
// written is lost.
func (h *Hub) writeTally(ctx context.Context) {
	counts, channels := h.tally.take()
	if len(counts) == 0 {
		return
	}
	now := h.now()
	b := &pgx.Batch{}
	// In order, like every node.
	keys := make([]tallyKey, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.channel, b.channel), cmp.Compare(a.minute, b.minute), cmp.Compare(a.outcome, b.outcome))
	})
	for _, k := range keys {
		b.Queue(addTally, k.channel, time.Unix(k.minute, 0), k.outcome, counts[k])
	}
	names := make([]hub.ChannelName, 0, len(channels))
	for c := range channels {
		names = append(names, c)
	}
	slices.Sort(names)
	for _, c := range names {
		l := channels[c]
		b.Queue(addLately, pgx.NamedArgs{
			"channel": c, "now": now, "sent": orNullTime(l.sent), "error": l.error, "errat": orNullTime(l.errAt),
			"month": monthOf(now), "cost": l.cost, "taken": l.taken,
		})
	}
	if err := h.pool.SendBatch(ctx, b).Close(); err != nil {
		h.log.WarnContext(ctx, "counts of calls were not written", "err", err)
	}
}

// monthOf is the month in which providers count.
func monthOf(t time.Time) string { return t.In(approval.Zone).Format("2006-01") }
