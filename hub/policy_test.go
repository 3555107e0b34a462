package hub_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	links := []hub.Link{
		{ID: "l", Channel: hub.LINE},
		{ID: "p1", Channel: hub.WebPush},
		{ID: "p2", Channel: hub.WebPush},
		{ID: "x", Channel: "carrier pigeon"},
	}
	soon := []hub.Leg{{Channel: hub.LINE, Link: "l"}, {Channel: hub.WebPush, Link: "p1"}, {Channel: hub.WebPush, Link: "p2"}}
	later := func(d time.Duration) []hub.Leg {
		return []hub.Leg{{Channel: hub.WebPush, Link: "p1"}, {Channel: hub.WebPush, Link: "p2"}, {Channel: hub.LINE, Link: "l", After: d}}
	}
	tests := []struct {
		name   string
		policy hub.Policy
		kind   hub.Kind
		speed  approval.Speed
		want   []hub.Leg
	}{
		{"digest", hub.Policy{}, hub.KindDigest, "", soon},
		{"most urgent", hub.Policy{}, hub.KindArrived, approval.SpeedHighest, soon},
		{"most urgent, back", hub.Policy{}, hub.KindReturned, approval.SpeedHighest, soon},
		{"urgent", hub.Policy{}, hub.KindArrived, approval.SpeedUrgent, later(15 * time.Minute)},
		{"normal", hub.Policy{Unseen: time.Hour}, hub.KindArrived, approval.SpeedNormal, later(time.Hour)},
		{"back", hub.Policy{}, hub.KindReturned, approval.SpeedNormal, later(15 * time.Minute)},
		{"decided", hub.Policy{}, hub.KindDecided, approval.SpeedNormal, later(15 * time.Minute)},
		{"unknown kind", hub.Policy{}, "gossip", approval.SpeedHighest, nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.policy.Plan(tt.kind, tt.speed, links)); diff != "" {
			t.Errorf("%s: plan (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := (hub.Policy{}).Plan(hub.KindArrived, "", nil); len(got) != 0 {
		t.Errorf("plan without links is %v, want none", got)
	}
}

// LINE remembers a retry key for 24 hours; nothing may be repeated after that.
func TestTTLStaysWithinTheRetryKey(t *testing.T) {
	t.Parallel()
	for _, k := range []hub.Kind{hub.KindDigest, hub.KindArrived, hub.KindReturned, hub.KindDecided} {
		if got := k.TTL(); got <= 0 || got >= 24*time.Hour {
			t.Errorf("TTL of %s is %s, want less than 24 h", k, got)
		}
	}
}
