package line_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"qianhe/channels/channeltest"
	"qianhe/channels/line"
	"qianhe/channels/sandbox"
	"qianhe/hub"
)

// event is one of the user's that can be answered.
func (st *stand) event(user string) hub.Inbound {
	return hub.Inbound{Channel: hub.LINE, ID: "e", Kind: hub.InMessage, From: user, Reply: st.ReplyToken(user), At: time.Now()}
}

// TestReply: cards and words, for nothing; a token is good once, and there is
// no retry key, which the sandbox refuses as LINE does.
func TestReply(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	st.SetQuota(200, 200) // a reply is free
	to := st.address()
	counts := message(to)
	in := st.event(to.Value)
	for _, m := range []hub.Message{
		{Title: "已標為已讀", Text: "已標為已讀，不再提醒這一則。"},
		{Title: "驗證碼 123456", Text: "請輸入網頁"},
		{Title: "要解除綁定嗎？", Delivery: "l1", Acts: []hub.Act{{Label: "解除綁定", Verb: "unlink"}}},
		counts,
	} {
		if err := st.channel.Reply(t.Context(), st.event(to.Value), m); err != nil {
			t.Errorf("%s: %v", m.Title, err)
		}
	}
	var got []string
	for _, m := range st.Messages(to.Value) {
		got = append(got, m.Title)
	}
	want := []string{"已標為已讀，不再提醒這一則。", "驗證碼 123456\n請輸入網頁", "要解除綁定嗎？", counts.Text}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("arrived %q, want %q", got, want)
	}
	if q, err := st.channel.Quota(t.Context()); err != nil || q.Used != 200 {
		t.Errorf("quota used is %d (%v): replies are free", q.Used, err)
	}
	if err := st.channel.Reply(t.Context(), in, counts); err != nil {
		t.Fatal(err)
	}
	if err := st.channel.Reply(t.Context(), in, counts); err == nil || !strings.Contains(err.Error(), "Invalid reply token") {
		t.Errorf("the same token again: %v", err)
	}
	for name, bad := range map[string]hub.Inbound{"no token": {Channel: hub.LINE, From: to.Value}, "another channel": {Channel: hub.Messenger, Reply: "x"}} {
		var rejected *hub.Rejected
		if err := st.channel.Reply(t.Context(), bad, counts); !errors.As(err, &rejected) {
			t.Errorf("%s: got %v, want *hub.Rejected", name, err)
		}
	}
	if err := st.channel.Reply(t.Context(), st.event(to.Value), hub.Message{}); err == nil {
		t.Error("an answer that says nothing was sent")
	}
}

// A token that LINE no longer takes is fetched anew, once.
func TestReplyWithAnOldToken(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	if err := st.channel.Reply(t.Context(), st.event(to.Value), message(to)); err != nil {
		t.Fatal(err)
	}
	st.RevokeTokens()
	if err := st.channel.Reply(t.Context(), st.event(to.Value), message(to)); err != nil {
		t.Errorf("after its revocation: %v", err)
	}
	st.SetFault(sandbox.ReplyEndpoint, sandbox.Answer(http.StatusUnauthorized, `{"message":"Authentication failed due to the following reason: invalid token."}`))
	before := st.TokensIssued()
	if err := st.channel.Reply(t.Context(), st.event(to.Value), message(to)); err == nil {
		t.Error("refused for good, and no error")
	}
	if n := st.TokensIssued() - before; n > 1 {
		t.Errorf("%d tokens fetched for one call", n)
	}
}

func TestReplyIsNotRepeated(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	for name, f := range map[string]sandbox.Fault{"error after": sandbox.FailAfterAccept(), "cut after": sandbox.CutAfterAccept(), "hang after": sandbox.HangAfterAccept()} {
		to := st.address()
		st.SetFault(sandbox.ReplyEndpoint, f.Once())
		if err := st.channel.Reply(t.Context(), st.event(to.Value), message(to)); err == nil || strings.Contains(err.Error(), to.Value) {
			t.Errorf("%s: %v, want an error without the address", name, err)
		}
		if n := len(st.Messages(to.Value)); n != 1 {
			t.Errorf("%s: %d messages, want 1", name, n)
		}
	}
}

func TestLinkPage(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	page, err := st.channel.LinkPage(t.Context(), to.Value, "https://sign.example.gov.tw/")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(page)
	if err != nil || u.Host != "sign.example.gov.tw" || u.Path != "/link/line" || u.Query().Get("linkToken") == "" {
		t.Errorf("page is %s", page)
	}
	again, err := st.channel.LinkPage(t.Context(), to.Value, "https://sign.example.gov.tw")
	if err != nil || again == page {
		t.Errorf("the same token twice: %s, %v", again, err)
	}
	for name, user := range map[string]string{"stranger": "Uffffffffffffffffffffffffffffffff", "path": "../../v2/bot/info", "empty": ""} {
		if page, err := st.channel.LinkPage(t.Context(), user, "https://sign.example.gov.tw"); err == nil || page != "" {
			t.Errorf("%s: %q, %v", name, page, err)
		}
	}
	for name, f := range map[string]sandbox.Fault{"away": sandbox.Answer(500, ""), "empty": sandbox.Answer(200, `{}`), "not JSON": sandbox.Answer(200, "<html>")} {
		st.SetFault(sandbox.LinkTokenEndpoint, f.Once())
		if page, err := st.channel.LinkPage(t.Context(), to.Value, "https://sign.example.gov.tw"); err == nil || page != "" {
			t.Errorf("%s: %q, %v", name, page, err)
		}
	}
}

func TestDialogURL(t *testing.T) {
	t.Parallel()
	c := newParser(t, line.Config{})
	got, err := c.DialogURL("tok en", "0123456789")
	if err != nil || got != "https://access.line.me/dialog/bot/accountLink?linkToken=tok+en&nonce=0123456789" {
		t.Errorf("got %s, %v", got, err)
	}
	for _, nonce := range []string{"", "012345678", strings.Repeat("x", 256)} {
		if _, err := c.DialogURL("t", nonce); err == nil {
			t.Errorf("a nonce of %d characters was taken", len(nonce))
		}
	}
	if _, err := c.DialogURL("", "0123456789"); err == nil {
		t.Error("no token was taken")
	}
}

// The account's own address is asked for once an hour.
func TestFriendURL(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, func(c *line.Config) { c.FriendURL = "https://line.example" })
	want := "https://line.example/R/ti/p/@000sandbox"
	for range 2 {
		if got, err := st.channel.FriendURL(t.Context()); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		st.RevokeTokens()
		st.SetFault(sandbox.TokenEndpoint, sandbox.Answer(503, "")) // nobody to ask
	}
	now = now.Add(time.Hour)
	if got, err := st.channel.FriendURL(t.Context()); err == nil {
		t.Errorf("an hour later it is still %s, without asking", got)
	}
}

// Who has blocked the account gets a push answered with 200, and has no
// profile.
func TestReachable(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	reach := func() string {
		ok, err := st.channel.Reachable(t.Context(), to)
		switch {
		case err != nil:
			return "error"
		case ok:
			return "yes"
		}
		return "no"
	}
	if got := reach(); got != "yes" {
		t.Errorf("a friend: %s", got)
	}
	st.Block(to.Value)
	if _, err := st.channel.Send(t.Context(), message(to)); channeltest.Outcome(err) != "accepted" {
		t.Errorf("push to who has blocked us: %v", err)
	}
	if got := reach(); got != "no" {
		t.Errorf("one who has blocked us: %s", got)
	}
	st.SetFault(sandbox.ProfileEndpoint, sandbox.Answer(http.StatusInternalServerError, "").Once())
	if got := reach(); got != "error" {
		t.Errorf("nobody knows: %s", got)
	}
	to.Value = "../info"
	if got := reach(); got != "no" {
		t.Errorf("no user ID: %s", got)
	}
}

// TestSetup: events go to our address, and LINE tries it.
func TestSetup(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	lines, err := st.channel.Probe(t.Context())
	if err != nil || !strings.Contains(strings.Join(lines, "\n"), "no address is set") {
		t.Errorf("before: %q, %v", lines, err)
	}
	ours := callbacks(t, st)
	if lines, err = st.channel.Setup(t.Context(), ours); err != nil || !strings.Contains(strings.Join(lines, "\n"), "has reached us") {
		t.Errorf("setup: %q, %v", lines, err)
	}
	lines, err = st.channel.Probe(t.Context())
	text := strings.Join(lines, "\n")
	if err != nil || !strings.Contains(text, "go to "+ours+"/hooks/line") || !strings.Contains(text, "accepted by the dry run") {
		t.Errorf("after: %q, %v", lines, err)
	}
	st.SilenceLINE(true)
	if _, err := st.channel.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "switched off") {
		t.Errorf("events are switched off: %v", err)
	}
	st.SilenceLINE(false)
	if _, err := st.channel.Setup(t.Context(), "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "cannot reach") {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := st.channel.Setup(t.Context(), "http://sign.example.gov.tw"); err == nil {
		t.Error("plain http was taken")
	}
	st.SetFault(sandbox.ValidateEndpoint, sandbox.Answer(http.StatusBadRequest, `{"message":"The request body has 1 error(s)","details":[{"message":"unknown field","property":"messages[0]/contents"}]}`))
	if _, err := st.channel.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown field") {
		t.Errorf("cards that LINE would refuse: %v", err)
	}
}
