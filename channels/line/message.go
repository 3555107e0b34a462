package line

import (
	"strings"

	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"qianhe/hub"
)

// maxPlain is the longest plain text we send, in UTF-16 code units; LINE takes
// 5,000.
const maxPlain = 1000

// message makes what goes out: a card, or plain text for an answer with nothing
// to open, tap or count. Below a card stands 查詢, for as long as it is the
// latest message.
func (c *Channel) message(m hub.Message) (messaging_api.MessageInterface, error) {
	if m.URL == "" && len(m.Acts) == 0 && len(m.Facts) == 0 && m.Kind == "" {
		return plain(m)
	}
	card, alt, err := c.card(m)
	if err != nil {
		return nil, err
	}
	flex := &messaging_api.FlexMessage{AltText: alt, Contents: card}
	if m.Kind != "" {
		query := wordsOf(m.Lang).query
		flex.QuickReply = &messaging_api.QuickReply{Items: []messaging_api.QuickReplyItem{
			{Type: "action", Action: &messaging_api.MessageAction{Label: query, Text: query}},
		}}
	}
	return flex, nil
}

func plain(m hub.Message) (messaging_api.MessageInterface, error) {
	if m.Title == "" {
		return nil, &hub.Rejected{Reason: "message has no title"}
	}
	text := m.Text
	if !strings.HasPrefix(text, m.Title) {
		text = strings.TrimSpace(m.Title + "\n" + text)
	}
	return &messaging_api.TextMessage{Text: short(text, maxPlain)}, nil
}
