package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

func TestInbox(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "wang", "/inbox").status(t, 200).
		says(t, "h1", "王科長，早安").
		says(t, ".tiles", "待處理 6 件", "逾期 1 件", "最速件 1 件").
		has(t, ".card", 6).
		has(t, ".tiles .late", 1).
		says(t, ".filters", "全部 6", "最速件 1", "逾期 1", "待決行 1", "會辦 1", "退回 1").
		says(t, `.filters [aria-current="true"]`, "全部 6").
		says(t, ".nav .badge", "6").
		has(t, `.nav [aria-current="page"]`, 1).
		has(t, `link[rel=manifest]`, 1)
	want := []string{
		"最速件 函 逾期 2 日 檢送本府115年度防汛整備檢查表及各區抽水站清冊各1份，請於115年11月25日前完成自主檢查並將結果函復本府，請 查照。 股長 張家豪 送陳 · 等候 4 日 3 待您核稿",
		"速件 簽 今日到期 擬辦理「抽水站自動化監控系統」驗收案，簽請核示。 股長 張家豪 送陳 · 等候 4 日 待您決行",
		"速件 密件 剩 3 工作日 密件，請至辦公室辦理 等候 50 分 請至辦公室",
		"普通件 函 退回 剩 4 工作日 檢陳「青川溪護岸改善工程」用地取得協議價購會議紀錄一份。 副局長 陳志明 退回 · 等候 2 日 待您核稿",
		"普通件 開會通知單 剩 5 工作日 研商115年度水利設施歲修工程第2次變更設計會議 科員 林以寧 送陳 · 等候 3 日 待您會辦",
		"普通件 函 剩 5 工作日 轉知行政院修正「文書處理手冊」部分規定，請查照。 科員 林以寧 送陳 · 等候 2 日 待您核稿",
	}
	var got []string
	for i := range a.page.Find(".card").Length() {
		got = append(got, readText(a.page.Find(".card").Eq(i)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("cards are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !slices.Equal(o.post.heard(), []string{"seen up to 7 via web"}) {
		t.Errorf("said %q", o.post.heard())
	}
}

func TestInboxInEnglish(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.accounts.sessions["wang"]
	s.Locale = English
	o.accounts.sessions["wang"] = s
	a := o.get(t, "wang", "/inbox").
		says(t, "h1", "Good morning, 王科長").
		says(t, ".card", "Most urgent Letter 2 days late", "from 股長 張家豪 · 4 days", "To review", "Classified: handle it at the office").
		has(t, `html[lang="en"]`, 1).
		has(t, `.subject[lang="zh-Hant-TW"]`, 5)
	if strings.Contains(a.words(".nav"), "待辦") {
		t.Errorf("navigation says %q", a.words(".nav"))
	}
}

func TestInboxFilters(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for filter, want := range map[string]int{"highest": 1, "overdue": 1, "decide": 1, "consult": 1, "returned": 1, "nonsense": 6, "": 6} {
		o.get(t, "wang", "/inbox?f="+filter).status(t, 200).has(t, ".card", want).has(t, `.filters [aria-current="true"]`, 1)
	}
	o.get(t, "lin", "/inbox?f=decide").says(t, ".empty", "沒有符合的公文")
	o.get(t, "lin", "/inbox").says(t, ".empty", "都處理完了").has(t, ".card", 0).has(t, ".filters a", 1).has(t, ".nav .badge[hidden]", 1)
}

func TestInboxPages(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.fillTray(t, 50)
	seen := map[string]bool{}
	path, n := "/inbox", 0
	for path != "" {
		a := o.get(t, "wang", path).status(t, 200)
		for i := range a.page.Find("[data-id]").Length() {
			seen[a.page.Find("[data-id]").Eq(i).AttrOr("data-id", "")] = true
		}
		path = a.attr("a[data-more]", "href")
		n++
		if n > 1 {
			a.has(t, ".tiles", 0).says(t, ".more", "回到最前面")
		}
	}
	if n != 3 || len(seen) != 56 {
		t.Errorf("%d pages with %d documents, want 3 with 56", n, len(seen))
	}
}

func TestCursorOfAnotherList(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.store.err = &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
	o.get(t, "wang", "/inbox?f=decide&cursor=x").redirects(t, "/inbox?f=decide")
	o.get(t, "wang", "/done?cursor=x").redirects(t, "/done")
	o.get(t, "wang", "/inbox").status(t, http.StatusUnprocessableEntity)
}

// fillTray puts more documents into Wang's hands.
func (o *office) fillTray(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		o.put(t, fmt.Sprintf("11500%05d", i), approval.Body{
			Type: approval.TypeLetter, Issuers: []approval.Organization{{Name: "青川市政府"}}, Speed: approval.SpeedNormal,
			Subject: fmt.Sprintf("第%d號抽水站定期保養紀錄備查案，請　查照。", i+1),
		}, o.now.Add(-time.Duration(i+3)*time.Hour), o.wang, nil,
			approval.Planned{Person: o.lin.ID, Duty: approval.DutyHandle}, approval.Planned{Person: o.wang.ID, Duty: approval.DutyDecide})
	}
}

// The script that keeps a page new fetches a part of it, and that is not
// somebody looking at it; neither is a browser that fetches ahead.
func TestInboxPart(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.fillTray(t, 30)
	a := o.get(t, "wang", "/inbox?part=tray&n=33").status(t, 200).has(t, "#tray .card", 33).has(t, "nav.nav", 0).says(t, ".tiles", "待處理 36")
	if strings.Contains(a.text, "<!doctype") {
		t.Error("the part is a whole page")
	}
	o.get(t, "wang", "/inbox?part=tray&n=100000").has(t, ".card", 36)
	for _, h := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		o.get(t, "wang", "/inbox", h, "prefetch").status(t, http.StatusServiceUnavailable)
	}
	o.ask(t, "wang", http.MethodHead, "/inbox", nil).status(t, 200)
	if len(o.post.heard()) != 0 {
		t.Errorf("nobody looked, and %q was said", o.post.heard())
	}
}

// Who is not told anything on this browser is invited to be.
func TestInvite(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/inbox").has(t, "[data-invite]", 1)
	o.post.links = append(o.post.links, hub.Link{ID: "p", Channel: hub.WebPush, Session: "session-wang"})
	o.get(t, "wang", "/inbox").has(t, "[data-invite]", 0)
	off := newOffice(t, func(opt *Options) { opt.Push = nil })
	off.get(t, "wang", "/inbox").has(t, "[data-invite]", 0)
}

func TestGreeting(t *testing.T) {
	t.Parallel()
	for hour, want := range map[int]string{4: "greet.evening", 5: "greet.morning", 10: "greet.morning", 11: "greet.afternoon", 17: "greet.afternoon", 18: "greet.evening"} {
		if got := greeting(time.Date(2026, 11, 23, hour, 0, 0, 0, approval.Zone)); got != want {
			t.Errorf("at %d o'clock %s, want %s", hour, got, want)
		}
	}
}
