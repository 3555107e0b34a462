package pghub

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
	"qianhe/hub"
	"qianhe/migrations/localpg/pgtest"
)

const (
	childVariable = "PGHUB_TEST_CHILD"
	childClock    = "PGHUB_TEST_CLOCK"
	childName     = "killed"
)

// ledger is a channel whose provider is a table: it remembers every call, as
// one with idempotency keys does.
type ledger struct{ pool *pgxpool.Pool }

func (ledger) Name() hub.ChannelName { return hub.WebPush }

func (l ledger) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	if _, err := l.pool.Exec(ctx, `insert into provider_ledger (key) values ($1)`, m.Delivery); err != nil {
		return hub.Receipt{}, &hub.Unknown{Reason: "ledger", Safe: true}
	}
	return hub.Receipt{}, nil
}

// child is a node: it delivers until it is killed.
func child() int {
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(os.Getenv(childVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	config.ConnConfig.RuntimeParams["application_name"] = childName
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ahead, err := time.ParseDuration(os.Getenv(childClock))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	h, err := New(pool, Options{
		Channels: []hub.Channel{ledger{pool}},
		Trays:    &trays{counts: map[approval.PersonID]approval.TrayCounts{}},
		Sealer:   sealer{},
		Workdays: weekdays{},
		Policy:   awake(hub.DefaultUnseen),
		Now:      func() time.Time { return time.Now().Add(ahead) },
		// Back-off is not what is tested here.
		Retries: hub.Retries{Base: time.Millisecond},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := h.Start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	select {} // until killed
}

// A node is killed again and again in the middle of its work. In the end every
// notification has reached the provider, and what reached it twice did so under
// one key.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	const notifications, kills = 200, 5
	dsn := pgtest.NewDSN(t)
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f := newFixtureOn(t, pool)
	f.clock.set(time.Now())
	f.exec(`create table provider_ledger (key text not null)`)
	f.link("amy", hub.WebPush)
	f.exec(`insert into step (id, document, position, duty, person, state, origin, arrived_at)
		select 'doc-amy' || i, 'doc', 100 + i, 'review', 'amy', 'active', 'planned', now() from generate_series(1, $1::int) i`, notifications)
	enqueue := func(i int) {
		t.Helper()
		e := f.event(approval.EventArrived, "doc", "amy")
		e.Step = approval.StepID(fmt.Sprint("doc-amy", i))
		f.enqueue(e)
	}
	count := func(sql string) int { return one[int](f, `select count(*) from `+sql) }

	for kill := range kills + 1 {
		// Each process begins after the leases of the one before are over.
		node := startChild(t, dsn, time.Duration(kill)*2*time.Minute)
		share := notifications / kills
		goal := (kill + 1) * share
		if kill < kills {
			for i := range share {
				enqueue(kill*share + i + 1)
			}
			goal = kill*share + share/2
		} else {
			goal = notifications
		}
		waitUntil(t, func() bool { return count(`delivery where state = 'accepted'`) >= goal })
		if err := node.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = node.Wait() // killed: its error says so
		// The server notices a moment later, and may be at a statement of it.
		waitUntil(t, func() bool {
			return one[int](f, `select count(*) from pg_stat_activity where datname = current_database() and (application_name = $1 or application_name like 'qianhe bus %')`, childName) == 0
		})
		// What River does some minutes after a node has died.
		f.exec(`update river_job set state = 'available', attempt = 0 where state = 'running'`)
		f.exec(`update river_job set scheduled_at = now(), state = 'available' where state in ('scheduled', 'retryable')`)
		f.exec(`delete from river_leader`)
	}
	if got := count(`notification`); got != notifications {
		t.Errorf("%d notifications, want %d", got, notifications)
	}
	if got := count(`delivery where state <> 'accepted'`); got != 0 {
		t.Errorf("%d deliveries are not accepted: %v", got, f.states())
	}
	lost := count(`delivery d where not exists (select from provider_ledger l where l.key = d.id)`)
	strange := count(`provider_ledger l where not exists (select from delivery d where d.id = l.key)`)
	twice := count(`(select key from provider_ledger group by key having count(*) > 1) x`)
	interrupted := count(`attempt where finished_at is null`)
	if lost != 0 || strange != 0 {
		t.Errorf("%d deliveries never reached the provider, %d that nobody planned did", lost, strange)
	}
	if twice > interrupted {
		t.Errorf("%d deliveries were repeated, and only %d attempts were interrupted", twice, interrupted)
	}
	t.Logf("%d kills: %d attempts interrupted, %d repeated under the same key, none lost", kills, interrupted, twice)
}

func startChild(t *testing.T, dsn string, ahead time.Duration) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+dsn, childClock+"="+ahead.String())
	c.Stderr = t.Output()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("node says %q, %v", line, err)
	}
	return c
}

// waitUntil asks the database, which has nobody to tell when rows change.
func waitUntil(t testing.TB, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("not in time")
		}
	}
}
