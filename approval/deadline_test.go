package approval_test

import (
	"testing"
	"time"

	"qianhe/approval"
)

func TestDeadline(t *testing.T) {
	t.Parallel()
	// Due on 30 November: the day ends when the first of December begins.
	d := approval.Deadline{Due: time.Date(2026, time.December, 1, 0, 0, 0, 0, approval.Zone)}
	if got, want := d.Day(), time.Date(2026, time.November, 30, 0, 0, 0, 0, approval.Zone); !got.Equal(want) {
		t.Errorf("Day = %s, want %s", got, want)
	}
	tests := []struct {
		now  time.Time
		want bool
	}{
		{time.Date(2026, time.November, 30, 23, 59, 59, 999_999_999, approval.Zone), false},
		{time.Date(2026, time.November, 30, 15, 59, 59, 0, time.UTC), false},
		{time.Date(2026, time.December, 1, 0, 0, 0, 0, approval.Zone), true},
		{time.Date(2026, time.November, 30, 16, 0, 0, 0, time.UTC), true},
	}
	for _, tt := range tests {
		if got := d.Overdue(tt.now); got != tt.want {
			t.Errorf("Overdue(%s) = %t, want %t", tt.now, got, tt.want)
		}
	}
	var none approval.Deadline
	if !none.IsZero() || d.IsZero() || none.Overdue(tests[3].now) || !none.Day().IsZero() {
		t.Error("no deadline is taken for one")
	}
}

func TestMidnight(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, time.November, 20, 0, 0, 0, 0, approval.Zone)
	for _, at := range []time.Time{want, want.Add(24*time.Hour - 1), time.Date(2026, time.November, 19, 16, 0, 0, 0, time.UTC)} {
		if got := approval.Midnight(at); !got.Equal(want) {
			t.Errorf("Midnight(%s) = %s, want %s", at, got, want)
		}
	}
}
