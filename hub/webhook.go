package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"qianhe/approval"
)

// EventType says what an outgoing event tells an agency's own systems.
type EventType string

const (
	EventDocumentArrived   EventType = "document.arrived"       // 公文到達: a station of it became active
	EventDocumentReturned  EventType = "document.returned"      // 公文退回: the same, by way of a return
	EventDocumentDecided   EventType = "document.decided"       // 已決行
	EventNoticeDelivered   EventType = "notification.delivered" // a device of the recipient has it
	EventNoticeSeen        EventType = "notification.seen"      // the recipient has seen it
	EventNoticeDone        EventType = "notification.done"      // handled or withdrawn
	EventNoticeUndelivered EventType = "notification.failed"    // no channel has brought it; it is in the inbox
	EventWebhookTest       EventType = "webhook.test"           // 'qianhe webhook test'
)

// EventTypes are those that an endpoint can ask for.
func EventTypes() []EventType {
	return []EventType{
		EventDocumentArrived, EventDocumentReturned, EventDocumentDecided,
		EventNoticeDelivered, EventNoticeSeen, EventNoticeDone, EventNoticeUndelivered,
	}
}

// Endpoint is where an agency's own system takes events. Its URL may be a
// capability: its path is shown to administrators only.
type Endpoint struct {
	ID      string
	URL     string
	Events  []EventType
	Private bool     // may lead into a private network
	Secrets []string // whsec_...; the newest first, two while they are exchanged
	Created time.Time
	// Disabled is when it was closed, zero while in use; Reason says why.
	Disabled time.Time
	Reason   string
}

// Origin is the part of the address that may stand in logs.
func (e Endpoint) Origin() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// CheckEndpoint refuses, with an [*approval.InvalidError], an address that must
// not be called: what is not private has https and a name or a public address.
func CheckEndpoint(e Endpoint) error {
	invalid := func(field, reason, detail string) error {
		return &approval.InvalidError{Field: field, Reason: reason, Detail: detail}
	}
	const form = "such as https://edms.example.gov.tw/hooks, at most 2048 bytes, without user name and fragment"
	if len(e.URL) > MaxNoticeURL || strings.ContainsFunc(e.URL, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return invalid("url", "webhook.url", form)
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return invalid("url", "webhook.url", form)
	}
	if !e.Private {
		ip, err := netip.ParseAddr(u.Hostname())
		if u.Scheme != "https" || err == nil && !PublicAddress(ip) || strings.EqualFold(u.Hostname(), "localhost") {
			return invalid("url", "webhook.private", "plain http and private addresses only for an endpoint that is private")
		}
	}
	if len(e.Events) == 0 {
		return invalid("events", "webhook.events", "at least one")
	}
	for _, t := range e.Events {
		if !slices.Contains(EventTypes(), t) {
			return invalid("events", "webhook.events", fmt.Sprint(EventTypes()))
		}
	}
	return nil
}

// Event is one thing that happened. It holds identifiers and enumerated words,
// never content.
type Event struct {
	ID   string // the same in every attempt: who has it, has it
	Type EventType
	At   time.Time
	Data json.RawMessage
}

// WebhookSender brings an event to an endpoint, once per call. status is that
// of the answer, 0 when there was none. An error is a [*Permanent] when the
// endpoint says that it is gone for good, else a [*Retry].
type WebhookSender interface {
	SendEvent(ctx context.Context, e Endpoint, event Event) (status int, err error)
}

// WebhookAttempts is how often an event is tried.
const WebhookAttempts = 10

// WebhookWait is how long after the failure of attempt n (from 1) the next one
// comes: the schedule of the Standard Webhooks specification.
func WebhookWait(n int) (time.Duration, bool) {
	waits := [WebhookAttempts - 1]time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	if n < 1 || n > len(waits) {
		return 0, false
	}
	return waits[n-1], true
}

// WebhookState is where the delivery of an event to an endpoint stands.
type WebhookState string

const (
	WebhookPending   WebhookState = "pending"
	WebhookDelivered WebhookState = "delivered"
	WebhookFailed    WebhookState = "failed"
)

// WebhookDelivery is one event to one endpoint.
type WebhookDelivery struct {
	Event    Event
	Endpoint string
	State    WebhookState
	Attempts int
	Status   int    // of the last answer; 0 when there was none
	Error    string // of the last attempt, without addresses
	Next     time.Time
	Done     time.Time
}

// EndpointStatus is an endpoint and how it does, for the administrator's page.
// It holds no secret.
type EndpointStatus struct {
	Endpoint
	Waiting   int       // events that are still to be delivered
	Failed    int       // that were given up, of those that are kept
	Delivered time.Time // when one was last taken
}

// ErrEndpointClosed: nothing is sent to this endpoint any more.
var ErrEndpointClosed = errors.New("endpoint is closed")
