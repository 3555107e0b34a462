package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval/access/oidc"
	"qianhe/channels/sms/gateway"
	"qianhe/channels/webhook"
	"qianhe/channels/webpush"
	"qianhe/hub"
)

// proxyChild is set for the child of TestEveryProviderIsReachedThroughTheProxy:
// net/http reads the environment once, so it has to be another process.
const proxyChild = "TEST_PROXY_CHILD"

// recorder is an agency's proxy that lets nobody through, and writes down who
// was asked for.
type recorder struct {
	mu    sync.Mutex
	asked map[string]bool
}

func (p *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.Method+" "+r.Host] = true
	w.WriteHeader(http.StatusForbidden)
}

// TestEveryProviderIsReachedThroughTheProxy: with HTTPS_PROXY set, each client
// of a provider asks the proxy for a tunnel to it, by name, and no other way
// out is tried. The names are those that README tells an agency to open.
func TestEveryProviderIsReachedThroughTheProxy(t *testing.T) {
	t.Parallel()
	if os.Getenv(proxyChild) != "" {
		callEverybody(t)
		return
	}
	p := &recorder{asked: map[string]bool{}}
	proxy := httptest.NewServer(p)
	defer proxy.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestEveryProviderIsReachedThroughTheProxy$")
	// Whoever went out without the proxy would find no such name.
	child.Env = []string{proxyChild + "=1", "HTTPS_PROXY=" + proxy.URL, "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	for asked := range p.asked {
		got = append(got, asked)
	}
	slices.Sort(got)
	want := []string{
		"CONNECT api.line.me:443",
		"CONNECT api.twilio.com:443",
		"CONNECT edms.example.invalid:443",
		"CONNECT fcm.googleapis.com:443",
		"CONNECT graph.facebook.com:443",
		"CONNECT portal.example.invalid:443",
		"CONNECT sms.example.invalid:443",
		"CONNECT updates.push.services.mozilla.com:443",
		"CONNECT web.push.apple.com:443",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the proxy was asked for (-want +got):\n%s", diff)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range want {
		host := strings.TrimSuffix(strings.TrimPrefix(line, "CONNECT "), ":443")
		if !strings.HasSuffix(host, ".invalid") && !strings.Contains(string(readme), host) {
			t.Errorf("README does not name %s", host)
		}
	}
}

// callEverybody has each client say something to its provider. None gets an
// answer.
func callEverybody(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	c := &Config{
		WebPushSubject: "mailto:it@example.gov.tw",
		LINE:           lineConfig{ChannelID: "1000000001", ChannelSecret: "0123456789abcdef0123456789abcdef"},
		Messenger:      messengerConfig{PageID: "100000000000001", Token: "token", AppSecret: "0123456789abcdef0123456789abcdef", VerifyToken: "verify"},
		SMS:            smsConfig{Provider: "twilio"},
	}
	c.SMS.Twilio.AccountSID, c.SMS.Twilio.AuthToken, c.SMS.Twilio.From = "AC"+strings.Repeat("0", 32), strings.Repeat("0", 32), "+886900000000"
	var channels []hub.Channel
	add := func(ch hub.Channel, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		channels = append(channels, ch)
	}
	line, err := lineChannel(c, "", "", log)
	add(line, err)
	page, err := messengerChannel(c, "", "", log)
	add(page, err)
	texts, err := smsChannel(c, "青川市政府", smsStand{}, log)
	add(texts, err)
	described, err := gateway.Read(strings.NewReader(`{"preset": "gov111", "send": {"url": "https://sms.example.invalid/messages"}}`))
	if err != nil {
		t.Fatal(err)
	}
	c.SMS.Provider = "gateway"
	c.SMS.Secret = "secret"
	other, err := smsChannel(c, "青川市政府", smsStand{gateway: &described}, log)
	add(other, err)
	ring, err := webpush.NewKeyring(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	push, err := newWebPush(c, ring, nil, "")
	add(push, err)
	for _, ch := range channels {
		if err := report(ctx, io.Discard, ch); err == nil && ch != other {
			t.Errorf("%s was answered", ch.Name())
		}
	}
	// A gateway has nothing to be asked but a message.
	if _, err := other.Send(ctx, hub.Message{
		Delivery: "01980000-0000-7000-8000-000000000000", To: hub.Address{Value: "+886900000001"}, Kind: hub.KindDigest, Lang: "zh-TW",
		Title: "待處理公文 5 件", Text: "待處理公文 5 件。", URL: "https://sign.example.gov.tw/inbox", TTL: time.Hour, Sent: time.Now(), Ref: "A7K2",
	}); err == nil {
		t.Error("the gateway was answered")
	}
	events := webhook.New(webhook.Options{Proxy: http.ProxyFromEnvironment})
	defer events.Close()
	_, err = events.SendEvent(ctx, hub.Endpoint{ID: "e", URL: "https://edms.example.invalid/hooks", Events: hub.EventTypes(), Secrets: []string{webhook.NewSecret(rand.Reader)}}, hub.Event{ID: "e", Type: hub.EventWebhookTest, At: time.Now(), Data: json.RawMessage(`{}`)})
	if err == nil {
		t.Error("the endpoint was answered")
	}
	portal, err := oidc.New(oidc.Config{Name: "portal", Issuer: "https://portal.example.invalid", ClientID: "qianhe"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := portal.Begin(ctx, "https://sign.example.gov.tw/signin/portal"); err == nil {
		t.Error("the portal was answered")
	}
}
