package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestSlips(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/inbox").
		says(t, ".slips summary", "待審核表單 2 件 公告 1 則", "今日到期").
		has(t, ".slips li", 3).
		has(t, ".slips[open]", 0).
		says(t, `.slips a[href="/n/`+o.leave+`"]`, "許柏宇 11月26日公出申請單", "速件", "差勤系統", "今日到期").
		says(t, `.slips a[href="/n/`+o.loan+`"]`, "會議室投影機借用單", "財產管理系統", "11.20 16:00").
		has(t, ".slips a.urgent", 1)
	o.get(t, "wang", "/inbox?part=tray").has(t, ".slips", 1)
	o.get(t, "wang", "/inbox?cursor=2").has(t, ".slips", 0)
	o.get(t, "lin", "/inbox").has(t, ".slips", 0)

	s := o.accounts.sessions["wang"]
	s.Locale = English
	o.accounts.sessions["wang"] = s
	o.get(t, "wang", "/inbox").says(t, ".slips summary", "2 forms to review 1 announcement", "Due today").has(t, `.slips [lang="zh-Hant-TW"]`, 6)

	o.post.board = o.post.board[2:]
	o.get(t, "wang", "/inbox").says(t, ".slips summary", "1 announcement").has(t, ".slips summary .due", 0)
}

func TestMoreSlipsThanAreListed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for range slipMost + 3 {
		n := o.post.board[1]
		n.ID = o.newID()
		o.post.board = append(o.post.board, n)
	}
	o.get(t, "wang", "/inbox").says(t, ".slips summary", "待審核表單 25 件").has(t, ".slips a", slipMost+1).says(t, ".slips .small", "另有 5 件")
}

func TestPosted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "wang", "/n/"+o.leave).status(t, 200).
		says(t, "h1", "許柏宇 11月26日公出申請單").
		says(t, ".head", "待審核表單", "速件", "今日到期", "來自 差勤系統", "限辦 115年11月23日", "通知時間 08:00").
		says(t, "#foot a", "前往 hr.example.gov.tw").
		says(t, "#foot .duty", "將離開本系統。請確認 hr.example.gov.tw 是您熟悉的機關網站").
		has(t, `#foot a[href="https://hr.example.gov.tw/forms/8812?step=2"][rel="noreferrer noopener external"]`, 1).
		has(t, `a[href^="http"]`, 1).
		has(t, "meta[http-equiv]", 0)
	if !slices.Equal(o.post.heard(), []string{"seen notification " + o.leave + " via web"}) {
		t.Errorf("said %q", o.post.heard())
	}
	if a.Header.Get("Refresh") != "" || a.Header.Get("Location") != "" {
		t.Error("the page leads away by itself")
	}
	o.get(t, "wang", "/n/"+o.power).
		says(t, ".head", "公告", "來自 資訊中心公告").
		says(t, "#foot a", "前往 news.example.gov.tw:8443").
		has(t, "form", 0)
	o.get(t, "wang", "/n/"+o.loan).says(t, "main", "請到「財產管理系統」處理").has(t, "#foot .decide", 0).has(t, "#foot .nav", 1)
	for _, who := range []string{"lin", "kao"} {
		o.get(t, who, "/n/"+o.leave).status(t, http.StatusNotFound)
	}
	for _, id := range []string{"x", "06f7m0tq8v0000000000000000", "https:%2F%2Fhr.example.gov.tw", string(o.flood)} {
		o.get(t, "wang", "/n/"+id).status(t, http.StatusNotFound)
	}
	o.get(t, "", "/n/"+o.leave).redirects(t, "/signin?next=%2Fn%2F"+o.leave)
	if got := o.safeNext("/n/" + o.leave); got != "/n/"+o.leave {
		t.Errorf("after the sign-in one lands on %s", got)
	}
}

// A browser that fetches ahead has seen nothing.
func TestPostedFetchedAhead(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/n/"+o.leave, "Sec-Purpose", "prefetch").status(t, http.StatusServiceUnavailable)
	if got := o.post.heard(); len(got) > 0 {
		t.Errorf("said %q", got)
	}
}

// Whatever a sender has got past the API, the page does not open it.
func TestPostedBadLink(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"javascript:alert(1)", "http://hr.example.gov.tw/", "//evil.example/", `https://evil.example\@hr.example.gov.tw/`} {
		o := newOffice(t)
		o.post.board[0].URL = url
		a := o.get(t, "wang", "/n/"+o.leave).status(t, 200).has(t, "#foot .decide", 0)
		if strings.Contains(a.text, "evil") || strings.Contains(a.text, "alert") {
			t.Errorf("%q is on the page", url)
		}
	}
}

func TestClosePosted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	form := o.get(t, "wang", "/n/"+o.leave).form(t, "/n/"+o.leave+"/done")
	o.send(t, "lin", "/n/"+o.leave+"/done", form).status(t, http.StatusNotFound)
	o.send(t, "wang", "/n/x/done", form).status(t, http.StatusNotFound)
	o.send(t, "wang", "/n/"+o.leave+"/done", form).redirects(t, "/inbox?ok=form")
	o.get(t, "wang", "/inbox?ok=form").says(t, ".note", "已從待辦移除").says(t, ".slips summary", "待審核表單 1 件")
	o.get(t, "wang", "/n/"+o.leave).says(t, ".stands", "已於 09:00 結案").has(t, "form", 0).has(t, "#foot a.main", 1)
	o.get(t, "wang", "/n/"+o.leave+"/done").status(t, http.StatusNotFound)
}
