package sandbox_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"qianhe/channels/sandbox"
)

const (
	wangPhone = "+886900000017"
	linPhone  = "+886900000018"
)

// text111 sends a text in the shape of 111.
func (st *stand) text111(phone, content string) reply {
	st.t.Helper()
	body, err := json.Marshal(map[string]string{
		"clientId": "c1", "agency": "青川市政府", "phone": phone, "content": content, "expireAt": "20261123120000", "callbackUrl": "",
	})
	if err != nil {
		st.t.Fatal(err)
	}
	return st.do("POST", "/111/messages", string(body), "Authorization: Bearer "+st.Gateway().Token, "Content-Type: application/json")
}

// textTwilio sends one by Twilio.
func (st *stand) textTwilio(form url.Values) reply {
	st.t.Helper()
	a := st.Twilio()
	return st.do("POST", "/2010-04-01/Accounts/"+a.AccountSID+"/Messages.json", form.Encode(),
		"Authorization: "+basic(a.APIKey, a.APISecret), "Content-Type: application/x-www-form-urlencoded")
}

// TestTextsPage: sender, beginning, reference, link and cost of each text.
func TestTextsPage(t *testing.T) {
	t.Parallel()
	st := newStand(t, newClock().now)
	texts := func(key string) string {
		t.Helper()
		_, page, ok := strings.Cut(st.do("GET", "/phone/"+key, "").body, `id="sms"`)
		if !ok {
			t.Fatal("no texts on the phone")
		}
		return page
	}
	if got := texts("wang"); !strings.Contains(got, "還沒有簡訊") {
		t.Errorf("a new phone: %s", got)
	}
	if got := texts("chen"); !strings.Contains(got, "不知道陳柏宇的手機號碼") {
		t.Errorf("no number: %s", got)
	}
	if got := st.text111("0900000017", "017 青川市政府：待處理公文 5 件。 https://url.gov.tw/a?b=1&c=2 〔A7K2〕<script>"); got.status != 200 {
		t.Fatalf("111: %d %s", got.status, got.body)
	}
	if got := st.textTwilio(url.Values{"To": {wangPhone}, "From": {st.Twilio().From}, "Body": {"017 青川市政府：最速件公文 1 件〔B8C3〕" + strings.Repeat("文", 60)}}); got.status != 201 {
		t.Fatalf("Twilio: %d %s", got.status, got.body)
	}
	page := texts("wang")
	for _, want := range []string{
		`<p class="from">111</p>`, `<b class="begin">017 青川市政府</b>：待處理公文 5 件`, `<b class="ref">〔A7K2〕</b>`,
		`href="https://url.gov.tw/a?b=1&amp;c=2"`, "&lt;script&gt;", "計費 1 則", `<p class="from">&#43;1 415-555-01`, `<b class="ref">〔B8C3〕</b>`, "計費 2 則",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page has no %q:\n%s", want, page)
		}
	}
	if other := texts("lin"); strings.Contains(other, "最速件") {
		t.Error("another phone shows it")
	}
	if whole := st.do("GET", "/phone/wang", "").body; !strings.Contains(whole, "0900 000 017") {
		t.Error("the phone's number is not shown")
	}
	if people := st.do("GET", "/", "").body; !strings.Contains(people, "最速件公文 1 件") {
		t.Error("the latest of everybody's page is not the text")
	}
}

// TestTextsInBrowser: a text shows up on the open page, within it.
func TestTextsInBrowser(t *testing.T) {
	path := browserPath(t)
	st := newStand(t, nil)
	ctx, eval := newBrowser(t, path)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 780), chromedp.Navigate(st.url+"/phone/wang")); err != nil {
		t.Fatal(err)
	}
	eval(watch)
	if got := st.text111("0900000017", "017 青川市政府：待處理公文 5 件。 https://url.gov.tw/"+strings.Repeat("x", 60)+" 〔A7K2〕"); got.status != 200 {
		t.Fatalf("111: %d %s", got.status, got.body)
	}
	if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS("#texts .text a"))); err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]string{
		`document.querySelector("#texts .begin").textContent`:                                                  "017 青川市政府",
		`document.querySelector("#texts .ref").textContent`:                                                    "〔A7K2〕",
		`document.querySelector("#sms-title span").textContent`:                                                "111",
		`String(document.documentElement.scrollWidth <= innerWidth)`:                                           "true",
		`String(document.querySelector("#texts").scrollWidth <= document.querySelector("#texts").clientWidth)`: "true",
		`offences.join()`: "",
	} {
		if got := eval(expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
}

func TestNewRefusesNumbers(t *testing.T) {
	t.Parallel()
	if _, err := sandbox.New(sandbox.Options{URL: "http://127.0.0.1:9700", People: []sandbox.Person{{Key: "a", Phone: "0912345678"}}}); err == nil {
		t.Error("a number that is not in E.164 form: accepted")
	}
}
