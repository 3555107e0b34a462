package hub_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"qianhe/hub"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"120", 2 * time.Minute},
		{" 7 ", 7 * time.Second},
		{"-5", 0},
		{"999999999", 24 * time.Hour},
		{"Mon, 23 Nov 2026 08:31:00 GMT", time.Minute},
		{"Mon, 23 Nov 2026 08:00:00 GMT", 0},
		{"soon", 0},
	}
	for _, tt := range tests {
		if got := hub.RetryAfter(tt.value, now); got != tt.want {
			t.Errorf("RetryAfter(%q) = %s, want %s", tt.value, got, tt.want)
		}
	}
}

func TestTransportWords(t *testing.T) {
	t.Parallel()
	secret := "https://push.example.org/a-capability"
	tests := []struct {
		err  error
		want string
	}{
		{context.Canceled, "cancelled"},
		{context.DeadlineExceeded, "no answer in time"},
		{&net.DNSError{Err: "no such host", Name: "push.example.org"}, "its name cannot be resolved"},
		{&tls.CertificateVerificationError{Err: errors.New("x509: not valid for push.example.org")}, "its certificate is not trusted"},
		{io.ErrUnexpectedEOF, "the connection was cut"},
		{errors.New("dial tcp 192.0.2.7:443: connection refused"), "no connection"},
	}
	for _, tt := range tests {
		err := &url.Error{Op: "Post", URL: secret, Err: fmt.Errorf("wrapped: %w", tt.err)}
		if got := hub.TransportWords(err); got != tt.want {
			t.Errorf("TransportWords(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestProviderWords(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{`{"reason":"ExpiredSubscriptionOfSomebody"}`, "reason : ExpiredSubscriptionOfSomebody"},
		{"no such user U0123456789abcdef0123456789abcdef", "no such user …"},
		{"see https://push.example.org/w/abc-def_0123456789", "see …"},
		{"two\nlines\x00here", "two lines here"},
		{"壞了", "壞了"},
	}
	for _, tt := range tests {
		if got := hub.ProviderWords(tt.in, 100); got != tt.want {
			t.Errorf("ProviderWords(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	for n := range 20 {
		got := hub.ProviderWords("公文公文公文", n)
		if len(got) > n || !utf8.ValidString(got) {
			t.Errorf("ProviderWords with %d bytes gives %q", n, got)
		}
	}
}

func TestTraced(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(srv.Close)
	began := func(url string) bool {
		ctx, began := hub.Traced(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if res, err := srv.Client().Do(req); err == nil {
			res.Body.Close()
			t.Fatalf("%s answered", url)
		}
		return began()
	}
	if !began(srv.URL) {
		t.Error("a request that was cut off did not begin")
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if began(gone.URL) {
		t.Error("a request that nobody took did begin")
	}
}
