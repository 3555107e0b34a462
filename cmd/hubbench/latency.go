package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	latencyRate = 500 // notices a second, whatever becomes of them
	latencyPost = 32  // connections of publishers
)

// arrival is when an event was at its page, in Unix nanoseconds.
type arrival struct {
	page int
	nth  int64 // of those that this page got, from 0
	seq  int64
	at   int64
}

// runLatency publishes at a steady rate, on time even when answers are late, and
// looks how long after its commit a notice is at its page. PostgreSQL stamps a
// commit before it waits for the disk, so that wait is in the figures.
func runLatency(ctx context.Context, b *bench) error {
	var commitP50, commitP99, postP50, postP99, answerP99 []float64
	for range b.runs {
		err := b.with(ctx, b.targets[0], func(c *child, s *swarm) error {
			pages := min(b.n, publishPages)
			s.ack = b.acks
			var mu sync.Mutex
			arrivals := make([]arrival, 0, int(latencyRate*b.lasts.Seconds()))
			sent := make([][]int64, pages) // when each page's requests were due
			s.event = func(p *page, _ []byte, at int64) {
				mu.Lock()
				arrivals = append(arrivals, arrival{p.n, p.events - 1, p.seq, at})
				mu.Unlock()
			}
			if err := s.connect(ctx, 0, pages, 64); err != nil {
				return err
			}
			if err := wait(ctx, time.Second); err != nil {
				return err
			}
			began := time.Now()
			posts, answers, err := b.pace(ctx, c, pages, sent)
			if err != nil {
				return err
			}
			for waited := time.Now(); s.events.Load() < int64(posts) && time.Since(waited) < 10*time.Second; {
				if err := wait(ctx, 10*time.Millisecond); err != nil {
					return err
				}
			}
			if got := s.events.Load(); got != int64(posts) || s.wild.Load() > 0 {
				return fmt.Errorf("%d of %d events have come, %d not as the next one", got, posts, s.wild.Load())
			}
			commits, err := b.commits(ctx, began)
			if err != nil {
				return err
			}
			var fromCommit, fromPost []float64
			for _, a := range arrivals {
				at, ok := commits[place{b.office.logins[a.page], a.seq}]
				if !ok {
					return fmt.Errorf("event %d of %s is in no committed row", a.seq, b.office.logins[a.page])
				}
				fromCommit = append(fromCommit, float64(a.at/1000-at)/1000)
				fromPost = append(fromPost, float64(a.at-sent[a.page][a.nth])/1e6)
			}
			commitP50, commitP99 = append(commitP50, median(fromCommit)), append(commitP99, quantile(fromCommit, 0.99))
			postP50, postP99 = append(postP50, median(fromPost)), append(postP99, quantile(fromPost, 0.99))
			answerP99 = append(answerP99, quantile(answers, 0.99))
			return nil
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(b.out, "%d notices a second, %d pages, acknowledging: %t\n", latencyRate, min(b.n, publishPages), b.acks)
	out := newTable(b.out, "commit to frame p50 ms", "p99 ms", "request to frame p50 ms", "p99 ms", "answer p99 ms")
	out.row(middle(commitP50, ""), middle(commitP99, ""), middle(postP50, ""), middle(postP99, ""), middle(answerP99, ""))
	out.print()
	return nil
}

// pace posts one notice to one page after the other at the steady rate, and
// gives how many and how long the answers took.
func (b *bench) pace(ctx context.Context, c *child, pages int, sent [][]int64) (posts int, answers []float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.lasts+time.Minute)
	defer cancel()
	due := make(chan int, latencyRate)
	var mu sync.Mutex
	failed := make(chan error, latencyPost)
	var all sync.WaitGroup
	for range latencyPost {
		p, err := newPoster(c.ready.Address, b.office.token)
		if err != nil {
			return 0, nil, err
		}
		all.Go(func() {
			defer p.close()
			for page := range due {
				at := time.Now()
				if err := p.publish(ctx, notice(b.office.logins[page])); err != nil {
					select {
					case failed <- err:
					default:
					}
					continue
				}
				mu.Lock()
				answers = append(answers, millis(time.Since(at)))
				mu.Unlock()
			}
		})
	}
	began := time.Now()
	for ; time.Since(began) < b.lasts; posts++ {
		next := began.Add(time.Duration(posts) * time.Second / latencyRate)
		if err := wait(ctx, time.Until(next)); err != nil {
			break
		}
		page := posts % pages
		sent[page] = append(sent[page], next.UnixNano())
		due <- page
	}
	close(due)
	all.Wait()
	select {
	case err := <-failed:
		return 0, nil, err
	default:
		return posts, answers, ctx.Err()
	}
}

type place struct {
	login string
	seq   int64
}

// commits gives when notifications were committed, in Unix microseconds.
func (b *bench) commits(ctx context.Context, since time.Time) (map[place]int64, error) {
	rows, _ := b.office.pool.Query(ctx, `
		select a.login, n.seq, (extract(epoch from pg_xact_commit_timestamp(i.xmin)) * 1000000)::bigint
		from notification n
		join account a on a.person = n.person
		join notice i on i.id = n.notice
		where n.created_at >= $1`, since.Add(-time.Second))
	commits := map[place]int64{}
	var p place
	var at int64
	_, err := pgx.ForEachRow(rows, []any{&p.login, &p.seq, &at}, func() error { commits[p] = at; return nil })
	return commits, err
}
