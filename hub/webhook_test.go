package hub_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

func TestCheckEndpoint(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url     string
		private bool
		events  []hub.EventType
		reason  string
	}{
		{"https://edms.example.gov.tw/hooks?a=b", false, hub.EventTypes(), ""},
		{"https://edms.example.gov.tw:8443", false, hub.EventTypes()[:1], ""},
		{"https://142.250.204.10/hooks", false, hub.EventTypes(), ""},
		{"http://10.0.0.8/hooks", true, hub.EventTypes(), ""},
		{"http://localhost:9000", true, hub.EventTypes(), ""},

		{"http://edms.example.gov.tw/hooks", false, hub.EventTypes(), "webhook.private"},
		{"https://10.0.0.8/hooks", false, hub.EventTypes(), "webhook.private"},
		{"https://[::1]/hooks", false, hub.EventTypes(), "webhook.private"},
		{"https://LOCALHOST/hooks", false, hub.EventTypes(), "webhook.private"},
		{"https://a:b@edms.example.gov.tw/", false, hub.EventTypes(), "webhook.url"},
		{"https://edms.example.gov.tw/#a", false, hub.EventTypes(), "webhook.url"},
		{"https://edms.example.gov.tw/a b", false, hub.EventTypes(), "webhook.url"},
		{"https:edms.example.gov.tw", false, hub.EventTypes(), "webhook.url"},
		{"ftp://edms.example.gov.tw", true, hub.EventTypes(), "webhook.url"},
		{"https://表單.example.gov.tw", true, hub.EventTypes(), "webhook.url"},
		{"", true, hub.EventTypes(), "webhook.url"},
		{"https://edms.example.gov.tw/" + strings.Repeat("a", 2048), false, hub.EventTypes(), "webhook.url"},
		{"https://edms.example.gov.tw", false, nil, "webhook.events"},
		{"https://edms.example.gov.tw", false, []hub.EventType{"document.read"}, "webhook.events"},
		{"https://edms.example.gov.tw", false, []hub.EventType{hub.EventWebhookTest}, "webhook.events"},
	}
	for _, tt := range tests {
		err := hub.CheckEndpoint(hub.Endpoint{URL: tt.url, Private: tt.private, Events: tt.events})
		if invalid, _ := errors.AsType[*approval.InvalidError](err); (err == nil) != (tt.reason == "") || err != nil && (invalid == nil || invalid.Reason != tt.reason) {
			t.Errorf("%s %v %v: got %v, want %q", tt.url, tt.private, tt.events, err, tt.reason)
		}
	}
}

func TestWebhookWait(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	total := time.Duration(0)
	for n := 1; ; n++ {
		wait, ok := hub.WebhookWait(n)
		if !ok {
			break
		}
		got, total = append(got, wait), total+wait
	}
	h := time.Hour
	want := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h}
	if !slices.Equal(got, want) || len(got) != hub.WebhookAttempts-1 {
		t.Errorf("waits %v, want %v", got, want)
	}
	if _, ok := hub.WebhookWait(0); ok || total < 3*24*h {
		t.Errorf("in all %v", total)
	}
}

func TestEndpointOrigin(t *testing.T) {
	t.Parallel()
	if got := (hub.Endpoint{URL: "https://edms.example.gov.tw:8443/s3cr3t?k=v"}).Origin(); got != "https://edms.example.gov.tw:8443" {
		t.Errorf("origin %q", got)
	}
}
