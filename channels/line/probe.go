package line

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"qianhe/hub"
)

// Rate is what LINE takes through one endpoint, whoever calls
// (https://developers.line.biz/en/reference/messaging-api/#rate-limits).
func (c *Channel) Rate() (perSecond float64, burst int) { return 2000, 2000 }

// Cost is what a push to one user counts of the plan's messages, however much
// is in it.
func (c *Channel) Cost(hub.Message) int { return 1 }

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

// Probe asks LINE who we are, whether it would take our cards, where it sends
// events, and what is left of the month. Nothing is sent.
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
	if err := c.validate(ctx); err != nil {
		return lines, fmt.Errorf("line: a card was refused by the dry run: %w", err)
	}
	hears, off := c.endpoint(ctx)
	lines = append(lines, "cards: accepted by the dry run", hears)
	if off {
		return lines, errors.New("line: LINE sends us no events, they are switched off in its console: who blocks the account is not noticed, and nobody can link")
	}
	if c.login != "" {
		keys, err := c.publishedKeys(ctx)
		if err != nil || len(keys) == 0 {
			return lines, fmt.Errorf("line: ID tokens of the LIFF app cannot be checked, there are no keys of LINE's for them: %w", cmp.Or(err, ErrIDToken))
		}
		lines = append(lines, fmt.Sprintf("LIFF: ID tokens of LINE Login channel %s, checked by %d published keys", c.login, len(keys)))
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

// validate has LINE check the cards that we send (POST
// /v2/bot/message/validate/push), without sending one.
func (c *Channel) validate(ctx context.Context) error {
	now := c.now()
	s := hub.Setting{BaseURL: "https://sign.example.gov.tw", Agency: c.agency, Now: now}
	counts := hub.Counts{Pending: 5, Highest: 1, Overdue: 1, DueToday: 2}
	var said []messaging_api.MessageInterface
	for _, kind := range []hub.Kind{hub.KindDigest, hub.KindArrived, hub.KindDecided} {
		m := hub.Compose(hub.Notification{Kind: kind, At: now, Due: now.Add(24 * time.Hour)}, counts, s)
		m.Delivery = "dry-run"
		one, err := c.message(m)
		if err != nil {
			return err
		}
		said = append(said, one)
	}
	_, err := call(ctx, c, func(api *messaging_api.MessagingApiAPI) (*http.Response, *struct{}, error) {
		res, _, err := api.ValidatePushWithHttpInfo(&messaging_api.ValidateMessageRequest{Messages: said})
		return res, &struct{}{}, err
	})
	return err
}

// endpoint says where LINE sends events, and whether somebody has switched that
// off.
func (c *Channel) endpoint(ctx context.Context) (line string, off bool) {
	e, err := call(ctx, c, (*messaging_api.MessagingApiAPI).GetWebhookEndpointWithHttpInfo)
	switch {
	case err != nil:
		return "callbacks: no address is set (" + err.Error() + ")", false
	case !e.Active:
		return "callbacks: go to " + e.Endpoint + ", but are switched off in LINE's console", true
	}
	return "callbacks: go to " + e.Endpoint, false
}

// Setup has LINE send its events to our address, and asks it to try that.
func (c *Channel) Setup(ctx context.Context, appURL string) ([]string, error) {
	address := appURL + "/hooks/line"
	_, err := call(ctx, c, func(api *messaging_api.MessagingApiAPI) (*http.Response, *struct{}, error) {
		res, _, err := api.SetWebhookEndpointWithHttpInfo(&messaging_api.SetWebhookEndpointRequest{Endpoint: address})
		return res, &struct{}{}, err
	})
	if err != nil {
		return nil, err
	}
	lines := []string{"callbacks: go to " + address}
	test, err := call(ctx, c, func(api *messaging_api.MessagingApiAPI) (*http.Response, *messaging_api.TestWebhookEndpointResponse, error) {
		return api.TestWebhookEndpointWithHttpInfo(&messaging_api.TestWebhookEndpointRequest{Endpoint: address})
	})
	switch {
	case err != nil:
		return lines, err
	case !test.Success:
		return lines, fmt.Errorf("line: LINE cannot reach %s: %s (%d)", address, hub.ProviderWords(test.Reason, 60), test.StatusCode)
	}
	return append(lines, "callbacks: LINE has reached us"), nil
}
