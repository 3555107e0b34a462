package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"qianhe/channels/line"
	"qianhe/channels/messenger"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/twilio"
	"qianhe/hub"
	"qianhe/web/hooks"
)

// TestForgedCallbacks: whoever knows our addresses, people's addresses and the
// ids of deliveries, and no secret, changes nothing.
func TestForgedCallbacks(t *testing.T) {
	t.Parallel()
	const public = "https://sign.example.gov.tw/hooks/sms"
	b := newBed(t, hub.Step{Channel: hub.LINE})
	account, page, carrier := sandbox.DefaultLINE(), sandbox.DefaultPage(), sandbox.DefaultTwilio()
	chat, err := line.New(line.Config{ChannelID: account.ChannelID, ChannelSecret: account.ChannelSecret, BotID: account.BotID, BaseURL: b.url})
	if err != nil {
		t.Fatal(err)
	}
	meta, err := messenger.New(messenger.Config{PageID: page.ID, Token: page.Token, AppSecret: page.AppSecret, BaseURL: b.url + "/graph"})
	if err != nil {
		t.Fatal(err)
	}
	sender, err := twilio.New(twilio.Config{AccountSID: carrier.AccountSID, AuthToken: carrier.AuthToken, From: carrier.From, CallbackURL: public, BaseURL: b.url})
	if err != nil {
		t.Fatal(err)
	}
	texts, err := sms.New(sms.Config{Sender: sender})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []interface{ Close() }{chat, meta, texts} {
		t.Cleanup(c.Close)
	}
	h, err := hooks.New(hooks.Options{Inbox: b.hub, Channels: []hub.Channel{chat, meta, texts}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}

	to := map[hub.ChannelName]hub.Address{hub.LINE: b.address(hub.LINE), hub.Messenger: b.address(hub.Messenger), hub.SMS: b.address(hub.SMS)}
	n := b.announce(b.person(to))
	b.until("the message to be sent", func() bool { return b.record(n, hub.LINE).Done })
	var delivery string
	if err := b.pool.QueryRow(t.Context(), `select id from delivery where notification = $1`, n).Scan(&delivery); err != nil {
		t.Fatal(err)
	}
	rows := func() (all string) {
		t.Helper()
		if err := b.pool.QueryRow(t.Context(), `
			select concat_ws(E'\n', (select string_agg(l::text, E'\n' order by id) from channel_link l), (select string_agg(d::text, E'\n' order by id) from delivery d),
				(select string_agg(m::text, E'\n' order by id) from notification m), (select string_agg(i::text, E'\n' order by id) from inbound i))`).Scan(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := rows()

	now := time.Now().UnixMilli()
	event := func(kind, more string) string {
		return fmt.Sprintf(`{"destination":%q,"events":[{"type":%q,"mode":"active","timestamp":%d,"webhookEventId":"01HZZZZZZZZZZZZZZZZZZZZZZZ","deliveryContext":{"isRedelivery":false},"replyToken":"r","source":{"type":"user","userId":%q}%s}]}`,
			account.BotID, kind, now, to[hub.LINE].Value, more)
	}
	told := func(what string) string {
		return fmt.Sprintf(`{"object":"page","entry":[{"id":%q,"time":%d,"messaging":[{"sender":{"id":%q},"recipient":{"id":%q},"timestamp":%d,%s}]}]}`,
			page.ID, now, to[hub.Messenger].Value, page.ID, now, what)
	}
	status := url.Values{"AccountSid": {carrier.AccountSID}, "MessageSid": {"SM" + strings.Repeat("0", 32)}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30005"}, "To": {to[hub.SMS].Value}}.Encode()
	sum := func(h func() hash.Hash, key, text string) []byte {
		mac := hmac.New(h, []byte(key))
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	b64 := base64.StdEncoding.EncodeToString
	for _, tt := range []struct {
		target, body, header, secret string
		sign                         func(secret, body string) string
	}{
		{"/hooks/line", event("unfollow", ""), "X-Line-Signature", account.ChannelSecret, func(s, body string) string { return b64(sum(sha256.New, s, body)) }},
		{"/hooks/line", event("postback", `,"postback":{"data":"seen:`+delivery+`"}`), "X-Line-Signature", account.ChannelSecret, func(s, body string) string { return b64(sum(sha256.New, s, body)) }},
		{"/hooks/messenger", told(`"account_linking":{"status":"unlinked"}`), "X-Hub-Signature-256", page.AppSecret, func(s, body string) string { return "sha256=" + hex.EncodeToString(sum(sha256.New, s, body)) }},
		{"/hooks/messenger", told(fmt.Sprintf(`"read":{"watermark":%d}`, now)), "X-Hub-Signature-256", page.AppSecret, func(s, body string) string { return "sha256=" + hex.EncodeToString(sum(sha256.New, s, body)) }},
		{"/hooks/sms?a=" + delivery, status, "X-Twilio-Signature", carrier.AuthToken, func(s, body string) string { return b64(sum(sha1.New, s, public+"?a="+delivery+body)) }},
	} {
		for name, signature := range map[string]string{
			"none":           "",
			"no signature":   "x",
			"another secret": tt.sign("not the secret", tt.body),
			"no secret":      tt.sign("", tt.body),
			"another body":   tt.sign(tt.secret, tt.body+" "),
			"of another":     tt.sign(account.ChannelSecret+page.AppSecret, tt.body),
		} {
			r := httptest.NewRequest(http.MethodPost, tt.target, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if signature != "" {
				r.Header.Set(tt.header, signature)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s, %s: %d", tt.target, name, w.Code)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, tt.target, nil))
			if w.Code < 400 {
				t.Errorf("%s %s: %d", method, tt.target, w.Code)
			}
		}
	}
	if after := rows(); after != before {
		t.Errorf("forged callbacks have changed rows:\n%s\nbefore:\n%s", after, before)
	}
	// The same, signed, is taken: it was the signature.
	body := event("unfollow", "")
	r := httptest.NewRequest(http.MethodPost, "/hooks/line", strings.NewReader(body))
	r.Header.Set("X-Line-Signature", b64(sum(sha256.New, account.ChannelSecret, body)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("signed: %d", w.Code)
	}
}
