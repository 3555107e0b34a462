package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
)

// fill gives the form of a decision, ready to be sent.
func (o *office) fill(t testing.TB, login string, id approval.DocumentID, do, opinion string) url.Values {
	t.Helper()
	path := "/decide"
	if do == "return" {
		path = "/return"
	}
	f := o.get(t, login, "/d/"+string(id)+path).status(t, 200).form(t, "/d/"+string(id)+"/act")
	f.Set("do", do)
	f.Set("opinion", opinion)
	return f
}

func (o *office) act(t testing.TB, login string, id approval.DocumentID, f url.Values) *answer {
	t.Helper()
	return o.send(t, login, "/d/"+string(id)+"/act", f)
}

func TestApproveAndGoOn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	doc := "/d/" + string(o.flood)
	o.get(t, "wang", doc).status(t, 200).
		says(t, ".decide", "待您核稿", "核可，送 陳副局長", "退回").
		has(t, `.decide a.main[href="`+doc+`/decide"]`, 1)
	o.get(t, "wang", doc+"/decide").status(t, 200).
		says(t, "h1", "核可，送 陳副局長").
		says(t, ".deed", "公文送到 副局長 陳志明（核稿）", "科長 王敏華").
		says(t, ".hint", "可留空").
		says(t, ".said", "科員 林以寧", "擬如說明辦理。", "請彙整各區回復期限。").
		has(t, ".deed .seal.four", 1)

	f := o.fill(t, "wang", o.flood, "forward", "請依限辦理。\r\n另請副知各區。")
	a := o.act(t, "wang", o.flood, f).redirects(t, "/d/"+string(o.monitor)+"?after="+string(o.flood))
	step := lastClosed(o.store.find(o.flood), o.wang.ID)
	if step.Action != approval.ActionApprove || step.Opinion != "請依限辦理。\n另請副知各區。" || step.ActedName != "科長 王敏華" {
		t.Errorf("record is %+v", step)
	}
	o.get(t, "wang", a.Header.Get("Location")).status(t, 200).
		says(t, ".note", "已核可，送 陳副局長", "青工防字第1150012345號").
		has(t, ".note .seal", 1).
		says(t, ".bar .place", "1 / 5")
	if o.store.find(o.flood).Active(o.chen.ID) == nil {
		t.Error("the document has not reached 副局長")
	}
	o.get(t, "wang", doc).status(t, 200).
		has(t, ".decide", 0).
		says(t, ".stands", "目前在 陳副局長 處").
		says(t, ".route", "請依限辦理。", "另請副知各區。")
}

// A second tap on the same form gets the first answer, not an error.
func TestSecondTap(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	f := o.fill(t, "wang", o.flood, "forward", "可。")
	first := o.act(t, "wang", o.flood, f).status(t, http.StatusSeeOther).Header.Get("Location")
	second := o.act(t, "wang", o.flood, f).status(t, http.StatusSeeOther).Header.Get("Location")
	if first != second {
		t.Errorf("first went to %s, second to %s", first, second)
	}
	o.get(t, "wang", second).says(t, ".note", "已核可")
	closed := 0
	for _, s := range o.store.find(o.flood).Route.Steps {
		if s.ActedBy == o.wang.ID {
			closed++
		}
	}
	if closed != 1 {
		t.Errorf("%d steps were closed, want 1", closed)
	}
}

// Who comes second reads who was first.
func TestSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	one, two := o.fill(t, "wang", o.flood, "forward", "可。"), o.fill(t, "wang", o.flood, "return", "不可。")
	o.act(t, "wang", o.flood, one).status(t, http.StatusSeeOther)
	o.act(t, "wang", o.flood, two).status(t, http.StatusConflict).
		says(t, "h1", "已由科長 王敏華於 09:10 核可").
		says(t, "main", "那一次沒有採用").
		has(t, `main a[href="/d/`+string(o.flood)+`"]`, 1)
	o.get(t, "wang", "/d/"+string(o.flood)+"/decide").status(t, http.StatusConflict).says(t, "h1", "已由科長 王敏華")
}

func TestRefusedForms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		login  string
		change func(*office, url.Values)
		status int
		says   string
	}{
		{"other session", "chen", nil, http.StatusForbidden, "這一步不是由您辦理"},
		{"forged token", "wang", func(_ *office, f url.Values) { f.Set("token", strings.Repeat("A", len(f.Get("token")))) }, http.StatusForbidden, "這一步不是由您辦理"},
		{"no token", "wang", func(_ *office, f url.Values) { f.Del("token") }, http.StatusForbidden, ""},
		{"token of another version", "wang", func(_ *office, f url.Values) { f.Set("version", "2") }, http.StatusForbidden, ""},
		{"token of another step", "wang", func(_ *office, f url.Values) { f.Set("step", "01arz3ndektsv4rrffq69g5fav") }, http.StatusForbidden, ""},
		{"no version", "wang", func(_ *office, f url.Values) { f.Set("version", "x") }, http.StatusBadRequest, "表單無法讀取"},
		{"no action", "wang", func(_ *office, f url.Values) { f.Del("do") }, http.StatusBadRequest, ""},
		{"too old", "wang", func(o *office, _ url.Values) { o.now = o.now.Add(12*time.Hour + time.Minute) }, http.StatusConflict, "這一頁開太久了"},
		{"text has changed", "wang", func(o *office, _ url.Values) { o.store.find(o.flood).Version = 2 }, http.StatusConflict, "公文內容已更新"},
		{"became classified", "wang", func(o *office, _ url.Values) { o.store.find(o.flood).Grade = approval.GradeSecret }, http.StatusForbidden, "密件，請至辦公室辦理"},
		{"text that is none", "wang", func(_ *office, f url.Values) { f.Set("opinion", "a\xffb") }, http.StatusBadRequest, ""},
		{"far too long", "wang", func(_ *office, f url.Values) { f.Set("opinion", strings.Repeat("字", 30000)) }, http.StatusRequestEntityTooLarge, "內容太大"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			f := o.fill(t, "wang", o.flood, "forward", "可。")
			if tt.change != nil {
				tt.change(o, f)
			}
			o.act(t, tt.login, o.flood, f).status(t, tt.status).says(t, "h1", tt.says)
			if o.store.find(o.flood).Active(o.wang.ID) == nil {
				t.Error("the step was closed")
			}
		})
	}
}

func TestDecisionNeedsAnOpinion(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/d/"+string(o.monitor)).says(t, ".decide", "待您決行", "決行")
	f := o.fill(t, "wang", o.monitor, "forward", "  ")
	a := o.act(t, "wang", o.monitor, f).status(t, http.StatusUnprocessableEntity).
		says(t, ".wrong", "決行應簽註意見").
		has(t, `textarea[aria-invalid="true"][required]`, 1)
	f = a.form(t, "/d/"+string(o.monitor)+"/act") // the form is there again, with a token of its own
	f.Set("do", "forward")
	f.Set("opinion", "如擬。")
	to := o.act(t, "wang", o.monitor, f).status(t, http.StatusSeeOther).Header.Get("Location")
	o.get(t, "wang", to).says(t, ".note", "已決行，並通知 許技士")
	if d := o.store.find(o.monitor); d.State != approval.StateDecided {
		t.Errorf("state is %s", d.State)
	}
	o.get(t, "wang", "/d/"+string(o.monitor)).says(t, ".stands.final", "已由 科長 王敏華 於 115年11月23日 決行").has(t, ".route .final .seal", 1)
}

func TestOpinionTooLongIsKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	long := strings.Repeat("字", approval.MaxOpinion+1)
	a := o.act(t, "wang", o.flood, o.fill(t, "wang", o.flood, "forward", long)).status(t, http.StatusUnprocessableEntity)
	a.says(t, ".wrong", "最多 2000 個字")
	if got := a.page.Find("textarea").Text(); got != long {
		t.Errorf("of %d characters %d came back", len(long), len(got))
	}
}

func TestReturn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		to   approval.ReturnTo
		says string
		who  func(*office) approval.PersonID
	}{
		{approval.ReturnToHandler, "已退回給 林科員", func(o *office) approval.PersonID { return o.lin.ID }},
		{approval.ReturnToPrevious, "已退回給 張股長", func(o *office) approval.PersonID { return o.chang.ID }},
	} {
		t.Run(string(tt.to), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.get(t, "wang", "/d/"+string(o.flood)+"/return").status(t, 200).
				says(t, "h1", "退回").
				says(t, ".to", "科員 林以寧", "承辦人", "股長 張家豪", "前一位").
				has(t, `input[name=to][value=handler][checked]`, 1)
			f := o.fill(t, "wang", o.flood, "return", "")
			f.Set("to", string(tt.to))
			a := o.act(t, "wang", o.flood, f).status(t, http.StatusUnprocessableEntity).
				says(t, ".wrong", "請填寫退回原因").
				has(t, `input[name=to][value=`+string(tt.to)+`][checked]`, 1)
			f = a.form(t, "/d/"+string(o.flood)+"/act")
			f.Set("do", "return")
			f.Set("opinion", "請補附件後再陳。")
			to := o.act(t, "wang", o.flood, f).status(t, http.StatusSeeOther).Header.Get("Location")
			o.get(t, "wang", to).says(t, ".note", tt.says)
			if o.store.find(o.flood).Active(tt.who(o)) == nil {
				t.Error("it did not come back to whom it should")
			}
		})
	}
}

func TestReturnTargetIsNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	f := o.fill(t, "wang", o.flood, "return", "原因")
	f.Set("to", "somebody")
	o.act(t, "wang", o.flood, f).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "請選擇退給誰")
}

// The handler is asked to submit, and has nobody to return to.
func TestHandlerSubmits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	f := o.fill(t, "wang", o.flood, "return", "請補照片。")
	f.Set("to", "handler")
	o.act(t, "wang", o.flood, f).status(t, http.StatusSeeOther)
	doc := "/d/" + string(o.flood)
	o.get(t, "lin", doc).says(t, ".decide", "待您陳核", "陳核，送 張股長").has(t, ".decide .no", 0)
	o.get(t, "lin", doc+"/return").status(t, http.StatusUnprocessableEntity)
	o.get(t, "lin", "/inbox").says(t, ".card .tag.back", "退回").says(t, ".card .from", "科長 王敏華 退回")
	o.act(t, "lin", o.flood, o.fill(t, "lin", o.flood, "forward", "已補。")).redirects(t, "/inbox?after="+string(o.flood))
	o.get(t, "lin", "/inbox?after="+string(o.flood)).says(t, ".note", "已陳核，送 張股長").says(t, ".empty", "都處理完了")
}

// Phrases are buttons of the form: without a script they bring the same page
// with the phrase in it, and change nothing.
func TestPhrasesWithoutScript(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	self := "/d/" + string(o.flood) + "/decide"
	p := o.get(t, "wang", self).has(t, `.phrases button[formaction="`+self+`"][formnovalidate]`, 6)
	f := p.form(t, "/d/"+string(o.flood)+"/act")
	f.Set("opinion", "已悉")
	f.Set("phrase", "請速辦。")
	p = o.send(t, "wang", self, f).status(t, 200)
	if got := p.page.Find("textarea").Text(); got != "已悉，請速辦。" {
		t.Errorf("opinion is %q", got)
	}
	if o.store.find(o.flood).Active(o.wang.ID) == nil {
		t.Error("a phrase has decided")
	}
	back := "/d/" + string(o.flood) + "/return"
	f = o.get(t, "wang", back).form(t, "/d/"+string(o.flood)+"/act")
	f.Set("to", "previous")
	f.Set("phrase", "請補充說明。")
	p = o.send(t, "wang", back, f).status(t, 200).has(t, "input[value=previous][checked]", 1)
	if got := p.page.Find("textarea").Text(); got != "請補充說明。" {
		t.Errorf("reason is %q", got)
	}
}

func TestJoinPhrase(t *testing.T) {
	t.Parallel()
	tests := []struct{ opinion, phrase, want string }{
		{"", "如擬。", "如擬。"},
		{"可", "", "可"},
		{"已悉", "請速辦。", "已悉，請速辦。"},
		{"已悉。", "請速辦。", "已悉。請速辦。"},
		{"Noted. \n", "可。", "Noted.可。"},
		{"分三點：", "可。", "分三點：可。"},
	}
	for _, tt := range tests {
		if got := joinPhrase(tt.opinion, tt.phrase); got != tt.want {
			t.Errorf("joinPhrase(%q, %q) = %q, want %q", tt.opinion, tt.phrase, got, tt.want)
		}
	}
}

// A document that is not in one's hands cannot be decided, and one that has
// not arrived is not even there.
func TestNotInOnesHands(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, path := range []string{"", "/decide", "/return"} {
		o.get(t, "kao", "/d/"+string(o.flood)+path).status(t, http.StatusNotFound).says(t, "h1", "這件公文不是給您的")
	}
	o.get(t, "lin", "/d/"+string(o.meeting)+"/decide").status(t, http.StatusConflict)
	o.get(t, "wang", "/d/"+string(o.shut)+"/decide").status(t, http.StatusForbidden).says(t, "h1", "密件")
	o.get(t, "wang", "/d/not-an-id").status(t, http.StatusNotFound)
}

// After the last document the in-tray follows; in the middle, the one behind.
func TestOnward(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.act(t, "wang", o.advice, o.fill(t, "wang", o.advice, "forward", "")).redirects(t, "/d/"+string(o.flood)+"?after="+string(o.advice))
	o.act(t, "wang", o.monitor, o.fill(t, "wang", o.monitor, "forward", "可。")).redirects(t, "/d/"+string(o.shut)+"?after="+string(o.monitor))
	o.get(t, "wang", "/d/"+string(o.shut)+"?after="+string(o.monitor)).says(t, ".note", "已決行").says(t, "h1", "密件").has(t, ".sheet", 1)
}

// What one did long ago, or what somebody else did, is not said again.
func TestNoteIsTrue(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/inbox?after="+string(o.old)).has(t, ".note", 0)
	o.get(t, "wang", "/inbox?after="+string(o.flood)).has(t, ".note", 0)
	o.get(t, "wang", "/inbox?after=%3Cscript%3E").has(t, ".note", 0)
	o.get(t, "wang", "/me?ok=%3Cscript%3E").has(t, ".note", 0)
}
