package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"qianhe/channels/sandbox"
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
	ch, err := lineChannel(&Config{LINEChannelID: account.ChannelID, LINEChannelSecret: account.ChannelSecret}, "", box.URL, nil)
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

	ch, err = lineChannel(&Config{LINEChannelID: account.ChannelID, LINEChannelSecret: "wrong"}, "", box.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := report(t.Context(), &out, ch); err == nil {
		t.Error("check with wrong credentials says nothing")
	}
}
