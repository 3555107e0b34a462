package line

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qianhe/hub"
)

// issuer hands out numbered tokens of 15 minutes.
type issuer struct {
	mu    sync.Mutex
	now   time.Time
	count atomic.Int32
	err   error
	gate  chan struct{} // when not nil, a fetch waits for it
}

func (i *issuer) clock() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

func (i *issuer) pass(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}

func (i *issuer) fetch(ctx context.Context) (string, time.Duration, error) {
	if i.gate != nil {
		select {
		case <-i.gate:
		case <-ctx.Done():
			return "", 0, &hub.Retry{Reason: "cancelled"}
		}
	}
	if i.err != nil {
		return "", 0, i.err
	}
	return "token-" + string('0'+i.count.Add(1)), 15 * time.Minute, nil
}

func newTokens() (*tokens, *issuer) {
	i := &issuer{now: time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)}
	return &tokens{fetch: i.fetch, now: i.clock, busy: make(chan struct{}, 1)}, i
}

func wantToken(t *testing.T, ts *tokens, want string) {
	t.Helper()
	got, err := ts.get(t.Context())
	if err != nil || got != want {
		t.Errorf("token is %q (%v), want %q", got, err, want)
	}
}

func TestTokenLife(t *testing.T) {
	t.Parallel()
	ts, i := newTokens()
	wantToken(t, ts, "token-1")
	i.pass(11*time.Minute + 59*time.Second)
	wantToken(t, ts, "token-1")
	i.pass(2 * time.Second) // four fifths are over
	wantToken(t, ts, "token-2")
	i.pass(13 * time.Minute)
	i.err = &hub.Retry{Reason: "away"}
	wantToken(t, ts, "token-2") // cannot be renewed, still good
	i.pass(3 * time.Minute)
	if got, err := ts.get(t.Context()); !errors.Is(err, i.err) {
		t.Errorf("after its end: token is %q (%v), want the error of the issuer", got, err)
	}
	i.err = nil
	wantToken(t, ts, "token-3")
}

func TestTokenForget(t *testing.T) {
	t.Parallel()
	ts, _ := newTokens()
	wantToken(t, ts, "token-1")
	if !ts.forget("token-1") {
		t.Error("a fetched token cannot be fetched again")
	}
	wantToken(t, ts, "token-2")
	ts.forget("token-1") // refused late, when another is in force
	wantToken(t, ts, "token-2")
	fixed := &tokens{fixed: "long-lived"}
	if fixed.forget("long-lived") {
		t.Error("a fixed token is to be fetched again")
	}
	wantToken(t, fixed, "long-lived")
}

// TestTokenSingleFlight: many want one at once, one is fetched.
func TestTokenSingleFlight(t *testing.T) {
	t.Parallel()
	ts, i := newTokens()
	i.gate = make(chan struct{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if got, err := ts.get(t.Context()); err != nil || got != "token-1" {
				t.Errorf("token is %q (%v), want token-1", got, err)
			}
		})
	}
	// Who waits can give up meanwhile.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ts.get(ctx); err == nil {
		t.Error("a cancelled wait got a token")
	}
	close(i.gate)
	wg.Wait()
	if n := i.count.Load(); n != 1 {
		t.Errorf("%d tokens fetched, want 1", n)
	}
	// While somebody renews it, the old one serves.
	i.pass(13 * time.Minute)
	ts.busy <- struct{}{}
	wantToken(t, ts, "token-1")
	<-ts.busy
}
