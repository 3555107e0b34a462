package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"qianhe/approval"
	"qianhe/channels/sms"
	"qianhe/hub"
)

// ParseInbound verifies a callback of Twilio and gives what it says of one
// message. It returns an error wrapping [hub.ErrSignature] when Twilio did not
// sign it for our address, and another when it is of another account or cannot
// be read.
//
// A callback is known again by message and status, which are signed; the header
// I-Twilio-Idempotency-Token is not, and a captured callback could be sent again
// under a new one.
func (s *Sender) ParseInbound(cb hub.Callback) ([]hub.Inbound, error) {
	if s.hook == nil || !s.signed(cb) {
		return nil, fmt.Errorf("twilio: %w", hub.ErrSignature)
	}
	fields, err := readFields(cb)
	if err != nil {
		return nil, err
	}
	if fields.Get("AccountSid") != s.cfg.AccountSID {
		return nil, errors.New("twilio: callback is of another account")
	}
	if kind, ok := optOut(fields.Get("OptOutType")); ok {
		return s.answered(fields, kind)
	}
	sid, status := fields.Get("MessageSid"), strings.ToLower(fields.Get("MessageStatus"))
	if !messageForm.MatchString(sid) {
		return nil, errors.New("twilio: callback names no message")
	}
	said, ok := statuses(status)
	if !ok {
		return nil, nil // receiving, received, read: not of a text that we sent
	}
	in := hub.Inbound{Channel: hub.SMS, ID: sid + ":" + status, Kind: hub.InStatus, Data: said, Provider: []string{sid}}
	if query, err := url.ParseQuery(cb.Query); err == nil && approval.ValidID(query.Get("a")) {
		in.Delivery = query.Get("a")
	}
	if said == "undelivered" || said == "failed" {
		in.Code = fields.Get("ErrorCode")
		in.Outcome = outcomeOf(s.classOf(number(in.Code), sms.Number(fields.Get("To"))))
		if number(in.Code) == 0 {
			in.Code = ""
		}
	}
	return []hub.Inbound{in}, nil
}

// statuses gives what a status of Twilio is in the hub's words.
func statuses(status string) (said string, ok bool) {
	switch status {
	case "accepted", "scheduled":
		return "accepted", true
	case "queued", "sending", "sent", "delivered", "undelivered", "failed":
		return status, true
	case "canceled":
		return "failed", true
	}
	return "", false
}

// number reads an error code; 0 where it is none.
func number(code string) int {
	n := 0
	if len(code) != 5 {
		return 0
	}
	for _, c := range []byte(code) {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// optOut: the owner of a number answered STOP, or START again. There is no
// answering in Taiwan; elsewhere there is.
func optOut(kind string) (hub.InboundKind, bool) {
	switch strings.ToUpper(kind) {
	case "STOP":
		return hub.InUnfollow, true
	case "START":
		return hub.InFollow, true
	}
	return "", false
}

func (s *Sender) answered(fields url.Values, kind hub.InboundKind) ([]hub.Inbound, error) {
	sid, from := fields.Get("MessageSid"), sms.Number(fields.Get("From"))
	if !messageForm.MatchString(sid) || !from.Valid() {
		return nil, errors.New("twilio: callback names no message or no number")
	}
	return []hub.Inbound{{Channel: hub.SMS, ID: sid + ":" + string(kind), Kind: kind, From: string(from), At: s.cfg.Now()}}, nil
}

// readFields reads the parameters: a form, or JSON where the address has its
// hash. A parameter that is there twice with two values says nothing: their
// order is not signed.
func readFields(cb hub.Callback) (url.Values, error) {
	if bodyHash(cb.Query) != "" {
		return readJSON(cb.Body)
	}
	fields, err := url.ParseQuery(string(cb.Body))
	if err != nil {
		return nil, errors.New("twilio: callback is not a form")
	}
	for name, values := range fields {
		for _, v := range values[1:] {
			if v != values[0] {
				return nil, fmt.Errorf("twilio: callback says %s twice", hub.ProviderWords(name, 40))
			}
		}
	}
	return fields, nil
}

func readJSON(body []byte) (url.Values, error) {
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, errors.New("twilio: callback is not a JSON object")
	}
	fields := url.Values{}
	for name, v := range members {
		switch v := v.(type) {
		case string:
			fields.Set(name, v)
		case float64:
			fields.Set(name, fmt.Sprint(v))
		}
	}
	return fields, nil
}
