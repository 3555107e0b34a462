package hub_test

import (
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"qianhe/approval"
	"qianhe/hub"
)

var now = time.Date(2026, 11, 23, 8, 30, 0, 0, approval.Zone)

// day gives the end of the day that is n days from now, as deadlines are kept.
func day(n int) time.Time { return time.Date(2026, 11, 24+n, 0, 0, 0, 0, approval.Zone) }

func TestCompose(t *testing.T) {
	t.Parallel()
	const doc = "06f7m0tq8v0000000000000000"
	base := "https://sign.example.gov.tw"
	counts := hub.Counts{Pending: 5, Highest: 1, Overdue: 1}
	digestFacts := []hub.Fact{{Label: "最速件", Value: "1 件", Alarm: true}, {Label: "逾期", Value: "1 件", Alarm: true}}
	tests := []struct {
		name   string
		n      hub.Notification
		counts hub.Counts
		lang   string
		want   hub.Message
	}{
		{"digest", hub.Notification{Kind: hub.KindDigest}, counts, "zh-TW", hub.Message{
			Title: "待處理公文 5 件", Text: "待處理公文 5 件 · 最速件 1 件 · 逾期 1 件",
			Facts: digestFacts, Button: "立即處理", URL: base + "/next", Urgent: true,
		}},
		{"digest, nothing special", hub.Notification{Kind: hub.KindDigest}, hub.Counts{Pending: 2, DueToday: 1}, "", hub.Message{
			Title: "待處理公文 2 件", Text: "待處理公文 2 件 · 今日到期 1 件",
			Facts: []hub.Fact{{Label: "今日到期", Value: "1 件"}}, Button: "立即處理", URL: base + "/next",
		}},
		{"arrived", hub.Notification{Kind: hub.KindArrived, Document: doc, Speed: approval.SpeedNormal}, counts, "zh-TW", hub.Message{
			Title: "新到公文 1 件，待處理共 5 件", Text: "新到公文 1 件 · 待處理公文 5 件 · 最速件 1 件 · 逾期 1 件",
			Button: "立即處理", URL: base + "/d/" + doc,
		}},
		{"arrived, most urgent", hub.Notification{Kind: hub.KindArrived, Document: doc, Speed: approval.SpeedHighest, Due: day(0)}, counts, "zh-TW", hub.Message{
			Title: "新到最速件公文 1 件，待處理共 5 件", Text: "新到最速件公文 1 件 · 待處理公文 5 件 · 最速件 1 件 · 逾期 1 件",
			Facts:  []hub.Fact{{Label: "速別", Value: "最速件", Alarm: true}, {Label: "限辦", Value: "今日到期", Alarm: true}},
			Button: "立即處理", URL: base + "/d/" + doc, Urgent: true,
		}},
		{"arrived and gone", hub.Notification{Kind: hub.KindArrived, Document: doc}, hub.Counts{}, "zh-TW", hub.Message{
			Title: "新到公文 1 件", Text: "新到公文 1 件", Button: "立即處理", URL: base + "/d/" + doc,
		}},
		{"returned", hub.Notification{Kind: hub.KindReturned, Document: doc, Speed: approval.SpeedUrgent, Due: day(1)}, hub.Counts{Pending: 1}, "zh-TW", hub.Message{
			Title: "公文退回 1 件，待處理共 1 件", Text: "公文退回 1 件 · 待處理公文 1 件",
			Facts:  []hub.Fact{{Label: "速別", Value: "速件"}, {Label: "限辦", Value: "明日到期"}},
			Button: "立即處理", URL: base + "/d/" + doc,
		}},
		{"decided", hub.Notification{Kind: hub.KindDecided, Document: doc}, counts, "zh-TW", hub.Message{
			Title: "承辦公文已決行", Text: "承辦公文已決行", Button: "開啟檢視", URL: base + "/d/" + doc,
		}},
		{"classified", hub.Notification{Kind: hub.KindArrived, Document: doc, Grade: approval.GradeConfidential, Speed: approval.SpeedHighest, Due: day(0)}, counts, "zh-TW", hub.Message{
			Title: "機密件公文 1 件", Text: "機密件公文 1 件，請至辦公室辦理", Button: "開啟檢視", URL: base + "/inbox",
		}},
		{"a grade that nobody knows", hub.Notification{Kind: hub.KindDecided, Document: doc, Grade: "?"}, counts, "en", hub.Message{
			Title: "1 classified document", Text: "1 classified document: please handle it at the office", Button: "Open", URL: base + "/inbox",
		}},
		{"digest in English", hub.Notification{Kind: hub.KindDigest}, counts, "en", hub.Message{
			Title: "5 documents pending", Text: "5 documents pending · 1 most urgent · 1 overdue",
			Facts:  []hub.Fact{{Label: "Most urgent", Value: "1", Alarm: true}, {Label: "Overdue", Value: "1", Alarm: true}},
			Button: "Handle now", URL: base + "/next", Urgent: true,
		}},
		{"arrived in English", hub.Notification{Kind: hub.KindArrived, Document: doc, Speed: approval.SpeedHighest, Due: day(3)}, hub.Counts{Pending: 1, Highest: 1}, "en", hub.Message{
			Title: "1 new document, most urgent, 1 pending in all", Text: "1 new document, most urgent · 1 document pending · 1 most urgent",
			Facts:  []hub.Fact{{Label: "Speed", Value: "most urgent", Alarm: true}, {Label: "Due", Value: "within 3 days"}},
			Button: "Handle now", URL: base + "/d/" + doc, Urgent: true,
		}},
		{"returned in English, late", hub.Notification{Kind: hub.KindReturned, Document: doc, Due: day(-1)}, hub.Counts{Pending: 2}, "en", hub.Message{
			Title: "1 document returned, 2 pending in all", Text: "1 document returned · 2 documents pending",
			Facts: []hub.Fact{{Label: "Due", Value: "overdue", Alarm: true}}, Button: "Handle now", URL: base + "/d/" + doc,
		}},
		{"due later than anybody cares now", hub.Notification{Kind: hub.KindArrived, Due: day(4)}, hub.Counts{Pending: 1}, "en", hub.Message{
			Title: "1 new document, 1 pending in all", Text: "1 new document · 1 document pending", Button: "Handle now", URL: base + "/inbox",
		}},
		{"decided in English", hub.Notification{Kind: hub.KindDecided, Document: doc}, counts, "en", hub.Message{
			Title: "A document of yours was decided", Text: "A document of yours was decided", Button: "Open", URL: base + "/d/" + doc,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.n.Person, tt.n.At = "p", now.Add(-time.Hour)
			got := hub.Compose(tt.n, tt.counts, hub.Setting{Lang: tt.lang, Agency: "青川市政府", BaseURL: base + "/", Now: now})
			tt.want.Person, tt.want.Kind, tt.want.Counts, tt.want.Agency = "p", tt.n.Kind, tt.counts, "青川市政府"
			tt.want.Lang = "zh-TW"
			if tt.lang == "en" {
				tt.want.Lang = "en"
			}
			tt.want.Sent, tt.want.TTL = now, tt.n.Kind.TTL()-time.Hour
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(hub.Message{}, "Tag")); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTagsReplaceWhatIsStale(t *testing.T) {
	t.Parallel()
	tag := func(p approval.PersonID, k hub.Kind) string {
		return hub.Compose(hub.Notification{Person: p, Kind: k, Document: "d", At: now}, hub.Counts{}, hub.Setting{Now: now}).Tag
	}
	form := regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
	for _, k := range []hub.Kind{hub.KindDigest, hub.KindArrived, hub.KindReturned, hub.KindDecided} {
		if got := tag("p", k); !form.MatchString(got) {
			t.Errorf("tag of %s is %q, want 1 to 32 letters and digits", k, got)
		}
	}
	if a, b := tag("p", hub.KindDigest), tag("p", hub.KindArrived); a != b {
		t.Errorf("a digest does not replace an arrival: %q and %q", a, b)
	}
	if a, b := tag("p", hub.KindDecided), tag("p", hub.KindArrived); a == b {
		t.Errorf("an arrival replaces what was decided: %q", a)
	}
	if a, b := tag("p", hub.KindDigest), tag("q", hub.KindDigest); a == b {
		t.Errorf("two people have the tag %q", a)
	}
}

// TestComposeSeesNoContent: what a message is made from has no place for a
// subject, a name, a 文號 or any other text. A field that is added here has to
// be looked at, and then listed.
func TestComposeSeesNoContent(t *testing.T) {
	t.Parallel()
	known := map[string][]string{
		"Notification": {"ID", "Person", "Seq", "Kind", "Document", "Step", "Speed", "Grade", "Due", "At", "Seen", "About"},
		"Counts":       {"Pending", "Highest", "Overdue", "DueToday", "Forms"},
	}
	for _, v := range []any{hub.Notification{}, hub.Counts{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			if f := typ.Field(i); !slices.Contains(known[typ.Name()], f.Name) {
				t.Errorf("%s.%s gets into Compose: can it hold content of a document?", typ.Name(), f.Name)
			}
		}
	}
}

// FuzzComposeLeaksNothing: whatever stands in the fields of a notification,
// nothing of it gets into what is shown, and into the link only the document's
// identifier, and not even that when it is classified.
func FuzzComposeLeaksNothing(f *testing.F) {
	f.Add("青工防字第1150012345號", uint8(0), uint8(0), 5, 1, "zh-TW")
	f.Add("關於王小明先生陳情一案", uint8(1), uint8(1), 0, 0, "en")
	f.Add("../..?x=y#z", uint8(4), uint8(2), -1, 1<<40, "xx")
	kinds := []hub.Kind{hub.KindDigest, hub.KindArrived, hub.KindReturned, hub.KindDecided}
	f.Fuzz(func(t *testing.T, secret string, kind, where uint8, pending, highest int, lang string) {
		secret = "祕" + secret + "密密" // occurs in no text of ours
		n := hub.Notification{Kind: "x" + hub.Kind(secret), ID: secret, Person: approval.PersonID(secret), Document: "doc1", Step: approval.StepID(secret), At: now}
		if int(kind) < len(kinds) {
			n.Kind = kinds[kind]
		}
		switch where % 3 {
		case 0:
			n.Speed = approval.Speed(secret)
		case 1:
			n.Grade, n.Document = approval.Grade(secret), approval.DocumentID(secret)
		case 2:
			n.Document = approval.DocumentID(secret)
		}
		m := hub.Compose(n, hub.Counts{Pending: pending, Highest: highest}, hub.Setting{Lang: lang, BaseURL: "https://sign.example.gov.tw", Now: now})
		shown := fmt.Sprint(m.Title, m.Text, m.Facts, m.Button, m.Lang, m.Tag)
		if strings.Contains(shown, secret) {
			t.Errorf("message shows %q: %s", secret, shown)
		}
		u, err := url.Parse(m.URL)
		if err != nil || u.Host != "sign.example.gov.tw" || u.RawQuery != "" || u.Fragment != "" || strings.Count(u.EscapedPath(), "/") > 2 {
			t.Errorf("link is %q (%v)", m.URL, err)
		}
		if n.Grade.Classified() && (u.Path != "/inbox" || m.Urgent || len(m.Facts) > 0) {
			t.Errorf("a classified document gives %q, urgent %t, facts %v", m.URL, m.Urgent, m.Facts)
		}
	})
}
