package main

import (
	"context"
	"fmt"
	"time"
)

// runBurst sends announcements to everybody, one right after the other. Each
// page has to get each of them, once and in order.
func runBurst(ctx context.Context, b *bench) error {
	times := max(b.events/b.n, 1)
	type result struct{ perSecond, took []float64 }
	results := map[string]*result{}
	for _, t := range b.targets {
		results[t.name] = &result{}
	}
	lost, wild := map[string]int64{}, map[string]int64{}
	for range b.runs {
		for _, t := range b.targets {
			err := b.with(ctx, t, func(c *child, s *swarm) error {
				s.ack = b.acks
				if err := s.connect(ctx, 0, b.n, 64); err != nil {
					return err
				}
				if err := wait(ctx, time.Second); err != nil {
					return err
				}
				got := s.expect(b.n * times)
				var at spread
				if err := c.order(ctx, "/broadcast", broadcastOrder{Times: times}, &at); err != nil {
					return err
				}
				select {
				case <-got:
				case <-time.After(2 * time.Minute):
				case <-ctx.Done():
					return ctx.Err()
				}
				l := s.latencies(at.Began)
				took := l[len(l)-1]
				r := results[t.name]
				r.took = append(r.took, took.Seconds())
				r.perSecond = append(r.perSecond, float64(b.n*times)/took.Seconds())
				lost[t.name] += max(s.want.Load(), 0)
				wild[t.name] += s.wild.Load() + s.resyncs.Load()
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	fmt.Fprintf(b.out, "%d pages, %d events each\n", b.n, times)
	out := newTable(b.out, "server", "events/s", "ratio", "seconds", "lost", "doubled or out of order")
	reference := median(results["reference"].perSecond)
	for _, t := range b.targets {
		r := results[t.name]
		out.row(t.name, middle(r.perSecond, ""), fmt.Sprintf("%.2f", median(r.perSecond)/reference), middle(r.took, ""), fmt.Sprint(lost[t.name]), fmt.Sprint(wild[t.name]))
	}
	out.print()
	return nil
}
