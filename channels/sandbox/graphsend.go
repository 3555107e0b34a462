package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// graphMessage is the body of a call to the Send API, as far as the sandbox
// knows it: what it does not know it refuses.
type graphMessage struct {
	Recipient struct {
		ID string `json:"id"`
	} `json:"recipient"`
	Type             string `json:"messaging_type"`
	Tag              string `json:"tag"`
	NotificationType string `json:"notification_type"`
	Message          struct {
		Text       *string          `json:"text"`
		Attachment *graphAttachment `json:"attachment"`
		Metadata   string           `json:"metadata"`
	} `json:"message"`
}

type graphAttachment struct {
	Type    string `json:"type"`
	Payload struct {
		Type    string        `json:"template_type"`
		Text    string        `json:"text"`
		Buttons []graphButton `json:"buttons"`
	} `json:"payload"`
}

type graphButton struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	Payload string `json:"payload"`
}

// deadTags have been an error since 2026-04-27.
func deadTags() []string {
	return []string{"CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE"}
}

// graphSend is POST /{page}/messages.
func (s *Sandbox) graphSend(_ *http.Request, body []byte) (any, *graphError) {
	var m graphMessage
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, parameter("%v", err)
	}
	if no := m.policy(); no != nil {
		return nil, no
	}
	if no := m.check(); no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	th := s.graph.threads[m.Recipient.ID]
	now := s.opt.Now()
	switch {
	case th == nil || !th.begun:
		return nil, graphErr(http.StatusBadRequest, 100, 2018001, "(#100) No matching user found")
	case th.blocked:
		return nil, graphErr(http.StatusBadRequest, 551, 1545041, "(#551) This person isn't available right now.")
	case now.Sub(th.heard) > graphWindow:
		return nil, graphErr(http.StatusForbidden, 10, 2018278, "(#10) This message is sent outside of allowed window. Learn more about the new policy here: https://developers.facebook.com/docs/messenger-platform/policy-overview")
	}
	shown := Message{Provider: "messenger", ID: "m_" + randomID(16), To: m.Recipient.ID, At: now, Badge: -1, JSON: body}
	if t := m.Message.Text; t != nil {
		shown.Title = *t
	} else {
		shown.Title, shown.Body, _ = strings.Cut(m.Message.Attachment.Payload.Text, "\n")
		for _, b := range m.Message.Attachment.Payload.Buttons {
			if b.Type == "web_url" && shown.URL == "" {
				shown.URL = b.URL
			}
		}
	}
	s.arriveLocked(shown)
	s.graphEventLocked(graphEvent{
		Sender: &graphID{m.Recipient.ID}, Recipient: graphID{s.opt.Messenger.ID},
		Delivery: &graphDelivery{Mids: []string{shown.ID}, Watermark: now.UnixMilli()},
	})
	return map[string]any{"recipient_id": m.Recipient.ID, "message_id": shown.ID}, nil
}

// policy holds a request against the rules of what may be sent when.
func (m *graphMessage) policy() *graphError {
	switch m.Type {
	case "RESPONSE", "UPDATE":
		if m.Tag != "" {
			return parameter("A message tag needs messaging_type MESSAGE_TAG")
		}
		return nil
	case "MESSAGE_TAG":
		for _, dead := range deadTags() {
			if m.Tag == dead {
				return parameter("The message tag %s is no longer supported", m.Tag)
			}
		}
		return graphErr(http.StatusForbidden, 10, 0, "(#10) The message tag %s needs a feature that this app does not have", m.Tag)
	case "UTILITY":
		return graphErr(http.StatusForbidden, 200, 0, "(#200) Utility messages are not available in this country")
	default:
		return parameter("Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG, UTILITY}")
	}
}

// check holds the message against the limits.
func (m *graphMessage) check() *graphError {
	text, attachment := m.Message.Text, m.Message.Attachment
	switch {
	case !psidForm.MatchString(m.Recipient.ID):
		return parameter("Param recipient[id] must be a valid ID string (e.g., \"123\")")
	case (text == nil) == (attachment == nil):
		return parameter("Message needs either text or an attachment")
	case len(m.Message.Metadata) > 1000:
		return parameter("Length of param message[metadata] must be less than or equal to 1000")
	case text != nil && (*text == "" || utf16Len(*text) > 2000):
		return parameter("Length of param message[text] must be less than or equal to 2000")
	case text != nil:
		return nil
	case attachment.Type != "template" || attachment.Payload.Type != "button":
		return parameter("attachment is not a button template (others are not part of the sandbox)")
	}
	p := attachment.Payload
	if n := utf16Len(p.Text); n < 1 || n > 640 {
		return parameter("Length of param text must be from 1 to 640")
	}
	if n := len(p.Buttons); n < 1 || n > 3 {
		return parameter("Param buttons must have 1 to 3 elements")
	}
	for i, b := range p.Buttons {
		if no := b.check(20); no != nil {
			no.message += " (button " + string(rune('0'+i)) + ")"
			return no
		}
	}
	return nil
}

// check holds a button against the limits; longest is that of its title.
func (b graphButton) check(longest int) *graphError {
	switch n := utf16Len(b.Title); {
	case n < 1 || n > longest:
		return parameter("Length of param title must be from 1 to %d", longest)
	case b.Type == "web_url" && (b.Payload != "" || !opensSafely(b.URL)):
		return parameter("Param url must be an https address")
	case b.Type == "postback" && (b.URL != "" || b.Payload == "" || utf16Len(b.Payload) > 1000):
		return parameter("Length of param payload must be from 1 to 1000")
	case b.Type != "web_url" && b.Type != "postback":
		return parameter("Param type must be web_url or postback (others are not part of the sandbox)")
	}
	return nil
}

// opensSafely: https, and on this machine http, where the demo's app is.
func opensSafely(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (err == nil && ip.IsLoopback() || u.Hostname() == "localhost")
}
