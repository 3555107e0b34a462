package line

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"qianhe/hub"
)

// Reply answers an event by its reply token, which is good for one answer,
// within a minute, and costs nothing. There is no retry key here (LINE refuses
// the header with a 400), so an answer of which it is not known whether it
// arrived is not to be repeated.
func (c *Channel) Reply(ctx context.Context, to hub.Inbound, m hub.Message) error {
	if to.Channel != hub.LINE || to.Reply == "" {
		return &hub.Rejected{Reason: "event has no reply token"}
	}
	said, err := c.message(m)
	if err != nil {
		return err
	}
	_, err = call(ctx, c, func(api *messaging_api.MessagingApiAPI) (*http.Response, *messaging_api.ReplyMessageResponse, error) {
		return api.ReplyMessageWithHttpInfo(&messaging_api.ReplyMessageRequest{ReplyToken: to.Reply, Messages: []messaging_api.MessageInterface{said}})
	})
	return err
}

// LinkPage asks LINE for a link token of the user, which is good for ten
// minutes and one linking, and gives the address of our page that takes it.
func (c *Channel) LinkPage(ctx context.Context, user, baseURL string) (string, error) {
	if !userID.MatchString(user) {
		return "", &hub.Permanent{Reason: "address is not a LINE user ID"}
	}
	body, err := call(ctx, c, func(api *messaging_api.MessagingApiAPI) (*http.Response, *messaging_api.IssueLinkTokenResponse, error) {
		return api.IssueLinkTokenWithHttpInfo(user)
	})
	if err != nil {
		return "", err
	}
	if body.LinkToken == "" {
		return "", errors.New("line: the answer has no link token")
	}
	return strings.TrimRight(baseURL, "/") + "/link/line?" + url.Values{"linkToken": {body.LinkToken}}.Encode(), nil
}

// maxNonce and minNonce bound the nonce of account linking, in characters.
const (
	minNonce = 10
	maxNonce = 255
)

// DialogOrigin is where LINE's own page of account linking is.
func (c *Channel) DialogOrigin() string { return c.dialog }

// DialogURL gives the address of LINE's own page that asks a user whether to
// link. LINE shows it to nobody but the user whom the token was issued for, and
// gives back the nonce in the event "accountLink".
func (c *Channel) DialogURL(linkToken, nonce string) (string, error) {
	if linkToken == "" || len(nonce) < minNonce || len(nonce) > maxNonce {
		return "", &hub.Rejected{Reason: "link token or nonce is missing, too short or too long"}
	}
	return c.dialog + "/dialog/bot/accountLink?" + url.Values{"linkToken": {linkToken}, "nonce": {nonce}}.Encode(), nil
}

// Reachable asks LINE whether a push would reach the user: one who has blocked
// the account, or was never its friend, has no profile for us.
func (c *Channel) Reachable(ctx context.Context, to hub.Address) (bool, error) {
	if !userID.MatchString(to.Value) {
		return false, nil
	}
	found := true
	_, err := call(ctx, c, func(api *messaging_api.MessagingApiAPI) (*http.Response, *messaging_api.UserProfileResponse, error) {
		res, body, err := api.GetProfileWithHttpInfo(to.Value)
		if res != nil && res.StatusCode == http.StatusNotFound {
			found = false
			return res, body, nil
		}
		return res, body, err
	})
	return found && err == nil, err
}
