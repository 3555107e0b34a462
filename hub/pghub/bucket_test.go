package pghub

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/hub"
)

// take gives how many messages were sent.
func (c *channel) take() (n int) {
	for {
		select {
		case <-c.sent:
			n++
		default:
			return n
		}
	}
}

// Two nodes together send what the provider takes, and not more.
func TestRateIsShared(t *testing.T) {
	t.Parallel()
	line := newChannel(hub.LINE)
	f := newFixture(t, func(o *Options) { o.Channels = []hub.Channel{limited{line, 10, 15}} })
	f.many(60, hub.LINE, hub.PriorityNormal)
	other := f.another()
	both := func() (sent int, wait time.Duration) {
		t.Helper()
		var nodes sync.WaitGroup
		var waits [2]time.Duration
		for i, h := range []*Hub{f.Hub, other} {
			nodes.Go(func() { waits[i] = h.pumps[hub.LINE].drain(t.Context()) })
		}
		nodes.Wait()
		return line.take(), max(waits[0], waits[1])
	}
	if sent, wait := both(); sent != 15 || wait != 100*time.Millisecond {
		t.Errorf("at first %d are sent and the next comes in %s; want the burst of 15, and 100ms", sent, wait)
	}
	if sent, _ := both(); sent != 0 {
		t.Errorf("%d are sent at once after that, want none", sent)
	}
	f.clock.add(time.Second)
	if sent, _ := both(); sent != 10 {
		t.Errorf("%d are sent a second later, want 10", sent)
	}
	f.clock.add(time.Hour)
	f.many(1, hub.LINE, hub.PriorityUrgent)
	sent, _ := both()
	if sent != 15 {
		t.Errorf("%d are sent after a pause, want the burst of 15", sent)
	}
	if got := one[string](f, `select state from delivery where priority = 0`); got != "accepted" {
		t.Errorf("what is urgent is %s, want it among the first", got)
	}
	if got := one[int](f, `select count(*) from attempt`); got != 40 {
		t.Errorf("%d attempts, want 40", got)
	}
}

// "Too much" from the provider keeps all nodes from calling it for a while.
func TestSlowDown(t *testing.T) {
	t.Parallel()
	line := newChannel(hub.LINE)
	f := newFixture(t, func(o *Options) { o.Channels = []hub.Channel{limited{line, 100, 100}}; o.Log = quietLog() })
	f.many(1, hub.LINE, hub.PriorityNormal)
	line.fails(&hub.Retry{After: 3 * time.Second, Reason: "429", Slow: true})
	f.deliverAll()
	line.fails(nil)
	line.take()
	f.clock.add(2 * time.Second)
	f.exec(`update delivery set not_before = $1`, f.clock.Now())
	wait := f.deliverWith(f.another())[hub.LINE]
	if sent := line.take(); sent != 0 || wait < 900*time.Millisecond || wait > 1100*time.Millisecond {
		t.Errorf("%d were sent while the provider wants to be left alone, next in %s; want none, and 1s", sent, wait)
	}
	f.clock.add(1100 * time.Millisecond)
	f.deliverAll()
	if sent := line.take(); sent != 1 {
		t.Errorf("%d were sent after that, want 1", sent)
	}
}

// A clock that is behind takes nothing away and adds nothing.
func TestBucket(t *testing.T) {
	t.Parallel()
	at := morning
	tests := []struct {
		name  string
		left  float64
		asOf  time.Time
		now   time.Time
		want  float64
		more  time.Duration // from now
		after time.Time
	}{
		{"a second", 0, at, at.Add(time.Second), 50, 0, at.Add(time.Second)},
		{"no more than the burst", 90, at, at.Add(time.Minute), 100, 0, at.Add(time.Minute)},
		{"behind", 7, at, at.Add(-time.Minute), 7, 0, at},
		{"held back", 0, at.Add(3 * time.Second), at, 0, 3*time.Second + 20*time.Millisecond, at.Add(3 * time.Second)},
	}
	for _, tt := range tests {
		b := bucket{perSecond: 50, burst: 100, left: tt.left}
		b.refill(tt.asOf, tt.now)
		more := time.Duration(0)
		if m := b.more(); !m.IsZero() {
			more = m.Sub(tt.now)
		}
		if b.left != tt.want || more != tt.more || !b.at.Equal(tt.after) {
			t.Errorf("%s: %v left at %s, more in %s; want %v at %s, %s", tt.name, b.left, b.at, more, tt.want, tt.after, tt.more)
		}
	}
}

func TestStreak(t *testing.T) {
	t.Parallel()
	silent := hub.Verdict{Outcome: hub.OutcomeUnknown, Reason: "no answer in time"}
	refused := hub.Verdict{Outcome: hub.OutcomeRetry, Reason: "no connection"}
	slow := hub.Verdict{Outcome: hub.OutcomeRetry, Slow: true}
	later := hub.Verdict{Outcome: hub.OutcomeRetry, After: time.Second}
	taken := hub.Verdict{Outcome: hub.OutcomeAccepted}
	dead := hub.Verdict{Outcome: hub.OutcomePermanent}
	tests := []struct {
		name    string
		careful bool
		calls   string // a letter for each: the person; capitals: answered
		verdict hub.Verdict
		answer  hub.Verdict
		want    bool
	}{
		{"ten of many", false, "abcabcabca", silent, taken, true},
		{"connections refused", false, "abcabcabca", refused, taken, true},
		{"nine", false, "abcabcabc", silent, taken, false},
		{"of two people", false, "abababababababab", silent, taken, false},
		{"one is accepted", false, "abcabcabcAabcabc", silent, taken, false},
		{"one is told off", false, "abcabcabcAabcabc", silent, dead, false},
		{"told to slow down", false, "abcabcabcabcabc", slow, taken, false},
		{"told to come later", false, "abcabcabcabcabc", later, taken, false},
		{"three that try a channel", true, "aaa", silent, taken, true},
		{"two that try a channel", true, "ab", silent, taken, false},
	}
	for _, tt := range tests {
		var list []result
		for _, c := range tt.calls {
			r := result{returned: morning, verdict: tt.verdict}
			if c < 'a' {
				r.verdict = tt.answer
			}
			r.d.notification.Person = personOf(c)
			list = append(list, r)
		}
		var s streak
		got := s.note(list[:len(list)/2], tt.careful)
		got = s.note(list[len(list)/2:], tt.careful) || got
		if got != tt.want {
			t.Errorf("%s: silent is %t, want %t", tt.name, got, tt.want)
		}
	}
}

// A provider that answers nobody is left alone, and the others get their turn
// without waiting for its time-outs.
func TestSilentProvider(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.many(30, hub.LINE, hub.PriorityNormal)
	f.pumps[hub.LINE].slots = 12
	f.line.fails(&hub.Unknown{Reason: "no answer in time", Safe: true})
	f.link("amy", hub.WebPush)
	urgent := f.delivery("amy", hub.LINE, hub.StatePending, 0, "")
	push := f.beside(urgent, hub.WebPush, time.Hour)
	f.exec(`update delivery set not_before = not_before + interval '1 millisecond' where id = $1`, urgent)
	f.clock.add(2 * time.Millisecond)

	f.pumps[hub.LINE].drain(t.Context())
	if sent := f.line.take(); sent > 24 {
		t.Errorf("%d calls were made, want the breaker to stop them", sent)
	}
	opened := f.clock.Now()
	f.clock.add(3 * time.Second) // what was in doubt would come again
	wait := f.pumps[hub.LINE].drain(t.Context())
	if sent := f.line.take(); sent != 0 {
		t.Errorf("%d calls were made while the breaker is open", sent)
	}
	if wait < silentFor-3*time.Second || wait > silentFor+8*time.Second {
		t.Errorf("comes again in %s, want about %s", wait, silentFor)
	}
	if got := one[string](f, `select reason from channel_state where channel = 'line' and down_until = $1`, opened.Add(silentFor)); !strings.HasPrefix(got, "no answer") {
		t.Errorf("breaker says %q", got)
	}
	f.pumps[hub.WebPush].drain(t.Context())
	if diff := cmp.Diff("accepted", one[string](f, `select state from delivery where id = $1`, push)); diff != "" {
		t.Errorf("the next channel (-want +got):\n%s", diff)
	}

	// When it is over, three calls show whether the channel is back.
	f.clock.add(time.Minute)
	round := func() int {
		f.pumps[hub.LINE].round(t.Context(), t.Context())
		f.pumps[hub.LINE].calling.Wait()
		f.pumps[hub.LINE].flush(t.Context())
		return f.line.take()
	}
	if sent := round(); sent != tryCalls {
		t.Errorf("%d calls try the channel, want %d", sent, tryCalls)
	}
	if sent := round(); sent != 0 {
		t.Errorf("%d calls after those have failed, want none", sent)
	}
	f.clock.add(time.Minute)
	f.line.fails(nil)
	round()
	f.deliverAll()
	if got := one[int](f, `select count(*) from delivery where channel = 'line' and state <> 'accepted'`); got != 0 {
		t.Errorf("%d deliveries are left after it came back: %v", got, f.states())
	}
}
