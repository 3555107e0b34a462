package messenger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"qianhe/hub"
)

// loose is a string that may come as a number: Meta's pages show IDs and times
// in both shapes.
type loose string

func (t *loose) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = loose(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return errors.New("neither a string nor a number")
	}
	*t = loose(n)
	return nil
}

// time reads milliseconds since 1970, or seconds where the number is too small
// for that; zero when it is neither.
func (t loose) time() time.Time {
	n, err := strconv.ParseInt(string(t), 10, 64)
	if err != nil || n <= 0 || n > 1e15 {
		return time.Time{}
	}
	if n < 1e11 { // in milliseconds that were 1973
		n *= 1000
	}
	return time.UnixMilli(n).UTC()
}

// event is one element of entry.messaging. Which member is there says what it
// is about.
type event struct {
	Sender struct {
		ID loose `json:"id"`
	} `json:"sender"`
	Recipient struct {
		ID loose `json:"id"`
	} `json:"recipient"`
	Timestamp loose `json:"timestamp"`

	Message *struct {
		Mid        string    `json:"mid"`
		Text       string    `json:"text"`
		IsEcho     bool      `json:"is_echo"`
		QuickReply *tap      `json:"quick_reply"`
		Referral   *referral `json:"referral"`
	} `json:"message"`
	Postback *struct {
		Mid string `json:"mid"`
		tap
		Referral *referral `json:"referral"`
	} `json:"postback"`
	Referral *referral `json:"referral"`
	Optin    *struct {
		Type string `json:"type"`
		Ref  string `json:"ref"`
	} `json:"optin"`
	Reaction *struct {
		Mid    string `json:"mid"`
		Action string `json:"action"`
	} `json:"reaction"`
	Delivery *struct {
		Mids      []string `json:"mids"`
		Watermark loose    `json:"watermark"`
	} `json:"delivery"`
	Read *struct {
		Watermark loose `json:"watermark"`
	} `json:"read"`
	AccountLinking *struct {
		Status string `json:"status"`
		Code   string `json:"authorization_code"`
	} `json:"account_linking"`
	Policy *struct {
		Action string `json:"action"`
		Reason string `json:"reason"`
	} `json:"policy_enforcement"`
}

type tap struct {
	Payload string `json:"payload"`
}

type referral struct {
	Ref string `json:"ref"`
}

// Payloads of the buttons that [Channel.Setup] makes. A message's own are
// [hub.Message.Postback].
const (
	payloadStarted = "qianhe.started"
	payloadQuery   = "qianhe.query"
)

// queryText is what the menu's 查詢 amounts to, as if it had been typed.
const queryText = "查詢"

// readEvent gives what one event says; ok is false when it means nothing to us.
func (c *Channel) readEvent(raw json.RawMessage) (in hub.Inbound, ok bool, err error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return in, false, fmt.Errorf("read event: %w", err)
	}
	if e.Policy != nil {
		c.enforced(e.Policy.Action, e.Policy.Reason)
		return in, false, nil
	}
	if e.Message != nil && e.Message.IsEcho || string(e.Sender.ID) == c.page {
		return in, false, nil // what the Page said itself
	}
	in = hub.Inbound{Channel: hub.Messenger, From: string(e.Sender.ID), At: e.Timestamp.time()}
	if !e.tell(&in) {
		return in, false, nil
	}
	if string(e.Recipient.ID) != c.page {
		return in, false, errors.New("read event: recipient is not the Page")
	}
	if !personID.MatchString(in.From) {
		return in, false, errors.New("read event: sender is not a page-scoped ID")
	}
	if in.At.IsZero() {
		in.At = in.Until // deliveries come without a time
	}
	if in.At.IsZero() {
		return in, false, errors.New("read event: no time")
	}
	if in.ID == "" || len(in.ID) > maxID {
		in.ID = derivedID(in)
	}
	return in, true, nil
}

// tell writes into in what the event is about.
func (e *event) tell(in *hub.Inbound) bool {
	switch {
	case e.Message != nil:
		in.Kind, in.ID, in.Data = hub.InMessage, e.Message.Mid, e.Message.Text
		if r := e.Message.Referral; r != nil && r.Ref != "" {
			in.Kind, in.Data = hub.InReferral, r.Ref
		} else if q := e.Message.QuickReply; q != nil {
			tapped(in, q.Payload)
		}
	case e.Postback != nil:
		in.ID = e.Postback.Mid
		if r := e.Postback.Referral; r != nil && r.Ref != "" {
			// A new chat: the m.me link's ref comes with the tap on "Get Started".
			in.Kind, in.Data = hub.InReferral, r.Ref
		} else {
			tapped(in, e.Postback.Payload)
		}
	case e.Referral != nil:
		in.Kind, in.Data = hub.InReferral, e.Referral.Ref
	case e.Optin != nil:
		in.Kind, in.Data = hub.InReferral, e.Optin.Ref
	case e.Reaction != nil:
		in.Kind = hub.InTouch
	case e.Delivery != nil:
		in.Kind, in.Provider, in.Until = hub.InDelivered, e.Delivery.Mids, e.Delivery.Watermark.time()
	case e.Read != nil:
		in.Kind, in.Until = hub.InRead, e.Read.Watermark.time()
	case e.AccountLinking != nil && e.AccountLinking.Status == "linked":
		in.Kind, in.Data = hub.InLinked, e.AccountLinking.Code
	case e.AccountLinking != nil && e.AccountLinking.Status == "unlinked":
		in.Kind = hub.InUnfollow
	default:
		return false
	}
	if in.Kind == hub.InReferral && in.Data == "" {
		// Came back into the chat through a link of ours that brings nothing:
		// that opens the window.
		in.Kind = hub.InTouch
	}
	return true
}

// tapped sorts the buttons: those of messages, of the menu, and "Get Started".
func tapped(in *hub.Inbound, payload string) {
	switch payload {
	case payloadStarted:
		in.Kind = hub.InFollow
	case payloadQuery:
		in.Kind, in.Data = hub.InMessage, queryText
	default:
		in.Kind, in.Data = hub.InPostback, payload
	}
}

// maxID is the longest ID that is taken as it is, in bytes.
const maxID = 200

// derivedID names an event that Meta gives no ID: the same for a repetition.
func derivedID(in hub.Inbound) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		string(in.Kind), in.From, strconv.FormatInt(in.At.UnixMilli(), 10), strconv.FormatInt(in.Until.UnixMilli(), 10),
		in.Data, strings.Join(in.Provider, "\x01"),
	}, "\x00")))
	return string(in.Kind) + ":" + hex.EncodeToString(sum[:16])
}

// enforced tells the operator what Meta holds against the Page. Sends will be
// refused with a code that closes the channel; this says why.
func (c *Channel) enforced(action, reason string) {
	reason = hub.ProviderWords(reason, 300)
	if action == "unblock" {
		c.log.Warn("Meta lets the Page send again")
		return
	}
	c.log.Error("Meta enforces its policies on the Page", "action", hub.ProviderWords(action, 40), "reason", reason)
}

// readChange looks at entry.changes, where the Page's own affairs are told.
func (c *Channel) readChange(raw json.RawMessage) {
	var change struct {
		Field string `json:"field"`
		Value struct {
			Event  string `json:"event"`
			Reason string `json:"reason"`
		} `json:"value"`
	}
	if json.Unmarshal(raw, &change) != nil {
		c.log.Warn("Messenger change cannot be read")
		return
	}
	// We send no templates: whoever made one will want to know.
	c.log.Info("Messenger change", "field", hub.ProviderWords(change.Field, 60),
		"event", hub.ProviderWords(change.Value.Event, 60), "reason", hub.ProviderWords(change.Value.Reason, 160))
}
