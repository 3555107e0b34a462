package pghub

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/hub"
	"qianhe/migrations/localpg/pgtest"
)

const (
	publisherVariable = "PGHUB_TEST_PUBLISHER"
	publisherKeys     = "PGHUB_TEST_PUBLISHER_KEYS"
)

// publisherChild sends everything that there is to be sent, as a system does
// that has lost all its answers, and ends; it is killed on the way.
func publisherChild() int {
	ctx := context.Background()
	keys, err := strconv.ParseInt(os.Getenv(publisherKeys), 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	pool, err := pgxpool.New(ctx, os.Getenv(publisherVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	h, err := New(pool, Options{Trays: &trays{}, Sealer: sealer{}, Workdays: weekdays{}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var next atomic.Int64
	var failed atomic.Bool
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			for i := next.Add(1); i <= keys; i = next.Add(1) {
				if _, err := h.Publish(ctx, form(fmt.Sprint("key", i), people(i)...)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					failed.Store(true)
					return
				}
			}
		})
	}
	all.Wait()
	if failed.Load() {
		return 1
	}
	return 0
}

// people are those whom notice i is for.
func people(i int64) []string {
	all := []string{"amy", "ben", "cid", "dan"}
	return all[:1+i%4]
}

// A system sends the same again and again to a server that is killed in the
// middle of it. In the end everybody was told everything, once, under numbers
// without gaps.
func TestPublishKilled(t *testing.T) {
	t.Parallel()
	const keys, kills = 400, 6
	dsn := pgtest.NewDSN(t)
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f := newFixtureOn(t, pool)
	f.token("hr")
	f.link("ben", hub.LINE) // some have something to be planned, too
	for kill := range kills + 1 {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), publisherVariable+"="+dsn, publisherKeys+"="+strconv.Itoa(keys))
		c.Stderr = t.Output()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if kill == kills {
			if err := c.Wait(); err != nil {
				t.Fatalf("the last one: %v", err)
			}
			break
		}
		waitUntil(t, func() bool { return one[int](f, `select count(*) from notice`) >= (kill+1)*keys/(kills+1) })
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // killed: its error says so
	}
	if got := one[int](f, `select count(*) from notice`); got != keys {
		t.Errorf("%d notices, want %d", got, keys)
	}
	total := 0
	for i := range int64(keys) {
		total += len(people(i + 1))
	}
	if got := one[int](f, `select count(*) from notification`); got != total {
		t.Errorf("%d notifications, want %d", got, total)
	}
	if got := one[int](f, `select count(*) from (select person from notification group by person having count(*) <> max(seq) or min(seq) <> 1) x`); got != 0 {
		t.Errorf("%d people have gaps in their numbers", got)
	}
	if got := one[int](f, `select count(*) from inbox i where seq <> (select count(*) from notification n where n.person = i.person)`); got != 0 {
		t.Errorf("%d inboxes stand elsewhere than their notifications", got)
	}
	// What is to be planned has a job, and whatever has lost it is swept.
	planned := one[int](f, `select count(distinct x) from river_job, jsonb_array_elements_text(args -> 'notifications') x where kind = 'route'`)
	if got := one[int](f, `select count(*) from notification where routed_at is null`); got != planned || planned == 0 {
		t.Errorf("%d notifications are to be planned, jobs have %d", got, planned)
	}
}
