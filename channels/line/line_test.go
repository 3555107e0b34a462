package line_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"qianhe/channels/channeltest"
	"qianhe/channels/line"
	"qianhe/channels/sandbox"
	"qianhe/hub"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]line.Config{
		"no credentials":   {},
		"secret only":      {ChannelSecret: "s"},
		"plain http":       {Token: "t", BaseURL: "http://api.line.example"},
		"no address":       {Token: "t", BaseURL: "api.line.me"},
		"malformed bot ID": {Token: "t", BotID: "@bot"},
		"password":         {Token: "t", BaseURL: "https://me:pass@api.line.example"},
	}
	for name, cfg := range tests {
		if _, err := line.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: error %q shows it", name, err)
		}
	}
}

// TestSend: the sandbox holds the request against LINE's rules; here is what
// the person then has.
func TestSend(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	m := message(to)
	r, err := st.channel.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	got := st.Messages(to.Value)
	if len(got) != 1 {
		t.Fatalf("%d messages arrived, want 1", len(got))
	}
	if got[0].Title != m.Text || got[0].URL != m.URL+"?openExternalBrowser=1" {
		t.Errorf("it says %q and opens %q", got[0].Title, got[0].URL)
	}
	if r.ProviderID == "" || r.Duplicate {
		t.Errorf("receipt is %+v, want LINE's request ID, and no duplicate", r)
	}
	// The same delivery again, perhaps from another node after a crash.
	again, err := st.channel.Send(t.Context(), m)
	if err != nil || !again.Duplicate || again.ProviderID != r.ProviderID {
		t.Errorf("repetition: %+v (%v), want a duplicate of %s", again, err, r.ProviderID)
	}
	if n := len(st.Messages(to.Value)); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	failure := func(message string) string { return `{"message":"` + message + `"}` }
	tests := []struct {
		name  string
		fault sandbox.Fault
		want  string
	}{
		{"200 that cannot be read", sandbox.Answer(200, "<html>"), "accepted"},
		{"200 of nothing", sandbox.Answer(200, ""), "accepted"},
		{"301", sandbox.Answer(301, ""), "rejected"},
		{"400 unknown user", sandbox.Answer(400, failure("Failed to send messages")), "permanent"},
		{"400 our mistake", sandbox.Answer(400, failure("The request body has 2 error(s)")), "rejected"},
		{"403", sandbox.Answer(403, failure("Access to this API is not available for your account")), "channel down"},
		{"404", sandbox.Answer(404, failure("Not found")), "rejected"},
		{"409 without request", sandbox.Answer(409, failure("The retry key is already accepted")), "unknown, safe"},
		{"413", sandbox.Answer(413, ""), "rejected"},
		{"429 rate", sandbox.RateLimited(0), "retry after 0s"},
		{"429 rate with time", sandbox.RateLimited(time.Minute), "retry after 1m0s"},
		{"429 same user", sandbox.Answer(429, failure("A large number of messages was sent to the same user.")), "retry after 0s"},
		{"500", sandbox.Answer(500, failure("Internal Server Error")), "unknown, safe"},
		{"502 of a proxy", sandbox.Answer(502, "<html>Bad Gateway</html>"), "unknown, safe"},
		{"cut", sandbox.Fault{}, "unknown, safe"},
	}
	for _, tt := range tests {
		to := st.address()
		m := message(to)
		m.Delivery = "dlv-" + tt.name
		st.SetFault(to.Value, tt.fault)
		_, err := st.channel.Send(t.Context(), m)
		if got := channeltest.Outcome(err); got != tt.want {
			t.Errorf("%s: got %s (%v), want %s", tt.name, got, err, tt.want)
		}
	}
}

// TestTooMuch: the limit of the channel slows everybody down, that of one user
// only waits.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	tests := []struct {
		fault sandbox.Fault
		slow  bool
	}{
		{sandbox.RateLimited(0), true},
		{sandbox.Answer(429, `{"message":"A large number of messages was sent to the same user."}`), false},
	}
	for _, tt := range tests {
		to := st.address()
		st.SetFault(to.Value, tt.fault)
		_, err := st.channel.Send(t.Context(), message(to))
		if retry, ok := errors.AsType[*hub.Retry](err); !ok || retry.Slow != tt.slow {
			t.Errorf("got %v, want to try again, slowly: %t", err, tt.slow)
		}
	}
}

// TestGroups: what everybody in a group would read is sent to none.
func TestGroups(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	_, err := st.channel.Send(t.Context(), message(hub.Address{Value: "C0000000000000000000000000000abcd"}))
	if got := channeltest.Outcome(err); got != "permanent" {
		t.Errorf("got %s (%v), want permanent", got, err)
	}
}

// TestStranger: LINE knows no such user.
func TestStranger(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	_, err := st.channel.Send(t.Context(), message(hub.Address{Value: "Uffffffffffffffffffffffffffffffff"}))
	if got := channeltest.Outcome(err); got != "permanent" {
		t.Errorf("got %s (%v), want permanent", got, err)
	}
}

// TestMonthlyLimit: down to the end of the month, in Taiwan, when the quota is
// used up; for a while when it is only held in reserve.
func TestMonthlyLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 31, 15, 30, 0, 0, time.UTC) // 23:30 in Taipei
	st := newStand(t, func() time.Time { return now }, nil)
	until := func() time.Time {
		_, err := st.channel.Send(t.Context(), message(st.address()))
		var down *hub.ChannelDown
		if !errors.As(err, &down) {
			t.Fatalf("got %v, want *hub.ChannelDown", err)
		}
		return down.Until
	}
	st.Reserve(true)
	if got, want := until(), now.Add(15*time.Minute); !got.Equal(want) {
		t.Errorf("reserved: down until %s, want %s", got, want)
	}
	st.SetQuota(200, 200)
	if got, want := until(), time.Date(2026, 12, 31, 16, 5, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("used up: down until %s, want %s", got, want)
	}
}

// TestMonthlyLimitUnread: LINE says that the limit is reached, and does not
// answer how much there is: that is no reason to be silent for a month.
func TestMonthlyLimitUnread(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"message":"You have reached your monthly limit."}`))
	}))
	t.Cleanup(srv.Close)
	now := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	c, err := line.New(line.Config{Token: "t", BaseURL: srv.URL, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	_, err = c.Send(t.Context(), message(hub.Address{Value: "U0000000000000000000000000000abcd"}))
	var down *hub.ChannelDown
	if want := now.Add(15 * time.Minute); !errors.As(err, &down) || !down.Until.Equal(want) {
		t.Errorf("got %v (%+v), want down until %s", err, down, want)
	}
}

// TestTokens: fetched once, fetched anew when LINE refuses it, and a fixed one
// is not.
func TestTokens(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	send := func() string {
		to := st.address()
		m := message(to)
		m.Delivery = "to " + to.Value
		_, err := st.channel.Send(t.Context(), m)
		return channeltest.Outcome(err)
	}
	for range 3 {
		if got := send(); got != "accepted" {
			t.Fatalf("got %s, want accepted", got)
		}
	}
	if n := st.TokensIssued(); n != 1 {
		t.Errorf("%d tokens fetched for three messages, want 1", n)
	}
	st.RevokeTokens()
	if got := send(); got != "accepted" {
		t.Errorf("after its revocation: got %s, want accepted", got)
	}
	st.RevokeTokens()
	st.SetFault(sandbox.TokenEndpoint, sandbox.Answer(http.StatusServiceUnavailable, ""))
	if got := send(); got != "retry after 0s" {
		t.Errorf("no token to be had: got %s, want retry", got)
	}
	st.SetFault(sandbox.TokenEndpoint, sandbox.Answer(http.StatusOK, "<html>"))
	if got := send(); got != "retry after 0s" {
		t.Errorf("token cannot be read: got %s, want retry", got)
	}
	st.ClearFault(sandbox.TokenEndpoint)

	wrong := newStand(t, nil, func(c *line.Config) { c.ChannelSecret = "wrong" })
	_, err := wrong.channel.Send(t.Context(), message(wrong.address()))
	if got := channeltest.Outcome(err); got != "channel down" || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong secret: got %s (%v), want channel down, without the secret", got, err)
	}
	for token, want := range map[string]string{st.LINE().Token: "accepted", "revoked": "channel down"} {
		fixed := newStand(t, nil, func(c *line.Config) { c.Token = token })
		_, err := fixed.channel.Send(t.Context(), message(fixed.address()))
		if got := channeltest.Outcome(err); got != want {
			t.Errorf("long-lived token %s: got %s (%v), want %s", token, got, err, want)
		}
	}
}

// TestNotSent: what never left is to be tried again, without doubt.
func TestNotSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	away := "http://" + l.Addr().String()
	l.Close()
	for name, change := range map[string]func(*line.Config){
		"with a token":    func(c *line.Config) { c.BaseURL, c.Token = away, "t" },
		"without a token": func(c *line.Config) { c.BaseURL = away },
	} {
		st := newStand(t, nil, change)
		_, err := st.channel.Send(t.Context(), message(st.address()))
		if got := channeltest.Outcome(err); got != "retry after 0s" || strings.Contains(err.Error(), away) {
			t.Errorf("%s: got %s (%v), want retry", name, got, err)
		}
	}
}

func TestQuotaAndProbe(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, func(c *line.Config) { c.LoginChannelID, c.DialogURL = "2000000025", c.BaseURL })
	st.SetQuota(200, 17)
	q, err := st.channel.Quota(t.Context())
	if want := (hub.Quota{Limit: 200, Used: 17}); err != nil || q != want {
		t.Errorf("quota is %+v (%v), want %+v", q, err, want)
	}
	st.RevokeTokens() // between two calls
	lines, err := st.channel.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{"青川市政府公文通知", "17 of 200", "stateless", "LIFF: ID tokens of LINE Login channel 2000000025, checked by 1 published keys"} {
		if !strings.Contains(text, want) {
			t.Errorf("probe does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, st.LINE().ChannelSecret) {
		t.Errorf("probe shows the channel secret:\n%s", text)
	}
	st.SetQuota(0, 3)
	if q, err := st.channel.Quota(t.Context()); err != nil || q.Limit != 0 || q.Used != 3 {
		t.Errorf("quota is %+v (%v), want 3 of no limit", q, err)
	}
	other := newStand(t, nil, func(c *line.Config) { c.BotID = "Uffffffffffffffffffffffffffffffff" })
	if _, err := other.channel.Probe(t.Context()); err == nil {
		t.Error("probe does not notice that the bot ID is another account's")
	}
	refused := newStand(t, nil, func(c *line.Config) { c.Token = "revoked" })
	if _, err := refused.channel.Probe(t.Context()); err == nil || strings.Contains(err.Error(), "revoked") {
		t.Errorf("probe with a refused token: %v, want an error without it", err)
	}
}
