package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"qianhe/approval"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	doc := "/d/" + string(o.flood)
	a := o.get(t, "wang", doc).status(t, 200).
		says(t, "title", "青工防字第1150012345號").
		says(t, ".bar", "青工防字第1150012345號", "1 / 6").
		says(t, ".head", "最速件", "函", "逾期 2 日 · 限 115.11.19", "請 查照。", "來文 青川市政府", "承辦 工務局 水利科 林以寧", "收文 115年11月18日").
		says(t, ".head details", "文號 1150012345", "聯絡 林以寧 089-000000#1234").
		says(t, ".body > h2", "說明 擬辦").
		has(t, ".body > .items > li", 3).
		has(t, ".body > .items > li:nth-child(2) > div > .items > li", 2).
		has(t, ".body > .items > li:nth-child(2) .items .items > li", 2).
		says(t, ".body .signed", "市長 江大川").
		says(t, ".body .sent", "正本 青川市政府工務局、青川市各區公所", "副本 青川市政府研究發展考核處（含附件）").
		has(t, ".route > li", 5).
		has(t, ".route > .closed", 2).
		has(t, ".route > .now.mine", 1).
		says(t, ".route > li:nth-child(1)", "科員 林以寧", "陳核", "11.18 16:03", "擬如說明辦理。").
		says(t, ".route > li:nth-child(1) .seal", "林以寧印").
		says(t, ".route > .now", "您", "科長 王敏華", "核稿", "在手上，等候 4 日").
		says(t, ".route > li:nth-child(5)", "局長 高文彬", "決行").
		has(t, `.decide a.main`, 1)
	ordinals := a.page.Find(".items .no").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
	if want := []string{"一、", "二、", "(一)", "(二)", "1、", "2、", "三、"}; !slices.Equal(ordinals, want) {
		t.Errorf("ordinals are %q, want %q", ordinals, want)
	}
	if !slices.Equal(o.post.heard(), []string{"seen " + string(o.flood) + " via web"}) {
		t.Errorf("said %q", o.post.heard())
	}
	o.get(t, "wang", doc+"?part=1").status(t, 200)
	o.get(t, "wang", doc, "Sec-Purpose", "prefetch").status(t, http.StatusServiceUnavailable)
	if len(o.post.heard()) != 1 {
		t.Errorf("said %q", o.post.heard())
	}
}

func TestMeetingNotice(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/d/"+string(o.meeting)).status(t, 200).
		says(t, ".meeting", "時間 中華民國115年11月27日（星期五）上午10時", "地點 本局第二會議室", "主持人 陳副局長", "出席 青川市政府研究發展考核處、本局水利科", "列席 青川營造股份有限公司").
		says(t, ".body", "備註", "一、", "請攜帶環保杯。").
		says(t, ".decide", "待您會辦", "會畢，送 陳副局長")
}

// Of a classified document nothing is shown, wherever one looks for it.
func TestClassified(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.store.attach(o.newID, o.shut, approval.FileAttachment, "機密附件.pdf", "application/pdf", []byte("%PDF-"))
	doc := "/d/" + string(o.shut)
	for _, path := range []string{"/inbox", doc, doc + "/decide", doc + "/return", doc + "/files/" + string(id), doc + "/files/" + string(id) + "/view", doc + "/files/" + string(id) + "/image", doc + "/files/" + string(id) + "/pages/1", "/done"} {
		for _, login := range []string{"wang", "lin"} {
			a := o.get(t, login, path)
			for _, secret := range []string{"不可示人", "1150099999", "國家機密機關", "機密附件"} {
				if strings.Contains(a.text, secret) {
					t.Errorf("%s shows %s to %s", path, secret, login)
				}
			}
		}
	}
	o.get(t, "wang", doc).status(t, 200).says(t, "h1", "密件，請至辦公室辦理").has(t, ".sheet", 1).has(t, "article", 0).has(t, ".decide", 0).says(t, ".classified .btn", "下一件")
	o.get(t, "wang", doc+"/files/"+string(id)).status(t, http.StatusForbidden)
}

// What others have written is shown as they wrote it, and is never a program.
func TestHostileText(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'` + "\u202e`{{.}}`"
	d := o.store.find(o.flood)
	d.Subject, d.Reference = evil, evil
	d.Route.Steps[0].Opinion, d.Route.Steps[0].ActedName = evil, evil
	c := o.store.contents[o.flood]
	c.Body.Sections = []approval.Section{{Heading: evil, Text: evil, Items: []approval.Item{{Ordinal: evil, Text: evil}}}}
	c.Body.Primary = []approval.Addressee{{Name: evil}}
	o.store.contents[o.flood] = c
	file := o.store.attach(o.newID, o.flood, approval.FileAttachment, evil+".pdf", "application/pdf", []byte("%PDF-x"))
	p := o.store.people[o.lin.ID]
	p.Name = evil
	o.store.people[o.lin.ID] = p
	o.store.phrases = []string{evil}
	doc := "/d/" + string(o.flood)
	for _, path := range []string{"/inbox", doc, doc + "/decide", doc + "/return", doc + "/files/" + string(file) + "/view", "/done", "/signin?next=" + "%22%3E%3Cscript%3E"} {
		a := o.get(t, "wang", path)
		if a.page == nil {
			continue // the sign-in leads on
		}
		if strings.Contains(a.text, "<script>alert") || strings.Contains(a.text, "<img src=x") {
			t.Errorf("%s is not escaped", path)
		}
		a.has(t, "script:not([src])", 0).has(t, "[onerror]", 0)
	}
	o.get(t, "wang", doc).says(t, "h1", "<script>alert(1)</script>").says(t, ".route blockquote", "<script>alert(1)</script>")
	a := o.get(t, "wang", doc+"/decide")
	if got := a.attr(".phrases button", "value"); got != evil {
		t.Errorf("phrase is %q, want %q", got, evil)
	}
	f := o.fill(t, "wang", o.flood, "return", "") // refused: what was written comes back
	f.Set("opinion", evil+"\x01")
	b := o.act(t, "wang", o.flood, f).status(t, http.StatusUnprocessableEntity).has(t, "script:not([src])", 0)
	if got := b.page.Find("textarea").Text(); got != evil+"\x01" {
		t.Errorf("opinion came back as %q", got)
	}
}

// Lists nest without limit in the format, and not on the page.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	list := []approval.Item{{Ordinal: "末", Text: "最後一層"}}
	for range 5000 {
		list = []approval.Item{{Ordinal: "、", Text: "層", Items: list}}
	}
	c := o.store.contents[o.flood]
	c.Body.Sections = []approval.Section{{Heading: "說明", Items: list}}
	o.store.contents[o.flood] = c
	a := o.get(t, "wang", "/d/"+string(o.flood)).status(t, 200).says(t, ".body", "最後一層").has(t, ".items .no", 5001)
	if n := a.page.Find(".items").Length(); n != maxNesting {
		t.Errorf("%d lists, want %d", n, maxNesting)
	}
}

func TestLongDocument(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.store.find(o.flood).Subject = strings.Repeat("很長的主旨", 400)
	c := o.store.contents[o.flood]
	var list []approval.Item
	for range 200 {
		list = append(list, approval.Item{Ordinal: "一、", Text: "一段說明。\n第二段。"})
	}
	c.Body.Sections = []approval.Section{{Items: list}}
	o.store.contents[o.flood] = c
	o.get(t, "wang", "/d/"+string(o.flood)).status(t, 200).has(t, "h1.long", 1).has(t, ".items > li", 200).has(t, ".items p", 400)
}

func TestDeadlineWithoutCalendar(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.store.find(o.flood).Deadline.Uncertain = true
	o.get(t, "wang", "/d/"+string(o.flood)).says(t, ".doubt", "辦公日曆尚未公布")
}

func TestParallelConsultation(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := o.store.find(o.meeting)
	merge := d.Route.Steps[2].ID
	other := approval.Step{ID: approval.StepID(o.newID()), After: []approval.StepID{d.Route.Steps[0].ID}, Duty: approval.DutyConsult, Person: o.hsu.ID, State: approval.StepActive, ArrivedAt: o.now}
	d.Route.Steps = append(d.Route.Steps, other)
	d.Route.Step(merge).After = append(d.Route.Step(merge).After, other.ID)
	o.get(t, "wang", "/d/"+string(o.meeting)+"/decide").
		says(t, "h1", "會畢").
		says(t, ".deed", "其他人都完成後，送到 副局長 陳志明（決行）")
	f := o.fill(t, "wang", o.meeting, "forward", "無意見。")
	to := o.act(t, "wang", o.meeting, f).Header.Get("Location")
	o.get(t, "wang", to).says(t, ".note", "已會畢")
}
