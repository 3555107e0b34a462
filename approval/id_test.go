package approval_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"qianhe/approval"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{1})
	at := time.Date(2026, time.November, 20, 9, 30, 0, 0, approval.Zone)
	var before string
	for i := range 1000 {
		id := approval.NewID(at.Add(time.Duration(i)*time.Millisecond), random)
		if !approval.ValidID(id) {
			t.Fatalf("NewID = %q, which ValidID refuses", id)
		}
		if id <= before {
			t.Fatalf("NewID = %q after %q: not ascending with time", id, before)
		}
		before = id
	}
}

// The format is Crockford base 32 of 128 bits, as ULID has it.
func TestNewIDBits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		at     time.Time
		random byte
		want   string
	}{
		{time.UnixMilli(0), 0x00, "00000000000000000000000000"},
		{time.UnixMilli(0), 0xff, "0000000000zzzzzzzzzzzzzzzz"},
		{time.UnixMilli(1<<48 - 1), 0xff, "7zzzzzzzzzzzzzzzzzzzzzzzzz"},
		{time.UnixMilli(1469918176385), 0x00, "01aryz6s410000000000000000"}, // the example of the ULID specification
	}
	for _, tt := range tests {
		got := approval.NewID(tt.at, bytes.NewReader(bytes.Repeat([]byte{tt.random}, 10)))
		if got != tt.want {
			t.Errorf("NewID(%d ms, %x) = %q, want %q", tt.at.UnixMilli(), tt.random, got, tt.want)
		}
	}
}

func TestNewIDWithoutRandomness(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("NewID gave an identifier without randomness")
		}
	}()
	approval.NewID(time.UnixMilli(0), iotest.ErrReader(errors.New("dry")))
}

func TestValidID(t *testing.T) {
	t.Parallel()
	tests := []struct {
		id   string
		want bool
	}{
		{"01aryz6s410000000000000000", true},
		{"7zzzzzzzzzzzzzzzzzzzzzzzzz", true},
		{"", false},
		{"01aryz6s41000000000000000", false},
		{"01aryz6s4100000000000000000", false},
		{"80000000000000000000000000", false}, // more than 128 bits
		{"01ARYZ6S410000000000000000", false},
		{"01aryz6s41000000000000000i", false},
		{"01aryz6s41000000000000000u", false},
		{"01aryz6s41000000000000000/", false},
		{"01aryz6s41000000000000000\x00", false},
	}
	for _, tt := range tests {
		if got := approval.ValidID(tt.id); got != tt.want {
			t.Errorf("ValidID(%q) = %t, want %t", tt.id, got, tt.want)
		}
	}
}
