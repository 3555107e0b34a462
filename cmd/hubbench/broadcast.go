package main

import (
	"context"
	"fmt"
	"time"
)

// runBroadcast sends one event to everybody, again and again, and looks when
// the last page has it.
func runBroadcast(ctx context.Context, b *bench) error {
	const warm = 5
	type result struct{ last, whole, p50, p99, cpu []float64 }
	results := map[string]*result{}
	for _, t := range b.targets {
		results[t.name] = &result{}
	}
	for range b.runs {
		for _, t := range b.targets {
			r := results[t.name]
			err := b.with(ctx, t, func(c *child, s *swarm) error {
				if err := s.connect(ctx, 0, b.n, 64); err != nil {
					return err
				}
				if err := wait(ctx, time.Second); err != nil {
					return err
				}
				var last, whole, p50, p99 []float64
				var used time.Duration
				for round := range warm + b.rounds {
					if round == warm {
						var err error
						if used, err = processor(c.pid()); err != nil {
							return err
						}
					}
					got := s.expect(b.n)
					var at spread
					if err := c.order(ctx, "/broadcast", broadcastOrder{}, &at); err != nil {
						return err
					}
					select {
					case <-got:
					case <-time.After(time.Minute):
						return fmt.Errorf("%d of %d events are missing after a minute", s.want.Load(), b.n)
					case <-ctx.Done():
						return ctx.Err()
					}
					if round < warm {
						continue
					}
					l := s.latencies(at.Committed)
					p50 = append(p50, millis(quantile(l, 0.5)))
					p99 = append(p99, millis(quantile(l, 0.99)))
					last = append(last, millis(l[len(l)-1]))
					whole = append(whole, millis(l[len(l)-1])+float64(at.Committed-at.Began)/1e6)
				}
				now, err := processor(c.pid())
				if err != nil {
					return err
				}
				if n := s.wild.Load(); n > 0 || s.resyncs.Load() > 0 {
					return fmt.Errorf("%d events were not the next one, %d resyncs", n, s.resyncs.Load())
				}
				r.last, r.whole = append(r.last, median(last)), append(r.whole, median(whole))
				r.p50, r.p99 = append(r.p50, median(p50)), append(r.p99, median(p99))
				r.cpu = append(r.cpu, float64((now-used).Microseconds())/float64(b.n*b.rounds))
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	out := newTable(b.out, "server", "last ms after commit", "ratio", "last ms after request", "p50 ms", "p99 ms", "server µs/event")
	reference := median(results["reference"].last)
	for _, t := range b.targets {
		r := results[t.name]
		out.row(t.name, middle(r.last, ""), fmt.Sprintf("%.2f", median(r.last)/reference), middle(r.whole, ""), middle(r.p50, ""), middle(r.p99, ""), middle(r.cpu, ""))
	}
	out.print()
	return nil
}
