package pghub

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/hub"
)

// urgentOnly takes everything at once, and says when it was given something
// urgent.
type urgentOnly struct {
	instant
	urgent chan time.Time
}

func (c urgentOnly) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	if m.Urgent && m.Kind == hub.KindArrived {
		c.urgent <- time.Now()
	}
	return c.instant.Send(ctx, m)
}

// BenchmarkDigest tells as many people as the benchmark has rounds how much
// waits for them, with plans and deliveries going on at the same time, and a
// 最速件 every quarter of a second: from its commit to its provider.
//
//	go test ./hub/pghub -run '^$' -bench Digest -benchtime 100000x
func BenchmarkDigest(b *testing.B) {
	benchServers(b, func(b *testing.B, pool *pgxpool.Pool) {
		c := urgentOnly{instant{hub.WebPush}, make(chan time.Time, 1)}
		f := newFixtureOn(b, pool, func(o *Options) { o.Channels = []hub.Channel{c} })
		f.clock.set(at(23, 15, 0)) // no digest by itself
		f.addCrowd(b.N, hub.WebPush)
		f.trays.mu.Lock()
		for _, p := range []approval.PersonID{"amy", "ben", "cid", "dan"} {
			delete(f.trays.counts, p)
		}
		f.trays.mu.Unlock()
		f.link("amy", hub.WebPush)
		f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
			select 's' || i, 'doc', 100 + i, 'review', 'amy', 'active', 'planned', now() from generate_series(0, 10000) i`)
		f.exec(`vacuum analyze`)
		f.start(f.Hub)
		b.ResetTimer()

		done := make(chan error, 1)
		start := time.Now()
		go func() {
			_, err := f.DigestNow(b.Context(), f.clock.Now())
			done <- err
		}()
		var worst time.Duration
		var took time.Duration
		urgent := 0
		one := func() {
			e := f.event(approval.EventArrived, "doc", "amy", highest)
			e.Step = approval.StepID(fmt.Sprint("s", urgent))
			urgent++
			f.enqueue(e)
			begin := time.Now()
			worst = max(worst, (<-c.urgent).Sub(begin))
		}
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for took == 0 {
			one()
			select {
			case err := <-done:
				if err != nil {
					b.Fatal(err)
				}
				took = time.Since(start)
			case <-tick.C:
			}
		}
		for !f.all100() { // and while plans and deliveries go on
			one()
			<-tick.C
		}
		b.StopTimer()
		b.ReportMetric(took.Seconds(), "s-to-enqueue")
		b.ReportMetric(time.Since(start).Seconds(), "s-to-deliver")
		b.ReportMetric(float64(b.N)/took.Seconds(), "people/s")
		b.ReportMetric(float64(worst.Milliseconds()), "ms-worst-urgent")
		b.ReportMetric(0, "ns/op")
	})
}

func (f *fixture) all100() bool {
	return one[bool](f, `select not exists (select from notification where routed_at is null) and not exists (select from delivery where done_at is null)`)
}
