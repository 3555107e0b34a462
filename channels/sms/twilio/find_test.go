package twilio_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"qianhe/channels/channeltest"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/twilio"
	"qianhe/hub"
)

func TestFind(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 16, 5, 0, 0, time.UTC) // past midnight in Taiwan
	st := newStand(t, func() time.Time { return now }, nil)
	to := st.address()
	find := func(m hub.Message, since time.Time) (hub.Receipt, bool) {
		t.Helper()
		r, found, err := st.channel.Find(t.Context(), m, since)
		if err != nil {
			t.Fatal(err)
		}
		return r, found
	}
	m := message(to)
	if _, found := find(m, now); found {
		t.Error("found what was never sent")
	}
	receipt, err := st.channel.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if r, found := find(m, now); !found || r.ProviderID != receipt.ProviderID {
		t.Errorf("found %v, %+v, want %s", found, r, receipt.ProviderID)
	}
	other := m
	other.Ref = "B7K2"
	if _, found := find(other, now); found {
		t.Error("found by another reference")
	}
	elsewhere := m
	elsewhere.To = st.address()
	if _, found := find(elsewhere, now); found {
		t.Error("found at another number")
	}
	// A reference is used again after many messages: an old one is not ours.
	if _, found := find(m, now.Add(time.Hour)); found {
		t.Error("found a message from before")
	}
	// Clocks differ a little.
	if _, found := find(m, now.Add(5*time.Minute)); !found {
		t.Error("not found with a clock that is five minutes off")
	}
}

// TestFindQueued: a message that Twilio has not sent yet has no date of sending,
// and is found all the same.
func TestFindQueued(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	st.TwilioHold(true)
	if _, err := st.channel.Send(t.Context(), message(to)); err != nil {
		t.Fatal(err)
	}
	if _, found, err := st.channel.Find(t.Context(), message(to), time.Now()); err != nil || !found {
		t.Errorf("found %v, %v", found, err)
	}
	st.TwilioHold(false)
	if _, found, err := st.channel.Find(t.Context(), message(to), time.Now()); err != nil || !found {
		t.Errorf("after it was sent: found %v, %v", found, err)
	}
}

// TestFindFailed: Twilio has it, and it has not arrived.
func TestFindFailed(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	for code, want := range map[int]string{30007: "rejected", 30005: "permanent", 30008: "retry after 0s", 39999: "rejected"} {
		to := st.address()
		st.TwilioFails(to.Value, code)
		receipt, err := st.channel.Send(t.Context(), message(to))
		if err != nil {
			t.Fatal(err)
		}
		r, found, err := st.channel.Find(t.Context(), message(to), time.Now())
		if got := channeltest.Outcome(err); !found || got != want || r.ProviderID != receipt.ProviderID {
			t.Errorf("%d: found %v, %+v, %s (%v), want %s", code, found, r, got, err, want)
		}
	}
}

// TestFindPages: it is looked for on every page, to a limit, beyond which
// nobody says that it is not there.
func TestFindPages(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	to := st.address()
	first := message(to)
	if _, err := st.channel.Send(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	never := first
	never.Ref = "ZZZZ"
	send := func(n int) {
		t.Helper()
		for i := range n {
			text := sms.Text{Delivery: delivery, To: sms.Number(to.Value), Body: fmt.Sprintf("〔%04d〕", i)}
			if _, err := st.sender.Send(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(250)
	if _, found, err := st.channel.Find(t.Context(), first, time.Now()); err != nil || !found {
		t.Errorf("on the third page: found %v, %v", found, err)
	}
	if _, found, err := st.channel.Find(t.Context(), never, time.Now()); err != nil || found {
		t.Errorf("never sent: found %v, %v", found, err)
	}
	send(750)
	if _, found, err := st.channel.Find(t.Context(), never, time.Now()); err == nil || found {
		t.Errorf("after 1,001 messages: found %v, %v, want an error", found, err)
	}
}

// TestFindCannotAsk: no answer is not the answer no.
func TestFindCannotAsk(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]sandbox.Fault{
		"error":       sandbox.TwilioError(500, 20500, "Internal Server Error"),
		"throttled":   sandbox.TwilioError(429, 20429, "Too Many Requests"),
		"credentials": sandbox.TwilioError(401, 20003, "Authenticate"),
		"page":        sandbox.Answer(502, "<html>"),
		"wrong body":  sandbox.Answer(200, "<html>"),
		"hang":        sandbox.Hang(),
		"cut":         {},
		"elsewhere":   sandbox.Redirect("https://elsewhere.example/"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newStand(t, nil, func(c *twilio.Config) { c.Timeout = patience })
			to := st.address()
			st.SetFault(sandbox.TwilioList, f)
			_, found, err := st.channel.Find(t.Context(), message(to), time.Now())
			if err == nil || found {
				t.Fatalf("found %v, error %v", found, err)
			}
			for _, private := range []string{to.Value, st.Twilio().AccountSID, st.Twilio().APISecret, "<html>"} {
				if strings.Contains(err.Error(), private) {
					t.Errorf("error repeats %q: %v", private, err)
				}
			}
		})
	}
}

// TestFindIsPicky: what comes back is compared, whatever was asked for.
func TestFindIsPicky(t *testing.T) {
	t.Parallel()
	const good = `{"sid":"SM0123456789abcdef0123456789abcdef","to":"+886912345678","direction":"outbound-api","body":"公文 1 件〔A7K2〕","date_created":"Mon, 23 Nov 2026 01:00:00 +0000"}`
	since := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		message string
		found   bool
	}{
		"good":                     {good, true},
		"other brackets":           {strings.Replace(good, "〔A7K2〕", "[A7K2]", 1), true},
		"no brackets":              {strings.Replace(good, "〔A7K2〕", " A7K2 ", 1), false},
		"in a word":                {strings.Replace(good, "〔A7K2〕", "〔XA7K2〕", 1), false},
		"to somebody else":         {strings.Replace(good, "+886912345678", "+886912345679", 1), false},
		"from them":                {strings.Replace(good, "outbound-api", "inbound", 1), false},
		"an hour before":           {strings.Replace(good, "23 Nov 2026 01", "23 Nov 2026 00", 1), false},
		"a date that nobody reads": {strings.Replace(good, "Mon, 23 Nov 2026 01:00:00 +0000", "yesterday", 1), true},
		"a name of another kind":   {strings.Replace(good, "SM0123", "XX0123", 1), false},
		"nothing in it":            {`{}`, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"messages":[%s],"next_page_uri":null}`, tt.message)
		}))
		cfg := config()
		cfg.BaseURL = srv.URL
		s, err := twilio.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, found, err := s.Find(t.Context(), sms.Text{To: "+886912345678", Ref: "A7K2"}, since)
		if err != nil || found != tt.found {
			t.Errorf("%s: found %v, %v, want %v", name, found, err, tt.found)
		}
		if _, found, err := s.Find(t.Context(), sms.Text{To: "+886912345678"}, since); err == nil || found {
			t.Errorf("without a reference: found %v, %v", found, err)
		}
		s.Close()
		srv.Close()
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	st := newStand(t, nil, nil)
	lines, err := st.channel.Probe(t.Context())
	got := strings.Join(lines, "\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AC…0b07", "+14155550107", "status callbacks to " + hook, "balance: 25.40 USD", "links: none"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, secret := range []string{st.Twilio().AccountSID, st.Twilio().APISecret, st.Twilio().AuthToken} {
		if strings.Contains(got, secret) {
			t.Errorf("%q in\n%s", secret, got)
		}
	}
	if n := len(st.Messages("+886900000001")); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	for want, change := range map[string]func(*twilio.Config){
		"no auth token":                 func(c *twilio.Config) { c.AuthToken = "" },
		"no address for callbacks":      func(c *twilio.Config) { c.CallbackURL = "" },
		"sender: messaging service MG…": func(c *twilio.Config) { c.From, c.MessagingServiceSID = "", sandbox.DefaultTwilio().Service },
	} {
		lines, err := newStand(t, nil, change).channel.Probe(t.Context())
		if err != nil || !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("no %q in %q, %v", want, lines, err)
		}
	}
	if _, err := newStand(t, nil, func(c *twilio.Config) { c.APISecret = "wrongSecret" }).channel.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "20003") {
		t.Errorf("wrong credentials: %v", err)
	}
}
