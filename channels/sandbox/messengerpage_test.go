package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestMessengerPage: the chat as it looks, and what can be done there without a
// script.
func TestMessengerPage(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	st.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	act := func(form string, header ...string) reply {
		t.Helper()
		return st.do("POST", "/phone/wang/messenger", form, append(header, "Content-Type: application/x-www-form-urlencoded")...)
	}
	chat := func() string {
		t.Helper()
		_, page, ok := strings.Cut(st.do("GET", "/phone/wang", "").body, `id="messenger"`)
		if !ok {
			t.Fatal("no Messenger on the phone")
		}
		return page
	}
	has := func(what string, want ...string) {
		t.Helper()
		page := chat()
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s: page has no %q:\n%s", what, w, page)
			}
		}
	}
	if got := st.graph("POST", withProof("/messenger_profile"), `{"get_started":{"payload":"started"},"persistent_menu":[{"locale":"default","call_to_actions":[`+
		`{"type":"postback","title":"查詢待辦件數","payload":"query"},{"type":"web_url","title":"開啟行動簽核","url":"https://sign.example.gov.tw"}]}]}`); got.status != 200 {
		t.Fatalf("profile: %s", got.body)
	}
	has("new chat", "開始使用", "青川市政府公文通知")
	if got := act("do=open&text=https%3A%2F%2Fm.me%2F1%3Fref%3Dabc"); got.status != 303 || got.header.Get("Location") != "/phone/wang#messenger" {
		t.Errorf("open: %d %v", got.status, got.header)
	}
	has("came by a link", "您由連結開啟了這個對話")
	for _, form := range []string{"do=start", "do=say&text=%3Cscript%3E", "do=menu&title=%E6%9F%A5%E8%A9%A2%E5%BE%85%E8%BE%A6%E4%BB%B6%E6%95%B8"} {
		clock.pass(time.Second)
		if got := act(form); got.status != 303 {
			t.Errorf("%s: %d %s", form, got.status, got.body)
		}
	}
	has("begun", "&lt;script&gt;", "<span>查詢待辦件數</span>", `href="https://sign.example.gov.tw"`)
	clock.pass(time.Second)
	if got := st.send(strings.Replace(template("待處理公文 5 件\n▲最速件：1 件", openButton, readButton), psid, wangPSID, 1)); got.status != 200 {
		t.Fatalf("send: %s", got.body)
	}
	has("arrived", "<span>待處理公文 5 件</span><span>▲最速件：1 件</span>", `href="https://sign.example.gov.tw/next"`, "未讀訊息", `value="已讀"`)
	if other := st.do("GET", "/phone/lin", "").body; strings.Contains(other, "最速件") {
		t.Error("another phone shows it")
	}
	if chen := st.do("GET", "/phone/chen", "").body; !strings.Contains(chen, "陳柏宇沒有使用 Messenger") {
		t.Error("a phone without Messenger does not say so")
	}
	if got := act("do=read"); got.status != 303 || strings.Contains(chat(), "未讀訊息") {
		t.Errorf("read: %d", got.status)
	}
	id := st.Messages(wangPSID)[0].ID
	if got := act("do=tap&title=%E5%B7%B2%E8%AE%80&message=" + id); got.status != 303 {
		t.Errorf("tap: %d %s", got.status, got.body)
	}
	has("tapped", "<span>已讀</span>")
	act("do=block")
	has("blocked", "已封鎖", "解除封鎖")
	act("do=unblock")
	for form, want := range map[string]int{
		"do=fly": 400, "do=tap&message=" + id + "&title=x": 400, "do=menu&title=x": 400, "do=say&text=+": 303, "do=say&text=" + strings.Repeat("a", 2001): 303,
	} {
		if got := act(form); got.status != want {
			t.Errorf("%.40s: got %d, want %d", form, got.status, want)
		}
	}
	if got := act("do=say&text=a", "Sec-Fetch-Site: cross-site"); got.status != 403 {
		t.Errorf("from another site: got %d, want 403", got.status)
	}
	if got := st.do("POST", "/phone/chen/messenger", "do=say&text=a", "Content-Type: application/x-www-form-urlencoded"); got.status != 404 {
		t.Errorf("nobody's Messenger: got %d, want 404", got.status)
	}
	if got := st.do("GET", "/m.me/17?ref=a", ""); got.status != 404 {
		t.Errorf("another Page: got %d, want 404", got.status)
	}
	if got := st.do("GET", "/m.me/"+st.Page().ID+"?ref=%22%3E", ""); got.status != 200 || strings.Contains(got.body, `value="">`) || strings.Contains(got.body, "陳柏宇") {
		t.Errorf("link: %d %s", got.status, got.body)
	}
}
