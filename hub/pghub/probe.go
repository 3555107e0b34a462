package pghub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/riverqueue/river"

	"qianhe/hub"
)

// Some trouble shows in no delivery: Meta has ended the subscription of our
// webhook, LINE's callbacks are switched off, a key will be refused at the next
// text. So every channel that can be asked is asked every quarter of an hour,
// and the answer is kept where the administrator's page finds it.

// probeArgs: ask providers whether credentials and callbacks are in order.
type probeArgs struct{}

func (probeArgs) Kind() string { return "probe" }

func (probeArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueUpkeep, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
}

type probeWorker struct {
	river.WorkerDefaults[probeArgs]
	hub *Hub
}

func (w *probeWorker) Work(ctx context.Context, _ *river.Job[probeArgs]) error {
	return w.hub.probe(ctx)
}

// probe asks the providers of all channels at once: one that does not answer
// keeps no other waiting.
func (h *Hub) probe(ctx context.Context) error {
	names := h.names()
	errs := make([]error, len(names))
	var asking sync.WaitGroup
	for i, name := range names {
		if p, ok := h.channels[name].(hub.Prober); ok {
			asking.Go(func() { errs[i] = h.probeOne(ctx, name, p) })
		}
	}
	asking.Wait()
	return errors.Join(errs...)
}

func (h *Hub) probeOne(ctx context.Context, name hub.ChannelName, p hub.Prober) error {
	asking, cancel := context.WithTimeout(ctx, h.sendTimeout)
	defer cancel()
	trouble := probed(asking, p)
	if err := ctx.Err(); err != nil {
		return err // we are stopping: that says nothing of the provider
	}
	if trouble != "" {
		h.log.WarnContext(ctx, "channel is not in order", "channel", name, "reason", trouble)
	}
	_, err := h.pool.Exec(ctx, `
		insert into channel_state (channel, changed_at, probed_at, probe_error)
		values ($1, $2, $2, $3)
		on conflict (channel) do update
		set probed_at = excluded.probed_at, probe_error = excluded.probe_error`, name, h.now(), trouble)
	if err != nil {
		return fmt.Errorf("pghub: probe of %s: %w", name, err)
	}
	return nil
}

// maxTrouble is what is kept of a probe's error, in bytes.
const maxTrouble = 512

// probed gives what is not in order, in words; "" when all is. A channel that
// panics takes nobody with it.
func probed(ctx context.Context, p hub.Prober) (trouble string) {
	defer func() {
		if recover() != nil {
			trouble = "we failed inside"
		}
	}()
	_, err := p.Probe(ctx)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	// Channels leave out what is secret; this is for one line of a page.
	return hub.Clip(strings.Join(strings.Fields(hub.Storable(err.Error())), " "), maxTrouble)
}
