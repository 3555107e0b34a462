package line

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"

	"qianhe/hub"
)

// Limits of the Messaging API and of what is good to look at, in UTF-16 code
// units. They keep a card well under the 30 KB that a bubble may have.
const (
	maxAlt   = 400
	maxURI   = 1000
	maxLabel = 20  // 40 is allowed, 20 fits on one line and into quick replies
	maxData  = 300 // of a postback, also of what it shows in the chat
	maxTitle = 60
	maxText  = 300
	maxFact  = 60
	maxFacts = 12
)

// Colours: ink blue for what one does, seal red for what is late.
const (
	inkBlue = "#1f4e79"
	white   = "#ffffff"
	pale    = "#cfdfee"
	ink     = "#1d2430"
	grey    = "#5f6878"
	sealRed = "#b3261e"
	hair    = "#e3e6eb"
)

// component is one Flex component: only what is set goes out.
type component struct {
	Type            string      `json:"type"`
	Layout          string      `json:"layout,omitempty"`
	Contents        []component `json:"contents,omitempty"`
	Text            string      `json:"text,omitempty"`
	Size            string      `json:"size,omitempty"`
	Weight          string      `json:"weight,omitempty"`
	Color           string      `json:"color,omitempty"`
	Align           string      `json:"align,omitempty"`
	Wrap            bool        `json:"wrap,omitempty"`
	Flex            int         `json:"flex,omitempty"`
	Spacing         string      `json:"spacing,omitempty"`
	Margin          string      `json:"margin,omitempty"`
	BackgroundColor string      `json:"backgroundColor,omitempty"`
	PaddingAll      string      `json:"paddingAll,omitempty"`
	PaddingTop      string      `json:"paddingTop,omitempty"`
	Style           string      `json:"style,omitempty"`
	Height          string      `json:"height,omitempty"`
	Action          *action     `json:"action,omitempty"`
}

type action struct {
	Type        string `json:"type"`
	Label       string `json:"label"`
	URI         string `json:"uri,omitempty"`
	Data        string `json:"data,omitempty"`
	DisplayText string `json:"displayText,omitempty"`
}

type bubble struct {
	Type   string     `json:"type"`
	Size   string     `json:"size"`
	Header *component `json:"header"`
	Body   *component `json:"body"`
	Footer *component `json:"footer,omitempty"`
}

// words of the card itself.
type words struct {
	digest  string // title over nothing but the count
	unit    string // after the count, under that title
	pending string // after the count, under another title
	note    string
	open    string
	query   string // 查詢: asks how many are pending
}

func wordsOf(lang string) words {
	if strings.HasPrefix(lang, "en") {
		return words{"Pending documents", " pending", " pending", "Please read the contents in the system.", "Open", "query"}
	}
	return words{"待處理公文", " 件", " 件待處理", "內容請於系統內檢視", "開啟", "查詢"}
}

// card makes the Flex bubble and the alternative text, which is what the list
// of chats and the phone's own notification show.
func (c *Channel) card(m hub.Message) (card container, alt string, err error) {
	if m.Title == "" {
		return nil, "", &hub.Rejected{Reason: "message has no title"}
	}
	w := wordsOf(m.Lang)
	buttons, err := c.buttons(m, w)
	if err != nil {
		return nil, "", err
	}
	b := bubble{
		Type: "bubble", Size: "kilo",
		Header: &component{Type: "box", Layout: "vertical", BackgroundColor: inkBlue, PaddingAll: "14px", Contents: c.header(m, w)},
		Body:   &component{Type: "box", Layout: "vertical", PaddingAll: "16px", Spacing: "md", Contents: body(m, w)},
	}
	if m.Kind != "" { // it tells of something; else it answers
		buttons = append(buttons, component{Type: "text", Text: w.note, Size: "xs", Color: grey, Align: "center", Wrap: true})
	}
	if len(buttons) > 0 {
		b.Footer = &component{Type: "box", Layout: "vertical", PaddingAll: "16px", PaddingTop: "none", Spacing: "sm", Contents: buttons}
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil {
		return nil, "", &hub.Rejected{Reason: "card cannot be written as JSON"}
	}
	alt = orElse(m.Text, m.Title)
	if m.Kind == "" && !strings.HasPrefix(alt, m.Title) {
		alt = m.Title + " · " + alt
	}
	return container(bytes.TrimSpace(buf.Bytes())), short(alt, maxAlt), nil
}

// buttons: the one that opens the system, and below it, less loud, what can be
// answered in the chat. What does not fit a postback is left out.
func (c *Channel) buttons(m hub.Message, w words) ([]component, error) {
	var list []component
	if m.URL != "" {
		uri, err := encodeURI(outside(m.URL))
		if err != nil {
			return nil, &hub.Rejected{Reason: "address to open is " + err.Error()}
		}
		list = append(list, component{Type: "button", Style: "primary", Color: inkBlue, Height: "sm",
			Action: &action{Type: "uri", Label: orElse(short(m.Button, maxLabel), w.open), URI: uri}})
	}
	for _, a := range m.Acts {
		data, label := m.Postback(a), short(a.Label, maxLabel)
		if m.Delivery == "" || label == "" || units(data) > maxData {
			continue
		}
		style := "link"
		if len(list) == 0 {
			style = "secondary"
		}
		list = append(list, component{Type: "button", Style: style, Height: "sm",
			Action: &action{Type: "postback", Label: label, Data: data, DisplayText: label}})
	}
	return list, nil
}

// outside makes LINE open an address of ours in the phone's own browser: that
// is where people have signed in, and where passkeys and push work. An address
// that carries a link token stays inside, where LINE knows who opens it.
func outside(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Query().Has("linkToken") || u.Query().Has("openExternalBrowser") {
		return address
	}
	sep := "?"
	if u.RawQuery != "" || u.ForceQuery {
		sep = "&"
	}
	whole, fragment, found := strings.Cut(address, "#")
	whole = strings.TrimSuffix(whole, "?") + sep + "openExternalBrowser=1"
	if found {
		whole += "#" + fragment
	}
	return whole
}

// header: who speaks, and the title. A digest's title repeats the count, which
// stands large below it.
func (c *Channel) header(m hub.Message, w words) []component {
	text := m.Title
	if m.Kind == hub.KindDigest && m.Counts.Pending > 0 {
		text = w.digest
	}
	title := component{Type: "text", Text: short(text, maxTitle), Color: white, Weight: "bold", Size: "md", Wrap: true}
	agency := orElse(m.Agency, c.agency)
	if agency == "" {
		return []component{title}
	}
	return []component{{Type: "text", Text: short(agency, maxTitle), Color: pale, Size: "xs"}, title}
}

// body: the count, or the sentence where there is nothing to count, and the
// facts.
func body(m hub.Message, w words) []component {
	var list []component
	if n := m.Counts.Pending; n > 0 {
		unit := w.pending
		if m.Kind == hub.KindDigest {
			unit = w.unit
		}
		list = append(list, component{Type: "text", Contents: []component{
			{Type: "span", Text: strconv.Itoa(n), Size: "3xl", Weight: "bold", Color: ink},
			{Type: "span", Text: unit, Size: "sm", Color: grey},
		}})
	}
	if m.Text != "" && m.Text != m.Title && (len(list) == 0 || m.Kind != hub.KindDigest && len(m.Facts) == 0) {
		list = append(list, component{Type: "text", Text: short(m.Text, maxText), Size: "sm", Color: ink, Wrap: true})
	}
	if len(m.Facts) > 0 && len(list) > 0 {
		list = append(list, component{Type: "separator", Color: hair})
	}
	for i, f := range m.Facts {
		if i == maxFacts {
			break
		}
		value := component{Type: "text", Text: orElse(short(f.Value, maxFact), "—"), Size: "sm", Color: ink, Align: "end", Wrap: true, Flex: 3}
		if f.Alarm {
			value.Color, value.Weight = sealRed, "bold"
		}
		list = append(list, component{Type: "box", Layout: "horizontal", Spacing: "md", Contents: []component{
			{Type: "text", Text: orElse(short(f.Label, maxFact), "—"), Size: "sm", Color: grey, Wrap: true, Flex: 4}, value,
		}})
	}
	if len(list) == 0 {
		list = append(list, component{Type: "text", Text: short(m.Title, maxText), Size: "sm", Color: ink, Wrap: true})
	}
	return list
}

func orElse(s, other string) string {
	if strings.TrimSpace(s) == "" {
		return other
	}
	return s
}

// short cuts s to n UTF-16 code units, at a character, with an ellipsis.
func short(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if units(s) <= n {
		return s
	}
	room := 0
	for i, r := range s {
		if room += utf16.RuneLen(r); room > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// units counts as LINE counts characters.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// encodeURI percent-encodes what an address may not hold as it is, and checks
// the limits of a URI action.
func encodeURI(s string) (string, error) {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	out := b.String()
	u, err := url.Parse(out)
	switch {
	case err != nil:
		return "", errors.New("malformed")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "", errors.New("not absolute")
	case len(out) > maxURI:
		return "", fmt.Errorf("longer than %d characters", maxURI)
	}
	return out, nil
}
