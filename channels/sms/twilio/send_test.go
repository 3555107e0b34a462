package twilio_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"qianhe/channels/channeltest"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/twilio"
	"qianhe/hub"
)

// TestRequest looks at what goes out.
func TestRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*twilio.Config)
		ttl    time.Duration
		want   url.Values
		user   string
	}{
		{"number", nil, time.Hour, url.Values{"From": {"+14155550107"}, "ValidityPeriod": {"3600"}, "StatusCallback": {hook + "?a=" + delivery}}, sandbox.DefaultTwilio().APIKey},
		{"service", func(c *twilio.Config) { c.From, c.MessagingServiceSID = "", sandbox.DefaultTwilio().Service }, time.Hour,
			url.Values{"MessagingServiceSid": {sandbox.DefaultTwilio().Service}, "ValidityPeriod": {"3600"}, "StatusCallback": {hook + "?a=" + delivery}}, sandbox.DefaultTwilio().APIKey},
		{"short life", nil, time.Second, url.Values{"From": {"+14155550107"}, "ValidityPeriod": {"6"}, "StatusCallback": {hook + "?a=" + delivery}}, sandbox.DefaultTwilio().APIKey},
		{"long life", nil, 20 * time.Hour, url.Values{"From": {"+14155550107"}, "ValidityPeriod": {"36000"}, "StatusCallback": {hook + "?a=" + delivery}}, sandbox.DefaultTwilio().APIKey},
		{"no life", nil, 0, url.Values{"From": {"+14155550107"}, "StatusCallback": {hook + "?a=" + delivery}}, sandbox.DefaultTwilio().APIKey},
		{"account's own token", func(c *twilio.Config) { c.APIKey, c.APISecret = "", "" }, time.Hour,
			url.Values{"From": {"+14155550107"}, "ValidityPeriod": {"3600"}, "StatusCallback": {hook + "?a=" + delivery}}, sandbox.DefaultTwilio().AccountSID},
		{"no token to verify callbacks with", func(c *twilio.Config) { c.AuthToken = "" }, time.Hour,
			url.Values{"From": {"+14155550107"}, "ValidityPeriod": {"3600"}}, sandbox.DefaultTwilio().APIKey},
	}
	for _, tt := range tests {
		var got url.Values
		var path, user string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			got, path = r.PostForm, r.URL.RequestURI()
			user, _, _ = r.BasicAuth()
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued","num_segments":"1","error_code":null}`)
		}))
		cfg := config()
		cfg.BaseURL = srv.URL
		if tt.change != nil {
			tt.change(&cfg)
		}
		s, err := twilio.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Send(t.Context(), sms.Text{Delivery: delivery, To: "+886912345678", Body: "678 青川市政府：待處理公文 5 件〔A7K2〕", Ref: "A7K2", TTL: tt.ttl})
		if err != nil || r.ProviderID != "SM0123456789abcdef0123456789abcdef" {
			t.Errorf("%s: %+v, %v", tt.name, r, err)
		}
		tt.want.Set("To", "+886912345678")
		tt.want.Set("Body", "678 青川市政府：待處理公文 5 件〔A7K2〕")
		if got.Encode() != tt.want.Encode() || user != tt.user {
			t.Errorf("%s: %s sent\n%v\nwant %s\n%v", tt.name, user, got, tt.user, tt.want)
		}
		if path != "/2010-04-01/Accounts/"+cfg.AccountSID+"/Messages.json" {
			t.Errorf("%s: path %s", tt.name, path)
		}
		s.Close()
		srv.Close()
	}
}

// TestRegionIsConfigured: what the environment says of Twilio is not followed.
func TestRegionIsConfigured(t *testing.T) {
	t.Setenv("TWILIO_REGION", "nowhere")
	t.Setenv("TWILIO_EDGE", "nowhere")
	st := newStand(t, nil, nil)
	if _, err := st.channel.Send(t.Context(), message(st.address())); err != nil {
		t.Fatal(err)
	}
}

// TestCodes: every code of the table, and how what is not in it is classed.
func TestCodes(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, func(c *twilio.Config) {
		c.Codes = map[int]twilio.Class{30034: twilio.Down, 21610: twilio.Rejected}
	})
	const home, abroad = "+886912345678", "+819012345678"
	tests := []struct {
		status, code int
		to           string
		want         string
	}{
		{400, 21211, home, "permanent"},
		{400, 21614, home, "permanent"},
		{400, 30005, home, "permanent"},
		{400, 30006, home, "permanent"},
		{400, 21610, home, "rejected"}, // by configuration
		{401, 20003, home, "channel down"},
		{404, 20404, home, "channel down"},
		{400, 21606, home, "channel down"},
		{400, 21212, home, "channel down"},
		{400, 21659, home, "channel down"},
		{400, 21711, home, "channel down"},
		{400, 21609, home, "channel down"},
		{403, 30002, home, "channel down"},
		{429, 63038, home, "channel down"},
		{400, 30034, home, "channel down"}, // by configuration
		{400, 21408, home, "channel down"},
		{400, 21612, home, "channel down"},
		{400, 21408, abroad, "rejected"}, // a colleague's country, not ours
		{400, 21612, abroad, "rejected"},
		{400, 30007, home, "rejected"},
		{400, 21617, home, "rejected"},
		{400, 30004, home, "rejected"},
		{429, 20429, home, "retry after 0s"},
		{429, 63017, home, "retry after 0s"},
		{429, 30001, home, "retry after 0s"},
		{400, 30003, home, "retry after 0s"},
		{400, 30008, home, "retry after 0s"},
		{400, 30036, home, "retry after 0s"},
		{500, 20500, home, "unknown"},
		{400, 20500, home, "unknown"},
		{503, 20503, home, "unknown"},
		{500, 21211, home, "unknown"}, // a 5xx has the last word
		{400, 29999, home, "rejected"},
		{403, 29999, home, "rejected"},
		{401, 29999, home, "channel down"},
		{429, 29999, home, "retry after 0s"},
	}
	for _, tt := range tests {
		st.SetFault(tt.to, sandbox.TwilioError(tt.status, tt.code, "no").Once())
		_, err := st.channel.Send(t.Context(), message(hub.Address{Value: tt.to}))
		if got := channeltest.Outcome(err); got != tt.want {
			t.Errorf("%d %d: got %s (%v), want %s", tt.status, tt.code, got, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprint(tt.code)) {
			t.Errorf("%d %d: error does not say it: %v", tt.status, tt.code, err)
		}
	}
	if n := len(st.Messages(home)) + len(st.Messages(abroad)); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}

// TestAnswersOfOthers: a proxy or a load balancer answers instead of Twilio.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	const page = `<html><body><h1>Bad Gateway</h1></body></html>`
	for status, want := range map[int]string{
		502: "unknown", 503: "unknown", 504: "unknown", 408: "unknown", 429: "retry after 0s", 407: "channel down", 401: "channel down",
		403: "rejected", 404: "rejected", 413: "rejected", 301: "rejected",
	} {
		to := st.address()
		st.SetFault(to.Value, sandbox.Answer(status, page))
		_, err := st.channel.Send(t.Context(), message(to))
		if got := channeltest.Outcome(err); got != want || strings.Contains(err.Error(), "<") {
			t.Errorf("%d: got %s (%v), want %s", status, got, err, want)
		}
	}
	// JSON that is not Twilio's.
	to := st.address()
	st.SetFault(to.Value, sandbox.Answer(400, `{"error":"blocked by policy","code":"x"}`))
	if _, err := st.channel.Send(t.Context(), message(to)); channeltest.Outcome(err) != "rejected" {
		t.Errorf("got %v", err)
	}
}

// TestLimit: the account's day has 24 hours from each message, so it is tried
// again within it.
func TestLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	st := newStand(t, func() time.Time { return now }, nil)
	st.TwilioLimit(1)
	st.exhaust(t)
	_, err := st.channel.Send(t.Context(), message(st.address()))
	var down *hub.ChannelDown
	if !errors.As(err, &down) || !down.Until.Equal(now.Add(time.Hour)) {
		t.Errorf("got %v, want the channel down until %s", err, now.Add(time.Hour))
	}
}

// TestNumbers: what the stand-in says of numbers, as Twilio does.
func TestNumbers(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	for number, want := range map[string]string{
		"+15005550001": "permanent", "+15005550009": "permanent", "+15005550004": "permanent",
		"+15005550002": "rejected", "+15005550003": "rejected", "+886900000001": "accepted", "+819012345678": "accepted",
	} {
		_, err := st.channel.Send(t.Context(), message(hub.Address{Value: number}))
		if got := channeltest.Outcome(err); got != want {
			t.Errorf("%s: got %s (%v), want %s", number, got, err, want)
		}
	}
}

// TestLinks: with links off there is none, and texts arrive; an address that
// was not registered would be filtered.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, links := range []bool{false, true} {
		st := newStand(t, nil, func(c *twilio.Config) { c.Links = links })
		to := st.address()
		m := message(to)
		if _, err := st.channel.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		list, err := st.Wait(t.Context(), to.Value, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(list[0].Body, "https://sign.example.gov.tw/inbox"); got != links {
			t.Errorf("links %v: %s", links, list[0].Body)
		}
		if list[0].Segments != st.channel.Cost(m) {
			t.Errorf("%d segments were billed, we counted %d", list[0].Segments, st.channel.Cost(m))
		}
		if list[0].From == st.Twilio().From {
			t.Error("the sender was not overwritten, as carriers in Taiwan do")
		}
	}
	// Sent past the channel: a link to somewhere else does not arrive.
	st := newStand(t, nil, nil)
	to := st.address()
	if _, err := st.sender.Send(t.Context(), sms.Text{Delivery: delivery, To: sms.Number(to.Value), Body: "請看 https://bit.ly/x 〔A7K2〕"}); err != nil {
		t.Fatal(err)
	}
	if n := len(st.Messages(to.Value)); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}

// TestFailedAtOnce: a message that was taken and failed in the same answer has
// failed.
func TestFailedAtOnce(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	st.SetFault(to.Value, sandbox.Answer(201, `{"sid":"SM0123456789abcdef0123456789abcdef","status":"failed","error_code":30006}`))
	if _, err := st.channel.Send(t.Context(), message(to)); channeltest.Outcome(err) != "permanent" {
		t.Errorf("got %v", err)
	}
	st.SetFault(to.Value, sandbox.Answer(201, `{"sid":"not one of theirs","status":"queued"}`))
	if r, err := st.channel.Send(t.Context(), message(to)); err != nil || r.ProviderID != "" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*twilio.Config){
		"no account":               func(c *twilio.Config) { c.AccountSID = "" },
		"a key as account":         func(c *twilio.Config) { c.AccountSID = c.APIKey },
		"no credentials":           func(c *twilio.Config) { c.APIKey, c.APISecret, c.AuthToken = "", "", "" },
		"an account as key":        func(c *twilio.Config) { c.APIKey = c.AccountSID },
		"key without its secret":   func(c *twilio.Config) { c.APISecret = "" },
		"token with a line":        func(c *twilio.Config) { c.AuthToken = "abcdefgh\nijkl" },
		"no sender":                func(c *twilio.Config) { c.From = "" },
		"two senders":              func(c *twilio.Config) { c.MessagingServiceSID = sandbox.DefaultTwilio().Service },
		"sender with odd letters":  func(c *twilio.Config) { c.From = "青川市政府" },
		"sender too long":          func(c *twilio.Config) { c.From = "ABCDEFGHIJKLMNOPQ" },
		"service malformed":        func(c *twilio.Config) { c.From, c.MessagingServiceSID = "", "MG1" },
		"underscore in the host":   func(c *twilio.Config) { c.CallbackURL = "https://my_sign.example.gov.tw/hooks/sms" },
		"callbacks over http":      func(c *twilio.Config) { c.CallbackURL = "http://sign.example.gov.tw/hooks/sms" },
		"callbacks with a query":   func(c *twilio.Config) { c.CallbackURL = hook + "?x=1" },
		"callbacks to nowhere":     func(c *twilio.Config) { c.CallbackURL = "/hooks/sms" },
		"base over http":           func(c *twilio.Config) { c.BaseURL = "http://api.twilio.com" },
		"base with a password":     func(c *twilio.Config) { c.BaseURL = "https://a:b@api.twilio.com" },
		"a class that there isn't": func(c *twilio.Config) { c.Codes = map[int]twilio.Class{30034: "bad"} },
		"a code of four digits":    func(c *twilio.Config) { c.Codes = map[int]twilio.Class{3003: twilio.Down} },
	} {
		cfg := config()
		change(&cfg)
		_, err := twilio.New(cfg)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, secret := range []string{cfg.APISecret, cfg.AuthToken, ":b@"} {
			if secret != "" && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: error repeats a secret: %v", name, err)
			}
		}
	}
}

func TestParseCodes(t *testing.T) {
	t.Parallel()
	got, err := twilio.ParseCodes(" 30034=down, 21635=permanent ")
	if err != nil || len(got) != 2 || got[30034] != twilio.Down || got[21635] != twilio.Permanent {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := twilio.ParseCodes(""); err != nil || len(got) != 0 {
		t.Errorf("nothing: got %v, %v", got, err)
	}
	for _, s := range []string{"30034", "30034=", "30034=bad", "x=down", "300=down", "300345=down", "-30034=down"} {
		if got, err := twilio.ParseCodes(s); err == nil {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	if rate, burst := st.channel.Rate(); rate != 10 || burst != 10 {
		t.Errorf("got %v, %d", rate, burst)
	}
	st = newStand(t, nil, func(c *twilio.Config) { c.PerSecond, c.Burst = 0.5, 3 })
	if rate, burst := st.channel.Rate(); rate != 0.5 || burst != 3 {
		t.Errorf("got %v, %d", rate, burst)
	}
}
