package line

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/line/line-bot-sdk-go/v8/linebot/messaging_api"

	"qianhe/channels/channeltest"
	"qianhe/hub"
)

func digest() hub.Message {
	m := channeltest.Message(hub.Address{}, "dlv-1")
	m.Agency = "" // the channel's own
	return m
}

// TestCard holds the whole card, as it goes out.
func TestCard(t *testing.T) {
	t.Parallel()
	c := &Channel{agency: "青川市政府"}
	card, alt, err := c.card(digest())
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "type": "bubble",
  "size": "kilo",
  "header": {
    "type": "box", "layout": "vertical",
    "contents": [
      {"type": "text", "text": "青川市政府", "size": "xs", "color": "#cfdfee"},
      {"type": "text", "text": "待處理公文", "size": "md", "weight": "bold", "color": "#ffffff", "wrap": true}
    ],
    "backgroundColor": "#1f4e79", "paddingAll": "14px"
  },
  "body": {
    "type": "box", "layout": "vertical",
    "contents": [
      {"type": "text", "contents": [
        {"type": "span", "text": "5", "size": "3xl", "weight": "bold", "color": "#1d2430"},
        {"type": "span", "text": " 件", "size": "sm", "color": "#5f6878"}
      ]},
      {"type": "separator", "color": "#e3e6eb"},
      {"type": "box", "layout": "horizontal", "contents": [
        {"type": "text", "text": "最速件", "size": "sm", "color": "#5f6878", "wrap": true, "flex": 4},
        {"type": "text", "text": "1 件", "size": "sm", "weight": "bold", "color": "#b3261e", "align": "end", "wrap": true, "flex": 3}
      ], "spacing": "md"},
      {"type": "box", "layout": "horizontal", "contents": [
        {"type": "text", "text": "今日到期", "size": "sm", "color": "#5f6878", "wrap": true, "flex": 4},
        {"type": "text", "text": "2 件", "size": "sm", "color": "#1d2430", "align": "end", "wrap": true, "flex": 3}
      ], "spacing": "md"}
    ],
    "spacing": "md", "paddingAll": "16px"
  },
  "footer": {
    "type": "box", "layout": "vertical",
    "contents": [
      {"type": "button", "color": "#1f4e79", "style": "primary", "height": "sm",
       "action": {"type": "uri", "label": "立即處理", "uri": "https://sign.example.gov.tw/inbox?openExternalBrowser=1"}},
      {"type": "text", "text": "內容請於系統內檢視", "size": "xs", "color": "#5f6878", "align": "center", "wrap": true}
    ],
    "spacing": "sm", "paddingAll": "16px", "paddingTop": "none"
  }
}`
	if diff := cmp.Diff(compact(t, want), string(card)); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}
	if alt != digest().Text {
		t.Errorf("alternative text is %q", alt)
	}
}

func compact(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(s)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRequest: through the SDK goes what was written here, without the zeros
// that the SDK's own types add.
func TestRequest(t *testing.T) {
	t.Parallel()
	card, alt, err := (&Channel{}).card(digest())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(&messaging_api.PushMessageRequest{To: "U1", Messages: []messaging_api.MessageInterface{&messaging_api.FlexMessage{AltText: alt, Contents: card}}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), `"flex":0`) || !strings.Contains(string(b), `"contents":`+string(card)) {
		t.Errorf("request is %s", b)
	}
}

func TestCardVariants(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*hub.Message)
		want   []string
		not    []string
	}{
		{"nothing to count", func(m *hub.Message) { m.Counts, m.Facts, m.Text = hub.Counts{}, nil, "公文已決行" }, []string{"公文已決行"}, []string{"3xl", "separator"}},
		{"title only", func(m *hub.Message) { m.Counts, m.Facts, m.Text = hub.Counts{}, nil, "" }, []string{`"text":"待處理公文 5 件","size":"sm"`}, []string{"separator"}},
		{"one document", func(m *hub.Message) { m.Kind, m.Title = hub.KindArrived, "新到公文 1 件" }, []string{`"text":"新到公文 1 件"`, `"text":" 件待處理"`}, nil},
		{"classified", func(m *hub.Message) {
			m.Kind, m.Title, m.Text, m.Facts = hub.KindArrived, "機密件公文 1 件", "機密件公文 1 件，請至辦公室辦理", nil
		}, []string{"請至辦公室辦理", " 件待處理"}, nil},
		{"agency of the message", func(m *hub.Message) { m.Agency = "青川市政府" }, []string{`"text":"青川市政府"`}, nil},
		{"English", func(m *hub.Message) { m.Lang, m.Button = "en", "" }, []string{"Pending documents", " pending", "Please read the contents in the system.", `"label":"Open"`}, []string{"件待處理"}},
		{"empty fact", func(m *hub.Message) { m.Facts = []hub.Fact{{}} }, []string{"—"}, nil},
		{"not ASCII in the address", func(m *hub.Message) { m.URL = "https://sign.example.gov.tw/d/公文?q=a b&r=%41" }, []string{"https://sign.example.gov.tw/d/%E5%85%AC%E6%96%87?q=a%20b&r=%41&openExternalBrowser=1"}, nil},
		{"link token stays in LINE", func(m *hub.Message) { m.URL = "https://sign.example.gov.tw/link/line?linkToken=x" }, []string{`"uri":"https://sign.example.gov.tw/link/line?linkToken=x"`}, []string{"openExternalBrowser"}},
		{"fragment", func(m *hub.Message) { m.URL = "https://sign.example.gov.tw/inbox#late" }, []string{"/inbox?openExternalBrowser=1#late"}, nil},
		{"outside already", func(m *hub.Message) { m.URL = "https://sign.example.gov.tw/inbox?openExternalBrowser=1" }, []string{`/inbox?openExternalBrowser=1"`}, nil},
		{"read", func(m *hub.Message) { m.Acts = []hub.Act{{Label: "已讀", Verb: "seen"}} }, []string{`{"type":"button","style":"link","height":"sm","action":{"type":"postback","label":"已讀","data":"seen:dlv-1","displayText":"已讀"}}`}, nil},
		{"read, with nothing to key it by", func(m *hub.Message) { m.Acts, m.Delivery = []hub.Act{{Label: "已讀", Verb: "seen"}}, "" }, nil, []string{"postback"}},
		{"act too long", func(m *hub.Message) { m.Acts = []hub.Act{{Label: "x", Verb: strings.Repeat("v", 300)}} }, nil, []string{"postback"}},
		{"question", func(m *hub.Message) {
			*m = hub.Message{Title: "要解除綁定嗎？", Text: "不再收到通知", Delivery: "l1", Acts: []hub.Act{{Label: "解除綁定", Verb: "unlink"}}}
		}, []string{`"style":"secondary"`, `"data":"unlink:l1"`, "不再收到通知"}, []string{`"uri"`, "內容請於系統內檢視"}},
		{"markup stays text", func(m *hub.Message) { m.Facts[0].Label = "<b>&" }, []string{"<b>&"}, nil},
	}
	for _, tt := range tests {
		m := digest()
		tt.change(&m)
		card, _, err := (&Channel{}).card(m)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(string(card), w) {
				t.Errorf("%s: card has no %q:\n%s", tt.name, w, card)
			}
		}
		for _, w := range tt.not {
			if strings.Contains(string(card), w) {
				t.Errorf("%s: card has %q:\n%s", tt.name, w, card)
			}
		}
	}
}

// TestLargestCard: whatever a message holds, the card stays within the 30 KB of
// a bubble, also after the SDK has escaped it.
func TestLargestCard(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<公", 5000)
	m := digest()
	m.Kind, m.Agency, m.Title, m.Text, m.Button = hub.KindArrived, long, long, long, long
	m.URL += "?" + strings.Repeat("&", 900)
	m.Facts = nil
	for _, facts := range [][]hub.Fact{nil, slices.Repeat([]hub.Fact{{Label: long, Value: long, Alarm: true}}, 40)} {
		m.Facts = facts
		card, alt, err := (&Channel{}).card(m)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(card)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 30<<10 || len(utf16.Encode([]rune(alt))) > 400 {
			t.Errorf("card has %d bytes, alternative text %d units; want at most 30 KB and 400", len(b), len(utf16.Encode([]rune(alt))))
		}
	}
}

func TestCardRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*hub.Message){
		"no title":         func(m *hub.Message) { m.Title = "" },
		"relative address": func(m *hub.Message) { m.URL = "/inbox" },
		"script":           func(m *hub.Message) { m.URL = "javascript:alert(1)" },
		"address too long": func(m *hub.Message) { m.URL += strings.Repeat("a", 1000) },
	}
	for name, spoil := range tests {
		m := digest()
		spoil(&m)
		var rejected *hub.Rejected
		if _, _, err := (&Channel{}).card(m); !errors.As(err, &rejected) {
			t.Errorf("%s: got %v, want *hub.Rejected", name, err)
		}
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		n    int
		want string
	}{
		{"公文", 2, "公文"},
		{"公文件", 2, "公…"},
		{"𠀀𠀀", 4, "𠀀𠀀"}, // two units each
		{"𠀀𠀀𠀀", 4, "𠀀…"},
		{"a\xffb", 5, "ab"},
		{"", 3, ""},
	}
	for _, tt := range tests {
		got := short(tt.in, tt.n)
		if got != tt.want || len(utf16.Encode([]rune(got))) > tt.n {
			t.Errorf("short(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestRetryKey(t *testing.T) {
	t.Parallel()
	// Version 5 UUID, computed with Python's uuid.uuid5.
	const want = "6c72bb44-775d-5d06-92d2-3fe207e3be35"
	if got := retryKey("dlv-1"); got != want {
		t.Errorf("retry key is %s, want %s", got, want)
	}
	if retryKey("dlv-1") == retryKey("dlv-2") {
		t.Error("two deliveries have the same retry key")
	}
}
