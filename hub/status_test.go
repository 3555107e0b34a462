package hub_test

import (
	"testing"

	"qianhe/hub"
)

func TestStatusAfter(t *testing.T) {
	t.Parallel()
	order := [][]hub.Status{
		{"", "what no provider says"},
		{hub.StatusTaken},
		{hub.StatusSent},
		{hub.StatusDelivered, hub.StatusUndelivered, hub.StatusFailed},
	}
	for i, before := range order {
		for j, after := range order {
			for _, known := range before {
				for _, s := range after {
					if got, want := s.After(known), j > i; got != want {
						t.Errorf("%q after %q: %v, want %v", s, known, got, want)
					}
				}
			}
		}
	}
}

func TestStatusFailed(t *testing.T) {
	t.Parallel()
	for s, want := range map[hub.Status]bool{
		hub.StatusTaken: false, hub.StatusSent: false, hub.StatusDelivered: false,
		hub.StatusUndelivered: true, hub.StatusFailed: true, "": false,
	} {
		if got := s.Failed(); got != want {
			t.Errorf("%q failed: %v, want %v", s, got, want)
		}
	}
}
