package webpush_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/channels/channeltest"
	"qianhe/channels/webpush"
	"qianhe/hub"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestCheckSubscription(t *testing.T) {
	t.Parallel()
	st := newStand(t, func(c *webpush.Config) { c.AllowHosts = []string{"push.example.org"} })
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, auth := b64(private.PublicKey().Bytes()), b64(make([]byte, 16))
	offCurve := private.PublicKey().Bytes()
	offCurve[64] ^= 1
	compressed := append([]byte{2}, private.PublicKey().Bytes()[1:33]...)
	tests := []struct {
		name, endpoint, p256dh, auth string
		want                         string // field reason, "" for good
	}{
		{"chrome", "https://fcm.googleapis.com/fcm/send/abc:def", key, auth, ""},
		{"firefox", "https://updates.push.services.mozilla.com/wpush/v2/abc", key, auth, ""},
		{"safari", "https://web.push.apple.com/abc", key, auth, ""},
		{"edge", "https://wns2-sg2p.notify.windows.com/w/?token=abc", key, auth, ""},
		{"capital letters", "https://FCM.googleapis.com/fcm/send/abc", key, auth, ""},
		{"port 443", "https://fcm.googleapis.com:443/fcm/send/abc", key, auth, ""},
		{"configured", "https://push.example.org/abc", key, auth, ""},
		{"padded keys", "https://web.push.apple.com/abc", key + "=", auth + "==", ""},
		{"sandbox", st.url + "/push/abc", key, auth, ""},
		{"elsewhere", "https://push.example.net/abc", key, auth, "endpoint push.host"},
		{"suffix of a name", "https://evilfcm.googleapis.com.example.net/abc", key, auth, "endpoint push.host"},
		{"looks alike", "https://xpush.apple.com/abc", key, auth, "endpoint push.host"},
		{"plain http", "http://fcm.googleapis.com/abc", key, auth, "endpoint push.endpoint"},
		{"other port", "https://fcm.googleapis.com:8443/abc", key, auth, "endpoint push.endpoint"},
		{"user", "https://user@fcm.googleapis.com/abc", key, auth, "endpoint push.endpoint"},
		{"user that is a host", "https://fcm.googleapis.com@push.example.net/abc", key, auth, "endpoint push.endpoint"},
		{"backslash", `https://push.example.net\@fcm.googleapis.com/abc`, key, auth, "endpoint push.endpoint"},
		{"space", "https://fcm.googleapis.com/a b", key, auth, "endpoint push.endpoint"},
		{"line break", "https://fcm.googleapis.com/a\r\nX: y", key, auth, "endpoint push.endpoint"},
		{"fragment", "https://fcm.googleapis.com/abc#x", key, auth, "endpoint push.endpoint"},
		{"no path", "https://fcm.googleapis.com/", key, auth, "endpoint push.endpoint"},
		{"relative", "/push/abc", key, auth, "endpoint push.endpoint"},
		{"loopback address", "https://127.0.0.1/abc", key, auth, "endpoint push.host"},
		{"metadata service", "https://169.254.169.254/latest", key, auth, "endpoint push.host"},
		{"IPv6", "https://[::1]/abc", key, auth, "endpoint push.endpoint"},
		{"other port of loopback", "http://127.0.0.1:1/push/abc", key, auth, "endpoint push.endpoint"},
		{"trailing dot", "https://fcm.googleapis.com./abc", key, auth, "endpoint push.endpoint"},
		{"name of one part", "https://localhost/abc", key, auth, "endpoint push.endpoint"},
		{"file", "file:///etc/passwd", key, auth, "endpoint push.endpoint"},
		{"too long", "https://fcm.googleapis.com/" + strings.Repeat("a", 2048), key, auth, "endpoint push.endpoint"},
		{"empty", "", key, auth, "endpoint push.endpoint"},
		{"no key", "https://web.push.apple.com/abc", "", auth, "p256dh push.key"},
		{"key off the curve", "https://web.push.apple.com/abc", b64(offCurve), auth, "p256dh push.key"},
		{"compressed key", "https://web.push.apple.com/abc", b64(compressed), auth, "p256dh push.key"},
		{"short secret", "https://web.push.apple.com/abc", key, b64(make([]byte, 15)), "auth push.key"},
		{"secret not base64", "https://web.push.apple.com/abc", key, "!!!", "auth push.key"},
	}
	for _, tt := range tests {
		err := st.channel.CheckSubscription(tt.endpoint, tt.p256dh, tt.auth)
		got := ""
		var invalid *approval.InvalidError
		if errors.As(err, &invalid) {
			got = invalid.Field + " " + invalid.Reason
		} else if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
		if err != nil && tt.endpoint != "" && strings.Contains(err.Error(), "abc") {
			t.Errorf("%s: error %q shows the endpoint's path", tt.name, err)
		}
	}
}

// TestSloppyKeys: what CheckSubscription lets pass can be sent to, although the
// library reads base64 more strictly.
func TestSloppyKeys(t *testing.T) {
	t.Parallel()
	st := newStand(t, func(c *webpush.Config) { c.Keys.Keys[0].Public += "=" })
	to := st.address()
	to.Keys["p256dh"] += "\n=="
	to.Keys["auth"] += "\n="
	if err := st.channel.CheckSubscription(to.Value, to.Keys["p256dh"], to.Keys["auth"]); err != nil {
		t.Fatal(err)
	}
	if _, err := st.channel.Send(t.Context(), message(to)); err != nil {
		t.Errorf("checked, and cannot be sent to: %v", err)
	}
}

// TestSendChecksAgain: an address may have been stored under other rules.
func TestSendChecksAgain(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil)
	good := st.address()
	tests := []struct {
		name   string
		change func(*hub.Address)
		want   string
	}{
		{"host no longer allowed", func(a *hub.Address) { a.Value = "https://push.example.org/abc" }, "rejected"},
		{"malformed", func(a *hub.Address) { a.Value = "https://fcm.googleapis.com:1/abc" }, "permanent"},
		{"no keys", func(a *hub.Address) { a.Keys = nil }, "permanent"},
		{"subscribed with another key", func(a *hub.Address) { a.Keys["vapid"] = "BOther" }, "permanent"},
	}
	for _, tt := range tests {
		to := good
		to.Keys = map[string]string{"p256dh": good.Keys["p256dh"], "auth": good.Keys["auth"]}
		tt.change(&to)
		_, err := st.channel.Send(t.Context(), message(to))
		if got := channeltest.Outcome(err); got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.name, got, err, tt.want)
		}
	}
	if n := len(st.Messages(good.Value)); n != 0 {
		t.Errorf("%d messages went out, want 0", n)
	}
}

// FuzzEndpoint: whatever passes is an https address, on port 443, of a host on
// the list, however it is written, and net/http reads it the same way.
func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{
		"https://fcm.googleapis.com/fcm/send/abc", "https://fcm.googleapis.com:443/x", "https://FCM.googleapis.com/x", "https://fcm.googleapis.com.evil.example/x",
		"https://fcm.googleapis.com@evil.example/x", "https://evil.example\\@fcm.googleapis.com/x", "https://fcm.googleapis.com%2eevil.example/x", "https://[::1]/x", "//fcm.googleapis.com/x",
	} {
		f.Add(s)
	}
	keys, err := webpush.NewKeys()
	if err != nil {
		f.Fatal(err)
	}
	c, err := webpush.New(webpush.Config{Keys: ringOf(keys), Subscriber: "mailto:it@qingchuan.example"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		err := c.CheckSubscription(endpoint, keys.Public, "AAAAAAAAAAAAAAAAAAAAAA")
		if err != nil {
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, http.NoBody)
		if err != nil {
			t.Fatalf("%q passes and is no address: %v", endpoint, err)
		}
		host := strings.ToLower(req.URL.Hostname())
		listed := slices.ContainsFunc(webpush.BrowserHosts(), func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) })
		if port := req.URL.Port(); !listed || req.URL.Scheme != "https" || port != "" && port != "443" || req.URL.User != nil {
			t.Errorf("%q passes", endpoint)
		}
	})
}
