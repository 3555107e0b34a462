package line_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/channels/line"
	"qianhe/hub"
)

func newParser(t *testing.T, cfg line.Config) *line.Channel {
	t.Helper()
	cfg.Token = "long-lived"
	c, err := line.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sign(secret, body string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return http.Header{"X-Line-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
}

// TestPublishedSignatures: values that LINE and its SDK publish.
func TestPublishedSignatures(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Source, Secret, Body, Signature string }
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		c := newParser(t, line.Config{ChannelSecret: v.Secret})
		header := http.Header{"X-Line-Signature": {v.Signature}}
		if _, err := c.ParseInbound(hub.Callback{Header: header, Body: []byte(v.Body)}); errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: signature refused", v.Source)
		}
		if _, err := c.ParseInbound(hub.Callback{Header: header, Body: []byte(v.Body + " ")}); !errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: another body has the same signature: %v", v.Source, err)
		}
	}
}

const (
	bot  = "U00000000000000000000000000000b07"
	user = "U0000000000000000000000000000abcd"
)

func event(kind, more string) string {
	return `{"type":"` + kind + `","mode":"active","timestamp":1795393800123,"webhookEventId":"01HEVENT` + kind + `","deliveryContext":{"isRedelivery":false},"source":{"type":"user","userId":"` + user + `"}` + more + `}`
}

func callback(events ...string) string {
	return `{"destination":"` + bot + `","events":[` + strings.Join(events, ",") + `]}`
}

func TestParseInbound(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1795393800123).UTC()
	base := func(kind string) hub.Inbound {
		in := hub.Inbound{Channel: hub.LINE, ID: "01HEVENT" + kind, Kind: hub.InboundKind(kind), From: user, At: at}
		if kind == "accountLink" {
			in.Kind = hub.InLinked
		}
		return in
	}
	with := func(in hub.Inbound, change func(*hub.Inbound)) hub.Inbound {
		change(&in)
		return in
	}
	tests := []struct {
		name string
		body string
		want []hub.Inbound
	}{
		{"no events", callback(), nil},
		{"follow", callback(event("follow", `,"replyToken":"r1","follow":{"isUnblocked":true}`)), []hub.Inbound{with(base("follow"), func(in *hub.Inbound) { in.Reply = "r1" })}},
		{"unfollow", callback(event("unfollow", "")), []hub.Inbound{base("unfollow")}},
		{"text", callback(event("message", `,"replyToken":"r2","message":{"type":"text","id":"1","quoteToken":"q","text":"待辦"}`)), []hub.Inbound{with(base("message"), func(in *hub.Inbound) { in.Data, in.Reply = "待辦", "r2" })}},
		{"sticker", callback(event("message", `,"message":{"type":"sticker","id":"1","packageId":"1","stickerId":"2","stickerResourceType":"STATIC"}`)), []hub.Inbound{base("message")}},
		{"message of a kind to come", callback(event("message", `,"message":{"type":"hologram","id":"1"}`)), []hub.Inbound{base("message")}},
		{"postback", callback(event("postback", `,"replyToken":"r3","postback":{"data":"f=17"}`)), []hub.Inbound{with(base("postback"), func(in *hub.Inbound) { in.Data, in.Reply = "f=17", "r3" })}},
		{"linked", callback(event("accountLink", `,"link":{"result":"ok","nonce":"n0nce"}`)), []hub.Inbound{with(base("accountLink"), func(in *hub.Inbound) { in.Data = "n0nce" })}},
		{"link failed has no source", callback(`{"type":"accountLink","mode":"active","timestamp":1795393800123,"webhookEventId":"01HEVENTaccountLink","deliveryContext":{"isRedelivery":false},"link":{"result":"failed","nonce":"n0nce"}}`),
			[]hub.Inbound{with(base("accountLink"), func(in *hub.Inbound) { in.Kind, in.Data, in.From = hub.InLinkFailed, "n0nce", "" })}},
		{"several", callback(event("follow", `,"replyToken":"r"`), event("unfollow", "")), []hub.Inbound{with(base("follow"), func(in *hub.Inbound) { in.Reply = "r" }), base("unfollow")}},
		{"event of a kind to come", callback(event("telepathy", `,"thought":{}`), event("unfollow", "")), []hub.Inbound{base("unfollow")}},
		{"unreadable event", callback(`{"type":7}`, event("unfollow", "")), []hub.Inbound{base("unfollow")}},
		{"event without id", callback(strings.Replace(event("unfollow", ""), "webhookEventId", "other", 1)), nil},
		{"further members", callback(event("unfollow", `,"novelty":{"a":[1]}`)), []hub.Inbound{base("unfollow")}},
		{"group", callback(strings.Replace(event("postback", `,"postback":{"data":"f=17"}`), `"type":"user"`, `"type":"group","groupId":"C0000000000000000000000000000abcd"`, 1)), nil},
		{"standby", callback(strings.Replace(event("postback", `,"postback":{"data":"f=17"}`), `"active"`, `"standby"`, 1)), nil},
		{"malformed user", callback(strings.Replace(event("unfollow", ""), user, "nobody", 1)), nil},
	}
	c := newParser(t, line.Config{ChannelSecret: "secret", BotID: bot})
	for _, tt := range tests {
		got, err := c.ParseInbound(hub.Callback{Header: sign("secret", tt.body), Body: []byte(tt.body)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestParseInboundRefuses(t *testing.T) {
	t.Parallel()
	c := newParser(t, line.Config{ChannelSecret: "new", OldChannelSecret: "old", BotID: bot})
	body := callback(event("unfollow", ""))
	for _, secret := range []string{"new", "old"} {
		if _, err := c.ParseInbound(hub.Callback{Header: sign(secret, body), Body: []byte(body)}); err != nil {
			t.Errorf("signed with the %s secret: %v", secret, err)
		}
	}
	bad := []http.Header{{}, {"X-Line-Signature": {""}}, {"X-Line-Signature": {"not base64!"}}, {"X-Line-Signature": {"AAAA"}}, sign("other", body), sign("", body), sign("new", body+"\n")}
	for _, h := range bad {
		if _, err := c.ParseInbound(hub.Callback{Header: h, Body: []byte(body)}); !errors.Is(err, hub.ErrSignature) {
			t.Errorf("signature %q: got %v, want hub.ErrSignature", h, err)
		}
	}
	// Well signed, but not for us or not readable: another error.
	for name, body := range map[string]string{
		"another account": strings.Replace(body, bot, user, 1),
		"no destination":  `{"events":[]}`,
		"not JSON":        `{"destination":`,
		"not an object":   `[]`,
	} {
		if _, err := c.ParseInbound(hub.Callback{Header: sign("new", body), Body: []byte(body)}); err == nil || errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: got %v, want an error of its own", name, err)
		}
	}
	// Without a secret nothing is believed.
	if _, err := newParser(t, line.Config{}).ParseInbound(hub.Callback{Header: sign("", body), Body: []byte(body)}); !errors.Is(err, hub.ErrSignature) {
		t.Errorf("no secret: got %v, want hub.ErrSignature", err)
	}
}

func FuzzParseInbound(f *testing.F) {
	f.Add(callback(event("postback", `,"postback":{"data":"x"}`)))
	f.Add(callback(`{"type":"accountLink","link":null,"source":null}`))
	f.Add(callback(`{"type":"message","message":null}`))
	f.Add(`{"destination":null,"events":null}`)
	c, err := line.New(line.Config{Token: "t", ChannelSecret: "secret"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		list, _ := c.ParseInbound(hub.Callback{Header: sign("secret", body), Body: []byte(body)})
		for _, in := range list {
			if in.ID == "" || in.Channel != hub.LINE || in.Kind != hub.InLinkFailed && in.From == "" {
				t.Errorf("event without what it must have: %+v", in)
			}
		}
	})
}
