package main

import (
	"context"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
)

// textCode finds the code in a text.
var textCode = regexp.MustCompile(`驗證碼 (\d{6})`)

// TestNewDevices is the story of a second device, in real browsers: one that is
// confirmed with the code of a text and only reads, one whose number is picked
// on the first device, one that is denied there, and one that is refused then.
func TestNewDevices(t *testing.T) {
	t.Parallel()
	chrome := startChrome(t)
	d := startDemo(t)
	base := d.config.BaseURL.String()
	sign := func() *person {
		p := chrome.person(t)
		p.open(base + "/done")
		p.signIn("wang")
		return p
	}
	first := sign()
	first.see("h1", "已辦")

	byText := sign()
	byText.see("h1", "確認是您本人")
	byText.click(`form[action="/waiting/text"] button`)
	byText.see("label[for=code]", "驗證碼")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	texts, err := d.sandbox.Wait(ctx, phoneNumber("wang"), 1)
	if err != nil {
		t.Fatal(err)
	}
	code := textCode.FindStringSubmatch(texts[0].Body)
	if code == nil {
		t.Fatalf("the text says %q", texts[0].Body)
	}
	byText.do("enter the code", chromedp.WaitVisible(chromedp.CSS("#code")), chromedp.SetValue(chromedp.CSS("#code"), code[1]))
	byText.click(`form[action="/waiting/code"] button`)
	byText.see("h1", "已辦")
	phone := chrome.person(t)
	phone.open(d.phone("wang"))
	phone.see("body", code[1]) // as its owner reads it

	confirmed := sign()
	confirmed.see("h1", "確認是您本人")
	number, err := chromedp.Run(confirmed.ctx, chromedp.Evaluate[string](`document.querySelector('.match').textContent`))
	if err != nil {
		t.Fatal(err)
	}
	first.open(base + "/me/devices")
	first.see("a.asks", "等您確認")
	first.click("a.asks")
	first.click(`.pick button[value="` + number + `"]`)
	first.see("h1", "已確認")
	confirmed.see("h1", "已辦") // by itself

	denied := sign()
	denied.see("h1", "確認是您本人")
	first.open(base + "/me/devices")
	first.click("a.asks")
	first.click(`form[action$="/deny"] button`)
	denied.see("h1", "已被拒絕") // by itself
	refused := chrome.person(t)
	refused.open(base + "/inbox")
	refused.do("sign in",
		chromedp.WaitVisible(chromedp.CSS("#login")),
		chromedp.SetValue(chromedp.CSS("#login"), "wang"),
		chromedp.SetValue(chromedp.CSS("#password"), demoPassword),
		chromedp.Click(chromedp.CSS("main button.main")))
	refused.see(".wrong", "registry desk") // in the language of the browser: nobody has signed in
	for _, p := range []*person{first, byText, confirmed, denied, refused} {
		p.noOffences()
	}
}
