package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	stormConns  = 8 // of our server to the database: as few as it may have
	stormMissed = 3 // events that come while the pages are away
)

// back is how the pages of a killed server came back.
type back struct {
	all, half, tries, decision, worst []float64
	resyncs, wild                     int64
}

// runStorm kills the server under all pages. Another takes its place, and all
// come back at once, with their positions; they have missed something, and get
// it once and in order. Meanwhile somebody takes decisions: those want the same
// few connections to the database.
func runStorm(ctx context.Context, b *bench) error {
	var first, again back // every page at the same moment, and as our pages do it
	for range b.runs {
		for jitter, r := range map[bool]*back{false: &first, true: &again} {
			if err := b.storm(ctx, r, jitter); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(b.out, "%d pages, %d connections to the database, %d events missed by each\n", b.n, stormConns, stormMissed)
	out := newTable(b.out, "pages come back", "half of them s", "all of them s", "tries for each", "decision p99 ms", "slowest", "resyncs", "out of order")
	for name, r := range map[string]*back{"at the same moment": &first, "as our pages do": &again} {
		out.row(name, middle(r.half, ""), middle(r.all, ""), middle(r.tries, ""), middle(r.decision, ""), middle(r.worst, ""), fmt.Sprint(r.resyncs), fmt.Sprint(r.wild))
	}
	out.print()
	return nil
}

func (b *bench) storm(ctx context.Context, r *back, jitter bool) error {
	serve := func(address string) (*child, error) {
		return startChild(ctx, "serve", "-dsn", b.office.dsn, "-token", b.office.tokenID, "-max-conns", fmt.Sprint(stormConns), "-listen", address)
	}
	c, err := serve("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { c.stop() }()
	address := c.ready.Address
	s := b.targets[0].swarm(c)
	defer s.close()
	if err := s.connect(ctx, 0, b.n, 64); err != nil {
		return err
	}
	c.kill()
	s.readers.Wait()
	if c, err = serve(address); err != nil {
		return err
	}
	for range stormMissed {
		if err := c.order(ctx, "/broadcast", broadcastOrder{}, nil); err != nil {
			return err
		}
	}

	// Somebody decides, twenty times a second.
	deciding, stop := context.WithCancel(ctx)
	defer stop()
	var decisions []float64
	var decided sync.WaitGroup
	var failed atomic.Pointer[error]
	decided.Go(func() {
		for deciding.Err() == nil {
			at := time.Now()
			if err := c.order(ctx, "/decide", nil, nil); err != nil {
				failed.Store(&err)
				return
			}
			decisions = append(decisions, millis(time.Since(at)))
			_ = wait(deciding, 50*time.Millisecond)
		}
	})

	times := make([]float64, b.n)
	var tries atomic.Int64
	var lost atomic.Int64
	got := s.expect(b.n * stormMissed)
	began := time.Now()
	var all sync.WaitGroup
	for i, p := range s.pages {
		all.Go(func() {
			for try := 0; ; try++ {
				if jitter || try > 0 { // what our page does: later and later, and never all together
					pause := min(60*time.Second, time.Second<<min(try, 6))
					if wait(ctx, time.Duration(float64(pause)*(0.5+rand.Float64()))) != nil {
						return
					}
				}
				tries.Add(1)
				if p.open(ctx) == nil {
					times[i] = time.Since(began).Seconds()
					return
				}
				if try == 20 {
					lost.Add(1)
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case <-got:
	case <-time.After(30 * time.Second):
		return fmt.Errorf("%d events are missing", s.want.Load())
	case <-ctx.Done():
		return ctx.Err()
	}
	stop()
	decided.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	if n := lost.Load(); n > 0 {
		return errors.New("some pages have not come back")
	}
	r.half, r.all = append(r.half, median(times)), append(r.all, quantile(times, 1))
	r.tries = append(r.tries, float64(tries.Load())/float64(b.n))
	r.decision, r.worst = append(r.decision, quantile(decisions, 0.99)), append(r.worst, quantile(decisions, 1))
	r.resyncs += s.resyncs.Load()
	r.wild += s.wild.Load()
	return nil
}
