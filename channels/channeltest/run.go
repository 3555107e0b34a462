package channeltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"qianhe/hub"
)

// patience is how long the suite waits for what must come.
const patience = 20 * time.Second

// Run holds the channel against every rule. It runs its parts one after the
// other, because it counts goroutines; do not call it from a parallel test.
func Run(t *testing.T, h Harness) {
	t.Helper()
	s := &suite{h: h, keyed: h.Channel.Name().Keyed()}
	t.Run("accepted", s.accepted)
	if s.keyed {
		t.Run("same delivery twice", s.twice)
	}
	t.Run("two deliveries", s.distinct)
	t.Run("message untouched", s.untouched)
	t.Run("bad messages", s.badMessages)
	t.Run("cancelled before", s.cancelledBefore)
	t.Run("concurrent", s.concurrent)
	for _, f := range []Fault{
		Throttled, ThrottledBare, Gone, Refused, ErrorAfter, HangAfter, CutAfter, Slow, WrongBody, Hang, Blocked, Redirected,
		Quota, Credentials, // these two may outlive the test that saw them
	} {
		if h.Faults[f] == nil {
			continue
		}
		t.Run(string(f), func(t *testing.T) { s.fault(t, f) })
	}
	t.Run("no goroutine left", s.noLeak)
}

type suite struct {
	h      Harness
	keyed  bool // the provider recognises a repetition
	serial int
}

// fresh makes an address and a message to it.
func (s *suite) fresh() (hub.Address, hub.Message) {
	s.serial++
	to := s.h.Address()
	return to, Message(to, fmt.Sprintf("delivery-%d", s.serial))
}

// send sends with a limit, and checks what holds for every error.
func (s *suite) send(t *testing.T, m hub.Message) (hub.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := s.h.Channel.Send(ctx, m)
	s.discreet(t, m, err)
	return r, err
}

// discreet: no error text holds an address, a key or a secret.
func (s *suite) discreet(t *testing.T, m hub.Message, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if class(err) == notKnown {
		t.Errorf("error %v (%T) is none that a channel may return", err, err)
	}
	private := append([]string{m.To.Value, m.URL, m.Title}, s.h.Secrets...)
	for _, v := range m.To.Keys {
		private = append(private, v)
	}
	if i := strings.LastIndexByte(m.To.Value, '/'); i >= 0 {
		private = append(private, m.To.Value[i+1:])
	}
	for _, p := range private {
		if p != "" && strings.Contains(err.Error(), p) {
			t.Errorf("error text %q holds %q", err, p)
		}
	}
}

func (s *suite) arrived(t *testing.T, to hub.Address, n int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shown, err := s.h.Arrived(ctx, to, n)
	if err != nil {
		t.Fatalf("waiting for %d messages: %v", n, err)
	}
	return shown
}

func (s *suite) accepted(t *testing.T) {
	to, m := s.fresh()
	r, err := s.send(t, m)
	wantClass(t, err, "accepted")
	if r.Duplicate {
		t.Error("a first send is said to be a duplicate")
	}
	if got := s.arrived(t, to, 1); got != 1 {
		t.Errorf("%d messages shown, want 1", got)
	}
}

func (s *suite) twice(t *testing.T) {
	to, m := s.fresh()
	for range 2 {
		_, err := s.send(t, m)
		wantClass(t, err, "accepted")
	}
	if got := s.arrived(t, to, 1); got != 1 {
		t.Errorf("%d messages shown after the same delivery twice, want 1", got)
	}
}

func (s *suite) distinct(t *testing.T) {
	to, m := s.fresh()
	_, err := s.send(t, m)
	wantClass(t, err, "accepted")
	m.Delivery += "-other"
	m.Tag = "other"
	_, err = s.send(t, m)
	wantClass(t, err, "accepted")
	if got := s.arrived(t, to, 2); got != 2 {
		t.Errorf("%d messages shown after two deliveries, want 2", got)
	}
}

func (s *suite) untouched(t *testing.T) {
	_, m := s.fresh()
	before := deepCopy(t, m)
	_, err := s.send(t, m)
	wantClass(t, err, "accepted")
	if diff := cmp.Diff(before, m); diff != "" {
		t.Errorf("message changed by Send (-before +after):\n%s", diff)
	}
}

func deepCopy(t *testing.T, m hub.Message) hub.Message {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var c hub.Message
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// badMessages: what can be seen to be wrong is refused without a call.
func (s *suite) badMessages(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*hub.Message)
		want  string
	}{
		{"no delivery", func(m *hub.Message) { m.Delivery = "" }, "rejected"},
		{"no title", func(m *hub.Message) { m.Title = "" }, "rejected"},
		{"relative address to open", func(m *hub.Message) { m.URL = "/inbox" }, "rejected"},
		{"script to open", func(m *hub.Message) { m.URL = "javascript:alert(1)" }, "rejected"},
		{"no address", func(m *hub.Message) { m.To.Value = "" }, "permanent"},
		{"malformed address", func(m *hub.Message) { m.To.Value = "nobody\r\nHost: x" }, "permanent"},
	}
	for _, tt := range tests {
		_, m := s.fresh()
		tt.spoil(&m)
		_, err := s.send(t, m)
		if got := class(err); got != tt.want {
			t.Errorf("%s: outcome is %s (%v), want %s", tt.name, got, err, tt.want)
		}
	}
	// Long texts and every script are cut, not refused.
	to, m := s.fresh()
	m.Title = strings.Repeat("公文𠀀é", 300)
	m.Text = strings.Repeat("待處理𠀀", 2000)
	m.Button = strings.Repeat("處", 100)
	for i := range 40 {
		m.Facts = append(m.Facts, hub.Fact{Label: strings.Repeat("項", 200), Value: fmt.Sprint(i)})
	}
	_, err := s.send(t, m)
	wantClass(t, err, "accepted")
	if got := s.arrived(t, to, 1); got != 1 {
		t.Errorf("%d messages shown, want 1", got)
	}
}

func (s *suite) cancelledBefore(t *testing.T) {
	to, m := s.fresh()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.h.Channel.Send(ctx, m)
	s.discreet(t, m, err)
	wantClass(t, err, "retry")
	// The channel serves others, and this one later.
	_, err = s.send(t, m)
	wantClass(t, err, "accepted")
	if got := s.arrived(t, to, 1); got != 1 {
		t.Errorf("%d messages shown, want 1", got)
	}
}

func (s *suite) concurrent(t *testing.T) {
	const senders, each = 8, 5
	var wg sync.WaitGroup
	type job struct {
		to hub.Address
		m  hub.Message
	}
	jobs := make([]job, senders)
	for i := range jobs {
		jobs[i].to, jobs[i].m = s.fresh()
	}
	errs := make(chan error, senders*each)
	for _, j := range jobs {
		wg.Go(func() {
			for range each {
				_, err := s.h.Channel.Send(t.Context(), j.m)
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		wantClass(t, err, "accepted")
	}
	// Where nobody recognises a repetition there are as many messages as calls:
	// a channel that tried again by itself would show more.
	want := each
	if s.keyed {
		want = 1
	}
	for _, j := range jobs {
		if got := s.arrived(t, j.to, want); got != want {
			t.Errorf("%d messages shown after the same delivery %d times at once, want %d", got, each, want)
		}
	}
}

// fault switches a bad day on, sends, and holds the outcome against the class.
func (s *suite) fault(t *testing.T, f Fault) {
	t.Helper()
	to, m := s.fresh()
	s.h.Faults[f](to)
	began := time.Now()
	_, err := s.send(t, m)
	switch f {
	case Throttled:
		wantClass(t, err, "retry")
		var retry *hub.Retry
		if errors.As(err, &retry) && retry.After <= 0 {
			t.Errorf("retry after %s, want what the provider says", retry.After)
		}
	case ThrottledBare:
		wantClass(t, err, "retry")
	case Gone:
		wantClass(t, err, "permanent")
	case Refused, Redirected:
		wantClass(t, err, "rejected")
	case WrongBody, Blocked:
		wantClass(t, err, "accepted")
	case Slow:
		wantClass(t, err, "accepted")
		if got := s.arrived(t, to, 1); got != 1 {
			t.Errorf("%d messages shown, want 1", got)
		}
	case Quota:
		wantClass(t, err, "channel down")
		var down *hub.ChannelDown
		if errors.As(err, &down) && down.Until.IsZero() {
			t.Error("channel is down without an end, want the end of the quota's month")
		}
	case Credentials:
		s.credentials(t, err)
	case Hang:
		wantClass(t, err, "unknown, safe", "unknown")
		if took := time.Since(began); took > s.h.Patience+patience/2 {
			t.Errorf("took %s, want no more than the channel's own time-out of %s", took, s.h.Patience)
		}
		s.hangCancelled(t)
	case ErrorAfter, HangAfter, CutAfter:
		s.doubt(t, f, to, m, err)
	}
}

// doubt: the message was taken and nobody said so. With a key it is sent again
// and shows once; without one it must not be sent again, and the channel has to
// say that.
func (s *suite) doubt(t *testing.T, f Fault, to hub.Address, m hub.Message, err error) {
	t.Helper()
	switch {
	case !s.keyed:
		wantClass(t, err, "unknown")
		if got := s.arrived(t, to, 1); got != 1 {
			t.Errorf("%d messages shown, want 1", got)
		}
		s.find(t, m)
		return
	case f == ErrorAfter:
		wantClass(t, err, "unknown, safe", "retry")
	default:
		wantClass(t, err, "unknown, safe")
	}
	s.again(t, to, m)
}

// find asks the provider what it has, where it can be asked: the message in
// doubt, and not one that was never sent.
func (s *suite) find(t *testing.T, m hub.Message) {
	t.Helper()
	finder, ok := s.h.Channel.(hub.Finder)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	since := time.Now().Add(-time.Minute)
	if _, found, err := finder.Find(ctx, m, since); err != nil || !found {
		t.Errorf("the message in doubt: found %v, error %v, want it found", found, err)
	}
	m.Delivery += "-never"
	m.Ref = hub.RefOf(m.Delivery)
	if _, found, err := finder.Find(ctx, m, since); err != nil || found {
		t.Errorf("a message that was never sent: found %v, error %v, want it not found", found, err)
	}
}

// again sends once more, without the fault, and must not show it twice.
func (s *suite) again(t *testing.T, to hub.Address, m hub.Message) {
	t.Helper()
	_, err := s.send(t, m)
	wantClass(t, err, "accepted")
	if got := s.arrived(t, to, 1); got != 1 {
		t.Errorf("%d messages shown after a repetition, want 1", got)
	}
}

// credentials: one refusal may be about the address, three are about us.
func (s *suite) credentials(t *testing.T, err error) {
	t.Helper()
	for range 2 {
		wantClass(t, err, "rejected", "channel down")
		if class(err) == "channel down" {
			return
		}
		to, m := s.fresh()
		s.h.Faults[Credentials](to)
		_, err = s.send(t, m)
	}
	wantClass(t, err, "channel down")
}

// hangCancelled: a cancelled context ends a send that gets no answer.
func (s *suite) hangCancelled(t *testing.T) {
	t.Helper()
	to, m := s.fresh()
	s.h.Faults[Hang](to)
	ctx, cancel := context.WithTimeout(t.Context(), s.h.Patience/4)
	defer cancel()
	_, err := s.h.Channel.Send(ctx, m)
	s.discreet(t, m, err)
	wantClass(t, err, "unknown, safe", "unknown", "retry")
	if ctx.Err() == nil {
		t.Error("returned before its context ended")
	}
}

// noLeak: when the channel is closed, nothing of it runs.
func (s *suite) noLeak(t *testing.T) {
	s.h.Close()
	before := goleak.IgnoreCurrent()
	_, m := s.fresh()
	_, err := s.send(t, m)
	wantClass(t, err, "accepted", "channel down") // the latter where Quota was
	s.h.Close()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*conn).serve"), goleak.IgnoreAnyFunction("net/http.(*connReader).backgroundRead"))
}
