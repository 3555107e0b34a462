package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"qianhe/hub"
)

func TestMe(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/me").status(t, 200).
		says(t, ".self", "王敏華", "工務局 水利科 科長", "wang", "王敏華印").
		says(t, ".links", "通知 這台未開啟", "登入的裝置", "更改密碼").
		says(t, `.language [aria-pressed="true"]`, "中文").
		says(t, ".nav .badge", "6")
	o.send(t, "wang", "/me/language", url.Values{"locale": {"en"}}).redirects(t, "/me?ok=language")
	o.get(t, "wang", "/me?ok=language").says(t, ".note", "Language changed").says(t, "h1", "Me")
	o.send(t, "wang", "/me/language", url.Values{"locale": {"fr"}}).status(t, http.StatusUnprocessableEntity).says(t, "main", "no such language")
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.send(t, "wang", "/signout", nil).redirects(t, "/signin?out=1")
	if c := a.Cookies()[0]; c.Name != "qianhe_session" || c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("cookie %+v", c)
	}
	if !slices.Contains(o.wire.closed, "session-wang") || !slices.Contains(o.post.heard(), "unlink session session-wang") {
		t.Errorf("closed %q, said %q", o.wire.closed, o.post.heard())
	}
	o.get(t, "wang", "/inbox").redirects(t, "/signin?next=%2Finbox")
	o.get(t, "", "/signin?out=1").says(t, ".note", "您已登出")
}

func TestSignInRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	f := url.Values{"login": {"wang"}, "password": {"wrong"}, "next": {"/done"}}
	a := o.send(t, "", "/signin", f).status(t, http.StatusUnauthorized).says(t, ".wrong", "帳號或密碼不對")
	if len(a.Cookies()) != 0 || a.attr("#login", "value") != "wang" || a.attr("#password", "value") != "" || a.attr("input[name=next]", "value") != "/done" {
		t.Errorf("form came back as %s", a.text)
	}
	o.accounts.limited = true
	a = o.send(t, "", "/signin", f).status(t, http.StatusTooManyRequests).says(t, ".wrong", "請等 2 分鐘後再試")
	if a.Header.Get("Retry-After") != "90" {
		t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
	o.get(t, "", "/signin", "Accept-Language", "en-GB,en;q=0.8,zh;q=0.5").says(t, "h1", "Mobile Approval").says(t, "form", "Sign in")
}

func TestPassword(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const long = "another long phrase"
	for _, tt := range []struct {
		old, new, again string
		status          int
		says            string
	}{
		{"not-it-at-all", long, long, 422, "目前的密碼不對"},
		{password, "br1ef", "br1ef", 422, "至少要 12 個字"},
		{password, long, long + "!", 422, "兩次輸入的新密碼不同"},
	} {
		a := o.send(t, "wang", "/me/password", url.Values{"old": {tt.old}, "new": {tt.new}, "again": {tt.again}}).status(t, tt.status).says(t, ".wrong", tt.says).has(t, ".wrong", 1)
		if strings.Contains(a.text, tt.old) || strings.Contains(a.text, tt.new) {
			t.Error("a password came back")
		}
	}
	a := o.send(t, "wang", "/me/password", url.Values{"old": {password}, "new": {long}, "again": {long}}).redirects(t, "/me?ok=password")
	if len(a.Cookies()) != 1 || a.Cookies()[0].Name != "qianhe_session" {
		t.Errorf("cookies %v", a.Cookies())
	}
	if !slices.Contains(o.wire.closed, "elsewhere") || !slices.Contains(o.post.heard(), "unlink session elsewhere") {
		t.Errorf("closed %q, said %q", o.wire.closed, o.post.heard())
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/me/devices").status(t, 200).
		has(t, ".devices li", 3).
		says(t, ".devices li:nth-child(1)", "iPhone · Safari", "這台", "09:10 使用過", "115.09.23 起").
		says(t, ".devices li:nth-child(2)", "Windows · Edge", "11.20 09:10 使用過").
		says(t, ".devices li:nth-child(3)", "已登出", "114.11.23 起")
	o.send(t, "wang", "/me/devices/device-desk/signout", nil).redirects(t, "/me/devices?ok=device")
	if want := "session-of-device-desk"; !slices.Contains(o.wire.closed, want) || !slices.Contains(o.post.heard(), "unlink session "+want) {
		t.Errorf("closed %q, said %q", o.wire.closed, o.post.heard())
	}
	o.get(t, "wang", "/me/devices?ok=device").says(t, ".note", "已登出該裝置")
	o.send(t, "wang", "/me/devices/none/signout", nil).status(t, http.StatusNotFound)
	o.send(t, "wang", "/me/devices/others", nil).redirects(t, "/me/devices?ok=device")
	if !slices.Contains(o.wire.closed, "session-2") {
		t.Errorf("closed %q", o.wire.closed)
	}
	o.send(t, "wang", "/me/devices/device-wang/signout", nil).redirects(t, "/signin?out=1")
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const android = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
	const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
	o.get(t, "wang", "/me/notifications", "User-Agent", android).status(t, 200).
		has(t, "[data-push]", 1).
		has(t, "[data-home][hidden]", 1).
		says(t, ".devices", "LINE", "移除")
	o.get(t, "wang", "/me/notifications", "User-Agent", iphone).has(t, "[data-home]:not([hidden])", 1).says(t, "[data-home]", "加入主畫面")
	o.get(t, "wang", "/me/notifications", "User-Agent", iphone+" Line/14.5").
		has(t, "[data-push]", 0).
		says(t, ".steps", "您正在 LINE 的內建瀏覽器").
		has(t, `a.main[href="/me/notifications?openExternalBrowser=1"]`, 1)
	o.get(t, "wang", "/me/notifications", "User-Agent", iphone+" [FBAN/FBIOS;FBAV/450]").says(t, ".steps", "Facebook", "在瀏覽器開啟", "http://sign.example.gov.tw/me/notifications")
	o.get(t, "wang", "/me/notifications", "User-Agent", strings.ReplaceAll(strings.ReplaceAll(iphone, "17_5", "16_3_1"), "17.5", "16.3")).
		has(t, "[data-home][hidden]", 1).says(t, "[data-old]:not([hidden])", "iOS 16.4", "這台是 iOS 16.3")
	o.send(t, "wang", "/me/links/line/remove", nil).redirects(t, "/me/notifications?ok=link")
	o.send(t, "wang", "/me/links/none/remove", nil).status(t, http.StatusNotFound)
	off := newOffice(t, func(opt *Options) { opt.Push = nil })
	off.get(t, "wang", "/me/notifications").has(t, "[data-push]", 0).says(t, "main", "未啟用推播通知")
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.sendJSON(t, "wang", "/push/subscription", `{"endpoint":"https://push.example.org/abc","expirationTime":null,"keys":{"p256dh":"p","auth":"a"}}`).status(t, http.StatusNoContent)
	if want := "link webpush session-wang 不明的瀏覽器 https://push.example.org/abc"; !slices.Equal(o.post.heard(), []string{want}) {
		t.Errorf("said %q, want %q", o.post.heard(), want)
	}
	a := o.sendJSON(t, "wang", "/push/subscription", `{"endpoint":"https://evil.example/abc","keys":{}}`).status(t, http.StatusUnprocessableEntity)
	if !strings.Contains(a.text, "推播服務未獲機關允許") {
		t.Errorf("answer %s", a.text)
	}
	o.sendJSON(t, "wang", "/push/subscription", `{`).status(t, http.StatusBadRequest)
	o.sendJSON(t, "wang", "/push/subscription", `{"endpoint":"`+strings.Repeat("a", 9000)+`"}`).status(t, http.StatusRequestEntityTooLarge)
	o.send(t, "wang", "/push/subscription", url.Values{"endpoint": {"https://push.example.org/abc"}}).status(t, http.StatusBadRequest)
	if a := o.get(t, "wang", "/push/key").status(t, 200); !strings.Contains(a.text, `{"key":"BAAA`) {
		t.Errorf("key: %s", a.text)
	}
	o.post.links = append(o.post.links, hub.Link{ID: "p", Channel: hub.WebPush, Session: "session-wang", Label: "Android · Chrome"})
	o.sendJSON(t, "wang", "/push/subscription", `{"endpoint":"https://push.example.org/new","keys":{"p256dh":"p","auth":"a"}}`).status(t, http.StatusNoContent)
	if !slices.Contains(o.post.heard(), "unlink p") || slices.Contains(o.post.heard(), "unlink line") {
		t.Errorf("the subscription before this one is to go, and no other: %q", o.post.heard())
	}
	o.get(t, "wang", "/me/notifications").says(t, ".state", "這台裝置已開啟通知").has(t, "form[data-unsubscribe]", 1)
	off := newOffice(t, func(opt *Options) { opt.Push = nil })
	off.sendJSON(t, "wang", "/push/subscription", `{}`).status(t, http.StatusNotFound)
	off.get(t, "wang", "/push/key").status(t, http.StatusNotFound)
}

// A subscription under a key that is no longer ours would only be refused,
// message by message.
func TestSubscribeUnderAnotherKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	body := func(key string) string {
		return `{"endpoint":"https://push.example.org/abc","keys":{"p256dh":"p","auth":"a"},"key":"` + key + `"}`
	}
	o.sendJSON(t, "wang", "/push/subscription", body(pushKey)).status(t, http.StatusNoContent)
	a := o.sendJSON(t, "wang", "/push/subscription", body("B"+strings.Repeat("C", 86))).status(t, http.StatusConflict)
	if !strings.Contains(a.text, "error.pushkey") || len(o.post.heard()) != 1 {
		t.Errorf("answer %s, said %q", a.text, o.post.heard())
	}
}

// A subscription that its service has called dead is answered so that the
// browser makes another.
func TestSubscribeDead(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.sendJSON(t, "wang", "/push/subscription", `{"endpoint":"https://push.example.org/dead","keys":{"p256dh":"p","auth":"a"},"key":"`+pushKey+`"}`).status(t, http.StatusConflict)
	if !strings.Contains(a.text, "error.pushkey") || len(o.post.heard()) != 0 {
		t.Errorf("answer %s, said %q", a.text, o.post.heard())
	}
}

func TestDelivered(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.newID()
	o.sendJSON(t, "wang", "/push/delivered", `{"delivery":"`+id+`"}`).status(t, http.StatusNoContent)
	o.sendJSON(t, "wang", "/push/delivered", `{"delivery":"x"}`).status(t, http.StatusNotFound)
	if !slices.Equal(o.post.heard(), []string{"delivered " + id}) {
		t.Errorf("said %q", o.post.heard())
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/live").status(t, http.StatusUpgradeRequired)
	if !slices.Equal(o.wire.served, []string{string(o.wang.ID) + " session-wang"}) {
		t.Errorf("served %q", o.wire.served)
	}
	off := newOffice(t, func(opt *Options) { opt.Live = nil })
	off.get(t, "wang", "/live").status(t, http.StatusNotFound)
	off.get(t, "wang", "/inbox").has(t, `script[src*="live.js"]`, 0)
	off.send(t, "wang", "/signout", nil).redirects(t, "/signin?out=1")
}

func TestDone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/done").status(t, 200).
		has(t, ".card", 2).
		says(t, ".day", "115年11月19日", "115年11月16日").
		says(t, ".card.final", "決行", "已決行", "擬派員參加", "如擬。", "1150011800").
		says(t, ".card:not(.final)", "核可", "科長 王敏華 辦理中")
	o.get(t, "hsu", "/done").has(t, ".card", 1)
	o.get(t, "kao", "/done").says(t, ".empty", "還沒有辦過的公文")
	o.fillTray(t, 25)
	o.get(t, "lin", "/done").has(t, ".card", 20).has(t, "a[data-more]", 1)
}
