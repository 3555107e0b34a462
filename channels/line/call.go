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
