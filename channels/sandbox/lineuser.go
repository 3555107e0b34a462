package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"crypto/rand"

	"qianhe/approval"
)

// What people do in LINE, and the events that LINE makes of it. A user who has
// blocked the account can neither write nor tap there.

// saidInLINE is something of the user's own in the chat.
type saidInLINE struct {
	id   string
	text string
	at   time.Time
}

// keepSaid is how much of it is kept.
const keepSaid = 100

// SetLINECallback sets where events go.
func (s *Sandbox) SetLINECallback(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.callback = url
}

// AddLINE makes the user a friend of the account, by adding or unblocking it.
func (s *Sandbox) AddLINE(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.line.blocked[user]
	delete(s.line.blocked, user)
	if _, ok := s.line.friends[user]; !ok {
		s.line.friends[user] = Person{LINE: user}
	}
	s.changeLocked()
	s.lineEventLocked("follow", user, true, map[string]any{"follow": map[string]any{"isUnblocked": was}})
}

// BlockLINE makes the user block the account, of which LINE tells.
func (s *Sandbox) BlockLINE(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.blocked[user] = true
	s.changeLocked()
	s.lineEventLocked("unfollow", user, false, nil)
}

// SayLINE makes the user write to the account.
func (s *Sandbox) SayLINE(user, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sayLINELocked(user, text)
}

func (s *Sandbox) sayLINELocked(user, text string) {
	if s.line.blocked[user] {
		return
	}
	s.showSaidLocked(user, text)
	s.lineEventLocked("message", user, true, map[string]any{
		"message": map[string]any{"type": "text", "id": decimalID(), "quoteToken": "q" + randomID(8), "text": text},
	})
}

// showSaidLocked puts words of the user's own into the chat.
func (s *Sandbox) showSaidLocked(user, text string) {
	list := append(s.line.said[user], saidInLINE{randomID(9), text, s.opt.Now()})
	s.line.said[user] = list[max(0, len(list)-keepSaid):]
	s.changeLocked()
}

// TapLINE makes the user tap the button with this label of a message, or the
// quick reply below it. It reports whether there is one that tells the account
// something.
func (s *Sandbox) TapLINE(user, message, label string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.arrived[user]
	if box == nil || s.line.blocked[user] {
		return false
	}
	for _, m := range box.messages {
		if m.ID != message {
			continue
		}
		for _, a := range actionsOf(m.JSON) {
			if a.Label != label {
				continue
			}
			switch a.Type {
			case "postback":
				if a.DisplayText != "" {
					s.showSaidLocked(user, a.DisplayText)
				}
				s.lineEventLocked("postback", user, true, map[string]any{"postback": map[string]any{"data": a.Data}})
				return true
			case "message":
				s.sayLINELocked(user, a.Text)
				return true
			}
		}
	}
	return false
}

// lineAction is an action of a message, as far as it tells the account
// something.
type lineAction struct {
	Type        string `json:"type"`
	Label       string `json:"label"`
	Data        string `json:"data"`
	Text        string `json:"text"`
	DisplayText string `json:"displayText"`
}

// actionsOf gives the actions of a message as it was received: those of its
// card, and then its quick replies.
func actionsOf(raw []byte) []lineAction {
	var m struct {
		Contents any `json:"contents"`
	}
	_ = json.Unmarshal(raw, &m)
	return append(findActions(m.Contents), quickActions(raw)...)
}

func quickActions(raw []byte) []lineAction {
	var m struct {
		QuickReply any `json:"quickReply"`
	}
	_ = json.Unmarshal(raw, &m)
	return findActions(m.QuickReply)
}

func findActions(v any) []lineAction {
	var list []lineAction
	switch v := v.(type) {
	case map[string]any:
		if a, ok := v["action"].(map[string]any); ok {
			var one lineAction
			if b, err := json.Marshal(a); err == nil && json.Unmarshal(b, &one) == nil {
				list = append(list, one)
			}
		}
		for _, block := range []string{"header", "hero", "body", "footer", "contents", "items"} {
			list = append(list, findActions(v[block])...)
		}
	case []any:
		for _, e := range v {
			list = append(list, findActions(e)...)
		}
	}
	return list
}

// RepeatLINE sends the latest callback once more, as LINE does with one that it
// thinks was missed: everything is the same but the mark.
func (s *Sandbox) RepeatLINE() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line.last != nil {
		s.callLINELocked(bytes.ReplaceAll(s.line.last, []byte(`"isRedelivery":false`), []byte(`"isRedelivery":true`)))
	}
}

// lineEventLocked sends an event. A reply token comes with those that can be
// answered; one without a user has no source either.
func (s *Sandbox) lineEventLocked(kind, user string, answerable bool, more map[string]any) {
	now := s.opt.Now()
	event := map[string]any{
		"type": kind, "mode": "active", "timestamp": now.UnixMilli(),
		"webhookEventId":  strings.ToUpper(approval.NewID(now, rand.Reader)), // a ULID
		"deliveryContext": map[string]any{"isRedelivery": false},
	}
	if user != "" {
		event["source"] = map[string]any{"type": "user", "userId": user}
	}
	if answerable && user != "" {
		token := randomID(16)
		s.line.replies[token] = replyToken{user, now}
		event["replyToken"] = token
	}
	for k, v := range more {
		event[k] = v
	}
	body, err := json.Marshal(map[string]any{"destination": s.opt.LINE.BotID, "events": []any{event}})
	if err != nil {
		panic(err)
	}
	s.line.last = body
	s.callLINELocked(body)
}

func (s *Sandbox) callLINELocked(body []byte) {
	if s.line.silent {
		return
	}
	s.callLocked("line", s.line.callback, body, func(body []byte, forged bool) http.Header {
		signature := s.Sign(body)
		if forged {
			signature = s.Sign(append([]byte("not "), body...))
		}
		return http.Header{"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"LineBotWebhook/2.0"}, "X-Line-Signature": {signature}}
	})
}

// decimalID makes an ID of digits, as messages have.
func decimalID() string {
	const digits = "0123456789"
	var b [18]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = digits[int(b[i])%10]
	}
	return string(b[:])
}
