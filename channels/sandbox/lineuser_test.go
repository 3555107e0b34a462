package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"qianhe/channels/sandbox"
)

// lineCallback is what LINE sends.
type lineCallback struct {
	Destination string `json:"destination"`
	Events      []struct {
		Type            string `json:"type"`
		Mode            string `json:"mode"`
		WebhookEventID  string `json:"webhookEventId"`
		ReplyToken      string `json:"replyToken"`
		DeliveryContext struct {
			IsRedelivery bool `json:"isRedelivery"`
		} `json:"deliveryContext"`
		Source  *struct{ Type, UserID string }  `json:"source"`
		Message *struct{ Type, Text string }    `json:"message"`
		Link    *struct{ Result, Nonce string } `json:"link"`
	} `json:"events"`
}

// hear serves a callback address, and gives what came to it, in order.
func (st *stand) hear() func() lineCallback {
	st.t.Helper()
	got := make(chan lineCallback, 20)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var c lineCallback
		if st.Sign(body) != r.Header.Get("X-Line-Signature") || json.Unmarshal(body, &c) != nil || c.Destination != st.LINE().BotID {
			st.t.Errorf("callback is malformed: %s %v", body, r.Header)
		}
		got <- c
	}))
	st.t.Cleanup(srv.Close)
	st.SetLINECallback(srv.URL)
	return func() lineCallback {
		st.t.Helper()
		select {
		case c := <-got:
			return c
		case <-time.After(time.Minute):
			st.t.Fatal("no callback came")
			return lineCallback{}
		}
	}
}

var ulid = regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)

func TestLINEEvents(t *testing.T) {
	t.Parallel()
	st := newStand(t, newClock().now)
	next := st.hear()
	st.SayLINE(wang, "查詢")
	said := next().Events[0]
	if said.Type != "message" || said.Mode != "active" || !ulid.MatchString(said.WebhookEventID) || said.Message.Text != "查詢" || said.Source.UserID != wang || said.DeliveryContext.IsRedelivery {
		t.Errorf("event is %+v", said)
	}
	st.RepeatLINE()
	if again := next().Events[0]; again.WebhookEventID != said.WebhookEventID || !again.DeliveryContext.IsRedelivery {
		t.Errorf("repetition is %+v", again)
	}
	if got := st.line("POST", "/v2/bot/message/reply", `{"replyToken":"`+said.ReplyToken+`","messages":[{"type":"text","text":"5 件"}]}`); got.status != 200 {
		t.Errorf("reply: %d %s", got.status, got.body)
	}
	st.BlockLINE(wang)
	if e := next().Events[0]; e.Type != "unfollow" || e.ReplyToken != "" {
		t.Errorf("event is %+v", e)
	}
	st.SayLINE(wang, "沒有人聽得到")
	st.AddLINE(wang)
	if e := next().Events[0]; e.Type != "follow" || e.ReplyToken == "" {
		t.Errorf("event is %+v", e)
	}
	// The same through the page.
	post := func(form string) int {
		return st.do("POST", "/phone/wang/line", form, "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin").status
	}
	if got := post("do=say&text=" + url.QueryEscape(" 件數 ")); got != 200 || next().Events[0].Message.Text != "件數" {
		t.Errorf("say: %d", got)
	}
	if page := st.do("GET", "/phone/wang", "").body; !strings.Contains(page, `<div class="mysaid"`) || !strings.Contains(page, "件數") {
		t.Error("what was written is not shown")
	}
	for form, want := range map[string]int{"do=say&text=": 200, "do=tap&message=x&label=y": 400, "do=dance": 400} {
		if got := post(form); got != want {
			t.Errorf("%s: got %d, want %d", form, got, want)
		}
	}
	if got := st.do("POST", "/phone/chen/line", "do=add"); got.status != 404 {
		t.Errorf("a phone without LINE: got %d", got.status)
	}
	if got := st.do("POST", "/phone/wang/line", "do=block", "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: cross-site"); got.status != 403 {
		t.Errorf("from another site: got %d", got.status)
	}
}

func (st *stand) linkToken(user string) string {
	st.t.Helper()
	var body struct{ LinkToken string }
	got := st.do("POST", "/v2/bot/user/"+user+"/linkToken", "", "Authorization: Bearer "+st.LINE().Token)
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 || body.LinkToken == "" {
		st.t.Fatalf("link token: %d %s", got.status, got.body)
	}
	return body.LinkToken
}

// LINE tells of a linking that went well, and of one that somebody else tried;
// of a token that is spent or too old it tells nobody but the user.
func TestAccountLink(t *testing.T) {
	t.Parallel()
	clock := newClock()
	st := newStand(t, clock.now)
	next := st.hear()
	const nonce = "nonce-of-ours"
	token := st.linkToken(wang)
	page := st.do("GET", "/dialog/bot/accountLink?linkToken="+token+"&nonce="+nonce, "")
	if page.status != 200 || !strings.Contains(page.body, "以王大明的 LINE 連結") || !strings.Contains(page.body, "林以寧") {
		t.Errorf("dialog: %d %s", page.status, page.body)
	}
	if inline.MatchString(page.body) {
		t.Error("dialog has something inline")
	}
	agree := func(form string) reply {
		return st.do("POST", "/dialog/bot/accountLink", form, "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
	}
	if got := agree("linkToken=" + token + "&nonce=" + nonce); got.status != 200 || !strings.Contains(got.body, "王大明的手機") {
		t.Errorf("agreed: %d", got.status)
	}
	if e := next().Events[0]; e.Type != "accountLink" || e.Link.Result != "ok" || e.Link.Nonce != nonce || e.Source.UserID != wang || e.ReplyToken == "" {
		t.Errorf("event is %+v", e)
	}
	for name, form := range map[string]string{
		"spent":           "linkToken=" + token + "&nonce=" + nonce,
		"made up":         "linkToken=x&nonce=" + nonce,
		"nonce too short": "linkToken=" + st.linkToken(wang) + "&nonce=123456789",
		"nonce too long":  "linkToken=" + st.linkToken(wang) + "&nonce=" + strings.Repeat("x", 256),
	} {
		if got := agree(form); got.status != 400 || !strings.Contains(got.body, "無法連結帳號") {
			t.Errorf("%s: got %d", name, got.status)
		}
		if got := st.do("GET", "/dialog/bot/accountLink?"+form, ""); got.status != 400 {
			t.Errorf("%s: the page answers %d", name, got.status)
		}
	}
	old := st.linkToken(wang)
	clock.pass(10 * time.Minute)
	if got := agree("linkToken=" + old + "&nonce=" + nonce); got.status != 400 {
		t.Errorf("too old: got %d", got.status)
	}
	if got := agree("linkToken=" + st.linkToken(wang) + "&nonce=" + nonce + "&user=" + lin); got.status != 200 {
		t.Errorf("somebody else: got %d", got.status)
	}
	if e := next().Events[0]; e.Type != "accountLink" || e.Link.Result != "failed" || e.Source != nil || e.ReplyToken != "" {
		t.Errorf("event is %+v", e)
	}
	if got := st.do("POST", "/v2/bot/user/Uffffffffffffffffffffffffffffffff/linkToken", "", "Authorization: Bearer "+st.LINE().Token); got.status != 404 {
		t.Errorf("a stranger's link token: %d", got.status)
	}
}

func TestLINEEndpoint(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	if got := st.line("GET", "/v2/bot/channel/webhook/endpoint", ""); got.status != 404 {
		t.Errorf("before: %d", got.status)
	}
	next := st.hear()
	if got := st.line("POST", "/v2/bot/channel/webhook/test", `{}`); got.status != 200 || !strings.Contains(got.body, `"success":true`) {
		t.Errorf("test: %d %s", got.status, got.body)
	}
	if c := next(); len(c.Events) != 0 {
		t.Errorf("the test has events: %+v", c)
	}
	for address, want := range map[string]int{"https://sign.example.gov.tw/hooks/line": 200, "http://sign.example.gov.tw/hooks/line": 400, "nowhere": 400} {
		if got := st.line("PUT", "/v2/bot/channel/webhook/endpoint", `{"endpoint":"`+address+`"}`); got.status != want {
			t.Errorf("%s: got %d, want %d", address, got.status, want)
		}
	}
}

func TestQuickReplyLimits(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	st.SetQuota(0, 0)
	item := func(label string) string {
		return `{"type":"action","action":{"type":"message","label":"` + label + `","text":"查詢"}}`
	}
	for name, tt := range map[string]struct {
		items string
		want  int
	}{
		"one": {item("查詢"), 200}, "13": {strings.TrimSuffix(strings.Repeat(item("a")+",", 13), ","), 200},
		"14": {strings.TrimSuffix(strings.Repeat(item("a")+",", 14), ","), 400}, "none": {"", 400},
		"20 characters": {item(strings.Repeat("查", 20)), 200}, "21 characters": {item(strings.Repeat("查", 21)), 400},
		"no label": {`{"type":"action","action":{"type":"message","text":"x"}}`, 400}, "no action": {`{"type":"action"}`, 400},
	} {
		body := `{"to":"` + wang + `","messages":[{"type":"text","text":"a","quickReply":{"items":[` + tt.items + `]}}]}`
		if got := st.line("POST", "/v2/bot/message/push", body); got.status != tt.want {
			t.Errorf("%s: got %d %s, want %d", name, got.status, got.body, tt.want)
		}
	}
}

func TestOtherFaultsOfLINE(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	st.SetFault("", sandbox.Answer(500, "")) // of all receivers, and of nothing else
	if got := st.line("GET", "/v2/bot/profile/"+wang, ""); got.status != 200 {
		t.Errorf("profile: %d", got.status)
	}
	st.SetFault(sandbox.ProfileEndpoint, sandbox.Answer(503, "").Once())
	if got := st.line("GET", "/v2/bot/profile/"+wang, ""); got.status != 503 {
		t.Errorf("profile with a fault: %d", got.status)
	}
	if got := st.line("GET", "/v2/bot/profile/"+wang, ""); got.status != 200 {
		t.Errorf("profile after it: %d", got.status)
	}
}

// TestLINEInBrowser: what is typed and tapped reaches the account without
// leaving the phone, and what comes of it shows up.
func TestLINEInBrowser(t *testing.T) {
	path := browserPath(t)
	st := newStand(t, nil)
	next := st.hear()
	ctx, eval := newBrowser(t, path)
	if err := chromedp.Do(ctx, chromedp.Navigate(st.url+"/phone/wang")); err != nil {
		t.Fatal(err)
	}
	eval(watch)
	if err := chromedp.Do(ctx,
		chromedp.SendKeys(chromedp.CSS("#line .entry input[name=text]"), "查詢"),
		chromedp.Click(chromedp.CSS("#line .entry button")),
		chromedp.WaitVisible(chromedp.CSS("#chat .mysaid")),
	); err != nil {
		t.Fatal(err)
	}
	card := `{"replyToken":"` + next().Events[0].ReplyToken + `","messages":[{"type":"flex","altText":"待處理公文 5 件","contents":{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[
		{"type":"button","style":"link","height":"sm","action":{"type":"postback","label":"已讀","data":"seen:1","displayText":"已讀"}}]}},
		"quickReply":{"items":[{"type":"action","action":{"type":"message","label":"查詢","text":"查詢"}}]}}]}`
	if got := st.line("POST", "/v2/bot/message/reply", card); got.status != 200 {
		t.Fatalf("reply: %d %s", got.status, got.body)
	}
	if err := chromedp.Do(ctx,
		chromedp.WaitVisible(chromedp.CSS("#chat .quick button")),
		chromedp.Click(chromedp.CSS("#chat .fx-tap button")),
		chromedp.WaitVisible(chromedp.CSS("#chat .said ~ .mysaid")),
		chromedp.WaitNotPresent(chromedp.CSS("#chat .quick")),
	); err != nil {
		t.Fatal(err)
	}
	if e := next().Events[0]; e.Type != "postback" {
		t.Errorf("event is %+v", e)
	}
	for expression, want := range map[string]string{
		`[...document.querySelectorAll("#chat .mysaid p")].map((e) => e.textContent).join()`: "查詢,已讀",
		`document.querySelector("#line .entry input[name=text]").value`:                      "",
		`String(document.documentElement.scrollWidth <= innerWidth)`:                         "true",
		`offences.join()`: "",
	} {
		if got := eval(expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
}
