package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"qianhe/hub"
)

// TestLinking links LINE and Messenger, from the phones to the pages and back,
// without a script.
func TestLinking(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	d.waitLINE(t, "wang", 1)
	wang, err := d.accounts.PersonByLogin(t.Context(), "wang")
	if err != nil {
		t.Fatal(err)
	}
	v := d.signedIn(t, "wang")
	user := lineUser("wang")

	// Unlinked on the web; the chat then says how to link, and leads to us.
	link := d.linkOf(t, hub.LINE, user)
	if status, _ := v.post("/me/links/"+link+"/remove", nil); status != http.StatusOK {
		t.Fatalf("unlink: %d", status)
	}
	d.sandbox.SayLINE(user, "綁定")
	card := d.heard(t, "wang", 2)
	to, err := url.Parse(card.URL)
	if err != nil || to.Path != "/link/line" || !strings.HasPrefix(card.Title, "綁定帳號") {
		t.Fatalf("綁定 is answered with %q to %s", card.Title, card.URL)
	}

	// Our page, LINE's page, and back in the chat.
	status, page := v.get(to.RequestURI())
	if status != http.StatusOK || !strings.Contains(says(page, "main h2"), "王科長") {
		t.Fatalf("link page: %d %s", status, says(page, "main"))
	}
	status, page = v.post("/link/line", v.fields(page, `form[action="/link/line"]`, nil))
	if status != http.StatusOK || v.path != "/dialog/bot/accountLink" {
		t.Fatalf("LINE's page: %d at %s", status, v.path)
	}
	d.agree(t, page)
	if got := d.heard(t, "wang", 3); !strings.HasPrefix(got.Title, "已綁定") {
		t.Errorf("linking is answered with %q", got.Title)
	}
	if l, err := d.hub.LinkByAddress(t.Context(), hub.LINE, user); err != nil || l.Person != wang.ID || l.ID == link {
		t.Errorf("link is %+v, %v", l, err)
	}
	if _, page := v.get("/link/line"); !strings.Contains(says(page, ".right"), "已綁定 LINE") {
		t.Errorf("the page says %s", says(page, "main"))
	}

	// Somebody else's LINE opens the dialog: LINE says so, and the page too.
	d.sandbox.SayLINE(user, "解除綁定")
	ask := d.heard(t, "wang", 4)
	if !d.sandbox.TapLINE(user, ask.ID, "解除綁定") {
		t.Fatal("the question has no button")
	}
	d.heard(t, "wang", 5)
	d.sandbox.SayLINE(user, "綁定")
	to, _ = url.Parse(d.heard(t, "wang", 6).URL)
	_, page = v.get(to.RequestURI())
	_, page = v.post("/link/line", v.fields(page, `form[action="/link/line"]`, nil))
	form := v.fields(page, `form[action="/dialog/bot/accountLink"]`, url.Values{"user": {lineUser("lin")}})
	if _, wrong := d.sandbox.AgreeLINE(form.Get("linkToken"), form.Get("nonce"), form.Get("user")); wrong != "" {
		t.Fatal(wrong)
	}
	d.see(t, v, "/link/line", ".wrong", "沒有綁定成功")

	// Messenger: a link into the chat, a code back.
	if _, err := d.messenger.Setup(t.Context(), d.config.BaseURL.String()); err != nil {
		t.Fatal(err)
	}
	status, page = v.post("/link/messenger", nil)
	href, _ := page.Find(".add a.btn").Attr("href")
	open, err := url.Parse(href)
	if status != http.StatusOK || err != nil || len(open.Query().Get("ref")) < 22 {
		t.Fatalf("Messenger's page: %d, link %q", status, href)
	}
	psid := messengerUser("wang")
	d.sandbox.OpenLink(psid, open.Query().Get("ref"))
	d.sandbox.GetStarted(psid)
	list, err := d.sandbox.Wait(t.Context(), psid, 1)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`\d{6}`).FindString(list[0].Title)
	if code == "" {
		t.Fatalf("the chat says %q", list[0].Title)
	}
	status, _ = v.post("/link/messenger/code", url.Values{"code": {code}})
	if status != http.StatusOK || v.path != "/link/messenger" {
		t.Errorf("code: %d at %s", status, v.path)
	}
	if l, err := d.hub.LinkByAddress(t.Context(), hub.Messenger, psid); err != nil || l.Person != wang.ID {
		t.Errorf("link is %+v, %v", l, err)
	}
	d.sandbox.Say(psid, "查詢")
	list, err = d.sandbox.Wait(t.Context(), psid, 2)
	if err != nil || !strings.Contains(list[1].Title, "待處理公文 5 件") {
		t.Errorf("查詢 in Messenger: %v, %d messages", err, len(list))
	}
}

// linkOf gives the link that an address has.
func (d *demo) linkOf(t *testing.T, c hub.ChannelName, address string) string {
	t.Helper()
	l, err := d.hub.LinkByAddress(t.Context(), c, address)
	if err != nil {
		t.Fatal(err)
	}
	return l.ID
}

// agree presses the button of LINE's page.
func (d *demo) agree(t *testing.T, page *goquery.Document) {
	t.Helper()
	phones := &visitor{t: t, base: origin(d.listeners[1]), http: &http.Client{}}
	status, _ := phones.post("/dialog/bot/accountLink", phones.fields(page, `form[action="/dialog/bot/accountLink"]:has(.agree)`, nil))
	if status != http.StatusOK || phones.path != "/phone/wang" {
		t.Fatalf("agreeing: %d at %s", status, phones.path)
	}
}

// see loads a page until it says something.
func (d *demo) see(t *testing.T, v *visitor, path, selector, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		_, page := v.get(path)
		got := says(page, selector)
		if strings.Contains(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s says %q, want %q", path, got, want)
		}
		pauseOr(t.Context().Done(), 20*time.Millisecond)
	}
}
