package messenger_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/channels/messenger"
	"qianhe/hub"
)

const (
	page = "100200300400500"
	psid = "2400000000000017"
)

func newParser(t testing.TB, change func(*messenger.Config)) *messenger.Channel {
	t.Helper()
	cfg := messenger.Config{PageID: page, Token: "token", AppSecret: "secret"}
	if change != nil {
		change(&cfg)
	}
	c, err := messenger.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sign(secret, body string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
}

// TestPublishedSignatures: values that were computed elsewhere. A body that was
// decoded and written again has other bytes, and no longer the signature.
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
		c := newParser(t, func(cfg *messenger.Config) { cfg.AppSecret = v.Secret })
		header := http.Header{"X-Hub-Signature-256": {v.Signature}}
		if _, err := c.ParseInbound(hub.Callback{Header: header, Body: []byte(v.Body)}); errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: signature refused", v.Source)
		}
		others := []string{v.Body + " "}
		var tree any
		if json.Unmarshal([]byte(v.Body), &tree) == nil {
			again, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, string(again))
		}
		for _, other := range others {
			if _, err := c.ParseInbound(hub.Callback{Header: header, Body: []byte(other)}); !errors.Is(err, hub.ErrSignature) {
				t.Errorf("%s: another body has the same signature: %v", v.Source, err)
			}
		}
	}
}

// event is one of the person, with the member that says what it is.
func event(member string) string {
	return `{"sender":{"id":"` + psid + `"},"recipient":{"id":"` + page + `"},"timestamp":1795393800123,` + member + `}`
}

func callback(events ...string) string {
	return `{"object":"page","entry":[{"id":"` + page + `","time":1795393800500,"messaging":[` + strings.Join(events, ",") + `]}]}`
}

func TestParseInbound(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1795393800123).UTC()
	mark := time.UnixMilli(1795393799000).UTC()
	in := func(kind hub.InboundKind, id, data string) hub.Inbound {
		return hub.Inbound{Channel: hub.Messenger, ID: id, Kind: kind, From: psid, Data: data, At: at}
	}
	const derived = "derived"
	tests := []struct {
		name string
		body string
		want []hub.Inbound
	}{
		{"no entry", `{"object":"page","entry":[]}`, nil},
		{"text, escaped", callback(event(`"message":{"mid":"m_1","text":"\u67e5\u8a62"}`)), []hub.Inbound{in(hub.InMessage, "m_1", "查詢")}},
		{"picture", callback(event(`"message":{"mid":"m_1","attachments":[{"type":"image","payload":{"url":"https://x"}}]}`)), []hub.Inbound{in(hub.InMessage, "m_1", "")}},
		{"quick reply", callback(event(`"message":{"mid":"m_1","text":"已讀","quick_reply":{"payload":"seen:x"}}`)), []hub.Inbound{in(hub.InPostback, "m_1", "seen:x")}},
		{"echo", callback(event(`"message":{"mid":"m_1","text":"a","is_echo":true,"app_id":1}`)), nil},
		{"said by the Page", callback(strings.Replace(event(`"message":{"mid":"m_1","text":"a"}`), psid, page, 1)), nil},
		{"postback", callback(event(`"postback":{"mid":"m_2","title":"已讀","payload":"seen:x"}`)), []hub.Inbound{in(hub.InPostback, "m_2", "seen:x")}},
		{"postback without mid", callback(event(`"postback":{"title":"已讀","payload":"seen:x"}`)), []hub.Inbound{in(hub.InPostback, derived, "seen:x")}},
		{"Get Started", callback(event(`"postback":{"mid":"m_3","title":"Get Started","payload":"qianhe.started"}`)), []hub.Inbound{in(hub.InFollow, "m_3", "")}},
		{"Get Started of a link", callback(event(`"postback":{"mid":"m_3","title":"Get Started","payload":"qianhe.started","referral":{"ref":"tok_en-1=","source":"SHORTLINK","type":"OPEN_THREAD"}}`)), []hub.Inbound{in(hub.InReferral, "m_3", "tok_en-1=")}},
		{"menu", callback(event(`"postback":{"mid":"m_4","title":"查詢待辦件數","payload":"qianhe.query"}`)), []hub.Inbound{in(hub.InMessage, "m_4", "查詢")}},
		{"link in an old chat", callback(event(`"referral":{"ref":"tok","source":"SHORTLINK","type":"OPEN_THREAD"}`)), []hub.Inbound{in(hub.InReferral, derived, "tok")}},
		{"link with a message", callback(event(`"message":{"mid":"m_5","text":"hi","referral":{"ref":"tok","source":"SHORTLINK","type":"OPEN_THREAD"}}`)), []hub.Inbound{in(hub.InReferral, "m_5", "tok")}},
		{"link that brings nothing", callback(event(`"referral":{"source":"SHORTLINK","type":"OPEN_THREAD"}`)), []hub.Inbound{in(hub.InTouch, derived, "")}},
		{"opt-in", callback(event(`"optin":{"ref":"tok"}`)), []hub.Inbound{in(hub.InReferral, derived, "tok")}},
		{"reaction", callback(event(`"reaction":{"reaction":"like","emoji":"\ud83d\udc4d","action":"react","mid":"m_9"}`)), []hub.Inbound{in(hub.InTouch, derived, "")}},
		{"linked", callback(event(`"account_linking":{"status":"linked","authorization_code":"code"}`)), []hub.Inbound{in(hub.InLinked, derived, "code")}},
		{"unlinked", callback(event(`"account_linking":{"status":"unlinked"}`)), []hub.Inbound{in(hub.InUnfollow, derived, "")}},
		{"read", callback(event(`"read":{"watermark":1795393799000}`)), []hub.Inbound{{Channel: hub.Messenger, ID: derived, Kind: hub.InRead, From: psid, Until: mark, At: at}}},
		{"delivered, without a time", callback(strings.Replace(event(`"delivery":{"mids":["m_6","m_7"],"watermark":1795393799000}`), `"timestamp":1795393800123,`, "", 1)),
			[]hub.Inbound{{Channel: hub.Messenger, ID: derived, Kind: hub.InDelivered, From: psid, Provider: []string{"m_6", "m_7"}, Until: mark, At: mark}}},
		{"delivered, by the watermark alone", callback(event(`"delivery":{"watermark":1795393799000}`)), []hub.Inbound{{Channel: hub.Messenger, ID: derived, Kind: hub.InDelivered, From: psid, Until: mark, At: at}}},
		{"numbers and strings", `{"object":"page","entry":[{"id":100200300400500,"messaging":[{"sender":{"id":2400000000000017},"recipient":{"id":100200300400500},"timestamp":"1795393800123","message":{"mid":"m_1","text":"a"}}]}]}`,
			[]hub.Inbound{in(hub.InMessage, "m_1", "a")}},
		{"seconds", callback(strings.Replace(event(`"message":{"mid":"m_1","text":"a"}`), "1795393800123", `"1795393800"`, 1)),
			[]hub.Inbound{{Channel: hub.Messenger, ID: "m_1", Kind: hub.InMessage, From: psid, Data: "a", At: at.Truncate(time.Second)}}},
		{"several", callback(event(`"message":{"mid":"m_1","text":"a"}`), event(`"message":{"mid":"m_2","text":"b"}`)), []hub.Inbound{in(hub.InMessage, "m_1", "a"), in(hub.InMessage, "m_2", "b")}},
		{"unreadable event", callback(`{"message":7}`, event(`"message":{"mid":"m_2","text":"b"}`)), []hub.Inbound{in(hub.InMessage, "m_2", "b")}},
		{"event of a kind to come", callback(event(`"telepathy":{}`), event(`"message":{"mid":"m_2","text":"b"}`)), []hub.Inbound{in(hub.InMessage, "m_2", "b")}},
		{"another Page of the app", strings.Replace(callback(event(`"message":{"mid":"m_1","text":"a"}`)), `"id":"`+page, `"id":"999888777666`, 1), nil},
		{"to another Page", callback(strings.Replace(event(`"message":{"mid":"m_1","text":"a"}`), `"recipient":{"id":"`+page, `"recipient":{"id":"999888777666`, 1)), nil},
		{"to be answered by another app", `{"object":"page","entry":[{"id":"` + page + `","standby":[` + event(`"message":{"mid":"m_1","text":"a"}`) + `]}]}`, nil},
		{"person of a plugin", callback(strings.Replace(event(`"message":{"mid":"m_1","text":"a"}`), `"id":"`+psid, `"user_ref":"x`, 1)), nil},
		{"malformed person", callback(strings.Replace(event(`"message":{"mid":"m_1","text":"a"}`), psid, "../me", 1)), nil},
		{"no time", callback(strings.Replace(event(`"message":{"mid":"m_1","text":"a"}`), "1795393800123", "0", 1)), nil},
		{"template approved", `{"object":"page","entry":[{"id":"` + page + `","changes":[{"field":"message_template_status_update","value":{"event":"APPROVED"}}]}]}`, nil},
	}
	c := newParser(t, nil)
	for _, tt := range tests {
		got, err := c.ParseInbound(hub.Callback{Header: sign("secret", tt.body), Body: []byte(tt.body)})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		again, _ := c.ParseInbound(hub.Callback{Header: sign("secret", tt.body), Body: []byte(tt.body)})
		if diff := cmp.Diff(got, again); diff != "" {
			t.Errorf("%s: a repetition is another event (-first +second):\n%s", tt.name, diff)
		}
		for i := range got {
			if i < len(tt.want) && tt.want[i].ID == derived && strings.HasPrefix(got[i].ID, string(got[i].Kind)+":") {
				got[i].ID = derived
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestDerivedID: what Meta gives no ID is told apart by what it says.
func TestDerivedID(t *testing.T) {
	t.Parallel()
	c := newParser(t, nil)
	seen := map[string]string{}
	for _, e := range []string{
		event(`"referral":{"ref":"a"}`), event(`"referral":{"ref":"b"}`), event(`"read":{"watermark":1795393799000}`), event(`"read":{"watermark":1795393799001}`),
		event(`"delivery":{"mids":["m_1"],"watermark":1795393799000}`), event(`"delivery":{"mids":["m_2"],"watermark":1795393799000}`), event(`"delivery":{"watermark":1795393799000}`),
		strings.Replace(event(`"referral":{"ref":"a"}`), psid, "2400000000000018", 1), strings.Replace(event(`"referral":{"ref":"a"}`), "00123", "00124", 1),
	} {
		body := callback(e)
		list, err := c.ParseInbound(hub.Callback{Header: sign("secret", body), Body: []byte(body)})
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %v %v", e, list, err)
		}
		if other, ok := seen[list[0].ID]; ok {
			t.Errorf("%s and %s have the same ID", other, e)
		}
		seen[list[0].ID] = e
	}
}

func TestParseInboundRefuses(t *testing.T) {
	t.Parallel()
	c := newParser(t, func(cfg *messenger.Config) { cfg.AppSecret, cfg.OldAppSecret = "new", "old" })
	body := callback(event(`"message":{"mid":"m_1","text":"a"}`))
	for _, secret := range []string{"new", "old"} {
		if _, err := c.ParseInbound(hub.Callback{Header: sign(secret, body), Body: []byte(body)}); err != nil {
			t.Errorf("signed with the %s secret: %v", secret, err)
		}
	}
	good := sign("new", body).Get("X-Hub-Signature-256")
	sha1 := http.Header{"X-Hub-Signature": {"sha1=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"}}
	bad := []http.Header{
		{}, sha1, sign("other", body), sign("", body), sign("new", body+"\n"),
		{"X-Hub-Signature-256": {""}}, {"X-Hub-Signature-256": {"sha256="}}, {"X-Hub-Signature-256": {"sha256=zz"}},
		{"X-Hub-Signature-256": {strings.TrimPrefix(good, "sha256=")}}, {"X-Hub-Signature-256": {"sha1=" + strings.TrimPrefix(good, "sha256=")}},
		{"X-Hub-Signature-256": {good, good}},
	}
	for _, h := range bad {
		if _, err := c.ParseInbound(hub.Callback{Header: h, Body: []byte(body)}); !errors.Is(err, hub.ErrSignature) {
			t.Errorf("signature %q: got %v, want hub.ErrSignature", h, err)
		}
	}
	// Well signed, but not readable or about something else: another error.
	for name, body := range map[string]string{"not JSON": `{"object":`, "not an object": `[]`, "Instagram": `{"object":"instagram","entry":[]}`} {
		if _, err := c.ParseInbound(hub.Callback{Header: sign("new", body), Body: []byte(body)}); err == nil || errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: got %v, want an error of its own", name, err)
		}
	}
}

// TestPolicyEnforcement: what Meta holds against the Page is for the operator.
func TestPolicyEnforcement(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := newParser(t, func(cfg *messenger.Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, action := range []string{`"action":"block","reason":"too many messages"`, `"action":"unblock"`} {
		body := callback(`{"recipient":{"id":"` + page + `"},"timestamp":1795393800123,"policy_enforcement":{` + action + `}}`)
		list, err := c.ParseInbound(hub.Callback{Header: sign("secret", body), Body: []byte(body)})
		if err != nil || len(list) != 0 {
			t.Errorf("%s: %v %v", action, list, err)
		}
	}
	for _, want := range []string{"level=ERROR", "action=block", "too many messages", "lets the Page send again"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log has no %q:\n%s", want, log.String())
		}
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	c := newParser(t, func(cfg *messenger.Config) { cfg.VerifyToken = "verify" })
	ask := func(c *messenger.Channel, mode, token, challenge string) (string, bool) {
		return c.Challenge(url.Values{"hub.mode": {mode}, "hub.verify_token": {token}, "hub.challenge": {challenge}})
	}
	if got, ok := ask(c, "subscribe", "verify", "1158201444"); !ok || got != "1158201444" {
		t.Errorf("got %q, %t, want the challenge", got, ok)
	}
	for name, ask := range map[string]func() (string, bool){
		"other token":     func() (string, bool) { return ask(c, "subscribe", "verifx", "1") },
		"no token":        func() (string, bool) { return ask(c, "subscribe", "", "1") },
		"other mode":      func() (string, bool) { return ask(c, "unsubscribe", "verify", "1") },
		"no challenge":    func() (string, bool) { return ask(c, "subscribe", "verify", "") },
		"long challenge":  func() (string, bool) { return ask(c, "subscribe", "verify", strings.Repeat("1", 201)) },
		"none configured": func() (string, bool) { return ask(newParser(t, nil), "subscribe", "", "1") },
	} {
		if got, ok := ask(); ok || got != "" {
			t.Errorf("%s: got %q, %t, want nothing", name, got, ok)
		}
	}
}

func FuzzParseInbound(f *testing.F) {
	f.Add(callback(event(`"postback":{"mid":"m","payload":"x","referral":{"ref":"a"}}`)))
	f.Add(callback(event(`"delivery":{"mids":["m"],"watermark":"17"}`)))
	f.Add(callback(event(`"message":null,"read":{"watermark":null}`)))
	f.Add(callback(`{"policy_enforcement":{"action":"block"}}`))
	f.Add(`{"object":"page","entry":[{"id":null,"messaging":null,"changes":[7]}]}`)
	c := newParser(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		list, _ := c.ParseInbound(hub.Callback{Header: sign("secret", body), Body: []byte(body)})
		for _, in := range list {
			if in.ID == "" || in.Channel != hub.Messenger || in.From == "" || in.From == page || in.At.IsZero() || in.Kind == hub.InReferral && in.Data == "" {
				t.Errorf("event without what it must have: %+v", in)
			}
		}
	})
}
