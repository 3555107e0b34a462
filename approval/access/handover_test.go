package access

import (
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHandover(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for range 100 {
		h := NewHandover(now, rand.Reader)
		if sorted := slices.Compact(slices.Sorted(slices.Values(h.Choices))); len(sorted) != 3 || sorted[0] < 10 || sorted[2] > 99 || !slices.Contains(h.Choices, h.Number) {
			t.Fatalf("number %d among %v", h.Number, h.Choices)
		}
	}
	h := NewHandover(now, rand.Reader)
	if err := h.Pick(h.Number, now.Add(HandoverFor)); !errors.Is(err, ErrHandoverOver) || h.Done {
		t.Errorf("after a minute: %v", err)
	}
	if err := h.Pick(h.Number, now.Add(-time.Second)); !errors.Is(err, ErrHandoverOver) {
		t.Errorf("before it began: %v", err)
	}
	if err := h.Pick(h.Number, now.Add(HandoverFor-time.Second)); err != nil || !h.Done {
		t.Errorf("in the last second: %v", err)
	}
	if err := h.Pick(h.Number, now.Add(time.Second)); !errors.Is(err, ErrHandoverOver) {
		t.Errorf("twice: %v", err)
	}
	h = NewHandover(now, rand.Reader)
	if err := h.Pick(h.Number+1, now); !errors.Is(err, ErrWrongNumber) || h.Done {
		t.Errorf("another number: %v", err)
	}
	if err := h.Pick(h.Number, now); !errors.Is(err, ErrHandoverOver) || h.Done {
		t.Errorf("the right one after a wrong one: %v", err)
	}
}

func TestMayJoin(t *testing.T) {
	t.Parallel()
	apple := Device{ID: "t", Class: Mobile, Platform: "ios", Trusted: true}
	tests := []struct {
		name     string
		newcomer Device
		trusted  Device
		contexts int
		want     error
	}{
		{"same family", Device{Class: Mobile, Platform: "ios"}, apple, 1, nil},
		{"the third", Device{Class: Mobile, Platform: "ios"}, apple, 2, nil},
		{"the fourth", Device{Class: Mobile, Platform: "ios"}, apple, 3, ErrContexts},
		{"other family", Device{Class: Mobile, Platform: "android"}, apple, 1, ErrOtherPhone},
		{"a desktop", Device{Class: Desktop, Platform: "macos"}, apple, 1, ErrOtherPhone},
		{"nothing known", Device{Class: Desktop}, apple, 1, ErrOtherPhone},
		{"upon a desktop", Device{Class: Mobile, Platform: "ios"}, Device{Class: Desktop, Platform: "ios", Trusted: true}, 1, ErrOtherPhone},
		{"upon one that may only read", Device{Class: Mobile, Platform: "ios"}, Device{Class: Mobile, Platform: "ios"}, 1, ErrTrusted},
	}
	for _, tt := range tests {
		if err := MayJoin(tt.newcomer, tt.trusted, tt.contexts, 3); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// No sequence of picks opens it twice, late, or after a wrong one.
func FuzzHandover(f *testing.F) {
	f.Add([]byte{0, 1, 0x82, 3}, byte(7))
	f.Fuzz(func(t *testing.T, steps []byte, seed byte) {
		now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
		h := NewHandover(now, mathrand.NewChaCha8([32]byte{seed}))
		at, wrong, done := now, false, false
		for _, s := range steps {
			at = at.Add(time.Duration(s&0x1f) * time.Second)
			n := h.Number
			if s&0x80 != 0 {
				n++
			}
			err := h.Pick(n, at)
			if err == nil && (wrong || done || n != h.Number || at.Sub(now) >= HandoverFor) {
				t.Fatal("opened when it must not")
			}
			wrong = wrong || errors.Is(err, ErrWrongNumber)
			done = done || err == nil
		}
		if h.Done != done {
			t.Errorf("done is %v, want %v", h.Done, done)
		}
	})
}
