package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"qianhe/channels/sms"
	"qianhe/hub"
)

// What Twilio takes for ValidityPeriod. It calls less than 6 s pointless.
const (
	minValidity = 6 * time.Second
	maxValidity = 36000 * time.Second
)

// Send creates the message (POST Messages.json), once.
func (s *Sender) Send(ctx context.Context, t sms.Text) (hub.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	service, c := s.api(ctx)
	params := &api.CreateMessageParams{}
	params.SetTo(string(t.To)).SetBody(t.Body)
	if s.cfg.MessagingServiceSID != "" {
		params.SetMessagingServiceSid(s.cfg.MessagingServiceSID)
	} else {
		params.SetFrom(s.cfg.From)
	}
	if to := s.callback(t.Delivery); to != "" {
		params.SetStatusCallback(to)
	}
	if t.TTL > 0 {
		params.SetValidityPeriod(int(min(max(t.TTL, minValidity), maxValidity) / time.Second))
	}
	message, err := service.CreateMessage(params)
	return s.outcome(c.answer, message, err, t.To)
}

// outcome turns an answer into what the hub understands.
func (s *Sender) outcome(a sms.Answer, m *api.ApiV2010Message, err error, to sms.Number) (hub.Receipt, error) {
	if a.Err != nil {
		return hub.Receipt{}, a.Failure()
	}
	if a.Status == 0 {
		return hub.Receipt{}, &hub.Rejected{Reason: "the call cannot be made"}
	}
	if a.Status/100 == 2 {
		// Taken, even if the answer cannot be read.
		if m == nil {
			return hub.Receipt{}, nil
		}
		if err := s.failed(m, to); err != nil {
			return hub.Receipt{}, err
		}
		if sid := deref(m.Sid); messageForm.MatchString(sid) {
			return hub.Receipt{ProviderID: sid}, nil
		}
		return hub.Receipt{}, nil
	}
	return hub.Receipt{}, s.refusal(a, err, to)
}

// refusal classes an answer other than 2xx: by the code that Twilio gives, by
// the status where it gives none that is known.
func (s *Sender) refusal(a sms.Answer, err error, to sms.Number) error {
	reason := fmt.Sprintf("%d, not in Twilio's words", a.Status)
	code := 0
	if rest, ok := errors.AsType[*client.TwilioRestError](err); ok {
		code = rest.Code
		reason = fmt.Sprintf("%d, error %d: %s", a.Status, code, sms.Words(rest.Message, 160))
	}
	after := hub.RetryAfter(a.Header.Get("Retry-After"), s.cfg.Now())
	_, listed := s.codes[code]
	switch {
	case a.Status >= 500, a.Status == http.StatusRequestTimeout:
		return &hub.Unknown{Reason: reason} // with or without a code: a POST may double (error 20500)
	case listed:
		err := s.failure(s.classOf(code, to), reason, after)
		if retry, ok := errors.AsType[*hub.Retry](err); ok {
			retry.Slow = a.Status == http.StatusTooManyRequests
		}
		return err
	case a.Status == http.StatusTooManyRequests:
		return &hub.Retry{After: after, Reason: reason, Slow: true}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusProxyAuthRequired:
		return &hub.ChannelDown{Reason: reason}
	}
	return &hub.Rejected{Reason: reason} // unknown codes; 3xx, which is not followed
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
