package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"qianhe/hub"
)

// Timeout is what a receiver has for its answer.
const Timeout = 15 * time.Second

// maxAnswer is how much of an answer is read, in bytes: enough for a connection
// to be used again, nothing of it is kept.
const maxAnswer = 16 << 10

// Options of a sender. The zero value is good.
type Options struct {
	Resolver Resolver // the system's by default
	Now      func() time.Time
	Timeout  time.Duration // [Timeout] by default
	// Roots check the certificates of endpoints; the system's by default.
	Roots *x509.CertPool
	// Proxy gives the proxy for a request, as http.ProxyFromEnvironment does;
	// nil for none. Private endpoints are called without.
	Proxy func(*http.Request) (*url.URL, error)
}

// Sender is a [hub.WebhookSender]. It may be used concurrently.
type Sender struct {
	now             func() time.Time
	public, private *http.Client
}

var _ hub.WebhookSender = (*Sender)(nil)

// New makes a sender.
func New(opt Options) *Sender {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Timeout <= 0 {
		opt.Timeout = Timeout
	}
	client := func(private bool) *http.Client {
		t := newRoad(newDialer(opt.Resolver, private), &tls.Config{RootCAs: opt.Roots}, opt.Proxy)
		return &http.Client{Transport: t, Timeout: opt.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Sender{now: opt.Now, public: client(false), private: client(true)}
}

// Close gives idle connections back.
func (s *Sender) Close() {
	s.public.CloseIdleConnections()
	s.private.CloseIdleConnections()
}

// payload is what is sent: the same bytes in every attempt.
type payload struct {
	Type      hub.EventType   `json:"type"`
	Timestamp string          `json:"timestamp"` // of the event, not of the attempt
	Data      json.RawMessage `json:"data"`
}

func body(e hub.Event) ([]byte, error) {
	return json.Marshal(payload{Type: e.Type, Timestamp: e.At.UTC().Format(time.RFC3339Nano), Data: e.Data})
}

// SendEvent posts an event, signed with every secret of the endpoint.
func (s *Sender) SendEvent(ctx context.Context, e hub.Endpoint, event hub.Event) (status int, err error) {
	b, err := body(event)
	if err != nil {
		return 0, &hub.Retry{Reason: "the event cannot be written as JSON"}
	}
	now := s.now()
	var signatures []string
	for _, secret := range e.Secrets {
		signature, err := Sign(secret, event.ID, now, b)
		if err != nil {
			return 0, &hub.Retry{Reason: err.Error()}
		}
		signatures = append(signatures, signature)
	}
	if len(signatures) == 0 {
		return 0, &hub.Retry{Reason: "the endpoint has no secret"}
	}
	if err := hub.CheckEndpoint(e); err != nil {
		return 0, &hub.Retry{Reason: "the address of the endpoint is not one that may be called"}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(b))
	if err != nil {
		return 0, &hub.Retry{Reason: "the address of the endpoint is malformed"}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "qianhe")
	r.Header.Set(HeaderID, event.ID)
	r.Header.Set(HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(HeaderSignature, strings.Join(signatures, " "))
	client := s.public
	if e.Private {
		client = s.private
	}
	answer, err := client.Do(r)
	switch {
	case errors.Is(err, errNotPublic):
		return 0, &hub.Retry{Reason: errNotPublic.Error()}
	case err != nil:
		return 0, &hub.Retry{Reason: hub.TransportWords(err)}
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // what it says does not matter
	return answer.StatusCode, outcome(answer, now)
}

// outcome reads the status of an answer. A redirect is no answer: it would lead
// to where nobody has looked.
func outcome(answer *http.Response, now time.Time) error {
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusGone:
		return &hub.Permanent{Reason: "410: the endpoint is gone"}
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return &hub.Retry{After: hub.RetryAfter(answer.Header.Get("Retry-After"), now), Reason: strconv.Itoa(code)}
	case code >= 300 && code < 400:
		return &hub.Retry{Reason: fmt.Sprintf("%d: redirects are not followed", code)}
	default:
		return &hub.Retry{Reason: strconv.Itoa(code)}
	}
}
