package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"qianhe/channels/sms"
	"qianhe/hub"
)

// How far a search goes: messages to one number since a moment.
const (
	pageSize = 100
	maxPages = 10
)

// skew is how much earlier than since a message may have been made, by
// Twilio's clock.
const skew = 10 * time.Minute

// Find looks for the message with the text's reference among those to its
// number: those sent since then, and, because Twilio finds a message by its
// date only when it has been sent, the latest of all. It says that there is none
// only when it has seen them all.
func (s *Sender) Find(ctx context.Context, t sms.Text, since time.Time) (hub.Receipt, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	since = since.Add(-skew)
	is, err := matcher(t, since)
	if err != nil {
		return hub.Receipt{}, false, err
	}
	day := since.UTC().Truncate(24 * time.Hour)
	searches := []struct {
		params *api.ListMessageParams
		pages  int
		all    bool // what is beyond the pages matters
	}{
		{(&api.ListMessageParams{}).SetTo(string(t.To)).SetDateSentAfter(day).SetPageSize(pageSize), maxPages, true},
		{(&api.ListMessageParams{}).SetTo(string(t.To)).SetPageSize(pageSize), 1, false},
	}
	for _, search := range searches {
		m, err := s.search(ctx, search.params, search.pages, is)
		switch {
		case errors.Is(err, errMore) && !search.all:
		case err != nil:
			return hub.Receipt{}, false, err
		case m != nil:
			return hub.Receipt{ProviderID: deref(m.Sid)}, true, s.failed(m, t.To)
		}
	}
	return hub.Receipt{}, false, nil
}

// failed says why a message has failed since Twilio took it; nil where it has
// not.
func (s *Sender) failed(m *api.ApiV2010Message, to sms.Number) error {
	status := deref(m.Status)
	if status != "failed" && status != "undelivered" && status != "canceled" {
		return nil
	}
	code := deref(m.ErrorCode)
	return s.failure(s.classOf(code, to), fmt.Sprintf("%s, error %d", status, code), 0)
}

var errMore = errors.New("twilio: there are more messages to the number than were looked at")

// search goes through the pages of a list until a message is the one; nil where
// none is.
func (s *Sender) search(ctx context.Context, params *api.ListMessageParams, pages int, is func(api.ApiV2010Message) bool) (*api.ApiV2010Message, error) {
	page, token := "", ""
	for range pages {
		service, c := s.api(ctx)
		list, err := service.PageMessage(params, token, page)
		if err != nil {
			return nil, c.trouble("list of messages", err)
		}
		for _, m := range list.Messages {
			if is(m) {
				return &m, nil
			}
		}
		next := deref(list.NextPageUri)
		if next == "" {
			return nil, nil
		}
		u, err := url.Parse(next)
		if err != nil {
			return nil, errors.New("twilio: list of messages: the next page has no address")
		}
		page, token = u.Query().Get("Page"), u.Query().Get("PageToken")
		if page == "" && token == "" {
			return nil, errors.New("twilio: list of messages: the next page has no number")
		}
	}
	return nil, errMore
}

// matcher recognises the text's message: one that we sent, to the number, not
// before since, with the reference between brackets of any kind (Smart Encoding
// may have changed them).
func matcher(t sms.Text, since time.Time) (func(api.ApiV2010Message) bool, error) {
	if t.Ref == "" {
		return nil, errors.New("twilio: a text without a reference cannot be found")
	}
	ref, err := regexp.Compile(`[〔\[(（【]` + regexp.QuoteMeta(t.Ref) + `[〕\])）】]`)
	if err != nil {
		return nil, fmt.Errorf("twilio: reference: %w", err)
	}
	return func(m api.ApiV2010Message) bool {
		made, err := time.Parse(time.RFC1123Z, deref(m.DateCreated))
		return deref(m.To) == string(t.To) && deref(m.Direction) != "inbound" && ref.MatchString(deref(m.Body)) &&
			messageForm.MatchString(deref(m.Sid)) && (err != nil || !made.Before(since))
	}, nil
}

// trouble says why a call that sends nothing failed.
func (c *call) trouble(what string, err error) error {
	switch {
	case c.answer.Err != nil:
		return fmt.Errorf("twilio: %s: %s", what, hub.TransportWords(c.answer.Err))
	case c.answer.Status/100 == 2:
		return fmt.Errorf("twilio: %s: the answer cannot be read", what)
	}
	return fmt.Errorf("twilio: %s: %w", what, c.s.refusal(c.answer, err, ""))
}
