package webpush

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// maxAnswer is how much of an answer's body is read, in bytes.
const maxAnswer = 2 << 10

func readSome(r io.Reader) []byte {
	b, _ := io.ReadAll(io.LimitReader(r, maxAnswer))
	return b
}

// outcome turns an answer into what the hub understands. Statuses are those of
// RFC 8030 and of the push services' own pages.
func (c *Channel) outcome(sub *subscription, m hub.Message, a answer) (hub.Receipt, error) {
	if a.err != nil {
		return hub.Receipt{}, transportError(sub.host, a)
	}
	reason := fmt.Sprintf("%s: %d %s", sub.host, a.status, hub.ProviderWords(string(a.body), 160))
	switch {
	case a.status/100 == 2: // 201 by RFC 8030, 200 and 202 from some
		c.denials.clear()
		return hub.Receipt{ProviderID: messageID(a.header.Get("Location"))}, nil
	case a.status == http.StatusNotFound, a.status == http.StatusGone:
		return hub.Receipt{}, &hub.Permanent{Reason: hub.DeadSubscription + ": " + reason}
	case a.status == http.StatusTooManyRequests, a.status == http.StatusServiceUnavailable,
		a.status == http.StatusNotAcceptable: // Edge's way of saying 429
		return hub.Receipt{}, &hub.Retry{After: hub.RetryAfter(a.header.Get("Retry-After"), c.now()), Reason: reason}
	case keyMismatch(a):
		return hub.Receipt{}, &hub.Permanent{Reason: hub.DeadSubscription + ": " + reason + "; the browser has to subscribe again"}
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return hub.Receipt{}, c.denied(m.Person, reason)
	case a.status >= 500, a.status == http.StatusRequestTimeout:
		return hub.Receipt{}, &hub.Retry{Reason: reason}
	default: // 400, 413 and other refusals; 3xx, which is not followed
		return hub.Receipt{}, &hub.Rejected{Reason: reason}
	}
}

// keyMismatch reports whether the service says that the subscription belongs
// to another application server key. Services agree neither on a status nor on
// words.
func keyMismatch(a answer) bool {
	if a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		return false
	}
	text := strings.ToLower(string(a.body))
	return strings.Contains(text, "vapidpkhashmismatch") || // Apple
		strings.Contains(text, "do not correspond to the credentials") || // FCM
		strings.Contains(text, "vapid public key mismatch") // Mozilla
}

// transportWords says why there was no answer, without the endpoint.
func transportWords(err error) string {
	for _, ours := range []error{errNotPublic, errNotListed} {
		if errors.Is(err, ours) {
			return ours.Error()
		}
	}
	return hub.TransportWords(err)
}

// transportError: there was no answer.
func transportError(host string, a answer) error {
	reason := host + ": " + transportWords(a.err)
	switch {
	case errors.Is(a.err, errNotPublic), errors.Is(a.err, errNotListed):
		return &hub.Rejected{Reason: reason}
	case !a.began:
		return &hub.Retry{Reason: reason}
	default:
		return &hub.Unknown{Reason: reason, Safe: true}
	}
}

// messageID gives the last part of a message resource's address.
func messageID(location string) string {
	if location == "" {
		return ""
	}
	return hub.Clip(path.Base(location), 128)
}

// denials counts who was refused for our credentials since the last message
// that was taken. One refusal says little: an endpoint is an address that a
// user gave us, and a made-up one at a real push service is refused in the
// same way. When several people are refused and nobody is served, it is us.
type denials struct {
	mu     sync.Mutex
	people map[approval.PersonID]bool
}

const (
	denialsUntilDown = 3
	downFor          = 15 * time.Minute
)

func (d *denials) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.people)
}

func (d *denials) add(p approval.PersonID) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.people == nil {
		d.people = map[approval.PersonID]bool{}
	}
	if len(d.people) < denialsUntilDown {
		d.people[p] = true
	}
	return len(d.people)
}

// denied: 401 or 403.
func (c *Channel) denied(p approval.PersonID, reason string) error {
	if c.denials.add(p) >= denialsUntilDown {
		return &hub.ChannelDown{Until: c.now().Add(downFor), Reason: "push services refuse this server's VAPID credentials; last " + reason}
	}
	return &hub.Rejected{Reason: reason}
}
