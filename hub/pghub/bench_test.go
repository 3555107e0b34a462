package pghub

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/migrations/localpg/pgtest"
)

// BenchmarkEnqueue is what a decision costs on top of itself: one person's step
// is left, another's becomes active. The test server does not wait for the
// disk; hubbench measures one that does.
//
//	go test ./hub/pghub -run '^$' -bench Enqueue -cpu 1,8
func BenchmarkEnqueue(b *testing.B) {
	config, err := pgxpool.ParseConfig(pgtest.NewDSN(b))
	if err != nil {
		b.Fatal(err)
	}
	config.MaxConns = 32
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	f := newFixtureOn(b, pool)
	const people, steps = 2000, 50000
	f.exec(`insert into person (id, name, unit, created_at) select 'x' || i, 'x', 'u', now() from generate_series(0, $1::int) i`, people)
	f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
		select 's' || i, 'doc', 100 + i, 'review', 'x' || i % $2::int, 'active', 'planned', now() from generate_series(0, $1::int) i`, steps, people)
	if err := f.ownBus.start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(f.ownBus.stop)
	step := func(kind approval.EventKind, i int64) approval.Event {
		e := f.event(kind, "doc", "amy")
		e.Step, e.Person = approval.StepID(fmt.Sprint("s", i%steps)), approval.PersonID(fmt.Sprint("x", i%steps%people))
		return e
	}
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			// Another person's step, so that those who decide at the same time
			// do not wait for each other's inboxes.
			if err := f.enqueueWith(f.Hub, step(approval.EventLeft, i+people/2), step(approval.EventArrived, i)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

// BenchmarkDeliver is one delivery from commit to a provider that takes no
// time: plan, claim, send, record, with many under way at once.
//
//	go test ./hub/pghub -run '^$' -bench Deliver -benchtime 2000x
func BenchmarkDeliver(b *testing.B) {
	f := newFixture(b)
	f.clock.set(at(23, 15, 0)) // no digest
	f.link("amy", hub.WebPush)
	f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
		select 's' || i, 'doc', 100 + i, 'review', 'amy', 'active', 'planned', now() from generate_series(0, $1::int) i`, b.N)
	f.push.sent = make(chan hub.Message, b.N)
	f.start(f.Hub)
	b.ResetTimer()
	for i := range b.N {
		e := f.event(approval.EventArrived, "doc", "amy")
		e.Step = approval.StepID(fmt.Sprint("s", i))
		f.enqueue(e)
	}
	for range b.N {
		<-f.push.sent
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}
