package twilio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"qianhe/channels/sms"
)

// call is one request: the library's client.BaseClient, made anew for each, so
// that it has a context, a base URL and a bounded answer of its own.
type call struct {
	ctx    context.Context
	s      *Sender
	answer sms.Answer
}

var _ client.BaseClient = (*call)(nil)

// api gives the library's service for one request, and what came of it.
func (s *Sender) api(ctx context.Context) (*api.ApiService, *call) {
	c := &call{ctx: ctx, s: s}
	// Not NewRequestHandler, which would take a region from the environment.
	return api.NewApiService(&client.RequestHandler{Client: c}), c
}

// SendRequest makes the request. A status other than 2xx is a
// [*client.TwilioRestError] where Twilio said it, errRefused where something
// before it did.
func (c *call) SendRequest(method, rawURL string, data url.Values, headers map[string]any, _ ...byte) (*http.Response, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("address of the call: %w", err)
	}
	u.Scheme, u.Host, u.Path = c.s.base.Scheme, c.s.base.Host, strings.TrimRight(c.s.base.Path, "/")+u.Path
	var body io.Reader
	if method == http.MethodGet {
		u.RawQuery = data.Encode()
	} else {
		body = strings.NewReader(data.Encode())
	}
	req, err := http.NewRequestWithContext(c.ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for k, v := range headers {
		if body != nil || k != "Content-Type" {
			req.Header.Set(k, fmt.Sprint(v))
		}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "qianhe")
	if c.s.cfg.APIKey != "" {
		req.SetBasicAuth(c.s.cfg.APIKey, c.s.cfg.APISecret)
	} else {
		req.SetBasicAuth(c.s.cfg.AccountSID, c.s.cfg.AuthToken)
	}
	c.answer = sms.Do(c.ctx, c.s.client, req)
	switch {
	case c.answer.Err != nil:
		return nil, c.answer.Err
	case c.answer.Status/100 == 2:
		return &http.Response{StatusCode: c.answer.Status, Header: c.answer.Header, Body: io.NopCloser(bytes.NewReader(c.answer.Body))}, nil
	}
	var refusal client.TwilioRestError
	if json.Unmarshal(c.answer.Body, &refusal) == nil && refusal.Code != 0 {
		return nil, &refusal
	}
	return nil, errRefused
}

// errRefused: a refusal that is not Twilio's JSON, such as a proxy's page.
var errRefused = errors.New("the answer is not Twilio's")

// AccountSid is the account whose messages these are.
func (c *call) AccountSid() string { return c.s.cfg.AccountSID }

// SetTimeout does nothing: the context has one.
func (c *call) SetTimeout(time.Duration) {}

// SetOauth does nothing: a key signs in.
func (c *call) SetOauth(client.OAuth) {}

// OAuth is nil: a key signs in.
func (c *call) OAuth() client.OAuth { return nil }
