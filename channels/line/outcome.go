package line

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"qianhe/hub"
)

// apiError is the body of a refusal.
type apiError struct {
	Message string `json:"message"`
	Details []struct {
		Message  string `json:"message"`
		Property string `json:"property"`
	} `json:"details"`
}

func readError(r io.Reader) apiError {
	var e apiError
	b, _ := io.ReadAll(r)
	if json.Unmarshal(b, &e) != nil {
		return apiError{}
	}
	return e
}

// Words by which LINE's refusals are told apart
// (https://developers.line.biz/en/reference/messaging-api/#error-messages).
const (
	saysMonthlyLimit = "monthly limit"
	saysRateLimit    = "rate limit"
	saysFailedToSend = "Failed to send messages"
)

// outcome turns an answer into what the hub understands.
func (c *Channel) outcome(ctx context.Context, a answer) (hub.Receipt, error) {
	if a.err != nil {
		if a.began {
			return hub.Receipt{}, &hub.Unknown{Reason: hub.TransportWords(a.err), Safe: true}
		}
		return hub.Receipt{}, &hub.Retry{Reason: hub.TransportWords(a.err)}
	}
	reason := fmt.Sprintf("%d %s", a.status, a.body.words())
	if id := a.header.Get("X-Line-Request-Id"); id != "" {
		reason += " (request " + hub.Clip(id, 64) + ")"
	}
	switch {
	case a.status/100 == 2:
		return hub.Receipt{ProviderID: hub.Clip(a.header.Get("X-Line-Request-Id"), 128)}, nil
	case a.status == http.StatusConflict:
		// Taken before under this retry key, if LINE says under which request.
		if id := a.header.Get("X-Line-Accepted-Request-Id"); id != "" {
			return hub.Receipt{ProviderID: hub.Clip(id, 128), Duplicate: true}, nil
		}
		return hub.Receipt{}, &hub.Unknown{Reason: reason, Safe: true}
	case a.status == http.StatusTooManyRequests && strings.Contains(a.body.Message, saysMonthlyLimit):
		return hub.Receipt{}, &hub.ChannelDown{Until: c.limitEnds(ctx), Reason: reason}
	case a.status == http.StatusTooManyRequests:
		// Of the whole channel, or of one user who was sent too much.
		return hub.Receipt{}, &hub.Retry{
			After: hub.RetryAfter(a.header.Get("Retry-After"), c.now()), Reason: reason, Slow: strings.Contains(a.body.Message, saysRateLimit),
		}
	case a.status == http.StatusBadRequest && strings.Contains(a.body.Message, saysFailedToSend):
		return hub.Receipt{}, &hub.Permanent{Reason: reason}
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return hub.Receipt{}, &hub.ChannelDown{Reason: reason}
	case a.status >= 500, a.status == http.StatusRequestTimeout:
		return hub.Receipt{}, &hub.Unknown{Reason: reason, Safe: true}
	default: // other refusals of this message; 3xx, which is not followed
		return hub.Receipt{}, &hub.Rejected{Reason: reason}
	}
}

// limitPause is how long the channel stays down at a monthly limit of which it
// is not known that it is used up.
const limitPause = 15 * time.Minute

// taiwan is the zone of the accounts' months. Japan's month, which LINE may
// mean, begins an hour earlier: by this one it has begun in both.
var taiwan = time.FixedZone("Asia/Taipei", 8*60*60)

// limitEnds gives the beginning of the next month when the quota is used up.
// LINE answers the limit also while another delivery holds what is left in
// reserve (LINE's FAQ); then, and when the quota cannot be read, it is soon to
// be asked again.
func (c *Channel) limitEnds(ctx context.Context) time.Time {
	now := c.now().In(taiwan)
	if q, err := c.Quota(ctx); err == nil && q.Limit > 0 && q.Used >= q.Limit {
		return time.Date(now.Year(), now.Month()+1, 1, 0, 5, 0, 0, taiwan)
	}
	return now.Add(limitPause)
}

// words gives what LINE says, short, on one line and without anything that
// could be an ID or a token.
func (e apiError) words() string {
	text := e.Message
	for i, d := range e.Details {
		if i == 3 {
			break
		}
		text += "; " + d.Property + ": " + d.Message
	}
	return hub.ProviderWords(text, 200)
}
