package web

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// Whoever is no administrator gets the page that says so, on every address of
// theirs, and nothing is done.
func TestOnlyAdministrators(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	n := 0
	for _, rt := range o.table {
		method, path := o.address(rt.pattern)
		if strings.HasPrefix(path, "/admin") != (rt.rule.gate().Role == approval.RoleAdmin) {
			t.Errorf("%s has rule %d", rt.pattern, rt.rule)
		}
		if rt.rule.gate().Role != approval.RoleAdmin {
			continue
		}
		n++
		for _, login := range []string{"wang", "kao", "lin"} {
			o.ask(t, login, method, path, nil).status(t, http.StatusForbidden).says(t, "h1", "這一頁只給管理者")
		}
		if a := o.ask(t, "admin", method, path, nil); a.StatusCode == http.StatusForbidden || a.StatusCode >= 500 {
			t.Errorf("%s as an administrator: %d", rt.pattern, a.StatusCode)
		}
	}
	if n < 12 || len(o.settings.history) != 0 {
		t.Errorf("%d routes; the policy was set %d times", n, len(o.settings.history))
	}
	if len(o.ledger.tested) != 1 { // by the administrator's own button
		t.Errorf("tests were sent: %q", o.ledger.tested)
	}
	o.get(t, "wang", "/me").has(t, `a[href="/admin"]`, 0)
	o.get(t, "admin", "/me").has(t, `a[href="/admin"]`, 1)
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "admin", "/admin").status(t, 200).
		says(t, `a[href="/admin/channels"] .late`, "LINE 暫停服務").
		says(t, `a[href="/admin/policy"]`, "依系統預設")
	o.ledger.health[1].DownUntil = time.Time{}
	p := hub.HousePolicy()
	p.Cap = 5
	if err := o.settings.SetPolicy(t.Context(), o.admin.ID, p, hub.AnyVersion); err != nil {
		t.Fatal(err)
	}
	o.get(t, "admin", "/admin").says(t, `a[href="/admin/channels"]`, "3 個管道正常").says(t, `a[href="/admin/policy"]`, "周明德 於 09:10 更改")
}

func TestChannels(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/channels").status(t, 200).has(t, ".health", 4).has(t, ".health form", 3)
	a.says(t, ".health:nth-child(1)", "瀏覽器通知 正常", "近一小時 送出 1,204，未定 3，失敗 2", "已綁定 216 個位址", "最近的錯誤，08:58 對方已封鎖、移除，或位址失效 410 push subscription")
	a.says(t, ".health:nth-child(2)", "LINE 暫停，10:30 再試", "業者的額度用完了 You have reached your monthly limit.", "本月 2,987 / 3,000 則（99%）", "等候中 12 則，最久 8 分鐘", "每秒 2,000 則", "2,987 則")
	a.has(t, ".quota.low progress[max='3000'][value='2987']", 1).says(t, ".health.out", "Messenger 未啟用")
	a.says(t, ".health:nth-child(4)", "簡訊 積壓中", "本月 312 則，無上限")

	// What the regular check has found, which shows in no delivery.
	o.ledger.health[0].Probed, o.ledger.health[0].ProbeError = o.now.Add(-6*time.Minute), "no push service can be reached"
	o.get(t, "admin", "/admin/channels").says(t, ".health:nth-child(1)", "瀏覽器通知 設定待處理", "檢查發現：no push service can be reached", "最近檢查 09:04")
	o.ledger.health[1].DownUntil = time.Time{}
	o.get(t, "admin", "/admin").says(t, `a[href="/admin/channels"] .late`, "瀏覽器通知 設定待處理")
	o.ledger.health[0].ProbeError = ""
	o.get(t, "admin", "/admin/channels").says(t, ".health:nth-child(1)", "瀏覽器通知 正常")

	o.send(t, "admin", "/admin/channels/line/test", nil).redirects(t, "/admin/channels?tested=line")
	if want := string(o.admin.ID) + " line"; !slices.Equal(o.ledger.tested, []string{want}) {
		t.Errorf("tested %q, want %q", o.ledger.tested, want)
	}
	o.get(t, "admin", "/admin/channels?tested=line").says(t, ".note", "已經從 LINE 送出一則測試訊息給您")
	o.get(t, "admin", "/admin/channels?tested=%3Cscript%3E").has(t, ".note", 0)
	o.send(t, "admin", "/admin/channels/sms/test", nil).status(t, http.StatusUnprocessableEntity).says(t, ".wrong[role=alert]", "您的帳號還沒有綁定簡訊")
	o.send(t, "admin", "/admin/channels/live/test", nil).status(t, http.StatusNotFound)
}

func TestLedger(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/ledger").status(t, 200).has(t, ".told", 6).says(t, ".day", "今天", "115年11月20日")
	a.says(t, ".cards li:first-child", "公文送到 最速件 王敏華 09:02", "瀏覽器通知 已送出 09:02", "LINE 等候傳送 預定 09:17", "簡訊 不確定是否送達 2 則", "09:02 送達裝置，還沒看")
	a.says(t, "main", "08:41 在 LINE 看過", "16:09 起不必再通知，公文已不在手上", "08:01 在網頁看過")
	if strings.Contains(a.text, "不可示人") {
		t.Error("the ledger shows a classified document")
	}
	// What is looked for stands in the form again, and in the address of the file.
	q := "?channel=sms&from=2026-11-20&kind=login.new_device&q=%E3%80%94A7K2%E3%80%95+&state=failed&to=2026-11-23&other=1"
	a = o.get(t, "admin", "/admin/ledger"+q).status(t, 200).has(t, ".told", 0).has(t, "details[open]", 1).says(t, ".empty", "沒有符合的紀錄")
	want := hub.LedgerFilter{
		Kind: hub.KindNewDevice, Channel: hub.SMS, State: hub.StateFailed, Find: "A7K2",
		From: time.Date(2026, 11, 20, 0, 0, 0, 0, approval.Zone), To: time.Date(2026, 11, 24, 0, 0, 0, 0, approval.Zone),
	}
	if o.ledger.asked != want {
		t.Errorf("asked for %+v, want %+v", o.ledger.asked, want)
	}
	for selector, value := range map[string]string{
		"#q": "A7K2", "#from": "2026-11-20", "#to": "2026-11-23", "#kind [selected]": "login.new_device", "#channel [selected]": "sms", "#state [selected]": "failed",
	} {
		if got := a.attr(selector, "value"); got != value {
			t.Errorf("%s is %q, want %q", selector, got, value)
		}
	}
	if got := a.attr("a[download]", "href"); got != "/admin/ledger.csv?channel=sms&from=2026-11-20&kind=login.new_device&q=A7K2&state=failed&to=2026-11-23" {
		t.Errorf("the file is at %s", got)
	}
	o.get(t, "admin", "/admin/ledger?kind=no&channel=fax&state=x&from=yesterday&q="+strings.Repeat("a", 200)).status(t, 200).has(t, ".told", 6).has(t, "details[open]", 0)

	// Page by page, each with the same filter.
	o.ledger.page = 2
	a = o.get(t, "admin", "/admin/ledger?kind=document.arrived").has(t, ".told", 2)
	if more := a.attr("a[data-more]", "href"); more != "" {
		t.Errorf("more of two is %s", more)
	}
	a = o.get(t, "admin", "/admin/ledger").has(t, ".told", 2)
	o.get(t, "admin", a.attr("a[data-more]", "href")).status(t, 200).has(t, ".told", 2).has(t, `.more a[href="/admin/ledger"]`, 1)
	o.get(t, "admin", "/admin/ledger?cursor=x&state=failed").redirects(t, "/admin/ledger?state=failed")
}

func TestLedgerEntry(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/ledger/"+o.ledger.entries[0].ID).status(t, 200)
	a.says(t, ".head", "公文送到", "對象 王敏華", "時間 115.11.23 09:02:11", "限辦 115.11.25", "送達裝置 09:02").has(t, ".sent", 3)
	a.says(t, ".sent:nth-child(2)", "LINE 等候傳送", "管道暫停 09:02:12 0.2 秒 業者的額度用完了 You have reached your monthly limit.")
	a.says(t, ".sent:nth-child(3)", "簡訊 不確定是否送達", "業者編號 SM…7f3a", "用量 2 則", "沒有回應，不確定 09:05:00 10.0 秒 沒有在時限內回應 no answer in time", "已開始，沒有結果 09:06:00").has(t, ".sent:nth-child(3) .line li", 2)
	shut := o.get(t, "admin", "/admin/ledger/"+o.ledger.entries[2].ID).status(t, 200).says(t, ".head", "密件")
	if strings.Contains(shut.words(".facts"), "限辦") || strings.Contains(shut.words("main"), "速件") {
		t.Error("a classified document shows its speed or deadline")
	}
	o.get(t, "admin", "/admin/ledger/"+o.newID()).status(t, http.StatusNotFound)
	o.get(t, "admin", "/admin/ledger/x").status(t, http.StatusNotFound)
}

func TestLedgerFile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/ledger.csv").status(t, 200)
	if got := a.Header.Get("Content-Disposition"); got != `attachment; filename="qianhe-ledger-20261123-0910.csv"` || a.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("headers %v", a.Header)
	}
	text, ok := strings.CutPrefix(a.text, "\ufeff")
	if !ok || !strings.Contains(text, "\r\n") {
		t.Error("Excel does not take it for UTF-8, or for lines")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 12 || rows[0][0] != "時間" || rows[0][8] != "管道" {
		t.Fatalf("%d lines, the first is %q", len(rows), rows[0])
	}
	want := []string{"2026-11-23 08:30:00", "王敏華", "待辦件數", "", "2026-11-23 08:30:03", "2026-11-23 08:41:07", "LINE", "", "LINE", "已送出", "", "2026-11-23 08:30:02", "1", "1", "46…1201"}
	if got := rows[5][:15]; !slices.Equal(got, want) {
		t.Errorf("a line is %q, want %q", got, want)
	}
	for _, r := range rows {
		for _, c := range r {
			if c != "" && strings.ContainsAny(c[:1], "=+-@") {
				t.Errorf("a spreadsheet takes %q for a formula", c)
			}
		}
	}
	if !strings.Contains(text, `'=cmd|' /C calc'!A0`) {
		t.Error("the text of a cell is gone")
	}
	if got := o.get(t, "admin", "/admin/ledger.csv?channel=messenger&state=failed").status(t, 200).text; strings.Count(got, "\r\n") != 3 {
		t.Errorf("narrowed it has %q", got)
	}
	if got := o.get(t, "admin", "/admin/ledger.csv?q=nothing").status(t, 200).text; strings.Count(got, "\r\n") != 1 {
		t.Errorf("without entries it is %q", got)
	}
	for cell, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=1": "'\t=1", "\r=1": "'\r=1", "＝1": "'＝1", "": "", "a=1": "a=1", "王": "王"} {
		if got := inert(cell); got != want {
			t.Errorf("inert(%q) = %q, want %q", cell, got, want)
		}
	}
}

// A part of the ledger is never taken for the whole: what fails on the way cuts
// the connection.
func TestLedgerFileBreaks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.ledger.broken = 2
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("the handler ended with %v, want the connection cut", p)
		}
	}()
	o.get(t, "admin", "/admin/ledger.csv")
}

func TestMyLog(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "wang", "/me/notifications/log").status(t, 200).has(t, ".told", 5).has(t, `.told[href="/d/`+string(o.flood)+`"]`, 1).has(t, `.told[href="/d/`+string(o.shut)+`"]`, 0)
	if o.ledger.asked.Person != o.wang.ID {
		t.Errorf("asked for %+v", o.ledger.asked)
	}
	a.says(t, "main", "看過").has(t, ".told b", 5+10)
	if strings.Contains(a.text, "林以寧") || strings.Contains(a.text, "monthly limit") {
		t.Error("one's own log shows others, or what providers say")
	}
	o.get(t, "kao", "/me/notifications/log").status(t, 200).says(t, ".empty", "還沒有通知過您")
	o.get(t, "wang", "/me/notifications/log?cursor=x").redirects(t, "/me/notifications/log")
	o.get(t, "wang", "/me/notifications").has(t, `a[href="/me/notifications/log"]`, 1)
}
