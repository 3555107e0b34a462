package pghub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/hub"
)

// The rows of deliveries say what is to be sent and when. A wake-up says only
// that a pump should look now, or at some time. Three come to the same:
//
//   - a job in the queue of the channel, in the transaction that writes the
//     rows, so that some node looks even when this one dies the moment after;
//   - a signal to the pump of this node, after the commit: the fastest;
//   - every pump looks by itself when it knows that something is due, and once a
//     minute.

// wakes gathers which pumps are to look when.
type wakes struct {
	due   map[hub.ChannelName]bool
	later map[later]bool
}

// later is a moment at which a channel has something to do.
type later struct {
	channel hub.ChannelName
	at      int64 // seconds, of the hub's clock
}

func (w *wakes) add(c hub.ChannelName, at, now time.Time) {
	if !at.After(now) {
		if w.due == nil {
			w.due = map[hub.ChannelName]bool{}
		}
		w.due[c] = true
		return
	}
	if w.later == nil {
		w.later = map[later]bool{}
	}
	w.later[later{c, at.Add(time.Second - time.Nanosecond).Unix()}] = true
}

// wakeTx adds the jobs of w. What comes later has one job for each channel and
// second, however many deliveries that second has.
func (h *Hub) wakeTx(ctx context.Context, tx pgx.Tx, w wakes, now time.Time) error {
	var jobs []river.InsertManyParams
	for _, c := range slices.Sorted(maps.Keys(w.due)) {
		jobs = append(jobs, wakeJob(c, 0))
	}
	for l := range w.later {
		if !h.calendar.has(l) {
			jobs = append(jobs, wakeJob(l.channel, time.Unix(l.at, 0).Sub(now)))
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	if _, err := h.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("add jobs: %w", err)
	}
	return nil
}

// woken is to be called when the transaction of w has been committed.
func (h *Hub) woken(w wakes) {
	for c := range w.due {
		h.wake(c)
	}
	h.calendar.note(w.later, h.now())
}

// wake lets the pump of this node look, if there is one.
func (h *Hub) wake(c hub.ChannelName) {
	if p := h.pumps[c]; p != nil {
		p.wake()
	}
}

// calendar remembers for which moments this node has added a job. Two nodes, or
// two transactions at once, add one each, which harms nobody; a unique job would
// make them wait for each other.
type calendar struct {
	mu    sync.Mutex
	added map[later]bool
	swept time.Time
}

func (c *calendar) has(l later) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.added[l]
}

func (c *calendar) note(list map[later]bool, now time.Time) {
	if len(list) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.added == nil {
		c.added = map[later]bool{}
	}
	maps.Copy(c.added, list)
	if now.Sub(c.swept) > time.Minute {
		c.swept = now
		maps.DeleteFunc(c.added, func(l later, _ bool) bool { return l.at < now.Unix() })
	}
}

// wakeArgs: the pump of a channel is to look.
type wakeArgs struct {
	Channel hub.ChannelName `json:"channel"`
}

func (wakeArgs) Kind() string { return "deliver" }

type wakeWorker struct {
	river.WorkerDefaults[wakeArgs]
	hub *Hub
}

func (w *wakeWorker) Work(_ context.Context, job *river.Job[wakeArgs]) error {
	w.hub.wake(job.Args.Channel)
	return nil
}

// wakeJob is due in wait. River's own clock is the machine's, so it is told a
// duration and not the hub's time.
func wakeJob(c hub.ChannelName, wait time.Duration) river.InsertManyParams {
	opts := &river.InsertOpts{Queue: queueOf(c)}
	if wait > 0 {
		opts.ScheduledAt = time.Now().Add(wait)
	}
	return river.InsertManyParams{Args: wakeArgs{Channel: c}, InsertOpts: opts}
}
