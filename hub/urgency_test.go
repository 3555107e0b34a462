package hub_test

import (
	"testing"

	"qianhe/hub"
)

// TestComposeUrgency: providers are told of what need wake no phone, and of what
// has to; a rule of the organisation counts.
func TestComposeUrgency(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind   hub.Kind
		rule   hub.Rule
		want   hub.Urgency
		urgent bool
	}{
		{hub.KindArrived, hub.Rule{}, "", false},
		{hub.KindAnnouncement, hub.Rule{}, hub.UrgencyLow, false},
		{hub.KindRefresh, hub.Rule{}, hub.UrgencyLow, false},
		{hub.KindNewDevice, hub.Rule{}, "", true},
		{hub.KindArrived, hub.Rule{TTL: 1, Urgency: hub.UrgencyLow}, hub.UrgencyLow, false},
	}
	for _, tt := range tests {
		m := hub.Compose(hub.Notification{Kind: tt.kind}, hub.Counts{Pending: 1}, hub.Setting{Rule: tt.rule})
		if m.Urgency != tt.want || m.Urgent != tt.urgent {
			t.Errorf("%s: urgency %q, urgent %t; want %q, %t", tt.kind, m.Urgency, m.Urgent, tt.want, tt.urgent)
		}
	}
}
