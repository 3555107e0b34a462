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
	maxLabel = 20 // 40 is allowed, 20 fits on one line
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
	Type  string `json:"type"`
	Label string `json:"label"`
	URI   string `json:"uri"`
}

type bubble struct {
	Type   string     `json:"type"`
	Size   string     `json:"size"`
	Header *component `json:"header"`
	Body   *component `json:"body"`
	Footer *component `json:"footer"`
}

// words of the card itself.
type words struct {
	digest  string // title over nothing but the count
	unit    string // after the count, under that title
	pending string // after the count, under another title
	note    string
	open    string
}

func wordsOf(lang string) words {
	if strings.HasPrefix(lang, "en") {
		return words{"Pending documents", " pending", " pending", "Please read the contents in the system.", "Open"}
	}
	return words{"待處理公文", " 件", " 件待處理", "內容請於系統內檢視", "開啟"}
}

// card makes the Flex bubble and the alternative text, which is what the list
// of chats and the phone's own notification show.
func (c *Channel) card(m hub.Message) (card container, alt string, err error) {
	if m.Title == "" {
		return nil, "", &hub.Rejected{Reason: "message has no title"}
	}
	uri, err := encodeURI(m.URL)
	if err != nil {
		return nil, "", &hub.Rejected{Reason: "address to open is " + err.Error()}
	}
	w := wordsOf(m.Lang)
	b := bubble{
		Type: "bubble", Size: "kilo",
		Header: &component{Type: "box", Layout: "vertical", BackgroundColor: inkBlue, PaddingAll: "14px", Contents: c.header(m, w)},
		Body:   &component{Type: "box", Layout: "vertical", PaddingAll: "16px", Spacing: "md", Contents: body(m, w)},
		Footer: &component{Type: "box", Layout: "vertical", PaddingAll: "16px", PaddingTop: "none", Spacing: "sm", Contents: []component{
			{Type: "button", Style: "primary", Color: inkBlue, Height: "sm",
				Action: &action{Type: "uri", Label: orElse(short(m.Button, maxLabel), w.open), URI: uri}},
			{Type: "text", Text: w.note, Size: "xs", Color: grey, Align: "center", Wrap: true},
		}},
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil {
		return nil, "", &hub.Rejected{Reason: "card cannot be written as JSON"}
	}
	return container(bytes.TrimSpace(buf.Bytes())), short(orElse(m.Text, m.Title), maxAlt), nil
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
	if len(utf16.Encode([]rune(s))) <= n {
		return s
	}
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units > n-1 {
			return s[:i] + "…"
		}
	}
	return s
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
