package pghub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// reachable is LINE as far as it says whom messages reach.
type reachable struct {
	*channel
	mu     sync.Mutex
	asked  []string
	gone   map[string]bool
	answer error
	before func(address string)
}

func (r *reachable) Reachable(_ context.Context, to hub.Address) (bool, error) {
	if r.before != nil {
		r.before(to.Value)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, to.Value)
	return !r.gone[to.Value], r.answer
}

func (r *reachable) calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.asked)
	r.asked = nil
	return n
}

func newReachable() *reachable {
	return &reachable{channel: newChannel(hub.LINE), gone: map[string]bool{}}
}

func reachFixture(t *testing.T, line *reachable) *fixture {
	f := newFixture(t, house, func(o *Options) { o.Channels, o.Log = []hub.Channel{newChannel(hub.WebPush), line}, quietLog() })
	for _, p := range []string{"amy", "ben", "cid"} {
		f.link(p, hub.LINE)
		f.link(p, hub.WebPush)
	}
	f.clock.add(time.Hour)
	return f
}

// TestReach: who has blocked the account without our hearing of it is unlinked
// and told elsewhere, what waits for them goes another way, and unblocking brings
// the link back; everybody is asked for once a day.
func TestReach(t *testing.T) {
	t.Parallel()
	line := newReachable()
	f := reachFixture(t, line)
	line.gone["address of amy on line"] = true
	for range 2 {
		if err := f.reach(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := line.calls(); got != 3 {
		t.Errorf("%d calls in two runs, want 3", got)
	}
	if got := query[string](f, `select person || ' ' || reason from channel_link where disabled_at is not null`); fmt.Sprint(got) != "[amy blocked]" {
		t.Errorf("ended: %q", got)
	}
	if got := query[string](f, `select person || ' ' || kind || ' ' || about from notification`); fmt.Sprint(got) != "[amy channel.unlinked line]" {
		t.Errorf("told: %q", got)
	}
	f.clock.add(25 * time.Hour)
	if err := f.reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := line.calls(); got != 2 {
		t.Errorf("%d calls a day later, want 2", got)
	}
}

// TestReachAndHeard: who writes while we ask is in reach, whatever LINE said.
func TestReachAndHeard(t *testing.T) {
	t.Parallel()
	line := newReachable()
	f := reachFixture(t, line)
	line.gone["address of amy on line"] = true
	line.before = func(string) {
		if _, err := f.pool.Exec(context.Background(), `update channel_link set last_inbound_at = $1 where channel = 'line'`, f.clock.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
	}
	if err := f.reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f, `select count(*)::int from channel_link where disabled_at is not null`); got != 0 {
		t.Errorf("%d links ended", got)
	}
}

// TestReachOfAnotherAccount: where nearly nobody is in reach, the credentials are
// wrong; nobody is unlinked for it.
func TestReachOfAnotherAccount(t *testing.T) {
	t.Parallel()
	line := newReachable()
	f := reachFixture(t, line)
	for i := range reachDoubt {
		p := fmt.Sprintf("more%d", i)
		f.exec(`insert into person (id, name, unit, created_at) values ($1, $1, 'u', $2)`, p, morning)
		f.exec(`insert into account (id, person, login, password_hash, created_at) values ($1, $1, $1, '', $2)`, p, morning)
		f.link(p, hub.LINE)
		line.gone["address of "+p+" on line"] = true
	}
	f.clock.add(time.Hour)
	if err := f.reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := one[int](f, `select count(*)::int from channel_link where disabled_at is not null`); got != 0 {
		t.Errorf("%d links ended", got)
	}
}

// TestReachLeavesATiredProvider: one that wants less is asked no more in this
// run, and what it was asked for comes behind the others in the next.
func TestReachLeavesATiredProvider(t *testing.T) {
	t.Parallel()
	line := newReachable()
	line.answer = &hub.Retry{Reason: "429", Slow: true}
	f := reachFixture(t, line)
	for i := range 30 {
		p := fmt.Sprintf("more%d", i)
		f.exec(`insert into person (id, name, unit, created_at) values ($1, $1, 'u', $2)`, p, morning)
		f.exec(`insert into account (id, person, login, password_hash, created_at) values ($1, $1, $1, '', $2)`, p, morning)
		f.link(p, hub.LINE)
	}
	if err := f.reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	tried := line.calls()
	if tried == 0 || tried > 2*reachCalls {
		t.Errorf("%d calls, want no more than are under way", tried)
	}
	if got := one[int](f, `select count(*)::int from channel_link where reached_at is not null`); got != tried {
		t.Errorf("%d are noted of %d", got, tried)
	}
	if got := one[int](f, `select count(*)::int from channel_link where disabled_at is not null`); got != 0 {
		t.Errorf("%d links ended", got)
	}
	line.answer = nil
	if err := f.reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := line.calls(); got != reachLeast {
		t.Errorf("%d calls of the next run, want %d", got, reachLeast)
	}
}

// TestReachPanics: a channel that fails inside ends nothing.
func TestReachPanics(t *testing.T) {
	t.Parallel()
	line := newReachable()
	line.before = func(string) { panic(errors.New("odd answer")) }
	f := reachFixture(t, line)
	if err := f.reach(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Links(t.Context(), approval.PersonID("amy")); err != nil || len(got) != 2 {
		t.Errorf("%d links, error %v", len(got), err)
	}
}
