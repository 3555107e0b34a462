package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// callback is a request of a provider to us. Those of a sandbox go out one
// after the other, in the order in which things happened.
type callback struct {
	provider string
	url      string
	header   http.Header
	body     []byte
}

// Called is what became of a callback.
type Called struct {
	Provider string
	Body     []byte
	Status   int // 0: no answer
}

// CallbackFault is a bad day of a provider's callbacks.
type CallbackFault struct {
	Forged bool // signed with a secret that is not ours
	Twice  bool // sent again, as providers do that missed our answer
	Lost   bool // not sent at all
}

// callbacks are those that wait and those that were sent.
type callbacks struct {
	waiting []callback
	running bool
	worker  sync.WaitGroup
	called  map[string][]Called
	faults  map[string]CallbackFault
}

func newCallbacks() callbacks {
	return callbacks{called: map[string][]Called{}, faults: map[string]CallbackFault{}}
}

// pauses between the tries of one callback, until it is answered with 2xx.
func pauses() []time.Duration {
	return []time.Duration{time.Second / 4, 5 * time.Second, 25 * time.Second}
}

const (
	callbackTimeout = 20 * time.Second // Meta's patience
	keepCalled      = 100
)

// SetCallbackFault makes the callbacks of a provider ("messenger") go wrong;
// the zero fault makes them good again.
func (s *Sandbox) SetCallbackFault(provider string, f CallbackFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbacks.faults[provider] = f
}

// Called gives the callbacks of a provider that were sent, oldest first.
func (s *Sandbox) Called(provider string) []Called {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Called(nil), s.callbacks.called[provider]...)
}

// WaitCalled returns as soon as n callbacks of a provider were answered, and
// what became of them.
func (s *Sandbox) WaitCalled(ctx context.Context, provider string, n int) ([]Called, error) {
	for {
		s.mu.Lock()
		list, changed := append([]Called(nil), s.callbacks.called[provider]...), s.changed
		s.mu.Unlock()
		if len(list) >= n {
			return list, nil
		}
		select {
		case <-changed:
		case <-s.closed:
			return list, errClosed
		case <-ctx.Done():
			return list, context.Cause(ctx)
		}
	}
}

// callLocked puts a callback at the end of the queue. sign gives the header
// that the body needs, forged or not. Without an address nobody is called.
func (s *Sandbox) callLocked(provider, url string, body []byte, sign func(body []byte, forged bool) http.Header) {
	fault := s.callbacks.faults[provider]
	if url == "" || fault.Lost || s.ended() {
		return
	}
	c := callback{provider: provider, url: url, header: sign(body, fault.Forged), body: body}
	s.callbacks.waiting = append(s.callbacks.waiting, c)
	if fault.Twice {
		s.callbacks.waiting = append(s.callbacks.waiting, c)
	}
	if s.callbacks.running {
		return
	}
	s.callbacks.running = true
	s.callbacks.worker.Go(s.sendCallbacks)
}

// ended reports whether the sandbox was closed.
func (s *Sandbox) ended() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// sendCallbacks empties the queue and ends.
func (s *Sandbox) sendCallbacks() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.callbacks.worker.Go(func() {
		select {
		case <-s.closed:
			cancel()
		case <-ctx.Done():
		}
	})
	client := &http.Client{Timeout: callbackTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for {
		s.mu.Lock()
		if len(s.callbacks.waiting) == 0 || ctx.Err() != nil {
			s.callbacks.running = false
			s.mu.Unlock()
			return
		}
		c := s.callbacks.waiting[0]
		s.callbacks.waiting = s.callbacks.waiting[1:]
		s.mu.Unlock()
		s.sendCallback(ctx, client, c)
	}
}

// sendCallback calls until it is answered with 2xx or refused for good.
func (s *Sandbox) sendCallback(ctx context.Context, client *http.Client, c callback) {
	for i := 0; ; i++ {
		status := postCallback(ctx, client, c)
		s.mu.Lock()
		list := append(s.callbacks.called[c.provider], Called{c.provider, c.body, status})
		s.callbacks.called[c.provider] = list[max(0, len(list)-keepCalled):]
		s.changeLocked()
		s.mu.Unlock()
		if status/100 == 2 {
			return
		}
		s.opt.Log.Warn("callback was not taken", "provider", c.provider, "status", status)
		if i == len(pauses()) || status/100 == 4 {
			return
		}
		select {
		case <-time.After(pauses()[i]):
		case <-ctx.Done():
			return
		}
	}
}

func postCallback(ctx context.Context, client *http.Client, c callback) (status int) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(c.body))
	if err != nil {
		return 0
	}
	req.Header = c.header.Clone()
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	return res.StatusCode
}
