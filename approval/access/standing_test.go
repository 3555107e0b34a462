package access_test

import (
	"testing"
	"time"

	"qianhe/approval/access"
)

func TestStandingAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	tests := []struct {
		standing access.Standing
		until    time.Time
		want     access.Standing
	}{
		{access.Full, time.Time{}, access.Full},
		{access.Waiting, time.Time{}, access.Waiting},
		{access.Waiting, now.Add(-time.Hour), access.Waiting},
		{access.Reading, time.Time{}, access.Reading},
		{access.Reading, now.Add(time.Nanosecond), access.Reading},
		{access.Reading, now, access.Full},
		{"", time.Time{}, ""},
	}
	for _, tt := range tests {
		if got := tt.standing.At(now, tt.until); got != tt.want {
			t.Errorf("%s until %s: got %s, want %s", tt.standing, tt.until, got, tt.want)
		}
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	trusted := access.Arrival{Trusted: true}
	read := access.Arrival{Trusted: true, ReadingUntil: now.Add(time.Hour)}
	settled := access.Arrival{Trusted: true, ReadingUntil: now}
	first, firstNumber := access.Arrival{First: true}, access.Arrival{First: true, Number: true}
	later, laterNumber := access.Arrival{}, access.Arrival{Number: true}
	const f, w, r = access.Full, access.Waiting, access.Reading
	tests := []struct {
		confirming                                                     access.Confirming
		trusted, read, settled, first, firstNumber, later, laterNumber access.Standing
	}{
		{access.ConfirmOff, f, r, f, f, f, f, f},
		{access.ConfirmLater, f, r, f, f, f, w, w},
		{access.ConfirmNumber, f, r, f, f, w, w, w},
		{access.ConfirmAlways, f, r, f, w, w, w, w},
		{"misspelled", f, r, f, w, w, w, w},
	}
	for _, tt := range tests {
		if got := tt.confirming.Valid(); got != (tt.confirming != "misspelled") {
			t.Errorf("%s: valid is %t", tt.confirming, got)
		}
		for _, c := range []struct {
			name    string
			arrival access.Arrival
			want    access.Standing
		}{
			{"trusted", trusted, tt.trusted},
			{"may read", read, tt.read},
			{"may decide by now", settled, tt.settled},
			{"first", first, tt.first},
			{"first, number on record", firstNumber, tt.firstNumber},
			{"another", later, tt.later},
			{"another, number on record", laterNumber, tt.laterNumber},
		} {
			if got := tt.confirming.Admit(c.arrival, now); got != c.want {
				t.Errorf("%s, %s: got %s, want %s", tt.confirming, c.name, got, c.want)
			}
		}
	}
}
