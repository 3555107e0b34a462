package pghub

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func personOf(c rune) approval.PersonID { return approval.PersonID(string(c)) }

// A message in doubt whose provider knows no key: every answer, in every order.
func TestReconcile(t *testing.T) {
	t.Parallel()
	const (
		has   = "has"   // the provider has it
		lacks = "lacks" // it says that it does not
		mute  = "mute"  // it cannot be asked
		never = "never" // nor ever
		broke = "broke" // it has it, and it has failed
	)
	doubt := &hub.Unknown{Reason: "no answer in time"}
	tests := []struct {
		name    string
		sends   []error // of each call in turn; accepted after that
		answers []string
		want    string // state, attempts, cost
		calls   int
		next    bool // the next leg was brought forward
	}{
		{"it has it", []error{doubt}, []string{has}, "accepted 1 2", 1, false},
		{"it lacks it", []error{doubt}, []string{lacks}, "accepted 2 2", 2, false},
		{"asked in vain, then it has it", []error{doubt}, []string{mute, mute, has}, "accepted 1 2", 1, false},
		{"asked in vain, then it lacks it", []error{doubt}, []string{mute, lacks}, "accepted 2 2", 2, false},
		{"in doubt twice, it has it", []error{doubt, doubt}, []string{lacks, has}, "accepted 2 2", 2, false},
		{"in doubt twice, it lacks it twice: no third", []error{doubt, doubt}, []string{lacks, mute, lacks}, "failed 2 0", 2, true},
		{"sent again and refused", []error{doubt, &hub.Permanent{Reason: "21211"}}, []string{lacks}, "failed 2 0", 2, true},
		{"sent again, later", []error{doubt, &hub.Retry{Reason: "429"}}, []string{lacks}, "accepted 3 2", 3, false},
		{"never an answer", []error{doubt}, []string{mute}, "unknown 1 2", 1, true},
		{"nobody to ask", []error{doubt}, []string{never}, "unknown 1 2", 1, true},
		{"it has it, and it has failed", []error{doubt}, []string{mute, broke}, "failed 1 2", 1, true},
		{"nothing left the house", []error{&hub.Retry{Reason: "no connection"}}, nil, "accepted 2 2", 2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sms := asked{channel: newChannel(hub.SMS)}
			f := newFixture(t, func(o *Options) { o.Log = quietLog() })
			var asks []time.Duration // since the last call
			var called time.Time
			sends := tt.sends
			sms.answers(func(context.Context, hub.Message) (hub.Receipt, error) {
				called = f.clock.Now()
				if len(sends) > 0 {
					err := sends[0]
					sends = sends[1:]
					return hub.Receipt{}, err
				}
				return hub.Receipt{ProviderID: "SM2"}, nil
			})
			sms.find = func(m hub.Message, since time.Time) (hub.Receipt, bool, error) {
				asks = append(asks, f.clock.Now().Sub(called))
				if m.Ref != hub.RefOf(m.Delivery) || m.To.Value != "address of amy on sms" || !since.Equal(morning) {
					t.Errorf("asked for %q to %q since %s", m.Ref, m.To.Value, since)
				}
				answer := mute
				if len(tt.answers) > 0 {
					answer = tt.answers[min(len(asks), len(tt.answers))-1]
				}
				switch answer {
				case has:
					return hub.Receipt{ProviderID: "SM1"}, true, nil
				case lacks:
					return hub.Receipt{}, false, nil
				case never:
					return hub.Receipt{}, false, fmt.Errorf("sms: %w", hub.ErrCannotAsk)
				case broke:
					return hub.Receipt{ProviderID: "SM1"}, true, &hub.Rejected{Reason: "30007"}
				}
				return hub.Receipt{}, false, errors.New("503")
			}
			f.opt.Channels = []hub.Channel{sms, f.line}
			f.Hub = f.another()
			id := f.delivery("amy", hub.SMS, hub.StatePending, 0, "")
			next := f.beside(id, hub.LINE, 9*time.Hour)
			for range 200 {
				wait := f.pumps[hub.SMS].drain(t.Context())
				if one[bool](f, `select done_at is not null from delivery where id = $1`, id) {
					break
				}
				f.clock.add(wait)
			}
			if got := one[string](f, `select concat_ws(' ', state, attempts, cost) from delivery where id = $1`, id); got != tt.want {
				t.Errorf("delivery is %q, want %q: %v", got, tt.want, f.states())
			}
			if got := sms.take(); got != tt.calls {
				t.Errorf("%d calls, want %d", got, tt.calls)
			}
			if len(asks) > 0 && (asks[0] < time.Minute || asks[0] > 2*time.Minute) {
				t.Errorf("first asked after %s, want one to two minutes", asks[0])
			}
			if got := one[bool](f, `select not_before <= $2 from delivery where id = $1`, next, f.clock.Now()); got != tt.next {
				t.Errorf("the next channel was brought forward: %t, want %t", got, tt.next)
			}
		})
	}
}

// A status callback is faster than the question.
func TestCallbackSettlesTheDoubt(t *testing.T) {
	t.Parallel()
	sms := asked{channel: newChannel(hub.SMS), find: func(hub.Message, time.Time) (hub.Receipt, bool, error) {
		t.Error("the provider was asked")
		return hub.Receipt{}, false, nil
	}}
	f := newFixture(t, func(o *Options) { o.Channels = []hub.Channel{sms}; o.Log = quietLog() })
	sms.fails(&hub.Unknown{Reason: "no answer in time"})
	id := f.delivery("amy", hub.SMS, hub.StatePending, 0, "")
	f.deliverAll()
	if err := f.settle(t.Context(), hub.Inbound{Channel: hub.SMS, Kind: hub.InStatus, Delivery: id, Provider: []string{"SM1"}, Data: "sent"}); err != nil {
		t.Fatal(err)
	}
	f.clock.add(time.Hour)
	f.deliverAll()
	if got := f.stands(id); got != "accepted SM1 sent t f" {
		t.Errorf("delivery is %q", got)
	}
}

// The process dies during the call. The next one does not send it again before
// the provider has said that it does not have it.
func TestKilledDuringAnSMS(t *testing.T) {
	t.Parallel()
	asks := 0
	sms := asked{channel: newChannel(hub.SMS), find: func(hub.Message, time.Time) (hub.Receipt, bool, error) {
		asks++
		return hub.Receipt{}, false, nil
	}}
	f := newFixture(t, func(o *Options) { o.Channels = []hub.Channel{sms}; o.Log = quietLog() })
	id := f.delivery("amy", hub.SMS, hub.StatePending, 0, "")
	if c, err := f.claim(t.Context(), hub.SMS, room{urgent: 1, normal: 1}); err != nil || len(c.send) != 1 {
		t.Fatalf("claim: %+v, %v", c, err)
	}
	f.clock.add(f.lease())
	for range 3 {
		f.clock.add(f.deliverAll()[hub.SMS])
	}
	if got := f.stands(id); asks != 1 || got != "accepted taken - t f" && sms.take() != 1 {
		t.Errorf("asked %d times; delivery is %q", asks, got)
	}
	if got := one[string](f, `select string_agg(outcome, ' ' order by number) from attempt`); got != "unknown accepted" {
		t.Errorf("attempts are %q", got)
	}
}

// Nobody can be asked: what may have been sent is not sent again, and the next
// channel gets its turn.
func TestMessengerInDoubt(t *testing.T) {
	t.Parallel()
	m := newChannel(hub.Messenger)
	f := newFixture(t, func(o *Options) { o.Channels = append(o.Channels, m); o.Log = quietLog() })
	m.fails(&hub.Unknown{Reason: "500", Safe: true}) // it is not, whatever the channel says
	id := f.delivery("amy", hub.Messenger, hub.StatePending, 0, "")
	next := f.beside(id, hub.LINE, time.Hour)
	f.pumps[hub.Messenger].drain(t.Context())
	f.clock.add(5 * time.Hour)
	f.pumps[hub.Messenger].drain(t.Context())
	if sent := m.take(); sent != 1 || f.stands(id) != "unknown - - t f" {
		t.Errorf("sent %d times, delivery is %q; want once, unknown for ever", sent, f.stands(id))
	}
	if !one[bool](f, `select not_before = $2 from delivery where id = $1`, next, morning) {
		t.Error("the next channel was not brought forward")
	}
}

// LINE remembers a key for 24 hours. What is in doubt for longer is not
// repeated: it could arrive twice.
func TestForgottenKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Log = quietLog() })
	id := f.delivery("amy", hub.LINE, hub.StateUnknown, 1, "")
	f.exec(`update delivery set expires_at = $1, first_at = $2, not_before = $2`, morning.Add(100*time.Hour), morning.Add(-23*time.Hour-58*time.Minute))
	next := f.beside(id, hub.WebPush, time.Hour)
	f.pumps[hub.LINE].drain(t.Context())
	f.line.none(t)
	got := one[string](f, `select concat(state, ' ', done_at is not null, ' ', reason) from delivery where id = $1`, id)
	if diff := cmp.Diff("unknown t the provider does not remember its key any more", got); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	if !one[bool](f, `select not_before = $2 from delivery where id = $1`, next, morning) {
		t.Error("the next channel was not brought forward")
	}
}

// Repeating never turns a doubt into a certainty.
func TestDoubtStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) { o.Retries.Attempts = 3; o.Log = quietLog() })
	id := f.delivery("amy", hub.LINE, hub.StateUnknown, 1, "")
	f.line.fails(&hub.Retry{Reason: "429"})
	f.deliverAll()
	if got := f.stands(id); got != "unknown - - f f" {
		t.Errorf("while it is repeated it is %q", got)
	}
	f.clock.add(time.Hour)
	f.deliverAll()
	if got := f.stands(id); got != "unknown - - t f" {
		t.Errorf("in the end it is %q", got)
	}
}

func TestMessageCarriesWhenItsOwnerWasHeard(t *testing.T) {
	t.Parallel()
	m := newChannel(hub.Messenger)
	f := newFixture(t, func(o *Options) { o.Channels = []hub.Channel{m} })
	id := f.delivery("amy", hub.Messenger, hub.StatePending, 0, "")
	heard := morning.Add(-3 * time.Hour)
	f.exec(`update channel_link set last_inbound_at = $1`, heard)
	f.deliverAll()
	if got := m.next(t); !got.To.Heard.Equal(heard) || got.Ref != hub.RefOf(id) || got.TTL != 10*time.Hour {
		t.Errorf("heard %s, reference %q, TTL %s", got.To.Heard, got.Ref, got.TTL)
	}
}
