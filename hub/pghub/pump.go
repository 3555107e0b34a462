package pghub

import (
	"context"
	"slices"
	"sync"
	"time"

	"qianhe/hub"
)

const (
	// recordAfter and claimAtOnce bound what is recorded in one transaction:
	// whatever has come back by then.
	recordAfter = 5 * time.Millisecond
	// recordTime is what recording may take, and after how long somebody else
	// does it.
	recordTime = 30 * time.Second
	// lookAgain is how long a pump sleeps when nobody wakes it.
	lookAgain = time.Minute
	// tryCalls is how many calls at once show whether a channel is back.
	tryCalls = 3
	// unrecorded is how many results may wait for the database before no more
	// calls are made but urgent ones.
	unrecorded = 5 * claimAtOnce
)

// calls gives how many calls of a channel are under way at once in this
// process. Each of them waits for a provider most of the time, without a
// connection to the database. A quarter is kept for what is urgent.
func calls(c hub.ChannelName) int {
	switch c {
	case hub.WebPush, hub.LINE:
		return 256
	case hub.Messenger:
		return 64
	}
	return 32
}

// pump brings what is due through one channel: it claims in batches, makes the
// calls, and records in batches what became of them. Each channel of each node
// has one, and none waits for another. The rows are the truth: a pump holds
// nothing that is not claimed, and another that is started at any time finds
// whatever this one leaves.
type pump struct {
	hub     *Hub
	name    hub.ChannelName
	channel hub.Channel
	slots   int

	wakeup chan struct{} // has room for one: there may be something due
	freed  chan struct{} // has room for one: a call has ended, or results are recorded
	back   chan struct{} // has room for one: results wait to be recorded

	mu      sync.Mutex
	running int // calls
	urgent  int // of these
	results []result
	streak  streak
	careful bool // the channel only just comes back to service

	calling sync.WaitGroup
}

func newPump(h *Hub, c hub.Channel) *pump {
	return &pump{
		hub: h, name: c.Name(), channel: c, slots: calls(c.Name()),
		wakeup: make(chan struct{}, 1), freed: make(chan struct{}, 1), back: make(chan struct{}, 1),
	}
}

// pumping is a run of all pumps of a hub.
type pumping struct {
	stop func() // no more is claimed
	cut  func() // calls are cut short
	done chan struct{}
}

// startPumps starts all pumps, unless they run. The end of ctx stops them.
func (h *Hub) startPumps(ctx context.Context) {
	if p := h.pumping; p != nil {
		select {
		case <-p.done:
		default:
			return
		}
	}
	claiming, stop := context.WithCancel(ctx)
	calling, cut := context.WithCancel(context.WithoutCancel(ctx))
	late := context.AfterFunc(claiming, func() { time.AfterFunc(softStop, cut) })
	p := &pumping{stop: stop, cut: cut, done: make(chan struct{})}
	h.pumping = p
	var running sync.WaitGroup
	for _, pump := range h.pumps {
		running.Go(func() { pump.run(claiming, calling) })
	}
	counting, counted := context.WithCancel(context.WithoutCancel(ctx))
	var counter sync.WaitGroup
	counter.Go(func() { h.countUntil(counting) })
	go func() {
		running.Wait()
		counted()
		counter.Wait()
		late()
		stop()
		cut()
		close(p.done)
	}()
}

// stopPumps claims no more, leaves the calls under way a few seconds, at most
// until ctx ends, and waits until everything is on record.
func (h *Hub) stopPumps(ctx context.Context) {
	p := h.pumping
	if p == nil {
		return
	}
	p.stop()
	select {
	case <-p.done:
	case <-ctx.Done():
		p.cut()
		<-p.done
	}
}

// wake lets the pump look. It never blocks.
func (p *pump) wake() { signal(p.wakeup) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run works until claiming ends, and returns when every call has ended and its
// result is on record. calling is the context of the calls: its end cuts them
// short.
func (p *pump) run(claiming, calling context.Context) {
	var recorder sync.WaitGroup
	recording, stop := context.WithCancel(context.WithoutCancel(calling))
	recorder.Go(func() { p.record(recording) })
	for claiming.Err() == nil {
		wait, free := p.round(claiming, calling)
		if wait <= 0 {
			continue
		}
		timer := time.NewTimer(min(wait, lookAgain))
		var freed chan struct{}
		if free {
			freed = p.freed
		}
		select {
		case <-claiming.Done():
		case <-p.wakeup:
		case <-freed:
			pause(claiming, recordAfter) // others will follow
		case <-timer.C:
		}
		timer.Stop()
	}
	p.calling.Wait()
	stop()
	recorder.Wait()
}

// round claims once and begins what is to be done. It gives after how long to
// come again, 0 for at once, and whether a free slot is a reason to come
// earlier.
func (p *pump) round(claiming, calling context.Context) (wait time.Duration, free bool) {
	h := p.hub
	r := p.room()
	if r.urgent <= 0 {
		return lookAgain, true
	}
	c, err := h.claim(claiming, p.name, r)
	if err != nil {
		if claiming.Err() == nil {
			h.log.WarnContext(claiming, "deliveries could not be claimed, trying again", "channel", p.name, "err", err)
		}
		return time.Second, false
	}
	p.mu.Lock()
	p.careful = c.careful
	p.mu.Unlock()
	for _, e := range c.ended {
		h.metrics.deliveries.WithLabelValues(string(e.channel), string(e.state)).Inc()
	}
	h.forward(claiming, c.forward)
	for _, d := range c.interrupted {
		p.done(result{d: d, verdict: hub.Verdict{Outcome: hub.OutcomeUnknown, Reason: "the process ended during the call", Safe: d.channel.Keyed()}})
	}
	err = p.begin(calling, c.send)
	for _, d := range c.ask {
		p.start(d, func() { h.ask(calling, d) })
	}
	switch {
	case err != nil:
		h.log.WarnContext(claiming, "messages could not be composed, trying again", "channel", p.name, "err", err)
		return time.Second, false
	case c.looked == 0 && c.tokens.IsZero():
		full := r.normal <= 0 // only what is urgent was looked for
		if c.next.IsZero() {
			return lookAgain, full
		}
		return max(c.next.Sub(h.now()), time.Millisecond), full
	case !c.tokens.IsZero():
		return max(c.tokens.Sub(h.now()), time.Millisecond), false
	case c.skipped > 0:
		return lookAgain, true
	}
	return 0, false
}

// room is how many more calls there may be. What is urgent does not wait for the
// results of what is not to be recorded.
func (p *pump) room() room {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := room{calls: p.running, urgent: p.slots - p.running}
	if len(p.results) < unrecorded {
		r.normal = p.slots - p.slots/4 - (p.running - p.urgent)
	}
	return r
}

// begin composes what was claimed and makes the calls.
func (p *pump) begin(ctx context.Context, list []delivery) error {
	if len(list) == 0 {
		return nil
	}
	out, err := p.hub.compose(ctx, list)
	for _, o := range out {
		p.start(o.d, func() { p.call(ctx, o) })
	}
	return err
}

// start runs fn as one of the calls under way.
func (p *pump) start(d delivery, fn func()) {
	p.count(d, 1)
	p.calling.Go(func() {
		defer func() {
			p.count(d, -1)
			signal(p.freed)
		}()
		fn()
	})
}

func (p *pump) count(d delivery, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running += n
	if d.urgent {
		p.urgent += n
	}
}

func (p *pump) call(ctx context.Context, o outgoing) {
	receipt, err := p.hub.send(ctx, p.channel, o.message)
	r := result{d: o.d, returned: p.hub.now(), verdict: hub.Classify(p.name, receipt, err)}
	if c, ok := p.channel.(hub.Costed); ok {
		r.cost = c.Cost(o.message)
	}
	p.done(r)
}

// done hands over a result to be recorded.
func (p *pump) done(r result) {
	p.mu.Lock()
	p.results = append(p.results, r)
	p.mu.Unlock()
	signal(p.back)
}

// record writes results until ctx ends, and those that are left then.
func (p *pump) record(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			p.flush(ctx)
			return
		case <-p.back:
		}
		if p.worthWaiting() {
			pause(ctx, recordAfter)
		}
		p.flush(ctx)
	}
}

// worthWaiting: more results are about to come.
func (p *pump) worthWaiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running > 1 && len(p.results) < claimAtOnce
}

// flush records all results there are. What the database will not take in time
// is left: whoever finds the attempt when its lease is over takes it for
// interrupted.
func (p *pump) flush(ctx context.Context) {
	p.mu.Lock()
	list := p.results
	p.results = nil
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	for part := range slices.Chunk(list, claimAtOnce) {
		wait, silent := 20*time.Millisecond, p.note(part)
		for {
			again, err := p.hub.finish(ctx, p.name, part, silent)
			if again {
				p.wake()
			}
			if err == nil {
				break
			}
			p.hub.log.WarnContext(ctx, "results of calls could not be recorded", "channel", p.name, "count", len(part), "err", err)
			if !pause(ctx, wait) {
				break
			}
			wait = min(2*wait, 2*time.Second)
		}
	}
	signal(p.freed)
}

// drain does what is due now, to the end, and gives after how long the next is;
// for tests and for a hub that is not started.
func (p *pump) drain(ctx context.Context) time.Duration {
	for {
		wait, free := p.round(ctx, ctx)
		p.calling.Wait()
		p.flush(ctx)
		if wait > 0 && !free {
			return wait
		}
	}
}
