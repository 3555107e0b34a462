package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"qianhe/channels/channeltest"
	"qianhe/channels/sandbox"
	"qianhe/channels/sms"
	"qianhe/channels/sms/gateway"
	"qianhe/hub"
)

// TestAnswers: the first rule that fits decides, else the status.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const rules = `[
		{"status":"200","json":"result[0].code","pattern":"^0$","then":"accepted","id":"result[0].id"},
		{"status":"2xx","pattern":"^OK (?P<id>\\S+)","then":"accepted"},
		{"json":"code","pattern":"^B","then":"permanent"},
		{"json":"code","pattern":"^C","then":"rejected"},
		{"json":"wait","then":"retry"},
		{"json":"code","pattern":"^D1$","then":"down","until":"day"},
		{"json":"code","pattern":"^D2$","then":"down","until":"month"},
		{"json":"code","pattern":"^D3$","then":"down","until":"90m"},
		{"json":"code","pattern":"^D4$","then":"down"},
		{"json":"code","pattern":"^U$","then":"unknown"},
		{"status":"418","then":"rejected"}
	]`
	now := time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC) // 23:00 in Taiwan
	tests := []struct {
		status int
		header string // Retry-After
		body   string
		want   string
		id     string
		until  time.Time
	}{
		{200, "", `{"result":[{"code":0,"id":12345678901234567890}]}`, "accepted", "12345678901234567890", time.Time{}},
		{200, "", `{"result":[{"code":"0","id":"m 1"}]}`, "accepted", "", time.Time{}}, // not a name
		{200, "", `{"result":[{"code":"0"}]}`, "accepted", "", time.Time{}},
		{201, "", `OK abc-1 more`, "accepted", "abc-1", time.Time{}},
		{201, "", `{"result":[{"code":0}]}`, "unknown", "", time.Time{}}, // the rule is for 200
		{200, "", `{"result":[]}`, "unknown", "", time.Time{}},
		{200, "", `{"result":{"code":0}}`, "unknown", "", time.Time{}},
		{200, "", `{"result":[{"code":{}}]}`, "unknown", "", time.Time{}},
		{200, "", `<html>`, "unknown", "", time.Time{}},
		{200, "", ``, "unknown", "", time.Time{}},
		{200, "", `{"code":"B1"}`, "permanent", "", time.Time{}},
		{400, "", `{"code":"B1"}`, "permanent", "", time.Time{}},
		{200, "", `{"code":"C1"}`, "rejected", "", time.Time{}},
		{200, "", `{"wait":false}`, "retry after 0s", "", time.Time{}},
		{200, "30", `{"wait":true}`, "retry after 30s", "", time.Time{}},
		{200, "", `{"wait":null}`, "unknown", "", time.Time{}},
		{200, "", `{"code":"D1"}`, "channel down", "", time.Date(2026, 11, 30, 16, 5, 0, 0, time.UTC)},
		{200, "", `{"code":"D2"}`, "channel down", "", time.Date(2026, 11, 30, 16, 5, 0, 0, time.UTC)},
		{200, "", `{"code":"D3"}`, "channel down", "", now.Add(90 * time.Minute)},
		{200, "", `{"code":"D4"}`, "channel down", "", time.Time{}},
		{200, "", `{"code":"U"}`, "unknown", "", time.Time{}},
		{418, "", ``, "rejected", "", time.Time{}},
		{500, "", ``, "unknown", "", time.Time{}},
		{502, "", `<html>Bad Gateway</html>`, "unknown", "", time.Time{}},
		{408, "", ``, "unknown", "", time.Time{}},
		{429, "7", ``, "retry after 7s", "", time.Time{}},
		{401, "", ``, "channel down", "", time.Time{}},
		{407, "", ``, "channel down", "", time.Time{}},
		{403, "", ``, "rejected", "", time.Time{}},
		{404, "", ``, "rejected", "", time.Time{}},
		{302, "", ``, "rejected", "", time.Time{}},
		{400, "", `{"code":"Z","message":"` + "+886912345678" + `"}`, "rejected", "", time.Time{}},
	}
	var status int
	var header, body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer srv.Close()
	cfg, err := gateway.Read(strings.NewReader(with(t, "answer", rules, "send.url", `"`+srv.URL+`"`)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := gateway.New(cfg, gateway.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range tests {
		status, header, body = tt.status, tt.header, tt.body
		r, err := s.Send(t.Context(), sms.Text{Delivery: delivery, To: "+886912345678", Body: "x"})
		if got := channeltest.Outcome(err); got != tt.want || r.ProviderID != tt.id {
			t.Errorf("%d %s: got %s (%v) %q, want %s %q", tt.status, tt.body, got, err, r.ProviderID, tt.want, tt.id)
		}
		var down *hub.ChannelDown
		if errors.As(err, &down) && !down.Until.Equal(tt.until) {
			t.Errorf("%d %s: down until %s, want %s", tt.status, tt.body, down.Until, tt.until)
		}
		if err != nil && strings.Contains(err.Error(), "912345678") {
			t.Errorf("%d: error repeats the number: %v", tt.status, err)
		}
	}
}

// TestPrefix: 111 takes a text that begins as it must, whoever writes it.
func TestPrefix(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		adds   bool
		prefix sms.Prefix
		want   string
	}{
		{false, sms.PrefixOurs, "678 青川市政府：待處理公文 5 件"},
		{true, sms.PrefixProvider, "678 青川市政府 待處理公文 5 件"},
		{false, sms.PrefixProvider, ""}, // nobody writes it: refused
	} {
		st := newStand(t, "gov111.json", standOptions{
			account: sandbox.GatewayAccount{AddsPrefix: tt.adds},
			change:  func(c *gateway.Config) { c.Prefix, c.Links = tt.prefix, false },
		})
		to := hub.Address{Value: "+886912345678"}
		m := message(to)
		_, err := st.channel.Send(t.Context(), m)
		if tt.want == "" {
			if channeltest.Outcome(err) != "rejected" || !strings.Contains(err.Error(), "E203") {
				t.Errorf("%v, %s: %v", tt.adds, tt.prefix, err)
			}
			continue
		}
		list, waitErr := st.Wait(t.Context(), to.Value, 1)
		if err != nil || waitErr != nil || !strings.HasPrefix(list[0].Body, tt.want) || list[0].From != "111" {
			t.Errorf("%v, %s: %+v, %v", tt.adds, tt.prefix, list, err)
			continue
		}
		if list[0].Segments != st.channel.Cost(m) {
			t.Errorf("%v, %s: %d segments were billed, we counted %d", tt.adds, tt.prefix, list[0].Segments, st.channel.Cost(m))
		}
	}
}

// TestLinks: none unless the file says so, then those of our own hosts, which
// 111 lets through.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, links := range []bool{false, true} {
		st := newStand(t, "gov111.json", standOptions{change: func(c *gateway.Config) { c.Links = links }})
		to := st.address()
		if _, err := st.channel.Send(t.Context(), message(to)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(st.Messages(to.Value)[0].Body, " https://sign.example.gov.tw/inbox "); got != links {
			t.Errorf("links %v: %s", links, st.Messages(to.Value)[0].Body)
		}
	}
	st := newStand(t, "gov111.json", standOptions{})
	_, err := st.sender.Send(t.Context(), sms.Text{Delivery: delivery, To: "+886912345678", Body: "678 青川市政府：https://bit.ly/x", Agency: "青川市政府"})
	if channeltest.Outcome(err) != "rejected" || !strings.Contains(err.Error(), "E201") {
		t.Errorf("somebody else's link: %v", err)
	}
	// The government's own shortener is one of them.
	if _, err := st.sender.Send(t.Context(), sms.Text{Delivery: delivery, To: "+886912345678", Body: "678 青川市政府：https://url.gov.tw/x", Agency: "青川市政府"}); err != nil {
		t.Errorf("url.gov.tw: %v", err)
	}
}

// TestNumbersAbroad: a gateway in Taiwan has no way to them; the number is good.
func TestNumbersAbroad(t *testing.T) {
	t.Parallel()
	st := newStand(t, "plain.json", standOptions{})
	m := message(hub.Address{Value: "+819012345678"})
	if _, err := st.channel.Send(t.Context(), m); channeltest.Outcome(err) != "rejected" {
		t.Errorf("got %v", err)
	}
	if _, found, err := st.channel.Find(t.Context(), m, time.Now()); found || err == nil {
		t.Errorf("found %v, %v", found, err)
	}
}

// TestNotOnTheList: the provider knows us by our address.
func TestNotOnTheList(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"plain.json", "gov111.json"} {
		st := newStand(t, file, standOptions{})
		st.GatewayBan(true)
		if _, err := st.channel.Send(t.Context(), message(st.address())); channeltest.Outcome(err) != "channel down" {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestLacksAreLogged: by their code points, and not what they stood in.
func TestLacksAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	st := newStand(t, "plain.json", standOptions{log: &log})
	to := st.address()
	m := message(to)
	m.Text = "公文𠀀 1 件"
	if _, err := st.channel.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := st.Messages(to.Value)[0].Body; !strings.Contains(got, "公文□ 1 件") {
		t.Errorf("arrived: %s", got)
	}
	if got := log.String(); !strings.Contains(got, "U+20000") || strings.Contains(got, "1 件") || strings.Contains(got, to.Value[4:]) {
		t.Errorf("log: %s", got)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"plain.json", "gov111.json"} {
		st := newStand(t, file, standOptions{})
		to := st.address()
		m := message(to)
		receipt, err := st.channel.Send(t.Context(), m)
		if err != nil || receipt.ProviderID == "" {
			t.Fatalf("%s: %+v, %v", file, receipt, err)
		}
		r, found, err := st.channel.Find(t.Context(), m, time.Now())
		if err != nil || !found || r.ProviderID != receipt.ProviderID {
			t.Errorf("%s: %+v, %v, %v", file, r, found, err)
		}
	}
	// It has it, and it has failed.
	for word, want := range map[string]string{"BADNUM": "permanent", "UNDELIV": "rejected", "EXPIRED": "retry after 0s"} {
		st := newStand(t, "plain.json", standOptions{})
		to := st.address()
		st.GatewayFails(to.Value, word)
		receipt, err := st.channel.Send(t.Context(), message(to))
		if err != nil {
			t.Fatal(err)
		}
		r, found, err := st.channel.Find(t.Context(), message(to), time.Now())
		if got := channeltest.Outcome(err); !found || r.ProviderID != receipt.ProviderID || got != want {
			t.Errorf("%s: found %v, %+v, %s (%v), want %s", word, found, r, got, err, want)
		}
	}
	// No rule for the answer, and no answer.
	for _, answer := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") },
		func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
		s, err := gateway.New(read(t, "plain.json", srv.URL), gateway.Options{Secret: "s3cret-value"})
		if err != nil {
			t.Fatal(err)
		}
		if _, found, err := s.Find(t.Context(), sms.Text{Delivery: delivery, To: "+886912345678", Ref: "A7K2"}, time.Now()); err == nil || found || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("found %v, %v", found, err)
		}
		s.Close()
		srv.Close()
	}
	s, err := newSender(small)
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.Find(t.Context(), sms.Text{Delivery: delivery, To: "+886912345678"}, time.Now()); !errors.Is(err, hub.ErrCannotAsk) || found {
		t.Errorf("nobody to ask: found %v, %v", found, err)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	st := newStand(t, "plain.json", standOptions{})
	lines, err := st.channel.Probe(t.Context())
	got := strings.Join(lines, "\n")
	for _, want := range []string{"provider: plain, 127.0.0.1", "the provider answers: 998", "□", "receipts to " + hook} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if err != nil || strings.Contains(got, st.Gateway().Password) {
		t.Errorf("%v\n%s", err, got)
	}
	for want, s := range map[string]string{
		"no find":              small,
		"no probe":             small,
		"no receipts":          small,
		"they are refused":     with(t, "receipts", `{"status":"s","statuses":{"1":"sent"}}`),
		"receipts to " + hook:  with(t, "receipts", `{"verify":{"type":"query","name":"k","secret":"x"},"status":"s","statuses":{"1":"sent"}}`),
		"provider: x, sms.exa": small,
	} {
		sender, err := newSender(s)
		if err != nil {
			t.Fatal(err)
		}
		if lines, err := sender.Probe(t.Context()); err != nil || !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("no %q in %q, %v", want, lines, err)
		}
	}
	wrong := newStand(t, "plain.json", standOptions{change: func(c *gateway.Config) { c.Values["user"] = "nobody" }})
	if _, err := wrong.channel.Probe(t.Context()); err == nil {
		t.Error("wrong credentials: no error")
	}
}
