package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// publishPages is how many pages are open meanwhile, at most.
const publishPages = 2000

// rate is how much a number of publishers gets through.
type rate struct {
	perSecond []float64
	p50, p99  []float64 // ms until the answer
	received  []float64 // part of the events that pages have got
	used      used
}

// used is the processor time that goes into one notification, in µs: it says
// the same on a busy machine as on a quiet one.
type used struct {
	server, database, load []float64
}

// shape is how many publish, and for how many people at once.
type shape struct{ publishers, recipients int }

func (s shape) String() string { return fmt.Sprintf("%dx%d", s.publishers, s.recipients) }

const defaultShapes = "1x1,16x1,64x1,1x1000,4x1000"

func parseShapes(text string) (list []shape, err error) {
	for part := range strings.SplitSeq(text, ",") {
		var s shape
		publishers, recipients, _ := strings.Cut(part, "x")
		if s.publishers, err = strconv.Atoi(publishers); err == nil {
			s.recipients, err = strconv.Atoi(recipients)
		}
		if err != nil || s.publishers < 1 || s.recipients < 1 {
			return nil, fmt.Errorf("%q: want publishers x recipients, such as 64x1", part)
		}
		list = append(list, s)
	}
	return list, nil
}

// runPublish has publishers publish as fast as they are answered: committed
// before the answer. Beside it, the same database takes bare rows as fast as it
// can from as many connections.
func runPublish(ctx context.Context, b *bench) error {
	ours, rows := make([]rate, len(b.shapes)), make([]rate, len(b.shapes))
	for range b.runs {
		for i, shape := range b.shapes {
			if shape.recipients > b.n {
				continue
			}
			if err := b.publish(ctx, &ours[i], shape); err != nil {
				return err
			}
			if shape.recipients == 1 {
				if err := b.insert(ctx, &rows[i], shape.publishers); err != nil {
					return err
				}
			}
		}
	}
	fmt.Fprintf(b.out, "%d pages are open, acknowledging: %t\n", min(b.n, publishPages), b.acks)
	out := newTable(b.out, "publishers", "recipients", "notifications/s", "answer p50 ms", "p99 ms", "of it at the pages", "server µs", "database µs", "load µs", "bare INSERTs/s", "ratio")
	for i, shape := range b.shapes {
		if len(ours[i].perSecond) == 0 {
			continue
		}
		bare, ratio := "", ""
		if r := rows[i].perSecond; len(r) > 0 {
			bare, ratio = middle(r, ""), fmt.Sprintf("%.2f", median(ours[i].perSecond)/median(r))
		}
		out.row(fmt.Sprint(shape.publishers), fmt.Sprint(shape.recipients), middle(ours[i].perSecond, ""), middle(ours[i].p50, ""), middle(ours[i].p99, ""),
			fmt.Sprintf("%.4f", median(ours[i].received)), middle(ours[i].used.server, ""), middle(ours[i].used.database, ""), middle(ours[i].used.load, ""), bare, ratio)
	}
	out.print()
	return nil
}

// publish measures one number of publishers.
func (b *bench) publish(ctx context.Context, r *rate, shape shape) error {
	publishers, recipients := shape.publishers, shape.recipients
	return b.with(ctx, b.targets[0], func(c *child, s *swarm) error {
		s.ack = b.acks
		pages := min(b.n, publishPages)
		if err := s.connect(ctx, 0, pages, 64); err != nil {
			return err
		}
		bulk := notice(b.office.logins[:min(recipients, b.n)]...)
		var published, toPages atomic.Int64
		times := make([][]float64, publishers)
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		failed := make(chan error, publishers+1)
		var all sync.WaitGroup
		if b.profiles != "" {
			all.Go(func() {
				if err := c.profile(ctx, filepath.Join(b.profiles, "publish-"+shape.String()+".pprof"), b.lasts); err != nil {
					failed <- err
				}
			})
		}
		before, err := b.spent(c)
		if err != nil {
			return err
		}
		began := time.Now()
		for i := range publishers {
			all.Go(func() {
				p, err := newPoster(c.ready.Address, b.office.token)
				if err != nil {
					failed <- err
					return
				}
				defer p.close()
				random := rand.New(rand.NewPCG(uint64(i), 1))
				for time.Since(began) < b.lasts {
					body, reached := bulk, min(recipients, pages)
					if recipients == 1 {
						body, reached = notice(b.office.logins[random.IntN(pages)]), 1
					}
					at := time.Now()
					if err := p.publish(ctx, body); err != nil {
						failed <- err
						return
					}
					times[i] = append(times[i], millis(time.Since(at)))
					published.Add(int64(recipients))
					toPages.Add(int64(reached))
				}
			})
		}
		all.Wait()
		took := time.Since(began)
		select {
		case err := <-failed:
			return err
		default:
		}
		for waited := time.Now(); s.events.Load() < toPages.Load() && time.Since(waited) < 10*time.Second; {
			if err := wait(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
		if n := s.wild.Load(); n > 0 {
			return fmt.Errorf("%d events were not the next one", n)
		}
		after, err := b.spent(c)
		if err != nil {
			return err
		}
		r.used.add(after.sub(before), published.Load())
		var answers []float64
		for _, t := range times {
			answers = append(answers, t...)
		}
		r.perSecond = append(r.perSecond, float64(published.Load())/took.Seconds())
		r.p50, r.p99 = append(r.p50, median(answers)), append(r.p99, quantile(answers, 0.99))
		r.received = append(r.received, float64(s.events.Load())/float64(toPages.Load()))
		return nil
	})
}

// spent is the processor time of all who have to do with a run.
type spent struct{ server, database, load time.Duration }

func (s spent) sub(o spent) spent {
	return spent{s.server - o.server, s.database - o.database, s.load - o.load}
}

func (u *used) add(s spent, n int64) {
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(max(n, 1)) }
	u.server, u.database, u.load = append(u.server, each(s.server)), append(u.database, each(s.database)), append(u.load, each(s.load))
}

func (b *bench) spent(c *child) (s spent, err error) {
	if s.server, err = processor(c.pid()); err != nil {
		return s, err
	}
	if s.load, err = processor(os.Getpid()); err != nil {
		return s, err
	}
	s.database, err = family(b.office.pid)
	return s, err
}

// insert measures what the same database takes in bare rows: one by one, each
// committed, of a quarter of a kilobyte, with two indexes.
func (b *bench) insert(ctx context.Context, r *rate, conns int) error {
	config, err := pgxpool.ParseConfig(b.office.dsn)
	if err != nil {
		return err
	}
	config.MaxConns = int32(conns)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, `
		drop table if exists bare;
		create table bare (id bigint generated always as identity primary key, payload jsonb not null, done_at timestamptz);
		create index on bare (id) where done_at is null`); err != nil {
		return err
	}
	defer func() { _, _ = pool.Exec(context.WithoutCancel(ctx), `drop table if exists bare`) }()
	payload := `{"text":"` + string(make256()) + `"}`
	var n atomic.Int64
	failed := make(chan error, conns)
	began := time.Now()
	var all sync.WaitGroup
	for range conns {
		all.Go(func() {
			for time.Since(began) < b.lasts {
				if _, err := pool.Exec(ctx, `insert into bare (payload) values ($1)`, payload); err != nil {
					failed <- err
					return
				}
				n.Add(1)
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	r.perSecond = append(r.perSecond, float64(n.Load())/time.Since(began).Seconds())
	return nil
}

func make256() []byte {
	b := make([]byte, 240)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	return b
}
