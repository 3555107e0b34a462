package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	lineApple   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari Line/14.19.1"
	lineAndroid = "Mozilla/5.0 (Linux; Android 14; SM-A5560 Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36 Line/14.18.0/IAB"
	messengerUA = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/MessengerForiOS;FBAV/480.0.0.30.109;FBBV/1;FBDV/iPhone14,5]"
	safari      = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)

// The way to a document survives what can come between the tap and the page.
func TestALinkSurvivesTheWayIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	doc := "/d/" + string(o.flood)
	signIn := "/signin?next=" + url.QueryEscape(doc)
	t.Run("wrong password", func(t *testing.T) {
		form := o.get(t, "", signIn).form(t, "/signin")
		form.Set("login", "wang")
		form.Set("password", "wrong")
		again := o.send(t, "", "/signin", form).status(t, http.StatusUnauthorized).form(t, "/signin")
		again.Set("password", password)
		o.send(t, "", "/signin", again).redirects(t, doc)
	})
	t.Run("another language", func(t *testing.T) {
		page := o.get(t, "", signIn)
		english := o.get(t, "", page.attr("a[hreflang=en]", "href")).status(t, 200).says(t, "main", "Sign in")
		form := english.form(t, "/signin")
		form.Set("login", "wang")
		form.Set("password", "wrong")
		again := o.send(t, "", "/signin", form).status(t, http.StatusUnauthorized).says(t, "main", "Sign in").form(t, "/signin")
		again.Set("password", password)
		o.send(t, "", "/signin", again).redirects(t, doc)
	})
	t.Run("a form of before, from a tab that was left open", func(t *testing.T) {
		page := o.send(t, "", doc+"/act", url.Values{"do": {"forward"}, "token": {"old"}}).status(t, http.StatusUnauthorized)
		form := page.form(t, "/signin")
		form.Set("login", "wang")
		form.Set("password", password)
		o.send(t, "", "/signin", form).redirects(t, doc)
	})
	t.Run("signed in meanwhile in another tab", func(t *testing.T) {
		o.get(t, "wang", signIn).redirects(t, doc)
	})
	t.Run("a password that has to be changed", func(t *testing.T) {
		s := o.accounts.sessions["lin"]
		s.MustChange = true
		o.accounts.sessions["lin"] = s
		to := o.get(t, "lin", doc+"?openExternalBrowser=1").Header.Get("Location")
		form := o.get(t, "lin", to).status(t, 200).form(t, "/me/password")
		form.Set("old", password)
		form.Set("new", "long enough for anybody")
		form.Set("again", "differs")
		form = o.send(t, "lin", "/me/password", form).status(t, http.StatusUnprocessableEntity).form(t, "/me/password")
		form.Set("old", password)
		form.Set("new", "long enough for anybody")
		form.Set("again", "long enough for anybody")
		o.send(t, "lin", "/me/password", form).redirects(t, doc)
	})
}

// Whoever opens a link that is not theirs learns nothing: not even whether there
// is such a document.
func TestALinkForwardedToAColleague(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	strip := func(a *answer, path string) string {
		return strings.ReplaceAll(strings.ReplaceAll(a.text, path, "PATH"), url.QueryEscape(path), "PATH")
	}
	theirs, none, broken := "/d/"+string(o.flood), "/d/"+o.newID(), "/d/nothing"
	for _, rest := range []string{"", "/decide", "/return"} {
		var bodies []string
		for _, path := range []string{theirs, none, broken} {
			a := o.get(t, "kao", path+rest).status(t, http.StatusNotFound)
			if strings.Contains(a.text, "防汛") || strings.Contains(a.text, "王敏華") {
				t.Errorf("%s shows something of the document", path+rest)
			}
			bodies = append(bodies, strip(a, path))
		}
		if bodies[0] != bodies[1] || bodies[0] != bodies[2] {
			t.Errorf("%s: a document of others, none, and no identifier answer differently:\n%s\n%s\n%s", rest, bodies[0], bodies[1], bodies[2])
		}
	}
	page := o.get(t, "kao", theirs).says(t, "main", "不是給您的", "高局長", "kao").has(t, `.ways a.main[href="/inbox"]`, 1)
	if got := page.words("title"); strings.Contains(got, string(o.flood)) || !strings.Contains(got, "不是給您的連結") {
		t.Errorf("title %q", got)
	}
	// For whom it is signs in, and lands there.
	form := page.form(t, "/signout")
	to := o.send(t, "kao", "/signout", form).Header.Get("Location")
	if to != "/signin?out=1&next="+url.QueryEscape(theirs) {
		t.Fatalf("goes on to %q", to)
	}
	in := o.get(t, "", to).form(t, "/signin")
	in.Set("login", "wang")
	in.Set("password", password)
	o.send(t, "", "/signin", in).redirects(t, theirs)
	// Nowhere else, whatever is written into the form.
	if to := o.send(t, "chen", "/signout", url.Values{"next": {"https://evil.example/"}}).Header.Get("Location"); to != "/signin?out=1&next=%2Finbox" {
		t.Errorf("goes on to %q", to)
	}
	o.get(t, "hsu", "/n/"+o.leave).status(t, http.StatusNotFound).says(t, "h1", "這則通知不是給您的")
	for _, said := range o.post.heard() {
		if strings.HasPrefix(said, "seen") {
			t.Errorf("opened by others, and %q", said)
		}
	}
}

func TestOutOfBuiltInBrowsers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	doc := "/d/" + string(o.flood)
	to := "/signin?next=" + url.QueryEscape(doc)
	for _, ua := range []string{lineApple, lineAndroid} {
		page := o.get(t, "", to, "User-Agent", ua).status(t, 200).says(t, ".inside", "LINE")
		if got := page.attr(".inside a.btn", "href"); got != doc+"?openExternalBrowser=1" {
			t.Errorf("leads out to %q", got)
		}
		// Where the word has no effect the page is there all the same.
		o.get(t, "wang", doc+"?openExternalBrowser=1", "User-Agent", ua).status(t, 200)
		o.get(t, "", doc+"?openExternalBrowser=1", "User-Agent", ua).redirects(t, to)
	}
	o.get(t, "", to, "User-Agent", messengerUA).says(t, ".inside", "Messenger", "在瀏覽器開啟", "http://sign.example.gov.tw"+doc).has(t, ".inside a", 0)
	o.get(t, "", "/signin?next=%2Finbox%3Ff%3Doverdue", "User-Agent", lineApple).has(t, `.inside a[href="/inbox?f=overdue&openExternalBrowser=1"]`, 1)
	o.get(t, "", to, "User-Agent", safari).has(t, ".inside", 0)
	// LINE's own dialog has to know who opens it.
	o.get(t, "", "/signin?next=%2Flink%2Fline%3FlinkToken%3Da", "User-Agent", lineApple).has(t, ".inside", 0)
}
