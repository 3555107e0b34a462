package line

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/channel_access_token"

	"qianhe/hub"
)

// tokens gives the channel access token: a fixed one, or stateless ones of 15
// minutes, fetched when four fifths of their life are over. At most one fetch
// is under way; meanwhile the old token serves as long as it is good.
type tokens struct {
	fixed string
	fetch func(ctx context.Context) (token string, life time.Duration, err error)
	now   func() time.Time
	busy  chan struct{} // holds the one that fetches

	mu      sync.Mutex
	current string
	renew   time.Time
	end     time.Time
}

// get gives a token. Errors are those of [hub.Channel]: nothing was sent.
func (t *tokens) get(ctx context.Context) (string, error) {
	if t.fixed != "" {
		return t.fixed, nil
	}
	token, fresh := t.held()
	if fresh {
		return token, nil
	}
	if token != "" {
		select {
		case t.busy <- struct{}{}:
		default:
			return token, nil // somebody is at it
		}
	} else {
		select {
		case t.busy <- struct{}{}:
		case <-ctx.Done():
			return "", &hub.Retry{Reason: "no channel access token: " + hub.TransportWords(context.Cause(ctx))}
		}
	}
	defer func() { <-t.busy }()
	if token, fresh = t.held(); fresh {
		return token, nil
	}
	next, life, err := t.fetch(ctx)
	if err != nil {
		if token != "" {
			return token, nil // still good; the next call tries again
		}
		return "", err
	}
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current, t.renew, t.end = next, now.Add(life*4/5), now.Add(life)
	return next, nil
}

// held gives the token at hand, "" when it is over, and whether it needs no
// renewal yet.
func (t *tokens) held() (token string, fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if !now.Before(t.end) {
		return "", false
	}
	return t.current, now.Before(t.renew)
}

// forget drops a token that LINE refused, and reports whether trying again can
// help.
func (t *tokens) forget(token string) bool {
	if t.fixed != "" {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == token {
		t.current, t.end = "", time.Time{}
	}
	return true
}

// fetchToken gets a stateless channel access token (POST /oauth2/v3/token).
func (c *Channel) fetchToken(id, secret string) func(context.Context) (string, time.Duration, error) {
	return func(ctx context.Context) (string, time.Duration, error) {
		api, err := channel_access_token.NewChannelAccessTokenAPI(
			channel_access_token.WithHTTPClient(c.client), channel_access_token.WithEndpoint(c.base))
		if err != nil {
			return "", 0, &hub.Rejected{Reason: "client for tokens cannot be made"}
		}
		res, body, err := api.WithContext(ctx).IssueStatelessChannelTokenWithHttpInfo("client_credentials", "", "", id, secret)
		if res == nil {
			return "", 0, &hub.Retry{Reason: "no channel access token: " + hub.TransportWords(err)}
		}
		defer res.Body.Close()
		switch {
		case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
			return "", 0, &hub.Retry{After: hub.RetryAfter(res.Header.Get("Retry-After"), c.now()), Reason: "no channel access token: " + http.StatusText(res.StatusCode)}
		case res.StatusCode != http.StatusOK:
			return "", 0, &hub.ChannelDown{Reason: "LINE refuses the channel ID and secret: " + http.StatusText(res.StatusCode)}
		case err != nil || body.AccessToken == "":
			return "", 0, &hub.Retry{Reason: "no channel access token: the answer cannot be read"}
		}
		return body.AccessToken, time.Duration(body.ExpiresIn) * time.Second, nil
	}
}
