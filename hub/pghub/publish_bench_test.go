package pghub

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/migrations"
	"qianhe/migrations/localpg"
)

// durable gives a fixture on a server that waits for the disk, with people
// x0 ... whose accounts have the same names, linked of whom have a channel.
func durable(b *testing.B, people, linked int) *fixture {
	b.Helper()
	dir, err := os.MkdirTemp("", "qianhe-bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server has an account of its own
		b.Fatal(err)
	}
	server, err := localpg.Start(b.Context(), localpg.Options{Dir: dir + "/pg", Durable: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(); err != nil {
			b.Error(err)
		}
	})
	config, err := pgxpool.ParseConfig(server.DSN("postgres"))
	if err != nil {
		b.Fatal(err)
	}
	config.MaxConns = 40
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	if err := migrations.Up(b.Context(), pool, quietLog()); err != nil {
		b.Fatal(err)
	}
	f := newFixtureOn(b, pool)
	f.token("hr")
	f.exec(`insert into person (id, name, unit, created_at) select 'x' || i, 'x', 'u', now() from generate_series(0, $1::int - 1) i`, people)
	f.exec(`insert into account (id, person, login, password_hash, created_at) select id, id, id, '', now() from person where id like 'x%'`)
	f.exec(`insert into channel_link (id, person, channel, address_hash, address, created_at, confirmed_at)
		select id, id, 'webpush', sha256(id::bytea), '', now(), now() from person where id like 'x%' order by id limit $1`, linked)
	f.exec(`create table raw (id text primary key, person text not null, payload jsonb not null, done_at timestamptz)`)
	f.exec(`create index raw_open on raw (id) where done_at is null`)
	f.exec(`vacuum analyze`)
	if err := f.ownBus.start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(f.ownBus.stop)
	return f
}

// inserts is what the database does without us: rows of 256 bytes with a
// primary key and a partial index, one a transaction, for as long as that is.
func (f *fixture) inserts(producers int, d time.Duration) (perSecond float64) {
	f.t.Helper()
	payload := `{"text":"` + string(make256()) + `"}`
	var n atomic.Int64
	ctx, cancel := context.WithTimeout(f.t.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	for range producers {
		all.Go(func() {
			for ctx.Err() == nil {
				_, err := f.pool.Exec(context.WithoutCancel(ctx), `insert into raw (id, person, payload) values ($1, 'x', $2)`, f.newID(), payload)
				if err != nil {
					f.t.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / d.Seconds()
}

func make256() []byte {
	b := make([]byte, 240)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return b
}

// BenchmarkPublish is one notice to one person, committed to the disk, with so
// many who publish at the same time; beside it what plain INSERTs do in the same
// place and with as many connections, at most 32.
//
//	go test ./hub/pghub -run '^$' -bench Publish -benchtime 2s
func BenchmarkPublish(b *testing.B) {
	for _, linked := range []int{0, 2000} {
		f := durable(b, 2000, linked)
		for _, producers := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("linked=%d/producers=%d", linked, producers), func(b *testing.B) {
				raw := f.inserts(min(producers, 32), time.Second)
				var next atomic.Int64
				b.ResetTimer()
				var all sync.WaitGroup
				for range producers {
					all.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							n := hub.Notice{
								Token: "hr", Key: fmt.Sprintf("%s-%d-%d", b.Name(), b.N, i), Kind: hub.KindForm, Title: "差勤申請單待審核",
								URL: "https://hr.example.gov.tw/forms/1", Speed: approval.SpeedNormal, To: []string{fmt.Sprintf("x%d", i*7919%2000)},
							}
							if p, err := f.Publish(b.Context(), n); err != nil || p.Told() != 1 || p.Duplicate {
								b.Errorf("got %+v, %v", p, err)
								return
							}
						}
					})
				}
				all.Wait()
				rate := float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(rate, "notices/s")
				b.ReportMetric(raw, "inserts/s")
				b.ReportMetric(rate/raw, "ratio")
			})
		}
	}
}

// BenchmarkPublishBulk is one notice to 1,000 people, by one and by four
// callers.
func BenchmarkPublishBulk(b *testing.B) {
	for _, linked := range []int{0, 20000} {
		f := durable(b, 20000, linked)
		for _, producers := range []int{1, 4} {
			b.Run(fmt.Sprintf("linked=%d/producers=%d", linked, producers), func(b *testing.B) {
				raw := f.inserts(producers, time.Second)
				var next atomic.Int64
				b.ResetTimer()
				var all sync.WaitGroup
				for range producers {
					all.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							n := hub.Notice{Token: "hr", Kind: hub.KindAnnouncement, Title: "停電公告", Speed: approval.SpeedNormal}
							for j := range hub.MaxRecipients {
								n.To = append(n.To, fmt.Sprintf("x%d", (int(i)*hub.MaxRecipients+j)*7919%20000))
							}
							if p, err := f.Publish(b.Context(), n); err != nil || p.Told() != hub.MaxRecipients {
								b.Errorf("told %d, %v", p.Told(), err)
								return
							}
						}
					})
				}
				all.Wait()
				rate := float64(b.N*hub.MaxRecipients) / b.Elapsed().Seconds()
				b.ReportMetric(rate, "notifications/s")
				b.ReportMetric(raw, "inserts/s")
				b.ReportMetric(rate/raw, "ratio")
			})
		}
	}
}
