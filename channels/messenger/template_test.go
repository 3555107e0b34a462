package messenger

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"qianhe/channels/channeltest"
	"qianhe/hub"
)

// TestCard: what does not fit is cut or left out, in whole characters.
func TestCard(t *testing.T) {
	t.Parallel()
	m := channeltest.Message(hub.Address{}, "01kat3fj5wd8h9vxe2qn7rzm4c")
	m.Button = strings.Repeat("處", 30)
	m.Acts = []hub.Act{{Label: "", Verb: "none"}}
	got, err := card(m)
	if err != nil || len(got.Attachment.Payload.Buttons) != 1 {
		t.Errorf("an act without a label: %+v (%v), want one button", got, err)
	}
	m.Acts = []hub.Act{{Label: strings.Repeat("讀", 30), Verb: "seen"}, {Label: "二", Verb: "b"}, {Label: "三", Verb: "c"}}
	if got, err = card(m); err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, b := range got.Attachment.Payload.Buttons {
		titles = append(titles, b.Title)
	}
	if diff := cmp.Diff([]string{strings.Repeat("處", 19) + "…", strings.Repeat("讀", 19) + "…", "二"}, titles); diff != "" {
		t.Errorf("buttons (-want +got):\n%s", diff)
	}
	m.Acts = []hub.Act{{Label: "已讀", Verb: strings.Repeat("v", 1000)}}
	if got, err = card(m); err != nil || len(got.Attachment.Payload.Buttons) != 1 {
		t.Errorf("a payload that is too long: %+v (%v), want one button", got, err)
	}
	m.Facts = nil
	for range 60 {
		m.Facts = append(m.Facts, hub.Fact{Label: "速別𠀀", Value: "最速件", Alarm: true})
	}
	if got, err = card(m); err != nil {
		t.Fatal(err)
	}
	if text := got.Attachment.Payload.Text; len(text) > 640 || !utf8.ValidString(text) || !strings.HasSuffix(text, "…\n內容請於系統內檢視") {
		t.Errorf("text has %d bytes: %s", len(text), text)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	m := hub.Message{Kind: hub.KindArrived, Title: "機密件公文 1 件", Text: "機密件公文 1 件，請至辦公室辦理"}
	if got, want := text(m, wordsOf("zh-TW")), "機密件公文 1 件，請至辦公室辦理\n內容請於系統內檢視"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	m = hub.Message{Kind: hub.KindArrived, Title: "1 new document", Facts: []hub.Fact{{Label: "Due", Value: "today", Alarm: true}}}
	if got, want := text(m, wordsOf("en")), "1 new document\n▲Due: today\nPlease read the contents in the system."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	m = hub.Message{Title: "驗證碼 012 345", Text: "請輸入網頁。"}
	if got, want := text(m, wordsOf("")), "驗證碼 012 345\n請輸入網頁。"; got != want {
		t.Errorf("an answer: got %q, want %q", got, want)
	}
}
