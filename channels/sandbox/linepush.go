package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf16"
)

// pushRequest is the body of a push, a reply and their dry runs.
type pushRequest struct {
	To         string            `json:"to"`
	ReplyToken string            `json:"replyToken"`
	Messages   []json.RawMessage `json:"messages"`
}

// linePush is POST /v2/bot/message/push.
func (s *Sandbox) linePush(r *http.Request, body []byte, request string) (any, *lineError) {
	key := r.Header.Get("X-Line-Retry-Key")
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Now()
	if was, ok := s.line.retryKeys[key]; ok && key != "" && now.Sub(was.at) < retryKeyLife {
		return nil, &lineError{
			status: http.StatusConflict, message: "The retry key is already accepted",
			extra:  map[string]any{"sentMessages": was.sent},
			header: map[string]string{"X-Line-Accepted-Request-Id": was.request},
		}
	}
	req, messages, no := readPush(body)
	if no != nil {
		return nil, no
	}
	if !anyID.MatchString(req.To) {
		return nil, invalid([]problem{{"The value must be an ID of a user, group or room", "to"}})
	}
	if s.line.reserved || s.line.quota > 0 && s.line.used >= s.line.quota {
		return nil, lineErr(http.StatusTooManyRequests, "You have reached your monthly limit.")
	}
	if _, ok := s.line.friends[req.To]; !ok {
		return nil, lineErr(http.StatusBadRequest, "Failed to send messages")
	}
	sent := s.deliverLocked(req.To, key, messages)
	if key != "" {
		s.line.retryKeys[key] = accepted{request: request, sent: sent, at: now}
	}
	return map[string]any{"sentMessages": sent}, nil
}

// lineReply is POST /v2/bot/message/reply.
func (s *Sandbox) lineReply(_ *http.Request, body []byte, _ string) (any, *lineError) {
	req, messages, no := readPush(body)
	if no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token, ok := s.line.replies[req.ReplyToken]
	if !ok || s.opt.Now().Sub(token.at) > replyLife {
		return nil, lineErr(http.StatusBadRequest, "Invalid reply token")
	}
	delete(s.line.replies, req.ReplyToken)
	used := s.line.used
	sent := s.deliverLocked(token.user, "", messages)
	s.line.used = used // replies are free
	return map[string]any{"sentMessages": sent}, nil
}

// lineValidate is the dry run: it looks at the messages and sends nothing.
func (s *Sandbox) lineValidate(_ *http.Request, body []byte, _ string) (any, *lineError) {
	if _, _, no := readPush(body); no != nil {
		return nil, no
	}
	return map[string]any{}, nil
}

// deliverLocked shows the messages on the user's phone, unless the account is
// blocked there. A request counts once, however many messages it holds.
func (s *Sandbox) deliverLocked(user, key string, messages []Message) []sentMessage {
	var sent []sentMessage
	blocked := s.line.blocked[user]
	for _, m := range messages {
		m.ID, m.To, m.At, m.RetryKey = randomID(9), user, s.opt.Now(), key
		sent = append(sent, sentMessage{ID: m.ID, QuoteToken: "q" + randomID(8)})
		if !blocked {
			s.arriveLocked(m)
		}
	}
	if !blocked {
		s.line.used++
	}
	return sent
}

// readPush checks a request's messages.
func readPush(body []byte) (pushRequest, []Message, *lineError) {
	var req pushRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return req, nil, lineErr(http.StatusBadRequest, "The request body could not be parsed as JSON (line: 1, column: 1)")
	}
	if n := len(req.Messages); n < 1 || n > 5 {
		return req, nil, invalid([]problem{{"Size must be between 1 and 5", "messages"}})
	}
	var list []Message
	var all []problem
	for i, raw := range req.Messages {
		m, problems := readMessage(fmt.Sprintf("messages[%d]", i), raw)
		all = append(all, problems...)
		list = append(list, m)
	}
	if len(all) > 0 {
		return req, nil, invalid(all)
	}
	return req, list, nil
}

func invalid(problems []problem) *lineError {
	no := lineErr(http.StatusBadRequest, fmt.Sprintf("The request body has %d error(s)", len(problems)))
	no.details = problems
	return no
}

// readMessage checks one message object: text and Flex are what the sandbox
// knows.
func readMessage(path string, raw json.RawMessage) (Message, []problem) {
	m := Message{Provider: "line", Badge: -1, JSON: raw}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return m, []problem{{"Must be an object", path}}
	}
	c := &checker{}
	switch fields["type"] {
	case "text":
		c.object(path, fields, map[string]rule{"type": text(1, 10), "text": text(1, 5000), "quickReply": quickReply, "sender": anything, "emojis": anything, "quoteToken": text(1, 200)}, "type", "text")
		m.Title, _ = fields["text"].(string)
	case "flex":
		c.object(path, fields, map[string]rule{"type": text(1, 10), "altText": text(1, 400), "contents": container, "quickReply": quickReply, "sender": anything}, "type", "altText", "contents")
		m.Title, _ = fields["altText"].(string)
		m.URL = firstURI(fields["contents"])
		if n := jsonSize(raw, "contents"); n > 30<<10 {
			c.add(path+"/contents", "Size of a bubble must be at most 30 KB")
		}
	default:
		c.add(path+"/type", "Must be one of: flex, text (others are not part of the sandbox)")
	}
	return m, c.problems
}

// jsonSize gives the number of bytes of a member.
func jsonSize(raw json.RawMessage, member string) int {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return 0
	}
	return len(fields[member])
}

// firstURI gives the first URI action, depth first: where a tap leads.
func firstURI(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if uri, ok := v["uri"].(string); ok && v["type"] == "uri" {
			return uri
		}
		for _, block := range []string{"header", "hero", "body", "footer", "contents", "action"} {
			if uri := firstURI(v[block]); uri != "" {
				return uri
			}
		}
	case []any:
		for _, e := range v {
			if uri := firstURI(e); uri != "" {
				return uri
			}
		}
	}
	return ""
}

// utf16Len counts as LINE counts characters.
func utf16Len(s string) int { return len(utf16.Encode([]rune(s))) }
