package hooks_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"qianhe/hub"
	"qianhe/web/hooks"
)

// provider is a channel whose callbacks hold one event on each line, signed by
// the SHA-256 of body and secret.
type provider struct{ name hub.ChannelName }

func (p provider) Name() hub.ChannelName { return p.name }
func (provider) Send(context.Context, hub.Message) (hub.Receipt, error) {
	return hub.Receipt{}, errors.New("not here")
}

func (p provider) ParseInbound(c hub.Callback) ([]hub.Inbound, error) {
	if c.Header.Get("X-Signature") != signature(string(c.Body)) {
		return nil, fmt.Errorf("%s: %w", p.name, hub.ErrSignature)
	}
	if c.Query == "odd" {
		return nil, errors.New("cannot be read: " + string(c.Body))
	}
	var list []hub.Inbound
	for line := range strings.Lines(string(c.Body)) {
		list = append(list, hub.Inbound{Channel: p.name, ID: strings.TrimSpace(line), Kind: hub.InMessage})
	}
	return list, nil
}

// challenged is one that is asked whether the address is ours.
type challenged struct{ provider }

func (challenged) Challenge(q url.Values) (string, bool) {
	return q.Get("hub.challenge"), q.Get("hub.verify_token") == "sesame"
}

// byGet is one that calls by GET, with its signature and lines in the address,
// and may be asked whether the address is ours as well.
type byGet struct {
	provider
	off bool
}

func (b byGet) ParsesGet() bool { return !b.off }

func (b byGet) ParseInbound(c hub.Callback) ([]hub.Inbound, error) {
	q, err := url.ParseQuery(c.Query)
	if err != nil || q.Get("key") != "sesame" {
		return nil, fmt.Errorf("%s: %w", b.name, hub.ErrSignature)
	}
	return []hub.Inbound{{Channel: b.name, ID: q.Get("id"), Kind: hub.InStatus}}, nil
}

// mute sends and hears nothing.
type mute struct{}

func (mute) Name() hub.ChannelName { return hub.WebPush }
func (mute) Send(context.Context, hub.Message) (hub.Receipt, error) {
	return hub.Receipt{}, errors.New("not here")
}

func signature(body string) string {
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(body))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// inbox keeps what it is given, or fails, or hangs.
type inbox struct {
	mu   sync.Mutex
	ids  []string
	fail error
	hang bool
}

func (i *inbox) Receive(ctx context.Context, events []hub.Inbound) error {
	if i.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail != nil {
		return i.fail
	}
	for _, e := range events {
		i.ids = append(i.ids, e.ID)
	}
	return nil
}

func newHandler(t testing.TB, in *inbox, log io.Writer) *hooks.Handler {
	t.Helper()
	h, err := hooks.New(hooks.Options{
		Inbox: in, Channels: []hub.Channel{provider{hub.LINE}, challenged{provider{hub.Messenger}}, mute{}},
		Log: slog.New(slog.NewTextHandler(log, nil)), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestReceive(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20+1)
	tests := []struct {
		name   string
		method string
		target string
		body   string
		sign   string // "" for the right one
		want   int
		stored int
	}{
		{"events", "POST", "/hooks/line", "a\nb\n", "", 200, 2},
		{"none", "POST", "/hooks/line", "", "", 200, 0},
		{"another channel", "POST", "/hooks/messenger", "c", "", 200, 1},
		{"forged", "POST", "/hooks/line", "a", signature("b"), 401, 0},
		{"signed for another body", "POST", "/hooks/line", "a ", signature("a"), 401, 0},
		{"cannot be read", "POST", "/hooks/line?odd", "a", "", 400, 0},
		{"too large", "POST", "/hooks/line", long, "", 413, 0},
		{"as large as may be", "POST", "/hooks/line", long[1:], "", 200, 1},
		{"no such channel", "POST", "/hooks/pigeon", "a", "", 404, 0},
		{"channel without callbacks", "POST", "/hooks/webpush", "a", "", 404, 0},
		{"deeper", "POST", "/hooks/line/x", "a", "", 404, 0},
		{"other method", "PUT", "/hooks/line", "a", "", 405, 0},
	}
	for _, tt := range tests {
		in := &inbox{}
		var log strings.Builder
		sign := tt.sign
		if sign == "" {
			sign = signature(tt.body)
		}
		got := ask(newHandler(t, in, &log), tt.method, tt.target, tt.body, "X-Signature", sign)
		if got.Code != tt.want || len(in.ids) != tt.stored {
			t.Errorf("%s: got %d and %d events, want %d and %d", tt.name, got.Code, len(in.ids), tt.want, tt.stored)
		}
		if tt.want == 401 && (strings.TrimSpace(got.Body.String()) != "Unauthorized" || !strings.Contains(log.String(), "forged")) {
			t.Errorf("%s: says %q, logs %q", tt.name, got.Body, log.String())
		}
		if got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers are %v", tt.name, got.Header())
		}
	}
}

// What is not durable is not acknowledged, and asked for again.
func TestNotStored(t *testing.T) {
	t.Parallel()
	in := &inbox{fail: errors.New("disk is full")}
	got := ask(newHandler(t, in, io.Discard), "POST", "/hooks/line", "a", "X-Signature", signature("a"))
	if got.Code != 503 || got.Header().Get("Retry-After") == "" || strings.Contains(got.Body.String(), "disk") {
		t.Errorf("got %d %v %q", got.Code, got.Header(), got.Body)
	}
}

// LINE waits for two seconds: a slow database is answered for before that.
func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{hang: true}
		begin := time.Now()
		got := ask(newHandler(t, in, io.Discard), "POST", "/hooks/line", "a", "X-Signature", signature("a"))
		if took := time.Since(begin); got.Code != 503 || took >= 2*time.Second {
			t.Errorf("got %d after %s, want 503 within 2 s", got.Code, took)
		}
	})
}

// A body that does not arrive holds nobody up, and stores nothing.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	in := &inbox{}
	srv := httptest.NewServer(newHandler(t, in, io.Discard))
	t.Cleanup(srv.Close)
	body, feed := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/hooks/line", body)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = feed.Write([]byte("a"))
		feed.CloseWithError(errors.New("gone"))
	}()
	if res, err := srv.Client().Do(req); err == nil {
		res.Body.Close()
		t.Errorf("half a body got %d", res.StatusCode)
	}
	srv.Close()
	if len(in.ids) != 0 {
		t.Errorf("stored %q of half a body", in.ids)
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	h := newHandler(t, &inbox{}, io.Discard)
	got := ask(h, "GET", "/hooks/messenger?hub.mode=subscribe&hub.verify_token=sesame&hub.challenge=%3Cb%3E123", "")
	if got.Code != 200 || got.Body.String() != "<b>123" || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain") || got.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %d %q %v", got.Code, got.Body, got.Header())
	}
	if got := ask(h, "GET", "/hooks/messenger?hub.verify_token=x&hub.challenge=123", ""); got.Code != 403 || strings.Contains(got.Body.String(), "123") {
		t.Errorf("wrong token: got %d %q", got.Code, got.Body)
	}
	for _, target := range []string{"/hooks/line", "/hooks/pigeon"} {
		if got := ask(h, "GET", target, ""); got.Code != 404 {
			t.Errorf("%s: got %d, want 404", target, got.Code)
		}
	}
}

// A gateway may call by GET. Whoever only looks at the address changes nothing.
func TestReceiveByGet(t *testing.T) {
	t.Parallel()
	in := &inbox{}
	h, err := hooks.New(hooks.Options{
		Inbox:    in,
		Channels: []hub.Channel{byGet{provider: provider{hub.SMS}}, byGet{provider{hub.LINE}, true}, challenged{provider{hub.Messenger}}},
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, target string
		want, stored   int
	}{
		{"GET", "/hooks/sms?id=a&key=sesame", 200, 1},
		{"GET", "/hooks/sms?id=b", 401, 1},
		{"GET", "/hooks/sms?id=b&key=x", 401, 1},
		{"GET", "/hooks/sms", 401, 1},
		{"HEAD", "/hooks/sms?id=b&key=sesame", 405, 1},
		{"GET", "/hooks/line?id=b&key=sesame", 404, 1}, // calls by POST
		{"GET", "/hooks/messenger?id=b&key=sesame", 403, 1},
		{"HEAD", "/hooks/messenger?hub.mode=subscribe&hub.verify_token=sesame&hub.challenge=1", 405, 1},
	} {
		if got := ask(h, tt.method, tt.target, ""); got.Code != tt.want || len(in.ids) != tt.stored {
			t.Errorf("%s %s: got %d and %d events, want %d and %d", tt.method, tt.target, got.Code, len(in.ids), tt.want, tt.stored)
		}
	}
}

// both is asked whether the address is ours, and calls by GET.
type both struct{ byGet }

func (both) Challenge(q url.Values) (string, bool) {
	return q.Get("hub.challenge"), q.Get("hub.verify_token") == "sesame"
}

func TestChallengeBesideReceipts(t *testing.T) {
	t.Parallel()
	in := &inbox{}
	h, err := hooks.New(hooks.Options{Inbox: in, Channels: []hub.Channel{both{byGet{provider: provider{hub.SMS}}}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(h, "GET", "/hooks/sms?hub.mode=subscribe&hub.verify_token=sesame&hub.challenge=12", ""); got.Code != 200 || got.Body.String() != "12" || len(in.ids) != 0 {
		t.Errorf("challenge: %d %q, %d events", got.Code, got.Body, len(in.ids))
	}
	if got := ask(h, "GET", "/hooks/sms?key=sesame&id=a", ""); got.Code != 200 || len(in.ids) != 1 {
		t.Errorf("receipt: %d, %d events", got.Code, len(in.ids))
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := hooks.New(hooks.Options{}); err == nil {
		t.Error("no inbox, no log: accepted")
	}
	reg := prometheus.NewRegistry()
	opt := hooks.Options{Inbox: &inbox{}, Log: slog.New(slog.DiscardHandler), Registerer: reg}
	if _, err := hooks.New(opt); err != nil {
		t.Fatal(err)
	}
	if _, err := hooks.New(opt); err == nil {
		t.Error("counted twice")
	}
}
