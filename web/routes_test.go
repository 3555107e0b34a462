package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"qianhe/approval"
)

// address fills the places of a pattern with what could be there.
func (o *office) address(pattern string) (method, path string) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodGet, pattern
	}
	return method, strings.NewReplacer(
		"{id}", string(o.flood), "{file}", string(o.pdf), "{page}", "1", "{device}", "device-desk", "{link}", "line", "{way}", "portal", "{factor}", "app",
		"{kind}", "document.arrived", "{notification}", o.ledger.entries[0].ID, "{channel}", "line", "{group}", "reach", "{handover}", handoverID,
		"{person}", string(o.wang.ID), "{unit}", string(o.kao.Unit), "{hash}", "0000000000", "{name}", "app.css", "{$}", "",
	).Replace(path)
}

// publicRoutes are all that anybody may use. A new one is added here on
// purpose.
var publicRoutes = []string{
	"GET /{$}", "GET /signin", "POST /signin", "GET /signin/second", "POST /signin/second", "POST /signin/to/{way}", "GET /signin/back/{way}", "GET /offline", "/", "GET /manifest.webmanifest", "GET /sw.js", "GET /static/{hash}/{name}",
	"GET /favicon.ico", "GET /robots.txt", "GET /deny", "POST /deny",
}

func TestEveryOtherRouteNeedsASession(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, rt := range o.table {
		method, path := o.address(rt.pattern)
		if slices.Contains(publicRoutes, rt.pattern) != (rt.rule == public) {
			t.Errorf("%s has rule %d", rt.pattern, rt.rule)
		}
		if rt.rule == public {
			continue
		}
		for _, login := range []string{"", "nobody"} {
			a := o.ask(t, login, method, path, nil)
			switch {
			case rt.data && a.StatusCode != http.StatusUnauthorized:
				t.Errorf("%s as %q: got %d, want 401", rt.pattern, login, a.StatusCode)
			case !rt.data && method == http.MethodGet && (a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/signin?next="+url.QueryEscape(path)):
				t.Errorf("%s as %q: got %d to %s, want the sign-in", rt.pattern, login, a.StatusCode, a.Header.Get("Location"))
			case !rt.data && method == http.MethodPost && (a.StatusCode != http.StatusUnauthorized || a.page.Find(`form[action="/signin"]`).Length() != 1):
				t.Errorf("%s as %q: got %d, want 401 and the form", rt.pattern, login, a.StatusCode)
			}
			if strings.Contains(a.text, "防汛") {
				t.Errorf("%s as %q shows a document", rt.pattern, login)
			}
		}
	}
	if len(o.post.heard()) != 0 {
		t.Errorf("without a session something was done: %q", o.post.heard())
	}
}

// Nothing but a form may change anything, and only from our own pages.
func TestCrossSiteRequestsAreRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	decide := o.get(t, "wang", "/d/"+string(o.flood)+"/decide")
	form := decide.form(t, "/d/"+string(o.flood)+"/act")
	form.Set("do", "forward")
	for _, rt := range o.table {
		method, path := o.address(rt.pattern)
		if method != http.MethodPost {
			continue
		}
		for _, h := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "", "Origin", "null"},
		} {
			if a := o.send(t, "wang", path, form, h...); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %q: got %d, want 403", rt.pattern, h, a.StatusCode)
			}
		}
	}
	if d := o.store.find(o.flood); d.Active(o.wang.ID) == nil {
		t.Error("a request from another site has decided")
	}
	if len(o.post.heard()) != 0 {
		t.Errorf("something was done: %q", o.post.heard())
	}
	// An old browser sends no Sec-Fetch-Site, and our origin.
	o.send(t, "wang", "/d/"+string(o.flood)+"/act", form, "Sec-Fetch-Site", "", "Origin", "http://sign.example.gov.tw").status(t, http.StatusSeeOther)
}

func TestGetChangesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	form := o.get(t, "wang", "/d/"+string(o.flood)+"/decide").form(t, "/d/"+string(o.flood)+"/act")
	form.Set("do", "forward")
	o.get(t, "wang", "/d/"+string(o.flood)+"/act?"+form.Encode()).redirects(t, "/d/"+string(o.flood))
	o.get(t, "wang", "/signout").status(t, http.StatusNotFound)
	if o.store.find(o.flood).Active(o.wang.ID) == nil {
		t.Error("a GET has decided")
	}
}

func TestMustChangePasswordFirst(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.accounts.sessions["wang"]
	s.MustChange = true
	o.accounts.sessions["wang"] = s
	for _, rt := range o.table {
		if g := rt.rule.gate(); g.Public || g.Changing {
			continue
		}
		method, path := o.address(rt.pattern)
		a := o.ask(t, "wang", method, path, nil)
		if rt.data && a.StatusCode != http.StatusForbidden || !rt.data && !strings.HasPrefix(a.Header.Get("Location"), "/me/password") {
			t.Errorf("%s: got %d to %q", rt.pattern, a.StatusCode, a.Header.Get("Location"))
		}
	}
	o.get(t, "wang", "/me/password").status(t, 200).says(t, "form .hint", "別人替您設定").has(t, ".nav", 0)
	o.send(t, "wang", "/me/password", url.Values{"old": {password}, "new": {"long enough for anybody"}, "again": {"long enough for anybody"}}).redirects(t, "/inbox")
}

func TestNextAfterSignIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	doc := "/d/" + string(o.flood)
	tests := []struct{ next, want string }{
		{doc, doc},
		{doc + "?openExternalBrowser=1", doc},
		{"/inbox?f=overdue", "/inbox?f=overdue"},
		{"/next", "/next"},
		{"/done", "/done"},
		{doc + "/decide", doc + "/decide"},
		{doc + "#route", doc},
		{"", "/inbox"},
		{"https://evil.example/inbox", "/inbox"},
		{"//evil.example/inbox", "/inbox"},
		{"///evil.example", "/inbox"},
		{`/\evil.example`, "/inbox"},
		{`\\evil.example`, "/inbox"},
		{"/%5Cevil.example", "/inbox"},
		{"/%2F%2Fevil.example", "/inbox"},
		{"javascript:alert(1)", "/inbox"},
		{"/inbox\r\nSet-Cookie: a=b", "/inbox"},
		{"/\tevil.example", "/inbox"},
		{" /inbox", "/inbox"},
		{"inbox", "/inbox"},
		{"/signin", "/inbox"},
		{"/signout", "/inbox"},
		{"/live", "/inbox"},
		{"/push/key", "/inbox"},
		{"/such/a/page", "/inbox"},
		{doc + "/../../evil", "/inbox"},
		{"/" + strings.Repeat("a", 600), "/inbox"},
		{"http:/inbox", "/inbox"},
		{"/@evil.example", "/inbox"},
	}
	for _, tt := range tests {
		if got := o.safeNext(tt.next); got != tt.want {
			t.Errorf("safeNext(%q) = %q, want %q", tt.next, got, tt.want)
		}
		form := url.Values{"login": {"wang"}, "password": {password}, "next": {tt.next}}
		if a := o.send(t, "", "/signin", form); a.Header.Get("Location") != tt.want {
			t.Errorf("sign-in with next %q goes to %q, want %q", tt.next, a.Header.Get("Location"), tt.want)
		}
	}
}

// Whoever taps a link lands on its document, by way of the sign-in.
func TestALinkLeadsToItsDocument(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "", "/d/"+string(o.flood)+"?openExternalBrowser=1").status(t, http.StatusSeeOther)
	p := o.get(t, "", a.Header.Get("Location")).status(t, 200).says(t, "form .hint", "直接開啟您點的公文")
	form := p.form(t, "/signin")
	form.Set("login", "wang")
	form.Set("password", password)
	a = o.send(t, "", "/signin", form).redirects(t, "/d/"+string(o.flood))
	var names []string
	for _, c := range a.Cookies() {
		names = append(names, c.Name)
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.Domain != "" || c.MaxAge <= 0 {
			t.Errorf("cookie %+v", c)
		}
	}
	if !slices.Equal(names, []string{"qianhe_session", "qianhe_device"}) {
		t.Errorf("cookies are %q", names)
	}
	o.get(t, "wang", "/signin?next=/done").redirects(t, "/done")
}

func TestNextIsTheMostUrgentThatCanBeHandledHere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/next").redirects(t, "/d/"+string(o.flood))
	o.get(t, "lin", "/next").redirects(t, "/inbox")
	for _, d := range o.store.docs {
		d.Grade = approval.GradeConfidential
	}
	o.get(t, "wang", "/next").redirects(t, "/inbox")
	o.get(t, "wang", "/").redirects(t, "/inbox")
}
