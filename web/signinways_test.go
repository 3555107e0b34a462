package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// signIns is SignIns in memory: it remembers what it was asked and answers what
// a test has said.
type signIns struct {
	asked   []string
	err     error
	next    string
	codes   []string
	can     access.Askable
	factors []access.Factor
}

func (f *signIns) note(parts ...string) { f.asked = append(f.asked, strings.Join(parts, " ")) }

func (f *signIns) BeginSignIn(_ context.Context, way, back, next string, _ access.Browser) (string, string, error) {
	f.note("begin", way, back, next)
	return "https://portal.example/authorize?state=s", "flow", f.err
}

func (f *signIns) in() (access.SignedIn, string, error) {
	if f.err != nil {
		return access.SignedIn{}, f.next, f.err
	}
	return access.SignedIn{SessionCookie: "lin", DeviceCookie: "device", Session: access.Session{ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}}, f.next, nil
}

func (f *signIns) FinishSignIn(_ context.Context, way string, v url.Values, cookie string, _ access.Browser) (access.SignedIn, string, error) {
	f.note("finish", way, v.Get("code"), cookie)
	return f.in()
}

func (f *signIns) Second(_ context.Context, cookie string) (access.Askable, error) {
	if cookie != "flow" {
		return access.Askable{}, access.ErrFlow
	}
	return f.can, nil
}

func (f *signIns) FinishSecond(_ context.Context, cookie string, s access.Shown, _ access.Browser) (access.SignedIn, string, error) {
	f.note("second", cookie, s.Code, string(s.Passkey))
	return f.in()
}

func (f *signIns) Provable(context.Context, access.Session) (access.Askable, error) {
	c := f.can
	c.Passkey = ""
	return c, nil
}

func (f *signIns) BeginProof(context.Context, access.Session) (access.Askable, string, error) {
	return f.can, "flow", nil
}

func (f *signIns) Prove(_ context.Context, s access.Session, cookie string, shown access.Shown, _ access.Browser) (string, error) {
	f.note("prove", cookie, shown.Password, shown.Code, string(shown.Passkey))
	return s.Login + "-fresh", f.err
}

func (f *signIns) Keyed() bool { return true }
func (f *signIns) Factors(context.Context, string) ([]access.Factor, int, error) {
	return f.factors, 8, nil
}
func (f *signIns) BeginTOTP(context.Context, access.Session) (string, error) { return "flow", nil }
func (f *signIns) TOTP(_ context.Context, _ access.Session, cookie, issuer string) (string, string, error) {
	if cookie != "flow" {
		return "", "", access.ErrFlow
	}
	return "otpauth://totp/" + url.PathEscape(issuer), "ABCDEFGHIJ", nil
}
func (f *signIns) FinishTOTP(_ context.Context, _ access.Session, cookie, digits, label string) ([]string, error) {
	f.note("totp", cookie, digits, label)
	return f.codes, f.err
}
func (f *signIns) BeginPasskey(context.Context, access.Session) (string, string, error) {
	return `{"challenge":"AAAA"}`, "flow", nil
}
func (f *signIns) FinishPasskey(_ context.Context, _ access.Session, cookie string, response []byte, _ string) ([]string, error) {
	f.note("passkey", cookie, string(response))
	return f.codes, f.err
}
func (f *signIns) NewRecoveryCodes(context.Context, access.Session) ([]string, error) {
	return f.codes, nil
}
func (f *signIns) RemoveFactor(_ context.Context, _ access.Session, id string) error {
	f.note("remove", id)
	return f.err
}

// withWays is an office with a directory and a portal.
func withWays(f *signIns) func(*Options) {
	return func(o *Options) {
		o.SignIns = f
		o.Ways = []Way{{Name: "ad", Label: map[string]string{"zh-TW": "單位帳號", "en": "Agency account"}, Form: true}, {Name: "portal", Label: map[string]string{"zh-TW": "公務入口"}}}
	}
}

func flowCookie(o *office) []string { return []string{"Cookie", o.cookies.flow + "=flow"} }

// set gives the value of a cookie that an answer sets, "-" when it removes it and
// "" when it leaves it.
func (a *answer) set(name string) string {
	for _, c := range a.Cookies() {
		if c.Name == name && c.MaxAge < 0 {
			return "-"
		} else if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func TestSignInShowsTheWays(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWays(&signIns{}))
	a := o.get(t, "", "/signin?next=/done").status(t, 200).says(t, ".ways", "單位帳號").says(t, ".ways", "簽核系統帳號").has(t, `input[name="way"][value="ad"][checked]`, 1)
	a.has(t, `form[action="/signin/to/portal"] input[name="next"][value="/done"]`, 1).says(t, `form[action="/signin/to/portal"]`, "以公務入口登入")
	o.get(t, "", "/signin", "Accept-Language", "en").says(t, ".ways", "Agency account").says(t, `form[action="/signin/to/portal"]`, "Sign in with 公務入口")
	// Without a password of our own there is no choice to make, and without a
	// directory nothing to type.
	o = newOffice(t, withWays(&signIns{}), func(opt *Options) { opt.NoPassword = true })
	o.get(t, "", "/signin").has(t, ".ways", 0).has(t, `input[type="hidden"][name="way"][value="ad"]`, 1)
	o = newOffice(t, withWays(&signIns{}), func(opt *Options) { opt.NoPassword, opt.Ways = true, opt.Ways[1:] })
	o.get(t, "", "/signin").has(t, `input[type="password"]`, 0).has(t, `form[action="/signin/to/portal"] .btn.main`, 1)
	newOffice(t).get(t, "", "/signin").has(t, ".ways", 0).has(t, `input[name="way"]`, 0)
}

func TestSignInElsewhere(t *testing.T) {
	t.Parallel()
	f := &signIns{}
	o := newOffice(t, withWays(f))
	a := o.send(t, "", "/signin/to/portal", url.Values{"next": {"/done"}}).status(t, 200).has(t, `a.btn[href="https://portal.example/authorize?state=s"]`, 1)
	if got := a.attr(`meta[http-equiv="refresh"]`, "content"); got != "0;url=https://portal.example/authorize?state=s" {
		t.Errorf("leads to %q", got)
	}
	if want := "begin portal http://sign.example.gov.tw/signin/back/portal /done"; !slices.Equal(f.asked, []string{want}) || a.set(o.cookies.flow) != "flow" {
		t.Errorf("asked %q, cookies %v", f.asked, a.Cookies())
	}
	// A way of our own form, or none, leads nowhere.
	o.send(t, "", "/signin/to/ad", nil).status(t, http.StatusNotFound)
	o.send(t, "", "/signin/to/other", nil).status(t, http.StatusNotFound)
	o.ask(t, "", http.MethodPost, "/signin/to/portal", nil, "Sec-Fetch-Site", "cross-site").status(t, http.StatusForbidden)
}

func TestSignInBack(t *testing.T) {
	t.Parallel()
	f := &signIns{next: "/done"}
	o := newOffice(t, withWays(f))
	// From another site, as it is: the browser was sent here by the portal.
	a := o.get(t, "", "/signin/back/portal?code=c&state=s", append(flowCookie(o), "Sec-Fetch-Site", "cross-site")...).redirects(t, "/done")
	if a.set(o.cookies.session) != "lin" || a.set(o.cookies.flow) != "-" || f.asked[0] != "finish portal c flow" {
		t.Errorf("cookies %v, asked %q", a.Cookies(), f.asked)
	}
	f.err = access.ErrFlow
	a = o.get(t, "", "/signin/back/portal?code=c&state=s").status(t, http.StatusConflict).says(t, ".wrong", "請重新登入")
	if a.set(o.cookies.session) != "" {
		t.Errorf("cookies %v", a.Cookies())
	}
	o.get(t, "wang", "/signin/back/portal?code=c&state=s").redirects(t, "/done") // loaded again
	f.err = access.ErrCredentials
	o.get(t, "", "/signin/back/portal?error=access_denied", flowCookie(o)...).status(t, http.StatusForbidden).says(t, ".wrong", "這裡沒有您的帳號")
	f.err = &access.ProviderError{Provider: "portal", Err: context.DeadlineExceeded}
	o.get(t, "", "/signin/back/portal", flowCookie(o)...).status(t, http.StatusServiceUnavailable).says(t, ".wrong", "不是您的密碼有錯")
	f.err = &access.SecondError{Cookie: "second"}
	a = o.get(t, "", "/signin/back/portal?code=c", flowCookie(o)...).redirects(t, "/signin/second")
	if a.set(o.cookies.flow) != "second" || a.set(o.cookies.session) != "" {
		t.Errorf("cookies %v", a.Cookies())
	}
}

// Where a sign-in goes on to is looked at again when it has come back: what was
// kept on the way may have been tampered with.
func TestOpenRedirectAfterSignIn(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/signin/back/portal", "javascript:alert(1)"} {
		f := &signIns{next: next, can: access.Askable{Codes: true}}
		o := newOffice(t, withWays(f))
		o.get(t, "", "/signin/back/portal?code=c", flowCookie(o)...).redirects(t, "/inbox")
		o.send(t, "", "/signin/second", url.Values{"code": {"123456"}}, flowCookie(o)...).redirects(t, "/inbox")
		o.send(t, "wang", "/me/prove", url.Values{"password": {"p"}, "next": {next}}).redirects(t, "/inbox")
		if a := o.get(t, "wang", "/me/prove?next="+url.QueryEscape(next)); a.attr(`input[name="next"]`, "value") != "/inbox" {
			t.Errorf("%s: the form leads to %q", next, a.attr(`input[name="next"]`, "value"))
		}
	}
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	f := &signIns{next: "/done", can: access.Askable{Codes: true}}
	o := newOffice(t, withWays(f))
	o.accounts.fails = &access.SecondError{Cookie: "flow"}
	a := o.send(t, "", "/signin", url.Values{"login": {"wang"}, "password": {password}, "next": {"/done"}}).redirects(t, "/signin/second")
	if a.set(o.cookies.flow) != "flow" || a.set(o.cookies.session) != "" {
		t.Errorf("cookies %v", a.Cookies())
	}
	o.get(t, "", "/signin/second", flowCookie(o)...).status(t, 200).has(t, `input[name="code"]`, 1).has(t, "[data-passkey]", 0)
	f.can.Passkey = `{"challenge":"AAAA","rpId":"x\"y"}`
	if got := o.get(t, "", "/signin/second", flowCookie(o)...).attr("[data-passkey]", "data-passkey"); got != f.can.Passkey {
		t.Errorf("options %q", got)
	}
	a = o.send(t, "", "/signin/second", url.Values{"code": {" 123 456 "}}, flowCookie(o)...).redirects(t, "/done")
	if a.set(o.cookies.session) != "lin" || a.set(o.cookies.flow) != "-" {
		t.Errorf("cookies %v", a.Cookies())
	}
	o.send(t, "", "/signin/second", url.Values{"passkey": {`{"id":"a"}`}}, flowCookie(o)...).redirects(t, "/done")
	if want := []string{"second flow 123 456 ", `second flow  {"id":"a"}`}; !slices.Equal(f.asked, want) {
		t.Errorf("asked %q", f.asked)
	}
	f.err = access.ErrCredentials
	o.send(t, "", "/signin/second", url.Values{"code": {"000000"}}, flowCookie(o)...).status(t, 422).says(t, ".wrong", "請再試一次").has(t, `input[name="code"]`, 1)
	f.err = &access.LimitedError{RetryAfter: time.Minute}
	o.send(t, "", "/signin/second", url.Values{"code": {"000000"}}, flowCookie(o)...).status(t, http.StatusTooManyRequests)
	o.get(t, "", "/signin/second").status(t, http.StatusConflict).says(t, ".wrong", "請重新登入")
}

func TestFactors(t *testing.T) {
	t.Parallel()
	f := &signIns{codes: []string{"abcd-efgh-jkmn-pqrs"}}
	o := newOffice(t, withWays(f))
	o.get(t, "wang", "/me").has(t, `a[href="/me/factors"]`, 1)
	o.get(t, "wang", "/me/factors").status(t, 200).has(t, ".devices li", 0).has(t, `form[action="/me/factors/codes"]`, 0)
	a := o.send(t, "wang", "/me/factors/totp", nil).redirects(t, "/me/factors/totp")
	if a.set(o.cookies.flow) != "flow" {
		t.Errorf("cookies %v", a.Cookies())
	}
	withFlow := func(method, path string, form url.Values) *answer {
		t.Helper()
		return o.ask(t, "wang", method, path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded", "Cookie", o.cookies.session+"=wang; "+o.cookies.flow+"=flow")
	}
	withFlow("GET", "/me/factors/totp", nil).status(t, 200).has(t, "svg.qr", 1).says(t, ".secret", "ABCD EFGH IJ")
	o.get(t, "wang", "/me/factors/totp").redirects(t, "/me/factors")
	withFlow("POST", "/me/factors/totp/done", url.Values{"code": {"123456"}}).status(t, 200).says(t, ".codes", "abcd-efgh-jkmn-pqrs")
	f.err = access.ErrCredentials
	withFlow("POST", "/me/factors/totp/done", url.Values{"code": {"000000"}}).status(t, 422).says(t, ".wrong", "數字不對").has(t, "svg.qr", 1)
	withFlow("POST", "/me/factors/passkey/done", url.Values{"passkey": {"{}"}}).status(t, 422).says(t, ".wrong", "沒有新增")
	f.err, f.codes = nil, nil
	withFlow("POST", "/me/factors/passkey/done", url.Values{"passkey": {"{}"}}).redirects(t, "/me/factors?ok=factor")
	o.send(t, "wang", "/me/factors/passkey", nil).status(t, 200).has(t, `[data-passkey-new]`, 1)
	f.factors = []access.Factor{{ID: "k1", Method: access.ByPasskey, Label: "Mac · Safari", CreatedAt: o.now}, {ID: "t1", Method: access.ByTOTP, CreatedAt: o.now, LastUsedAt: o.now}}
	o.get(t, "wang", "/me/factors?ok=factor").has(t, ".devices li", 2).says(t, ".devices", "Mac · Safari").says(t, ".note", "已更新").says(t, `form[action="/me/factors/codes"]`, "8 組")
	f.codes = []string{"wxyz-wxyz-wxyz-wxyz"}
	o.send(t, "wang", "/me/factors/codes", nil).says(t, ".codes", "wxyz")
	o.send(t, "wang", "/me/factors/k1/remove", nil).redirects(t, "/me/factors?ok=factor")
	f.err = approval.ErrNotFound
	o.send(t, "wang", "/me/factors/other/remove", nil).status(t, http.StatusNotFound)
	newOffice(t).get(t, "wang", "/me/factors").status(t, http.StatusNotFound)
}

func TestProve(t *testing.T) {
	t.Parallel()
	f := &signIns{can: access.Askable{Password: true, Codes: true, Passkeys: true, Passkey: `{"challenge":"AAAA"}`}}
	o := newOffice(t, withWays(f))
	o.get(t, "wang", "/me/prove?next=/done").status(t, 200).has(t, "[data-passkey]", 0).has(t, `form[action="/me/prove/passkey"]`, 1).has(t, `form[action="/me/prove"]`, 2)
	a := o.send(t, "wang", "/me/prove/passkey", url.Values{"next": {"/done"}}).status(t, 200).has(t, `form[data-passkey] input[name="next"][value="/done"]`, 1)
	if a.set(o.cookies.flow) != "flow" {
		t.Errorf("cookies %v", a.Cookies())
	}
	a = o.send(t, "wang", "/me/prove", url.Values{"password": {"p"}, "next": {"/done"}}).redirects(t, "/done")
	if a.set(o.cookies.session) != "wang-fresh" || a.set(o.cookies.flow) != "-" {
		t.Errorf("cookies %v", a.Cookies())
	}
	f.err = access.ErrCredentials
	o.send(t, "wang", "/me/prove", url.Values{"code": {"000000"}, "next": {"/done"}}).status(t, 422).says(t, ".wrong", "請再試一次").has(t, `input[name="next"][value="/done"]`, 3)
	f.err = &access.BusyError{RetryAfter: 2 * time.Second}
	o.send(t, "wang", "/me/prove", url.Values{"password": {"p"}}).status(t, http.StatusServiceUnavailable).says(t, ".wrong", "等幾秒")
	f.can = access.Askable{}
	o.get(t, "wang", "/me/prove?next=/done").says(t, ".sheet", "再登入一次").has(t, `a[href^="/signin?again=1&next="]`, 1)
}
