package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestWebhooks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	edms := o.systems.endpoints[0].ID
	a := o.get(t, "admin", "/admin/webhooks").status(t, 200).
		has(t, ".health", 3).
		has(t, ".events li", 6).
		says(t, ".health", "edms.example.gov.tw", "2 件送不到", "公文送達、公文退回、公文決行", "最近送達 09:02").
		says(t, ".events li:nth-child(1)", "公文決行 等候送出 09:01", "試了 3 次 · 09:30 再試 · 503").
		says(t, ".events li:nth-child(3)", "公文退回 送不到 11.19 08:20", "試了 10 次 · no answer in time").
		says(t, ".health.out", "old-registry-of-the-whole-agency.example.gov.tw", "07:30 關閉", "410: the endpoint is gone").
		has(t, ".health.out form", 0).
		has(t, `form[action="/admin/webhooks/`+edms+`/replay"]`, 4). // three events that do not wait, and all
		has(t, `input[name=since][value="2026-11-16"]`, 1)
	if strings.Contains(a.text, "s3cr3t") {
		t.Error("the path of an endpoint is shown")
	}
	o.get(t, "admin", "/admin/webhooks?state=failed").has(t, ".events li", 3).says(t, `.filters [aria-current]`, "失敗的")
	o.get(t, "admin", "/admin").says(t, `a[href="/admin/webhooks"] .late`, "2 件送不到")
	o.systems.endpoints = o.systems.endpoints[1:]
	o.get(t, "admin", "/admin").says(t, `a[href="/admin/webhooks"]`, "1 個接收端")
	o.systems.endpoints = nil
	o.get(t, "admin", "/admin/webhooks").says(t, ".empty", "還沒有接收端")

	o = newOffice(t, func(opt *Options) { opt.Webhooks = nil })
	o.get(t, "admin", "/admin/webhooks").status(t, http.StatusNotFound)
	o.get(t, "admin", "/admin").has(t, `a[href="/admin/webhooks"]`, 0)
}

func TestReplay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	edms, old := o.systems.endpoints[0].ID, o.systems.endpoints[2].ID
	event := o.systems.events[edms][2].Event.ID
	path := "/admin/webhooks/" + edms + "/replay"
	o.send(t, "admin", path, url.Values{"event": {event}}).redirects(t, "/admin/webhooks?again=1")
	o.send(t, "admin", path, url.Values{"since": {"2026-11-16"}}).redirects(t, "/admin/webhooks?again=3")
	o.get(t, "admin", "/admin/webhooks?again=3").says(t, ".note", "3 件重新送出")
	o.send(t, "admin", path, url.Values{"since": {"last week"}}).status(t, http.StatusUnprocessableEntity)
	o.send(t, "admin", path, url.Values{}).status(t, http.StatusUnprocessableEntity)
	o.send(t, "admin", "/admin/webhooks/none/replay", url.Values{"event": {event}}).status(t, http.StatusNotFound)
	o.send(t, "admin", "/admin/webhooks/"+old+"/replay", url.Values{"event": {event}}).status(t, http.StatusConflict).says(t, "h1", "這個接收端已關閉")
	o.send(t, "wang", path, url.Values{"event": {event}}).status(t, http.StatusForbidden)
	o.send(t, "admin", path, url.Values{"event": {event}}, "Sec-Fetch-Site", "cross-site").status(t, http.StatusForbidden)
	want := []string{
		edms + " event " + event + " by 周明德 session-admin",
		edms + " since 2026-11-16 00:00:00 by 周明德 session-admin",
	}
	if !slices.Equal(o.systems.said, want) {
		t.Errorf("replayed %q, want %q", o.systems.said, want)
	}
}
