package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

const (
	stallHealthy = 100
	stallStuck   = 5
	stallEvents  = 3000 // at most; a server that has let go of the stuck ones is let go of soon after
	stallAfter   = 300  // events after that
)

// stuck is a page that says hello and then reads nothing, with as little room
// for what it does not read as the kernel gives.
type stuck struct {
	conn net.Conn
	in   *input
}

func openStuck(ctx context.Context, s *swarm, n int) (*stuck, error) {
	h := s.shake(n)
	// Before it connects: a window that was promised and is not kept is another
	// illness.
	conn, err := (&net.Dialer{Control: smallWindow}).DialContext(ctx, "tcp4", h.address)
	if err != nil {
		return nil, err
	}
	p := &page{swarm: s, n: n}
	in, err := p.greet(conn, h, time.Now().Add(time.Minute))
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &stuck{conn, in}, nil
}

// wake reads what is still on its way, and gives the last event and the code of
// the close frame, 0 where the connection just ends.
func (s *stuck) wake() (last int64, code int) {
	_ = s.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		op, frame, err := s.in.frame()
		switch {
		case err != nil:
			return last, 0
		case op == opClose:
			return last, closeCode(frame)
		case op == opText:
			last = max(last, numberField(frame, `"seq":`))
		}
	}
}

// runStall sends events to healthy pages and to some that do not read. The
// healthy ones and the publisher are not to notice; the server is to let go of
// the others with a code that says "come back".
func runStall(ctx context.Context, b *bench) error {
	people := stallHealthy + stallStuck
	if b.n < people {
		return fmt.Errorf("needs %d pages", people)
	}
	type result struct {
		before, after, most, publish, held []float64
		letGo                              string
	}
	results := map[string]*result{}
	for _, t := range b.targets {
		results[t.name] = &result{}
	}
	for range b.runs {
		for _, t := range b.targets {
			r := results[t.name]
			err := b.with(ctx, t, func(c *child, s *swarm) error {
				if err := s.connect(ctx, 0, stallHealthy, 16); err != nil {
					return err
				}
				send := func(people int) (slowest, took float64, err error) {
					got := s.expect(stallHealthy)
					var at spread
					began := time.Now()
					if err := c.order(ctx, "/broadcast", broadcastOrder{People: people}, &at); err != nil {
						return 0, 0, err
					}
					took = millis(time.Since(began))
					select {
					case <-got:
					case <-time.After(30 * time.Second):
						return 0, 0, fmt.Errorf("healthy pages are not told")
					case <-ctx.Done():
						return 0, 0, ctx.Err()
					}
					l := s.latencies(at.Committed)
					return millis(l[len(l)-1]), took, nil
				}
				var alone, publishAlone []float64
				for range 300 {
					slowest, took, err := send(stallHealthy)
					if err != nil {
						return err
					}
					alone, publishAlone = append(alone, slowest), append(publishAlone, took)
				}
				var all []*stuck
				for i := range stallStuck {
					page, err := openStuck(ctx, s, stallHealthy+i)
					if err != nil {
						return err
					}
					defer page.conn.Close()
					all = append(all, page)
				}
				before, _, err := memory(c.pid())
				if err != nil {
					return err
				}
				var beside, publishBeside []float64
				var most int64
				letGo := 0 // after how many events there were no more than the healthy ones
				for i := 1; i <= stallEvents && (letGo == 0 || i < letGo+stallAfter); i++ {
					slowest, took, err := send(people)
					if err != nil {
						return err
					}
					beside, publishBeside = append(beside, slowest), append(publishBeside, took)
					if i%50 != 0 {
						continue
					}
					rss, _, err := memory(c.pid())
					if err != nil {
						return err
					}
					most = max(most, rss-before)
					if letGo == 0 {
						if n, err := sockets(c.pid()); err == nil && n <= stallHealthy {
							letGo = i
						}
					}
				}
				codes := map[int]int{}
				for _, page := range all {
					_, code := page.wake()
					codes[code]++
				}
				r.before, r.after = append(r.before, quantile(alone, 0.99)), append(r.after, quantile(beside, 0.99))
				r.most = append(r.most, quantile(beside, 1))
				r.publish = append(r.publish, quantile(publishBeside, 0.99)/quantile(publishAlone, 0.99))
				r.held = append(r.held, float64(most)/stallStuck/1024)
				r.letGo = fmt.Sprintf("after %d events, codes %v", letGo, codes)
				if letGo == 0 {
					r.letGo = fmt.Sprintf("not within %d events, codes %v", stallEvents, codes)
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	fmt.Fprintf(b.out, "%d healthy pages, %d that do not read\n", stallHealthy, stallStuck)
	out := newTable(b.out, "server", "healthy p99 ms without", "with them", "slowest ms", "publisher's p99, times", "KiB more for each", "let go")
	for _, t := range b.targets {
		r := results[t.name]
		out.row(t.name, middle(r.before, ""), middle(r.after, ""), middle(r.most, ""), middle(r.publish, ""), middle(r.held, ""), r.letGo)
	}
	out.print()
	return nil
}
