package pghub

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	for _, p := range []string{"amy", "ben", "cid"} {
		f.link(p, hub.LINE)
		f.enqueue(f.event(approval.EventArrived, "doc", p, highest))
	}
	f.routeAll()
	f.line.fails(&hub.ChannelDown{Until: morning.Add(30 * time.Minute), Reason: "429 monthly limit"})
	f.pumps[hub.LINE].slots = 1
	f.deliverAll()
	f.line.next(t)
	f.line.none(t) // the other two have not tried
	if got := one[string](f, `select concat_ws(' ', channel, down_until = $1, reason) from channel_state`, morning.Add(30*time.Minute)); got != "line t 429 monthly limit" {
		t.Errorf("breaker is %q", got)
	}
	if got := one[int](f, `select sum(attempts) from delivery`); got != 1 {
		t.Errorf("%d attempts, want 1", got)
	}

	// Another process knows of it, too.
	if wait := f.deliverWith(f.another())[hub.LINE]; wait < 30*time.Minute || wait > 31*time.Minute {
		t.Errorf("waits %s; want about 30 min", wait)
	}
	f.line.none(t)

	f.clock.add(31 * time.Minute)
	f.line.fails(nil)
	f.deliverAll()
	for range 3 {
		f.line.next(t)
	}
	if got := one[string](f, `select concat_ws(' ', down_until is null, reason = '') from channel_state`); got != "t t" {
		t.Errorf("breaker after success: %q, want t t", got)
	}
}

// What waits beyond its time for a channel to come back ends.
func TestBreakerForTooLong(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	f.exec(`insert into channel_state (channel, down_until, changed_at) values ('line', $1, $2)`, morning.Add(24*time.Hour), morning)
	f.link("amy", hub.LINE)
	f.enqueue(f.event(approval.EventArrived, "doc", "amy", highest))
	f.routeAll()
	f.deliverAll()
	f.line.none(t)
	if diff := cmp.Diff([]string{"line failed (channel is down for longer than it makes sense to wait)"}, f.states()); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
}

// When Web Push fails for good, LINE need not wait to see whether it was seen.
func TestFailOver(t *testing.T) {
	t.Parallel()
	down := &hub.ChannelDown{Until: morning.Add(time.Hour), Reason: "credentials"}
	tests := []struct {
		name    string
		devices int
		err     error // of Web Push, on the first device
		opened  bool  // the breaker, before
		want    bool  // LINE at once
	}{
		{"accepted", 1, nil, false, false},
		{"permanent", 1, &hub.Permanent{Reason: "410"}, false, true},
		{"permanent, another device", 2, &hub.Permanent{Reason: "410"}, false, false},
		{"rejected", 1, &hub.Rejected{Reason: "413"}, false, true},
		{"later", 1, &hub.Retry{Reason: "503"}, false, false},
		{"unknown, to be repeated", 1, &hub.Unknown{Reason: "cut", Safe: true}, false, false},
		{"unknown for ever", 1, &hub.Unknown{Reason: "cut"}, false, true},
		{"down", 1, down, false, true},
		{"down before", 1, nil, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *Options) { o.Log = quietLog() })
			if tt.opened {
				f.exec(`insert into channel_state (channel, down_until, changed_at) values ('webpush', $1, $2)`, morning.Add(time.Hour), morning)
			}
			first := f.link("amy", hub.WebPush)
			if tt.devices == 2 {
				if _, err := f.AddLink(t.Context(), hub.Link{Person: "amy", Channel: hub.WebPush, Address: hub.Address{Value: "tablet"}}); err != nil {
					t.Fatal(err)
				}
			}
			f.link("amy", hub.LINE)
			f.enqueue(f.event(approval.EventArrived, "doc", "amy"))
			f.routeAll()
			f.push.answers(func(_ context.Context, m hub.Message) (hub.Receipt, error) {
				if m.To.Link != first {
					return hub.Receipt{}, nil
				}
				return hub.Receipt{}, tt.err
			})
			f.pumps[hub.WebPush].drain(t.Context())
			early := one[bool](f, `select not_before = $1 from delivery where channel = 'line'`, morning)
			jobs := one[int](f, `select count(*) from river_job where queue = 'deliver_line' and state = 'available'`)
			if early != tt.want || (jobs == 1) != tt.want {
				t.Errorf("LINE at once: %t, with %d jobs; want %t", early, jobs, tt.want)
			}
			f.deliverAll()
			if tt.want {
				f.line.next(t)
			} else {
				f.line.none(t)
			}
		})
	}
}
