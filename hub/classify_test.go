package hub_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/hub"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	until := now.Add(time.Hour)
	tests := []struct {
		name    string
		channel hub.ChannelName
		receipt hub.Receipt
		err     error
		want    hub.Verdict
	}{
		{"taken", hub.LINE, hub.Receipt{ProviderID: "r1"}, nil, hub.Verdict{Outcome: hub.OutcomeAccepted, ProviderID: "r1"}},
		{"taken before", hub.LINE, hub.Receipt{ProviderID: "r1", Duplicate: true}, nil, hub.Verdict{Outcome: hub.OutcomeDuplicate, ProviderID: "r1"}},
		{"later", hub.LINE, hub.Receipt{}, &hub.Retry{After: time.Minute, Reason: "429"}, hub.Verdict{Outcome: hub.OutcomeRetry, After: time.Minute, Reason: "429"}},
		{"earlier than now", hub.LINE, hub.Receipt{}, &hub.Retry{After: -time.Minute}, hub.Verdict{Outcome: hub.OutcomeRetry}},
		{"dead", hub.WebPush, hub.Receipt{}, &hub.Permanent{Reason: "410"}, hub.Verdict{Outcome: hub.OutcomePermanent, Reason: "410"}},
		{"refused", hub.WebPush, hub.Receipt{}, &hub.Rejected{Reason: "413"}, hub.Verdict{Outcome: hub.OutcomeRejected, Reason: "413"}},
		{"doubt", hub.WebPush, hub.Receipt{}, &hub.Unknown{Reason: "cut", Safe: true}, hub.Verdict{Outcome: hub.OutcomeUnknown, Reason: "cut", Safe: true}},
		{"down", hub.LINE, hub.Receipt{}, &hub.ChannelDown{Until: until, Reason: "quota"}, hub.Verdict{Outcome: hub.OutcomeChannelDown, Until: until, Reason: "quota"}},
		{"wrapped", hub.LINE, hub.Receipt{}, fmt.Errorf("send: %w", &hub.Permanent{Reason: "404"}), hub.Verdict{Outcome: hub.OutcomePermanent, Reason: "404"}},
		{"no known type, with a key", hub.LINE, hub.Receipt{}, errors.New("U0123: what?"), hub.Verdict{Outcome: hub.OutcomeUnknown, Reason: "no connection", Safe: true}},
		{"words that no row can hold", hub.SMS, hub.Receipt{ProviderID: "r\x001\xff"}, nil, hub.Verdict{Outcome: hub.OutcomeAccepted, ProviderID: "r1\uFFFD"}},
		{"a reason that no row can hold", hub.SMS, hub.Receipt{}, &hub.Rejected{Reason: "no\x00\xe4"}, hub.Verdict{Outcome: hub.OutcomeRejected, Reason: "no\uFFFD"}},
		{"no known type, without", "sms", hub.Receipt{}, errors.New("what?"), hub.Verdict{Outcome: hub.OutcomeUnknown, Reason: "no connection"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, hub.Classify(tt.channel, tt.receipt, tt.err)); diff != "" {
			t.Errorf("%s: verdict (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	r := hub.Retries{Attempts: 3, Base: 4 * time.Second, Max: time.Minute}
	deadline := now.Add(time.Hour)
	tests := []struct {
		name    string
		verdict hub.Verdict
		attempt int
		jitter  float64
		want    hub.Next
	}{
		{"accepted", hub.Verdict{Outcome: hub.OutcomeAccepted}, 1, 0, hub.Next{State: hub.StateAccepted}},
		{"duplicate", hub.Verdict{Outcome: hub.OutcomeDuplicate}, 9, 0, hub.Next{State: hub.StateAccepted}},
		{"retry, lower end", hub.Verdict{Outcome: hub.OutcomeRetry}, 1, 0, hub.Next{State: hub.StatePending, At: now.Add(2 * time.Second)}},
		{"retry, upper end", hub.Verdict{Outcome: hub.OutcomeRetry}, 1, 1, hub.Next{State: hub.StatePending, At: now.Add(4 * time.Second)}},
		{"second retry", hub.Verdict{Outcome: hub.OutcomeRetry}, 2, 0, hub.Next{State: hub.StatePending, At: now.Add(4 * time.Second)}},
		{"last retry", hub.Verdict{Outcome: hub.OutcomeRetry}, 3, 0, hub.Next{State: hub.StateFailed}},
		{"as long as the provider says", hub.Verdict{Outcome: hub.OutcomeRetry, After: 20 * time.Minute}, 1, 0, hub.Next{State: hub.StatePending, At: now.Add(20 * time.Minute)}},
		{"and a little longer", hub.Verdict{Outcome: hub.OutcomeRetry, After: 20 * time.Minute}, 1, 1, hub.Next{State: hub.StatePending, At: now.Add(20*time.Minute + 30*time.Second)}},
		{"too long", hub.Verdict{Outcome: hub.OutcomeRetry, After: 61 * time.Minute}, 1, 0, hub.Next{State: hub.StateFailed}},
		{"permanent", hub.Verdict{Outcome: hub.OutcomePermanent}, 1, 0, hub.Next{State: hub.StateFailed, DisableLink: true}},
		{"rejected", hub.Verdict{Outcome: hub.OutcomeRejected}, 1, 0, hub.Next{State: hub.StateFailed}},
		{"unknown, safe", hub.Verdict{Outcome: hub.OutcomeUnknown, Safe: true}, 1, 0, hub.Next{State: hub.StateUnknown, At: now.Add(2 * time.Second)}},
		{"unknown, safe, for the last time", hub.Verdict{Outcome: hub.OutcomeUnknown, Safe: true}, 3, 0, hub.Next{State: hub.StateUnknown}},
		{"unknown, not safe", hub.Verdict{Outcome: hub.OutcomeUnknown}, 1, 0, hub.Next{State: hub.StateUnknown}},
		{"down for a while", hub.Verdict{Outcome: hub.OutcomeChannelDown, Until: now.Add(time.Minute)}, 99, 0.5,
			hub.Next{State: hub.StatePending, At: now.Add(time.Minute + 5*time.Second), Down: now.Add(time.Minute)}},
		{"down, nobody knows", hub.Verdict{Outcome: hub.OutcomeChannelDown}, 1, 0,
			hub.Next{State: hub.StatePending, At: now.Add(15 * time.Minute), Down: now.Add(15 * time.Minute)}},
		{"down beyond its time", hub.Verdict{Outcome: hub.OutcomeChannelDown, Until: now.Add(2 * time.Hour)}, 1, 0,
			hub.Next{State: hub.StateFailed, Down: now.Add(2 * time.Hour)}},
		{"an outcome nobody knows", hub.Verdict{Outcome: "?"}, 1, 0, hub.Next{State: hub.StateFailed}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, r.Next(tt.verdict, tt.attempt, now, deadline, tt.jitter)); diff != "" {
			t.Errorf("%s: next (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestBackoffIsBounded: whatever comes in, the wait is never negative, never
// shorter than asked for, and at some point there is an end.
func TestBackoffIsBounded(t *testing.T) {
	t.Parallel()
	for n := 1; n < 200; n++ {
		for _, after := range []time.Duration{0, time.Second, time.Hour} {
			next := hub.Retries{}.Next(hub.Verdict{Outcome: hub.OutcomeRetry, After: after}, n, now, now.Add(20*time.Hour), 0.999)
			if next.State == hub.StateFailed {
				if n < 8 {
					t.Errorf("attempt %d was the last", n)
				}
				continue
			}
			if wait := next.At.Sub(now); n >= 8 || wait < after || wait <= 0 || wait > max(10*time.Minute, after+30*time.Second) {
				t.Errorf("attempt %d, asked for %s: next after %s", n, after, wait)
			}
		}
	}
}
