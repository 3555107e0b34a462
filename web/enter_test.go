package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qianhe/approval/access"
)

const (
	onIntranet = "10.1.2.3"
	onVPN      = "10.8.0.7"
	elsewhere  = "203.0.113.9"
	onPhone    = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)

// from gives headers under which a request comes from an address, by way of the
// proxy of the agency.
func from(address string, more ...string) []string {
	return append([]string{"X-Forwarded-For", address}, more...)
}

func TestWhoseNetworkDoesNotSuitIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, behindProxy)
	o.access.decide("network.intranet", "10.0.0.0/8", "network.vpn", "10.8.0.0/16", "reach.official", "agency")
	doc := "/d/" + string(o.flood)
	for _, from := range [][]string{from(onVPN), from(onIntranet), from(elsewhere + ", " + onVPN)} {
		o.get(t, "wang", doc, from...).status(t, 200)
	}
	a := o.get(t, "wang", doc, from(elsewhere)...).status(t, http.StatusForbidden).says(t, "h1", "請先連上機關 VPN").says(t, "main", "機關以外的網路")
	a.has(t, `.ways a[href="`+doc+`"]`, 1).has(t, `form[action="/signout"]`, 1)
	if strings.Contains(a.text, "防汛") {
		t.Error("the refusal shows the document")
	}
	// A socket, a picture, a script: short, and the same.
	o.get(t, "wang", "/live", from(elsewhere)...).status(t, http.StatusForbidden)
	o.get(t, "wang", "/live/head", from(elsewhere)...).status(t, http.StatusForbidden)
	if len(o.wire.served) != 0 {
		t.Errorf("live connections: %q", o.wire.served)
	}
	// A client writes what it likes before the proxy's own word.
	o.get(t, "wang", doc, from(onVPN+", "+elsewhere)...).status(t, http.StatusForbidden)
	// Signing out is possible from anywhere.
	o.send(t, "wang", "/signout", nil, from(elsewhere)...).redirects(t, "/signin?out=1")

	o.access.decide("reach.official", "intranet")
	o.get(t, "kao", "/inbox", from(onVPN)...).status(t, http.StatusForbidden).says(t, "h1", "只能在機關內網使用")
	o.get(t, "kao", "/inbox", from(onIntranet)...).status(t, 200)
}

func TestWhoMayNotUseAPhone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.access.decide("mobile.roles", "handler")
	o.get(t, "wang", "/inbox", "User-Agent", onPhone).status(t, http.StatusForbidden).says(t, "h1", "這個帳號請用電腦").has(t, `form[action="/signout"]`, 1)
	o.get(t, "wang", "/inbox").status(t, 200)
}

func TestWhoMayOnlyRead(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	form := o.get(t, "wang", "/d/"+string(o.flood)+"/decide").form(t, "/d/"+string(o.flood)+"/act")
	form.Set("do", "forward")
	s := o.accounts.sessions["wang"]
	s.Standing, s.ReadingUntil = access.Reading, o.now.Add(12*time.Hour)
	o.accounts.sessions["wang"] = s
	o.get(t, "wang", "/d/"+string(o.flood)).status(t, 200)
	o.get(t, "wang", "/d/"+string(o.flood)+"/decide").status(t, http.StatusForbidden).says(t, "h1", "目前只能閱覽").says(t, "main", "21:10 之後才能辦理")
	o.send(t, "wang", "/d/"+string(o.flood)+"/act", form).status(t, http.StatusForbidden)
	if o.store.find(o.flood).Active(o.wang.ID) == nil {
		t.Error("a session that may only read has decided")
	}
}

// Before an act for which the agency asks for it, people show once more who
// they are, and come back to where they were.
func TestProofIsAskedOnceMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.access.decide("proof.decide", "fresh")
	path := "/d/" + string(o.flood)
	form := o.get(t, "wang", path+"/decide").form(t, path+"/act")
	form.Set("do", "forward")
	prove := func(ago time.Duration, m ...access.Method) {
		s := o.accounts.sessions["wang"]
		s.ProvenAt, s.Methods = o.now.Add(-ago), m
		o.accounts.sessions["wang"] = s
	}
	prove(20*time.Minute, access.ByPassword)
	o.get(t, "wang", path).status(t, 200)
	want := "/signin?again=1&next=" + url.QueryEscape(path+"/decide")
	o.get(t, "wang", path+"/decide").redirects(t, want)
	again := o.get(t, "wang", want).status(t, 200).says(t, "form .hint", "再登入一次").form(t, "/signin")
	if again.Get("login") != "wang" || again.Get("next") != path+"/decide" {
		t.Errorf("the form has %v", again)
	}
	again.Set("password", password)
	o.send(t, "wang", "/signin", again).redirects(t, path+"/decide")

	// What was begun in time is taken a little later, and not much later.
	prove(26*time.Minute, access.ByPassword)
	a := o.send(t, "wang", path+"/act", form, "Referer", "http://sign.example.gov.tw"+path+"/decide").status(t, http.StatusForbidden).says(t, "h1", "請再登入一次")
	a.has(t, `a[href="`+want+`"]`, 1)
	a = o.send(t, "wang", path+"/act", form, "Referer", "https://evil.example/x").status(t, http.StatusForbidden)
	a.has(t, `a[href="/signin?again=1&next=`+url.QueryEscape(path)+`"]`, 1)
	prove(24*time.Minute, access.ByPassword)
	o.send(t, "wang", path+"/act", form).status(t, http.StatusSeeOther)
}

// 決行 is told from other decisions by the document, not by the address.
func TestTheLastDecisionAsksForMore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.access.decide("proof.approve", "second")
	path := "/d/" + string(o.monitor)
	o.get(t, "wang", path+"/decide").redirects(t, "/signin?again=1&next="+url.QueryEscape(path+"/decide"))
	o.get(t, "wang", path+"/return").status(t, 200)
	o.get(t, "wang", "/d/"+string(o.flood)+"/decide").status(t, 200)
	s := o.accounts.sessions["wang"]
	s.Methods = []access.Method{access.ByPassword, access.ByTOTP}
	o.accounts.sessions["wang"] = s
	form := o.get(t, "wang", path+"/decide").status(t, 200).form(t, path+"/act")
	form.Set("do", "forward")
	form.Set("opinion", "可。")
	s.Methods = []access.Method{access.ByPassword}
	o.accounts.sessions["wang"] = s
	o.send(t, "wang", path+"/act", form).status(t, http.StatusForbidden).says(t, "h1", "請用第二因素登入")
	if o.store.find(o.monitor).Active(o.wang.ID) == nil {
		t.Error("decided without a second factor")
	}
	s.Methods = []access.Method{access.ByPassword, access.ByTOTP}
	o.accounts.sessions["wang"] = s
	o.send(t, "wang", path+"/act", form).status(t, http.StatusSeeOther)
}

// Whoever saves cannot lock themselves out, and nobody can lock out everybody.
func TestNobodyLocksThemselvesOut(t *testing.T) {
	t.Parallel()
	o := newOffice(t, behindProxy)
	send := func(group string, headers []string, pairs ...string) *answer {
		t.Helper()
		form := o.get(t, "admin", "/admin/access/"+group, headers...).status(t, 200).form(t, "/admin/access/"+group)
		for i := 0; i < len(pairs); i += 2 {
			form[pairs[i]] = strings.Fields(pairs[i+1])
		}
		return o.send(t, "admin", "/admin/access/"+group, form, headers...)
	}
	refused := func(a *answer, why string) {
		t.Helper()
		a.status(t, http.StatusUnprocessableEntity).says(t, ".wrong[role=alert]", "您自己現在就進不了這一頁", why)
	}
	send("reach", from(onIntranet), "reach.admin", "intranet").status(t, http.StatusUnprocessableEntity).says(t, ".fields .wrong", "先填網段")
	refused(send("reach", from(elsewhere), "reach.admin", "agency", "network.vpn", "10.8.0.0/16"), "請先連上機關 VPN")
	refused(send("reach", from(elsewhere), "reach.official", "agency", "network.vpn", "10.8.0.0/16"), "請先連上機關 VPN")
	refused(send("mobile", from(elsewhere, "User-Agent", onPhone), "mobile.roles", "official"), "這個帳號請用電腦")
	refused(send("proof", from(elsewhere), "proof.admin", "second"), "請用第二因素登入")
	if len(o.access.versions) != 0 {
		t.Errorf("%d versions were saved", len(o.access.versions))
	}
	o.get(t, "admin", "/admin/access/reach", from(elsewhere)...).says(t, ".note", "203.0.113.9", "機關以外的網路")
	send("reach", from(onVPN), "reach.admin", "agency", "network.vpn", "10.8.0.0/16").redirects(t, "/admin/access?ok=settings")
	o.get(t, "admin", "/admin/access", from(elsewhere)...).status(t, http.StatusForbidden)
	o.get(t, "admin", "/inbox", from(elsewhere)...).status(t, 200)
	o.get(t, "admin", "/admin/access/reach", from(onVPN)...).says(t, ".note", "機關 VPN")
}

// Pages that are open when the agency decides otherwise lose their live
// connection.
func TestLiveConnectionsFollowTheSettings(t *testing.T) {
	t.Parallel()
	o := newOffice(t, behindProxy)
	o.access.decide("network.vpn", "10.8.0.0/16")
	o.get(t, "wang", "/live", from(elsewhere)...)
	o.get(t, "kao", "/live", from(onVPN)...)
	ask := func() map[string]bool {
		t.Helper()
		alive := map[string]bool{"session-wang": true, "session-kao": true, "session-lin": true, "gone": false}
		if err := o.StillSuits(t.Context(), alive); err != nil {
			t.Fatal(err)
		}
		return alive
	}
	if got := ask(); !got["session-wang"] || !got["session-kao"] || !got["session-lin"] || got["gone"] {
		t.Errorf("at first: %v", got)
	}
	o.access.decide("reach.official", "agency")
	if got := ask(); got["session-wang"] || !got["session-kao"] || !got["session-lin"] || got["gone"] {
		t.Errorf("afterwards: %v", got)
	}
}
