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
	"unicode/utf16"

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
			if label := map[string]string{"en": "Seen", "zh-TW": "已讀"}[tt.want.Lang]; tt.n.Kind != hub.KindDigest {
				tt.want.Acts = []hub.Act{{Label: label, Verb: "seen"}}
			}
			tt.want.Sent, tt.want.TTL = now, tt.n.Kind.TTL()-time.Hour
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(hub.Message{}, "Tag")); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

// Every kind has words in both languages, short enough for an SMS with the
// agency's name and the reference (67 × 2 UTF-16 units), a page of its own, and
// a tag; a confirmation in the chat only where that ends something.
func TestComposeEveryKind(t *testing.T) {
	t.Parallel()
	const doc = "06f7m0tq8v0000000000000000"
	want := map[hub.Kind]struct {
		zh, en, path string
		urgent       bool
		act          bool
	}{
		hub.KindArrived:       {"新到公文 1 件，待處理共 5 件", "1 new document, 5 pending in all", "/d/" + doc, false, true},
		hub.KindReturned:      {"公文退回 1 件，待處理共 5 件", "1 document returned, 5 pending in all", "/d/" + doc, false, true},
		hub.KindRecalled:      {"公文抽回 1 件", "1 document was taken back by its sender", "/d/" + doc, false, true},
		hub.KindDecided:       {"承辦公文已決行", "A document of yours was decided", "/d/" + doc, false, true},
		hub.KindDigest:        {"待處理公文 5 件", "5 documents pending", "/next", true, false},
		hub.KindForm:          {"待審核表單 2 件", "2 forms to review", "/n/id", false, true},
		hub.KindExtension:     {"展期申請 1 件待核，待處理共 5 件", "1 request for more time to review, 5 pending in all", "/d/" + doc, false, true},
		hub.KindOverdueSoon:   {"逾期公文 1 件", "1 document overdue", "/d/" + doc, false, true},
		hub.KindOverdue:       {"逾期公文 1 件", "1 document overdue", "/d/" + doc, false, true},
		hub.KindEscalation:    {"稽催：逾期公文 8 件", "8 overdue documents are being chased", "/d/" + doc, false, true},
		hub.KindSignature:     {"請在 TW FidO 確認簽章", "Please confirm your signature in TW FidO", "/d/" + doc, true, false},
		hub.KindSignatureDebt: {"有公文待補簽", "Documents wait for your signature", "/d/" + doc, false, true},
		hub.KindNewDevice:     {"帳號在新裝置登入", "Sign-in on a new device", "/me/devices", true, false},
		hub.KindReplaced:      {"行動裝置已更換", "Your mobile device was replaced", "/me/devices", true, false},
		hub.KindAccount:       {"帳號設定已變更", "Your account was changed", "/me/devices", true, false},
		hub.KindLinked:        {"已綁定新的通知管道", "A notification channel was linked", "/me/notifications", true, false},
		hub.KindUnlinked:      {"通知管道已解除綁定", "A notification channel was unlinked", "/me/notifications", true, false},
		hub.KindAnnouncement:  {"新公告 1 則", "1 new announcement", "/n/id", false, true},
		hub.KindTest:          {"測試訊息", "Test message", "/me/notifications", false, false},
		hub.KindRefresh:       {"待處理公文 5 件", "5 documents pending", "/d/" + doc, false, false},
	}
	counts := hub.Counts{Pending: 5, Highest: 1, Forms: 2}
	tally := hub.Tally{Soon: 3, Today: 2, Late: 1, Others: 7}
	for _, k := range append(hub.Kinds(), hub.KindRefresh) {
		for _, lang := range []string{"zh-TW", "en"} {
			m := hub.Compose(hub.Notification{ID: "id", Kind: k, Document: doc, At: now}, counts, hub.Setting{Lang: lang, BaseURL: "https://sign.example.gov.tw", Now: now, Tally: tally})
			w := want[k]
			title, label := w.zh, "已讀"
			if lang == "en" {
				title, label = w.en, "Seen"
			}
			if m.Title != title || !strings.HasPrefix(m.URL, "https://sign.example.gov.tw"+w.path) || m.Urgent != w.urgent {
				t.Errorf("%s in %s: %q, %s, urgent %t; want %q, %s, %t", k, lang, m.Title, m.URL, m.Urgent, title, w.path, w.urgent)
			}
			short := m.Title
			if k.Security() {
				short = m.Text // where to go belongs to it
			}
			if n := len(utf16.Encode([]rune(short))); m.Text == "" || n > 100 || m.Button == "" || len([]rune(m.Button)) > 20 {
				t.Errorf("%s in %s says %q (%d units), button %q", k, lang, short, n, m.Button)
			}
			if has := slices.Equal(m.Acts, []hub.Act{{Label: label, Verb: "seen"}}); has != w.act || !w.act && len(m.Acts) > 0 {
				t.Errorf("%s in %s: answers %v", k, lang, m.Acts)
			}
		}
	}
}

func TestComposeChase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind  hub.Kind
		tally hub.Tally
		want  string
	}{
		{hub.KindOverdueSoon, hub.Tally{Soon: 2}, "即將到期公文 2 件"},
		{hub.KindOverdue, hub.Tally{Today: 1}, "今日到期公文 1 件"},
		{hub.KindOverdue, hub.Tally{Late: 3, Today: 2, Soon: 1}, "逾期公文 3 件 · 今日到期公文 2 件 · 即將到期公文 1 件"},
		{hub.KindEscalation, hub.Tally{Late: 3}, "稽催：逾期公文 3 件"},
		{hub.KindEscalation, hub.Tally{Others: 7}, "稽催：逾期公文 7 件 · 所屬逾期公文 7 件"},
		{hub.KindEscalation, hub.Tally{Late: 1, Today: 1, Others: 7}, "稽催：逾期公文 8 件 · 逾期公文 1 件 · 今日到期公文 1 件 · 所屬逾期公文 7 件"},
	}
	for _, tt := range tests {
		m := hub.Compose(hub.Notification{Kind: tt.kind, At: now}, hub.Counts{Pending: 5}, hub.Setting{Now: now, Tally: tt.tally})
		if m.Text != tt.want || m.URL != "/overdue" || m.Button != "查看清單" {
			t.Errorf("%s of %+v says %q, want %q", tt.kind, tt.tally, m.Text, tt.want)
		}
	}
}

func TestComposeRefresh(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]hub.Counts{
		"待處理公文 4 件 · 最速件 1 件": {Pending: 4, Highest: 1},
		"待處理公文已全部處理":          {},
		"待審核表單 2 件":           {Forms: 2},
	} {
		if m := hub.Compose(hub.Notification{Kind: hub.KindRefresh, At: now}, c, hub.Setting{Now: now}); m.Text != want || m.Urgent {
			t.Errorf("%+v says %q, urgent %t; want %q", c, m.Text, m.Urgent, want)
		}
	}
}

// What is told of a document beyond counts is what the organisation opted in to,
// and never of one that is classified.
func TestComposeTiers(t *testing.T) {
	t.Parallel()
	detail := hub.Detail{Number: "1150012345", Subject: "關於王小明先生陳情一案，請於 3 日內函復（A123456789）"}
	rule := func(tier hub.Tier) hub.Rule { return hub.Policy{Tier: tier}.Rule(hub.KindArrived) }
	number, subject := hub.Fact{Label: "文號", Value: "1150012345"}, hub.Fact{Label: "主旨", Value: "關○王○明○生○情○案，○於 ○…"}
	doc := hub.Notification{Kind: hub.KindArrived, Document: "d", At: now}
	secret := doc
	secret.Grade = approval.GradeConfidential
	tests := []struct {
		name string
		n    hub.Notification
		rule hub.Rule
		want []hub.Fact
	}{
		{"counts", doc, rule(hub.TierCounts), nil},
		{"no rule", doc, hub.Rule{}, nil},
		{"number", doc, rule(hub.TierNumber), []hub.Fact{number}},
		{"subject", doc, rule(hub.TierSubject), []hub.Fact{number, subject}},
		{"unknown tier", doc, hub.Rule{TTL: time.Hour, Tier: "everything"}, nil},
		{"classified", secret, rule(hub.TierSubject), nil},
		{"no document", hub.Notification{Kind: hub.KindOverdue, At: now}, hub.Rule{TTL: time.Hour, Tier: hub.TierSubject}, nil},
	}
	for _, tt := range tests {
		m := hub.Compose(tt.n, hub.Counts{Pending: 1}, hub.Setting{Now: now, Rule: tt.rule, Detail: detail})
		if diff := cmp.Diff(tt.want, m.Facts); diff != "" {
			t.Errorf("%s: facts (-want +got):\n%s", tt.name, diff)
		}
		if strings.Contains(m.Title+m.Text, "王") || strings.Contains(m.Title+m.Text, "1150") {
			t.Errorf("%s: the sentence is %q", tt.name, m.Text)
		}
	}
}

func TestMaskSubject(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":              "",
		"王小明":           "王○明",
		"A123456789 陳情": "○○○○○○○○○○ 陳○",
		"請查照":           "請○照",
		"第\n二\u202e行":   "第 ○ 行",
		"一二三四五六七八九十一二三四五六七八九十": "一○三○五○七○九○一○三○五○…",
	} {
		if got := hub.MaskSubject(in); got != want {
			t.Errorf("mask of %q is %q, want %q", in, got, want)
		}
	}
}

func TestTagsReplaceWhatIsStale(t *testing.T) {
	t.Parallel()
	tag := func(p approval.PersonID, k hub.Kind, id string) string {
		return hub.Compose(hub.Notification{ID: id, Person: p, Kind: k, Document: "d", At: now}, hub.Counts{}, hub.Setting{Now: now}).Tag
	}
	form := regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
	for _, k := range hub.Kinds() {
		if got := tag("p", k, "1"); !form.MatchString(got) {
			t.Errorf("tag of %s is %q, want 1 to 32 letters and digits", k, got)
		}
	}
	for _, k := range []hub.Kind{hub.KindArrived, hub.KindRecalled, hub.KindRefresh} {
		if a, b := tag("p", hub.KindDigest, "1"), tag("p", k, "2"); a != b {
			t.Errorf("a digest does not replace %s: %q and %q", k, a, b)
		}
	}
	if a, b := tag("p", hub.KindDecided, "1"), tag("p", hub.KindArrived, "2"); a == b {
		t.Errorf("an arrival replaces what was decided: %q", a)
	}
	if a, b := tag("p", hub.KindNewDevice, "1"), tag("p", hub.KindNewDevice, "2"); a == b {
		t.Errorf("one sign-in replaces another: %q", a)
	}
	if a, b := tag("p", hub.KindDigest, "1"), tag("q", hub.KindDigest, "1"); a == b {
		t.Errorf("two people have the tag %q", a)
	}
}

// TestComposeSeesNoContent: what a message is made from has no place for a
// subject, a name, a 文號 or any other text. A field that is added here has to
// be looked at, and then listed.
func TestComposeSeesNoContent(t *testing.T) {
	t.Parallel()
	known := map[string][]string{
		"Notification": {"ID", "Person", "Seq", "Kind", "Document", "Step", "Speed", "Grade", "Due", "At", "Seen", "About", "Alert"},
		"Counts":       {"Pending", "Highest", "Overdue", "DueToday", "Forms"},
		"Tally":        {"Soon", "Today", "Late", "Others"},
		"Alert":        {"Matter", "Device", "Network", "Count", "Path", "Way", "Until"}, // words are looked up
		"Secret":       {"Code", "Link", "Deny"},
	}
	for _, v := range []any{hub.Notification{}, hub.Counts{}, hub.Tally{}, hub.Alert{}, hub.Secret{}} {
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
	kinds := append(hub.Kinds(), hub.KindRefresh)
	f.Fuzz(func(t *testing.T, secret string, kind, where uint8, pending, highest int, lang string) {
		secret = "祕" + secret + "密密" // occurs in no text of ours
		n := hub.Notification{Kind: "x" + hub.Kind(secret), ID: "n1", Person: approval.PersonID(secret), Document: "doc1", Step: approval.StepID(secret), At: now}
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
