package pghub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/migrations"
	"qianhe/migrations/localpg"
	"qianhe/migrations/localpg/pgtest"
)

// crowd is how many people the benchmarks have.
const crowd = 2000

// benchServers runs fn on a server that forgets and on one that waits for the
// disk.
func benchServers(b *testing.B, fn func(b *testing.B, pool *pgxpool.Pool)) {
	b.Run("forgetful", func(b *testing.B) { fn(b, benchPool(b, pgtest.NewDSN(b))) })
	b.Run("durable", func(b *testing.B) {
		dir := b.TempDir()
		if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // the server's account has to get there
			b.Fatal(err)
		}
		s, err := localpg.Start(b.Context(), localpg.Options{Dir: filepath.Join(dir, "pg"), Durable: true})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := s.Stop(); err != nil {
				b.Error(err)
			}
		})
		pool := benchPool(b, s.DSN("postgres"))
		if err := migrations.Up(b.Context(), pool, quietLog()); err != nil {
			b.Fatal(err)
		}
		fn(b, pool)
	})
}

func benchPool(b *testing.B, dsn string) *pgxpool.Pool {
	b.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		b.Fatal(err)
	}
	config.MaxConns = 16
	config.ConnConfig.RuntimeParams["jit"] = "off"
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}

// addCrowd makes people x0 ... with an account and a link on c each.
func (f *fixture) addCrowd(n int, c hub.ChannelName) {
	f.t.Helper()
	f.exec(`insert into person (id, name, unit, created_at) select 'x' || i, 'x', 'u', now() from generate_series(0, $1::int - 1) i`, n)
	f.exec(`insert into account (id, person, login, password_hash, created_at) select 'x' || i, 'x' || i, 'x' || i, '', now() from generate_series(0, $1::int - 1) i`, n)
	_, err := f.pool.CopyFrom(f.t.Context(), pgx.Identifier{"channel_link"},
		[]string{"id", "person", "channel", "address_hash", "address", "keys", "created_at", "confirmed_at"},
		pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			id := fmt.Sprint("l", i)
			address, keys, err := f.seal(id, hub.Address{Value: "address of " + id})
			return []any{id, fmt.Sprint("x", i), string(c), fmt.Appendf(nil, "%032d", i), address, keys, morning, morning}, err
		}))
	if err != nil {
		f.t.Fatal(err)
	}
	f.trays.mu.Lock()
	defer f.trays.mu.Unlock()
	for i := range n {
		f.trays.counts[approval.PersonID(fmt.Sprint("x", i))] = approval.TrayCounts{All: 5, Highest: 1}
	}
}

// addDue makes n notifications to the crowd, each with a delivery that is due.
func (f *fixture) addDue(n, people int, c hub.ChannelName) {
	f.t.Helper()
	f.exec(`insert into notification (id, person, seq, kind, dedup, document, created_at, routed_at)
		select lpad(i::text, 26, 'N'), 'x' || i % $2::int, i, 'document.decided', 'd' || i, 'doc', $3, $3 from generate_series(1, $1::int) i`, n, people, f.clock.Now())
	f.exec(`insert into delivery (id, notification, channel, link, state, not_before, expires_at, created_at)
		select lpad(i::text, 26, 'D'), lpad(i::text, 26, 'N'), $4, 'l' || i % $2::int, 'pending', $3, $3::timestamptz + interval '1 hour', $3 from generate_series(1, $1::int) i`,
		n, people, f.clock.Now(), c)
	f.exec(`vacuum analyze`)
}

// instant takes everything at once.
type instant struct{ name hub.ChannelName }

func (c instant) Name() hub.ChannelName { return c.name }

func (c instant) Send(_ context.Context, m hub.Message) (hub.Receipt, error) {
	return hub.Receipt{ProviderID: m.Delivery}, nil
}

// BenchmarkOutbox is what one node delivers through a provider that answers at
// once, with all rows written: claim, attempt, result.
//
//	go test ./hub/pghub -run '^$' -bench Outbox -benchtime 50000x
func BenchmarkOutbox(b *testing.B) {
	benchServers(b, func(b *testing.B, pool *pgxpool.Pool) {
		f := newFixtureOn(b, pool, func(o *Options) { o.Channels = []hub.Channel{instant{hub.WebPush}} })
		f.clock.set(at(23, 15, 0)) // no digest
		f.addCrowd(crowd, hub.WebPush)
		f.addDue(b.N, crowd, hub.WebPush)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.ResetTimer()
		start := time.Now()
		f.start(f.Hub)
		f.settled(`select not exists (select from delivery where done_at is null)`)
		took := time.Since(start)
		b.StopTimer()
		runtime.ReadMemStats(&after)
		if got := one[int](f, `select count(*) from delivery d join attempt t on t.delivery = d.id where d.state = 'accepted' and t.outcome = 'accepted'`); got != b.N {
			b.Errorf("%d deliveries are on record, want %d", got, b.N)
		}
		b.ReportMetric(float64(b.N)/took.Seconds(), "deliveries/s")
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocs/delivery")
		b.ReportMetric(0, "ns/op")
	})
}
