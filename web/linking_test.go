package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// pairs is Pairings in memory: the code is always 123456.
type pairs struct {
	mu   sync.Mutex
	now  func() time.Time
	list map[string]hub.Pairing // by person and channel
	said []string
	err  error
}

func pairKey(p approval.PersonID, c hub.ChannelName) string { return string(p) + " " + string(c) }

func (s *pairs) set(p approval.PersonID, c hub.ChannelName, state hub.PairingState) {
	s.list[pairKey(p, c)] = hub.Pairing{Person: p, Session: "begun before", Channel: c, State: state, CreatedAt: s.now()}
}

func (s *pairs) BeginPairing(_ context.Context, p approval.PersonID, session string, c hub.ChannelName) (hub.Pairing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return hub.Pairing{}, s.err
	}
	s.said = append(s.said, fmt.Sprintf("begin %s %s", session, c))
	one := hub.Pairing{Person: p, Session: session, Channel: c, State: hub.PairingWaiting, CreatedAt: s.now()}
	s.list[pairKey(p, c)] = one
	one.Secret = "secret-of-" + string(c)
	return one, nil
}

func (s *pairs) Pairing(_ context.Context, p approval.PersonID, c hub.ChannelName) (hub.Pairing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.list[pairKey(p, c)]
	if !ok {
		return one, approval.ErrNotFound
	}
	return one, nil
}

func (s *pairs) EnterCode(_ context.Context, p approval.PersonID, session string, c hub.ChannelName, code string) (hub.Pairing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.list[pairKey(p, c)]
	if one.State != hub.PairingMet || one.Session != session {
		return hub.Pairing{}, approval.ErrNotFound
	}
	if one.Tries++; code == "123456" {
		one.State = hub.PairingDone
	} else if one.Tries == 5 {
		one.State = hub.PairingFailed
	}
	s.list[pairKey(p, c)] = one
	return one, nil
}

func (s *pairs) CancelPairing(_ context.Context, p approval.PersonID, c hub.ChannelName) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, "cancel "+string(c))
	return s.err
}

func (s *pairs) LinkProved(_ context.Context, p approval.PersonID, c hub.ChannelName, address string, _ hub.Proof) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf("proved %s %s", c, address))
	return "link", s.err
}

func (s *pairs) ProofNonce(session string) string { return "nonce of " + session }

// LINE's script is allowed on the one page that needs it.
func TestLIFFPage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/link/line/liff").status(t, http.StatusNotFound)
	o.Linking.LINE.LIFF = &LIFF{ID: "2000000099-abc", SDK: "https://sdk.example.org/sdk.js", Open: "https://liff.example.org/2000000099-abc", Scripts: []string{"https://sdk.example.org/"}, Calls: []string{"https://api.example.org"}}
	page := o.get(t, "wang", "/link/line/liff").status(t, 200).says(t, "main", "王科長", "可隨時解除").has(t, `script[src="https://sdk.example.org/sdk.js"]`, 1)
	o.post.links = nil
	o.get(t, "wang", "/me/notifications").status(t, 200).has(t, `a[href="https://liff.example.org/2000000099-abc"]`, 1)
	csp := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"script-src 'self' https://sdk.example.org/;", "connect-src 'self' https://api.example.org "} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy %q lacks %q", csp, want)
		}
	}
	if csp := o.get(t, "wang", "/link/line").Header.Get("Content-Security-Policy"); strings.Contains(csp, "sdk.example.org") {
		t.Errorf("another page allows it: %q", csp)
	}
}

// A LIFF page's ID token links, or proves what is linked; a bad one does nothing.
func TestProveLINE(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.sendJSON(t, "wang", "/link/line/liff", `{"idToken":"good"}`).status(t, http.StatusNotFound)
	o.Linking.LINE.Verify = func(_ context.Context, token, nonce string) (string, error) {
		if token != "good" || nonce == "another's" {
			return "", approval.ErrForbidden
		}
		return "U1", nil
	}
	o.sendJSON(t, "wang", "/link/line/liff", `{"idToken":"bad"}`).status(t, http.StatusForbidden)
	o.sendJSON(t, "wang", "/link/line/liff", `{"idToken":"good","nonce":"another's"}`).status(t, http.StatusForbidden)
	o.sendJSON(t, "", "/link/line/liff", `{"idToken":"good"}`).status(t, http.StatusUnauthorized)
	if len(o.pairs.said) != 0 {
		t.Errorf("without proof: %q", o.pairs.said)
	}
	if a := o.sendJSON(t, "wang", "/link/line/liff", `{"idToken":"good"}`).status(t, 200); !strings.Contains(a.text, `"linked"`) {
		t.Errorf("answer is %s", a.text)
	}
	o.post.links = []hub.Link{{ID: "line", Channel: hub.LINE, Address: hub.Address{Value: "U1"}}}
	if a := o.sendJSON(t, "wang", "/link/line/liff", `{"idToken":"good"}`).status(t, 200); !strings.Contains(a.text, `"proved"`) {
		t.Errorf("answer is %s", a.text)
	}
	if fmt.Sprint(o.pairs.said) != "[proved line U1 proved line U1]" {
		t.Errorf("done: %q", o.pairs.said)
	}
}

// linkingOf stand-ins: attempts of several people, each at another point.
func (o *office) pairings() *Linking {
	o.pairs = &pairs{now: func() time.Time { return o.now }, list: map[string]hub.Pairing{}}
	o.pairs.set(o.lin.ID, hub.LINE, hub.PairingWaiting)
	o.pairs.set(o.hsu.ID, hub.LINE, hub.PairingExpired)
	o.pairs.set(o.kao.ID, hub.LINE, hub.PairingDone)
	o.pairs.set(o.lin.ID, hub.Messenger, hub.PairingMet)
	o.pairs.set(o.hsu.ID, hub.Messenger, hub.PairingFailed)
	return &Linking{
		Pairings: o.pairs,
		LINE: &LinkLINE{
			Dialog: func(token, nonce string) (string, error) {
				return "https://access.example.org/dialog?linkToken=" + url.QueryEscape(token) + "&nonce=" + nonce, nil
			},
			Origin: "https://access.example.org",
			Friend: func(context.Context) (string, error) { return "https://line.example.org/R/ti/p/@qianhe", nil },
		},
		Messenger: &LinkMessenger{Open: func(ref string) string { return "https://m.example.org/qianhe?ref=" + ref }},
	}
}

func TestLinkLINE(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.post.links = nil
	// From the chat: what will happen, and one button. A GET changes nothing.
	page := o.get(t, "wang", "/link/line?linkToken=tok%2Ben").status(t, 200)
	page.says(t, "main", "把您的 LINE 綁定到王科長的帳號（wang）？", "可隨時解除", "不要繼續").has(t, `[data-waits]`, 0)
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://access.example.org;") {
		t.Errorf("policy is %q: browsers would not follow the redirect", csp)
	}
	if len(o.pairs.said) != 0 {
		t.Errorf("a GET did %q", o.pairs.said)
	}
	form := page.form(t, "/link/line")
	o.send(t, "wang", "/link/line", form).redirects(t, "https://access.example.org/dialog?linkToken=tok%2Ben&nonce=secret-of-line")
	// Then it waits, and the page looks again by itself.
	o.get(t, "wang", "/link/line").status(t, 200).says(t, "h2", "等待 LINE 確認").has(t, `[data-waits]`, 1).has(t, `script[src*="link.js"]`, 1).has(t, `.waits a[href="/link/line"]`, 1)
	o.send(t, "wang", "/link/line/cancel", nil).redirects(t, "/me/notifications")
	// Without a session the way leads through the sign-in and back.
	o.get(t, "", "/link/line?linkToken=abc").redirects(t, "/signin?next="+url.QueryEscape("/link/line?linkToken=abc"))
	if got := o.safeNext("/link/line?linkToken=abc"); got != "/link/line?linkToken=abc" {
		t.Errorf("after the sign-in: %s", got)
	}
	// What is no token is not taken.
	for _, token := range []string{"", "a b", `"><script>`, strings.Repeat("x", 201)} {
		o.send(t, "wang", "/link/line", url.Values{"linkToken": {token}}).status(t, http.StatusBadRequest)
		o.get(t, "wang", "/link/line?linkToken="+url.QueryEscape(token)).status(t, 200).has(t, `input[name=linkToken]`, 0)
	}
	o.pairs.err = &access.LimitedError{RetryAfter: time.Minute}
	o.send(t, "wang", "/link/line", url.Values{"linkToken": {"abc"}}).status(t, http.StatusTooManyRequests)
}

// How an attempt stands is said, and for half an hour how it ended.
func TestLinkLINEStates(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "kao", "/link/line").says(t, ".right", "已綁定 LINE").says(t, "main", "改綁另一個 LINE", "查詢").has(t, `form[action="/me/links/line/remove"]`, 1)
	o.post.links = nil
	o.get(t, "lin", "/link/line").says(t, "h2", "等待 LINE 確認").has(t, `.qr`, 0)
	o.get(t, "hsu", "/link/line").says(t, ".wrong", "綁定逾時").has(t, `.qr`, 1).has(t, `a[href="https://line.example.org/R/ti/p/@qianhe"]`, 1)
	o.get(t, "kao", "/link/line").has(t, ".right", 0) // unlinked since
	o.get(t, "chang", "/link/line").has(t, ".wrong", 0).says(t, ".steps", "加為好友", "綁定帳號")
	o.now = o.now.Add(31 * time.Minute)
	o.get(t, "hsu", "/link/line").has(t, ".wrong", 0)
	o.Linking.LINE.Friend = func(context.Context) (string, error) { return "", errors.New("LINE is away") }
	o.get(t, "hsu", "/link/line").status(t, 200).has(t, ".qr", 0).says(t, ".steps", "加為好友")
	// In English as well.
	if err := o.accounts.SetLocale(t.Context(), "account-chang", English); err != nil {
		t.Fatal(err)
	}
	o.get(t, "chang", "/link/line?linkToken=x").says(t, "main", "Link your LINE to the account of", "Unlink at any time")
}

func TestLinkMessenger(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "wang", "/link/messenger").status(t, 200).says(t, "main", "24 小時", "可隨時解除").has(t, ".code", 0)
	page := o.send(t, "wang", "/link/messenger", nil).status(t, 200)
	page.has(t, `a[href="https://m.example.org/qianhe?ref=secret-of-messenger"]`, 1).has(t, ".qr", 1).has(t, "input.code", 1)
	// The link is on that page only.
	if p := o.get(t, "wang", "/link/messenger").status(t, 200).has(t, "input.code", 1); strings.Contains(p.text, "secret-of-messenger") {
		t.Error("the secret is shown again")
	}
	code := func(code string) *answer {
		return o.send(t, "wang", "/link/messenger/code", url.Values{"code": {code}})
	}
	code("123456").status(t, 422).says(t, ".wrong", "現在沒有要輸入的驗證碼")
	one := o.pairs.list[pairKey(o.wang.ID, hub.Messenger)]
	one.State = hub.PairingMet
	o.pairs.list[pairKey(o.wang.ID, hub.Messenger)] = one
	for left := 4; left > 0; left-- {
		code("000000").status(t, 422).says(t, ".wrong", fmt.Sprintf("還可以試 %d 次", left)).has(t, "input.code", 1)
	}
	code("").status(t, 422).says(t, ".wrong", "沒有綁定成功").has(t, "input.code", 0)
	one.Tries = 0
	o.pairs.list[pairKey(o.wang.ID, hub.Messenger)] = one
	code(" １２3-456 ").redirects(t, "/link/messenger")
	// Another session of somebody else's has nothing to enter.
	o.send(t, "lin", "/link/messenger/code", url.Values{"code": {"123456"}}).status(t, 422).says(t, ".wrong", "別的瀏覽器")
	o.get(t, "hsu", "/link/messenger").says(t, ".wrong", "沒有綁定成功")
}

// Where a chat cannot be linked there is no page for it, and the list says
// nothing of it.
func TestNothingToLink(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"none": func(opt *Options) { opt.Linking = nil },
		"no channel": func(opt *Options) {
			opt.Linking.LINE, opt.Linking.Messenger = nil, nil
		},
	} {
		o := newOffice(t, change)
		o.post.links = nil
		for _, path := range []string{"/link/line", "/link/messenger"} {
			o.get(t, "wang", path).status(t, http.StatusNotFound)
			o.send(t, "wang", path, url.Values{"linkToken": {"x"}}).status(t, http.StatusNotFound)
		}
		o.send(t, "wang", "/link/messenger/code", nil).status(t, http.StatusNotFound)
		o.get(t, "wang", "/me/notifications").status(t, 200).has(t, `a[href^="/link/"]`, 0)
		if name == "none" {
			o.send(t, "wang", "/link/line/cancel", nil).status(t, http.StatusNotFound)
		}
	}
	o := newOffice(t)
	o.send(t, "wang", "/link/pigeon/cancel", nil).status(t, http.StatusNotFound)
	o.get(t, "wang", "/me/notifications").has(t, `a[href="/link/messenger"]`, 1).has(t, `a[href="/link/line"]`, 0)
}

// LINE's word to its own app is spent when it has come here.
func TestExternalBrowserIsSpent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.get(t, "", "/link/line?linkToken=a&openExternalBrowser=1").redirects(t, "/signin?next="+url.QueryEscape("/link/line?linkToken=a"))
	page := o.get(t, "wang", "/inbox?f=decide&openExternalBrowser=1").status(t, 200)
	if strings.Contains(page.text, "openExternalBrowser") {
		t.Error("the page carries it on")
	}
}

func TestQR(t *testing.T) {
	t.Parallel()
	q := qrOf("https://line.me/R/ti/p/@qianhe")
	if q == nil || q.Size < 21 || q.Wide() != q.Size+8 || !strings.HasPrefix(q.Path, "M0 0h7v1h-7z") {
		t.Errorf("code is %+v", q)
	}
	if q := qrOf(strings.Repeat("x", 5000)); q != nil {
		t.Error("five thousand characters are a code")
	}
}

// A page that waits for LINE's word sees by itself that it has come.
func TestWaitingInBrowser(t *testing.T) {
	b, o := browse(t)
	complaints := b.complaints()
	b.as("kao")
	o.pairs.set(o.kao.ID, hub.LINE, hub.PairingWaiting)
	b.open("/link/line")
	b.wait(`!!document.querySelector('[data-waits]')`)
	b.during(func() {
		o.pairs.mu.Lock()
		defer o.pairs.mu.Unlock()
		o.pairs.set(o.kao.ID, hub.LINE, hub.PairingDone)
	})
	b.wait(`document.querySelector('.right') && document.querySelector('.right').textContent.includes('已綁定')`)
	for _, c := range complaints() {
		if !strings.Contains(c, "WebSocket") { // which only the fake refuses
			t.Error(c)
		}
	}
}

// What LINE adds to the address of our page is in no log: it could be used
// elsewhere.
func TestLIFFAddressIsNotLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := newOffice(t, func(opt *Options) {
		opt.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	o.Linking.LINE.LIFF = &LIFF{ID: "2000000099-abc", SDK: "https://sdk.example.org/sdk.js"}
	query := "?liff.state=STATE1&code=CODE2&id_token=TOKEN3&access_token=TOKEN4"
	o.get(t, "wang", "/link/line/liff"+query).status(t, 200)
	o.get(t, "", "/link/line/liff"+query)
	o.sendJSON(t, "wang", "/link/line/liff"+query, `{"idToken":"TOKEN5","nonce":"NONCE6"}`)
	if strings.Count(log.String(), "msg=request ") != 3 {
		t.Errorf("log: %s", &log)
	}
	for _, secret := range []string{"STATE1", "CODE2", "TOKEN3", "TOKEN4", "TOKEN5", "NONCE6"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %s: %s", secret, &log)
		}
	}
}
