package messenger

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"

	"qianhe/hub"
)

// Limits of the Send API. The text of a button template may have "640 UTF-8
// characters", which can be read as bytes: what we have to say fits both.
const (
	maxTemplate = 640  // bytes
	maxTitle    = 20   // of a button, UTF-16 code units
	maxPayload  = 1000 // of a postback, UTF-16 code units
	maxButtons  = 3
	maxURL      = 2000 // bytes; Meta names none
)

// request is the body of a call to the Send API.
type request struct {
	Recipient recipient `json:"recipient"`
	Type      string    `json:"messaging_type"`
	Message   message   `json:"message"`
}

// Why a message is sent. There is a third, MESSAGE_TAG, for messages outside
// the window: those that remain of the tags are not for us, and since
// 2026-04-27 the others are an error.
const (
	typeResponse = "RESPONSE" // answers what the person did
	typeUpdate   = "UPDATE"   // comes by itself, within the window
)

type recipient struct {
	ID string `json:"id"`
}

type message struct {
	Text       string      `json:"text,omitempty"`
	Attachment *attachment `json:"attachment,omitempty"`
}

type attachment struct {
	Type    string   `json:"type"`
	Payload template `json:"payload"`
}

type template struct {
	Type    string   `json:"template_type"`
	Text    string   `json:"text"`
	Buttons []button `json:"buttons"`
}

type button struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	URL     string `json:"url,omitempty"`
	Payload string `json:"payload,omitempty"`
}

// words of the template itself.
type words struct {
	colon string
	note  string
	open  string
	query string // 查詢: asks how many are pending
	app   string
	hello string
}

func wordsOf(lang string) words {
	if strings.HasPrefix(lang, "en") {
		return words{": ", "Please read the contents in the system.", "Open", "How many are pending?", "Open the system",
			"You get the number of your pending documents here. Their contents are read in the system only."}
	}
	return words{"：", "內容請於系統內檢視", "開啟", "查詢待辦件數", "開啟行動簽核", "在這裡收到您的公文待辦件數，內容一律在系統內檢視。"}
}

// card makes the button template of a message: what it says, the button that
// opens the system, and a postback for each act. A message with nothing to open
// or to tap is plain text.
func card(m hub.Message) (message, error) {
	if m.Title == "" {
		return message{}, &hub.Rejected{Reason: "message has no title"}
	}
	w := wordsOf(m.Lang)
	var buttons []button
	if m.URL != "" {
		if err := checkURL(m.URL); err != nil {
			return message{}, &hub.Rejected{Reason: "address to open is " + err.Error()}
		}
		title := short(strings.TrimSpace(m.Button), maxTitle)
		if title == "" {
			title = w.open
		}
		buttons = append(buttons, button{Type: "web_url", Title: title, URL: m.URL})
	}
	for _, act := range m.Acts {
		payload := m.Postback(act)
		if len(buttons) == maxButtons || act.Label == "" || m.Delivery == "" || units(payload) > maxPayload {
			break
		}
		buttons = append(buttons, button{Type: "postback", Title: short(act.Label, maxTitle), Payload: payload})
	}
	if len(buttons) == 0 {
		return message{Text: text(m, w)}, nil
	}
	return message{Attachment: &attachment{Type: "template", Payload: template{Type: "button", Text: text(m, w), Buttons: buttons}}}, nil
}

// text is what stands above the buttons: the title and a line for each fact,
// or the sentence where there are none. What is late or 最速件 is marked,
// because a chat has no colours. What is told of documents, and not an answer
// to something said, ends with the note where to read them.
func text(m hub.Message, w words) string {
	lines := []string{m.Title}
	switch {
	case len(m.Facts) > 0 || m.Text == "":
	case strings.HasPrefix(m.Text, m.Title):
		lines[0] = m.Text
	default:
		lines = append(lines, m.Text)
	}
	for _, f := range m.Facts {
		mark := "・"
		if f.Alarm {
			mark = "▲"
		}
		lines = append(lines, mark+f.Label+w.colon+f.Value)
	}
	note := ""
	if m.Kind != "" {
		note = "\n" + w.note
	}
	said := strings.ToValidUTF8(strings.Join(lines, "\n"), "")
	return hub.Clip(said, maxTemplate-len(note)) + note
}

// checkURL holds an address against what a button may open: https, and http on
// this machine for the demo.
func checkURL(s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return fmt.Errorf("malformed")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return fmt.Errorf("not absolute")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return fmt.Errorf("not https")
	case len(s) > maxURL:
		return fmt.Errorf("longer than %d bytes", maxURL)
	}
	return nil
}

// units counts as the Send API counts characters.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

// short cuts s to n UTF-16 code units, at a character, with an ellipsis.
func short(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if units(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += utf16.RuneLen(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}
