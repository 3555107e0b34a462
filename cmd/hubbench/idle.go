package main

import (
	"context"
	"fmt"
	"time"
)

// settle is how long a server is left alone before its memory is read.
const settle = 3 * time.Second

// runIdle connects everybody, waits, and looks at the server's memory.
func runIdle(ctx context.Context, b *bench) error {
	type result struct{ each, anonymous, perSecond, cpu, empty []float64 }
	results := map[string]*result{}
	for _, t := range b.targets {
		results[t.name] = &result{}
	}
	for range b.runs {
		for _, t := range b.targets {
			r := results[t.name]
			err := b.with(ctx, t, func(c *child, s *swarm) error {
				before, beforeAnonymous, err := memory(c.pid())
				if err != nil {
					return err
				}
				used, err := processor(c.pid())
				if err != nil {
					return err
				}
				began := time.Now()
				if err := s.connect(ctx, 0, b.n, 64); err != nil {
					return err
				}
				took := time.Since(began)
				if err := wait(ctx, settle); err != nil {
					return err
				}
				after, afterAnonymous, err := memory(c.pid())
				if err != nil {
					return err
				}
				now, err := processor(c.pid())
				if err != nil {
					return err
				}
				if n := s.closed.Load(); n > 0 {
					return fmt.Errorf("%d of %d connections have ended", n, b.n)
				}
				r.empty = append(r.empty, float64(before)/(1<<20))
				r.each = append(r.each, float64(after-before)/float64(b.n)/1024)
				r.anonymous = append(r.anonymous, float64(afterAnonymous-beforeAnonymous)/float64(b.n)/1024)
				r.perSecond = append(r.perSecond, float64(b.n)/took.Seconds())
				r.cpu = append(r.cpu, float64((now-used).Microseconds())/float64(b.n))
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	out := newTable(b.out, "server", "KiB/page (RSS)", "of it not from files", "ratio", "pages/s", "server µs/page", "empty MiB")
	reference := median(results["reference"].each)
	for _, t := range b.targets {
		r := results[t.name]
		out.row(t.name, middle(r.each, ""), middle(r.anonymous, ""), fmt.Sprintf("%.2f", median(r.each)/reference),
			middle(r.perSecond, ""), middle(r.cpu, ""), middle(r.empty, ""))
	}
	out.print()
	return nil
}

// with starts a server for one run, and ends it and its pages afterwards.
func (b *bench) with(ctx context.Context, t target, fn func(c *child, s *swarm) error) error {
	c, err := t.start(ctx)
	if err != nil {
		return err
	}
	defer c.stop()
	s := t.swarm(c)
	defer s.close()
	return fn(c, s)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
