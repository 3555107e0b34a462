package messenger

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"qianhe/hub"
)

// graphError is the error of an answer.
type graphError struct {
	Message string `json:"message"`
	Code    int    `json:"code"`
	Subcode int    `json:"error_subcode"`
	Trace   string `json:"fbtrace_id"`
}

// Codes of the Graph API and the Send API
// (https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes).
const (
	codeUnknown     = 1
	codeService     = 2 // also what is said when the person has blocked the Page
	codeMethod      = 3 // the app lacks a capability
	codeAppLimit    = 4
	codePermission  = 10
	codeUserLimit   = 17
	codePageLimit   = 32
	codeParameter   = 100
	codeSession     = 102
	codeToken       = 190
	codeAppTotal    = 341
	codePolicy      = 368 // blocked for a while
	codeUnavailable = 551 // this person is not available right now
	codeCallLimit   = 613
	codeAlias       = 803 // no such Page
	codeTemporary   = 1200
	codeFirstUsage  = 80000 // limits of business use cases; Messenger's is 80006
	codeLastUsage   = 80014

	subNoObject    = 33      // of 100: no such Page, or not for this token
	subRestricted  = 1893063 // the Page may not send for a while, since 2026-06-25
	subBlocked     = 1545041 // this person does not receive messages from the Page
	subNoUser      = 2018001 // of 100: no matching user
	subNoRole      = 2018028 // the app may write to people with a role on it only
	subOutside     = 2018065 // outside the allowed window
	subUnreachable = 2018108 // this person cannot receive messages at the moment
	subClosed      = 2018278 // outside the allowed window
	subClosedIG    = 2534022 // the same, in Instagram's words
)

// outcome turns an answer into what the hub understands.
func (c *Channel) outcome(m hub.Message, a answer) (hub.Receipt, error) {
	if a.err != nil {
		if a.began {
			return hub.Receipt{}, &hub.Unknown{Reason: hub.TransportWords(a.err)}
		}
		return hub.Receipt{}, &hub.Retry{Reason: hub.TransportWords(a.err)}
	}
	var body struct {
		MessageID string      `json:"message_id"`
		Error     *graphError `json:"error"`
	}
	_ = json.Unmarshal(a.body, &body) // what cannot be read says nothing
	if body.Error == nil {
		if a.status/100 == 2 {
			// Taken, even where the rest of the answer cannot be read.
			c.absences.clear(m.To)
			c.denials.clear()
			return hub.Receipt{ProviderID: hub.Clip(body.MessageID, 256)}, nil
		}
		return hub.Receipt{}, c.refused(m, a, graphError{})
	}
	return hub.Receipt{}, c.refused(m, a, *body.Error)
}

// refused sorts an error: first what is known of its subcode, then of its code,
// then of the status.
func (c *Channel) refused(m hub.Message, a answer, e graphError) error {
	reason := fmt.Sprintf("%d %s", a.status, e.words())
	switch e.Subcode {
	case subClosed, subOutside, subClosedIG:
		return &hub.Rejected{Reason: "the 24-hour window is closed: " + reason}
	case subRestricted:
		return &hub.ChannelDown{Reason: "the Page may not send for a while: " + reason}
	case subNoRole:
		return &hub.Rejected{Reason: "the app has no advanced access to pages_messaging and reaches people with a role on it only: " + reason}
	case subBlocked, subUnreachable:
		return c.unavailable(m.To, reason)
	}
	switch {
	case e.Code == codeParameter && e.Subcode == subNoUser:
		return &hub.Permanent{Reason: reason}
	case e.Code == codeUnavailable:
		return c.unavailable(m.To, reason)
	case e.Code == codeToken, e.Code == codeSession:
		return &hub.ChannelDown{Reason: "the Page's access token is not good any more: " + reason}
	case e.Code == codePolicy:
		return &hub.ChannelDown{Reason: "Meta has blocked the Page for a while: " + reason}
	case e.Code == codeAlias, e.Code == codeParameter && e.Subcode == subNoObject:
		return &hub.ChannelDown{Reason: "there is no such Page, or the token is not for it: " + reason}
	case e.Code == codeParameter && strings.Contains(e.Message, "appsecret_"):
		return &hub.ChannelDown{Reason: "the app secret is not that of the token's app: " + reason}
	case e.limit(), a.status == http.StatusTooManyRequests:
		return c.limited(a, reason)
	case e.Code == codeParameter:
		if strings.Contains(strings.ToLower(e.Message), "tag") {
			// We send none: Meta has changed the rules of what may be sent when.
			c.log.Error("Messenger refuses a message for its tag, and we send none", "reason", reason)
		}
		return &hub.Rejected{Reason: reason}
	case e.Code == codeUnknown, e.Code == codeService, e.Code == codeTemporary,
		a.status >= 500, a.status == http.StatusRequestTimeout:
		// Nobody knows, and there is no key under which to ask again.
		return &hub.Unknown{Reason: reason}
	case e.Code == codeMethod, e.Code == codePermission, e.Code >= 200 && e.Code < 300,
		a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return c.denied(m.Person, reason)
	default: // other refusals of this message; 3xx, which is not followed
		return &hub.Rejected{Reason: reason}
	}
}

// limit reports whether the error is about how often we call.
func (e graphError) limit() bool {
	switch e.Code {
	case codeAppLimit, codeUserLimit, codePageLimit, codeAppTotal, codeCallLimit:
		return true
	}
	return e.Code >= codeFirstUsage && e.Code <= codeLastUsage
}

// longLimit is how long a limit of the Page may last before it is better to
// let the next channel have its turn.
const longLimit = 10 * time.Minute

// limited: not taken, and there is a time when it will be. Limits are the
// Page's and not one person's: a long one closes the channel.
func (c *Channel) limited(a answer, reason string) error {
	now := c.now()
	after := hub.RetryAfter(a.header.Get("Retry-After"), now)
	if after == 0 {
		after = regained(a.header.Get("X-Business-Use-Case-Usage"))
	}
	if after >= longLimit {
		return &hub.ChannelDown{Until: now.Add(after), Reason: reason}
	}
	return &hub.Retry{After: after, Reason: reason, Slow: true}
}

// regained reads how long it takes until calls are allowed again: Graph says it
// in minutes, for each business and use case. It gives 0 when it does not say,
// and never more than a day.
func regained(header string) time.Duration {
	var usage map[string][]struct {
		Minutes float64 `json:"estimated_time_to_regain_access"`
	}
	if json.Unmarshal([]byte(header), &usage) != nil {
		return 0
	}
	longest := 0.0
	for _, cases := range usage {
		for _, u := range cases {
			longest = max(longest, u.Minutes)
		}
	}
	return time.Duration(min(longest, 24*60) * float64(time.Minute))
}

var (
	digits    = regexp.MustCompile(`[0-9]{6,}`)
	traceForm = regexp.MustCompile(`^[A-Za-z0-9/+_-]{4,40}$`)
)

// words gives what Graph says, short, on one line and without anything that
// could be an ID or a token.
func (e graphError) words() string {
	said := ""
	if e.Code != 0 {
		said = fmt.Sprintf("#%d", e.Code)
		if e.Subcode != 0 {
			said += fmt.Sprintf("/%d", e.Subcode)
		}
		said += " "
	}
	said += digits.ReplaceAllString(hub.ProviderWords(e.Message, 160), "…")
	if traceForm.MatchString(e.Trace) && !digits.MatchString(e.Trace) {
		said += " (trace " + e.Trace + ")"
	}
	return strings.TrimSpace(said)
}
