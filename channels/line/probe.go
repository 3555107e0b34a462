package line

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"qianhe/hub"
)

// call makes a call that sends nothing to anybody, once more with a new token
// when the first is refused.
func call[T any](ctx context.Context, c *Channel, do func(*messaging_api.MessagingApiAPI) (*http.Response, *T, error)) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	token, err := c.tokens.get(ctx)
	if err != nil {
		return nil, err
	}
	body, status, err := once(ctx, c, token, do)
	if status == http.StatusUnauthorized && c.tokens.forget(token) {
		if token, err = c.tokens.get(ctx); err != nil {
			return nil, err
		}
		body, _, err = once(ctx, c, token, do)
	}
	return body, err
}

func once[T any](ctx context.Context, c *Channel, token string, do func(*messaging_api.MessagingApiAPI) (*http.Response, *T, error)) (*T, int, error) {
	api, err := c.api(ctx, token)
	if err != nil {
		return nil, 0, err
	}
	res, body, err := do(api)
	if res == nil {
		return nil, 0, errors.New("line: " + hub.TransportWords(err))
	}
	defer res.Body.Close()
	switch {
	case err == nil:
		return body, res.StatusCode, nil
	case res.StatusCode == http.StatusOK:
		return nil, res.StatusCode, errors.New("line: the answer cannot be read")
	default:
		return nil, res.StatusCode, fmt.Errorf("line: %d %s", res.StatusCode, readError(res.Body).words())
	}
}

// Quota reads the month's limit and what is used of it; LINE calls the latter
// an approximation.
func (c *Channel) Quota(ctx context.Context) (hub.Quota, error) {
	limit, err := call(ctx, c, (*messaging_api.MessagingApiAPI).GetMessageQuotaWithHttpInfo)
	if err != nil {
		return hub.Quota{}, err
	}
	used, err := call(ctx, c, (*messaging_api.MessagingApiAPI).GetMessageQuotaConsumptionWithHttpInfo)
	if err != nil {
		return hub.Quota{}, err
	}
	q := hub.Quota{Used: used.TotalUsage}
	if limit.Type == messaging_api.QuotaType_LIMITED {
		q.Limit = limit.Value
	}
	return q, nil
}

// Probe asks LINE who we are and what is left of the month. Nothing is sent.
func (c *Channel) Probe(ctx context.Context) ([]string, error) {
	info, err := call(ctx, c, (*messaging_api.MessagingApiAPI).GetBotInfoWithHttpInfo)
	if err != nil {
		return nil, err
	}
	kind := "channel access token: stateless, fetched as needed"
	if c.tokens.fixed != "" {
		kind = "channel access token: long-lived"
	}
	lines := []string{
		fmt.Sprintf("official account %s (%s)", info.DisplayName, info.BasicId),
		"bot ID " + info.UserId,
		kind,
	}
	if len(c.secrets) == 0 {
		lines = append(lines, "no channel secret: callbacks cannot be verified and are refused")
	}
	if c.botID != "" && c.botID != info.UserId {
		return lines, errors.New("line: the configured bot ID is that of another account")
	}
	q, err := c.Quota(ctx)
	if err != nil {
		return lines, err
	}
	if q.Limit == 0 {
		return append(lines, fmt.Sprintf("messages this month: %d, no limit", q.Used)), nil
	}
	return append(lines, fmt.Sprintf("messages this month: %d of %d", q.Used, q.Limit)), nil
}
