package line

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/line/line-bot-sdk-go/v8/linebot/webhook"

	"qianhe/hub"
)

// ParseInbound verifies a callback of LINE over its raw body and gives the
// events in it that come from people. It returns an error wrapping
// [hub.ErrSignature] when LINE did not sign it, and another when it cannot be
// read or is for another account. A callback without events is a good one: LINE
// sends it to see whether we are there.
//
// Events of groups, of kinds that mean nothing to us, and those that another
// module of the account is to answer (standby) are left out.
func (c *Channel) ParseInbound(cb hub.Callback) ([]hub.Inbound, error) {
	if !c.signed(cb.Header.Get("X-Line-Signature"), cb.Body) {
		return nil, fmt.Errorf("line: %w", hub.ErrSignature)
	}
	var callback struct {
		Destination string            `json:"destination"`
		Events      []json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(cb.Body, &callback); err != nil {
		return nil, fmt.Errorf("line: callback is not JSON of the right shape: %w", err)
	}
	if !userID.MatchString(callback.Destination) || c.botID != "" && callback.Destination != c.botID {
		return nil, errors.New("line: callback is for another account")
	}
	var list []hub.Inbound
	for _, raw := range callback.Events {
		// One event that LINE has changed must not take the others with it.
		in, ok, err := readEvent(raw)
		if err != nil {
			c.log.Warn("LINE event cannot be read", "err", err)
			continue
		}
		if ok {
			list = append(list, in)
		}
	}
	return list, nil
}

// signed compares in constant time with every secret in force.
func (c *Channel) signed(signature string, body []byte) bool {
	if signature == "" {
		return false
	}
	ok := false
	for _, secret := range c.secrets {
		if webhook.ValidateSignature(secret, signature, body) {
			ok = true
		}
	}
	return ok
}

// readEvent gives what one event says; ok is false when it means nothing to us.
func readEvent(raw json.RawMessage) (in hub.Inbound, ok bool, err error) {
	event, err := webhook.UnmarshalEvent(raw)
	if err != nil {
		return in, false, fmt.Errorf("read event: %w", err)
	}
	// What every event has, whatever the SDK's type of it.
	var common struct {
		WebhookEventID string `json:"webhookEventId"`
		Timestamp      int64  `json:"timestamp"` // milliseconds since 1970
		Mode           string `json:"mode"`
		ReplyToken     string `json:"replyToken"`
	}
	if err := json.Unmarshal(raw, &common); err != nil {
		return in, false, fmt.Errorf("read event: %w", err)
	}
	if common.WebhookEventID == "" {
		return in, false, errors.New("read event: no webhookEventId")
	}
	in = hub.Inbound{Channel: hub.LINE, ID: common.WebhookEventID, Reply: common.ReplyToken, At: time.UnixMilli(common.Timestamp).UTC()}
	var source webhook.SourceInterface
	switch e := event.(type) {
	case webhook.FollowEvent:
		in.Kind, source = hub.InFollow, e.Source
	case webhook.UnfollowEvent:
		in.Kind, source = hub.InUnfollow, e.Source
	case webhook.MessageEvent:
		in.Kind, source = hub.InMessage, e.Source
		if t, ok := e.Message.(webhook.TextMessageContent); ok {
			in.Data = t.Text
		}
	case webhook.PostbackEvent:
		in.Kind, source = hub.InPostback, e.Source
		if e.Postback != nil {
			in.Data = e.Postback.Data
		}
	case webhook.AccountLinkEvent:
		if e.Link == nil {
			return in, false, errors.New("read event: accountLink without link")
		}
		in.Kind, in.Data, source = hub.InLinked, e.Link.Nonce, e.Source
		if e.Link.Result != webhook.LinkContentRESULT_OK {
			in.Kind = hub.InLinkFailed
			return in, true, nil
		}
	default:
		return in, false, nil
	}
	user, ok := source.(webhook.UserSource)
	if !ok || common.Mode == "standby" {
		return in, false, nil
	}
	if !userID.MatchString(user.UserId) {
		return in, false, errors.New("read event: source is not a LINE user ID")
	}
	in.From = user.UserId
	return in, true, nil
}
