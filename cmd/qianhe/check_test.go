package main

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"qianhe/channels/sandbox"
	"qianhe/channels/sms/twilio"
)

// TestCheckLINE: the report says what the quota is, shows no secret and sends
// nothing.
func TestCheckLINE(t *testing.T) {
	t.Parallel()
	box := httptest.NewUnstartedServer(nil)
	phones, err := sandbox.New(sandbox.Options{URL: "http://" + box.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer phones.Close()
	box.Config.Handler = phones.Handler()
	box.Start()
	defer box.Close()
	phones.SetQuota(3000, 120)

	account := sandbox.DefaultLINE()
	ch, err := lineChannel(&Config{LINE: lineConfig{ChannelID: account.ChannelID, ChannelSecret: account.ChannelSecret}}, "", box.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := report(t.Context(), &out, ch); err != nil {
		t.Fatalf("check with good credentials: %v", err)
	}
	if got := out.String(); !strings.Contains(got, "120 of 3000 used") || strings.Contains(got, account.ChannelSecret) {
		t.Errorf("the report is\n%swant the quota and no secret", got)
	}

	ch, err = lineChannel(&Config{LINE: lineConfig{ChannelID: account.ChannelID, ChannelSecret: "wrong"}}, "", box.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := report(t.Context(), &out, ch); err == nil {
		t.Error("check with wrong credentials says nothing")
	}
}

// TestCheckMessenger: the check only reads; told so, it makes at Meta what is
// missing, and then finds it.
func TestCheckMessenger(t *testing.T) {
	t.Parallel()
	box := httptest.NewUnstartedServer(nil)
	phones, err := sandbox.New(sandbox.Options{URL: "http://" + box.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer phones.Close()
	box.Config.Handler = phones.Handler()
	box.Start()
	defer box.Close()

	page := phones.Page()
	c := &Config{Messenger: messengerConfig{PageID: page.ID, Token: page.Token, AppSecret: page.AppSecret}}
	ch, err := messengerChannel(c, box.URL+"/graph", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ch.Close()
	var out strings.Builder
	for range 2 {
		if err := report(t.Context(), &out, ch); err == nil || !strings.Contains(err.Error(), "-setup") {
			t.Fatalf("check before the set-up: %v, want an error that says what to do", err)
		}
	}
	if err := setUp(t.Context(), &out, ch, ""); err == nil {
		t.Error("a menu that leads nowhere")
	}
	if err := setUp(t.Context(), &out, ch, "https://sign.example.gov.tw"); err != nil {
		t.Fatal(err)
	}
	if err := report(t.Context(), &out, ch); err != nil {
		t.Errorf("check after the set-up: %v", err)
	}
	if got := out.String(); !strings.Contains(got, "Page 青川市政府公文通知") || !strings.Contains(got, "events: subscribed") || strings.Contains(got, page.Token) || strings.Contains(got, page.AppSecret) {
		t.Errorf("the report is\n%swant the Page and no secret", got)
	}
}

// TestCheckSMS: the check reads and sends nothing.
func TestCheckSMS(t *testing.T) {
	t.Parallel()
	box := httptest.NewUnstartedServer(nil)
	phones, err := sandbox.New(sandbox.Options{URL: "http://" + box.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer phones.Close()
	box.Config.Handler = phones.Handler()
	box.Start()
	defer box.Close()

	account := phones.Twilio()
	c := &Config{SMS: smsConfig{Provider: "twilio", Twilio: twilio.Config{AccountSID: account.AccountSID, APIKey: account.APIKey, APISecret: account.APISecret, From: account.From}}}
	var out strings.Builder
	ch, err := smsChannel(c, "", smsStand{twilio: box.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ch.Close()
	if err := report(t.Context(), &out, ch); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "Twilio account AC…0b07") || !strings.Contains(got, "callbacks cannot be verified") || strings.Contains(got, account.APISecret) {
		t.Errorf("the report is\n%s", got)
	}
	c.SMS.Twilio.APISecret = "wrongWrongWrong"
	wrong, err := smsChannel(c, "", smsStand{twilio: box.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	if err := report(t.Context(), &out, wrong); err == nil {
		t.Error("check with wrong credentials says nothing")
	}
}

// TestSMSCallbackAddress: only where the provider can reach it.
func TestSMSCallbackAddress(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://sign.example.gov.tw": "https://sign.example.gov.tw/hooks/sms",
		"http://127.0.0.1:8080":       "",
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Config{BaseURL: u}).callback("sms", false); got != want {
			t.Errorf("%s: %q, want %q", base, got, want)
		}
	}
	u, err := url.Parse("https://my_sign.example.gov.tw")
	if err != nil {
		t.Fatal(err)
	}
	a := sandbox.DefaultTwilio()
	c := &Config{BaseURL: u, SMS: smsConfig{Provider: "twilio", Twilio: twilio.Config{AccountSID: a.AccountSID, AuthToken: a.AuthToken, From: a.From}}}
	if _, err := smsChannel(c, "", smsStand{}, nil); err == nil || !strings.Contains(err.Error(), "underscores") {
		t.Errorf("a host with an underscore: %v", err)
	}
}
