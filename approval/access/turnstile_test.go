package access_test

import (
	"errors"
	"testing"

	"qianhe/approval/access"
)

func TestTurnstile(t *testing.T) {
	t.Parallel()
	gate := access.NewTurnstile(2)
	first, err := gate.Enter()
	if err != nil {
		t.Fatal(err)
	}
	second, err := gate.Enter()
	if err != nil {
		t.Fatal(err)
	}
	_, err = gate.Enter()
	busy, ok := errors.AsType[*access.BusyError](err)
	if !ok || busy.RetryAfter <= 0 {
		t.Fatalf("third of two: %v, want a BusyError that says when to come again", err)
	}
	first()
	third, err := gate.Enter()
	if err != nil {
		t.Fatalf("after one has left: %v", err)
	}
	second()
	third()
}
