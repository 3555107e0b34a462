package twilio

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/hub"
)

const (
	hookURL  = "https://sign.example.gov.tw/hooks/sms"
	account  = "AC00000000000000000000000000000b07"
	sid      = "SM0123456789abcdef0123456789abcdef"
	about    = "01hzzzzzzzzzzzzzzzzzzzzzzz"
	tokenFor = "5a6e64626f782d7477696c696f2d746f"
)

// signedForm makes a callback as Twilio sends it.
func signedForm(query string, fields map[string]string) hub.Callback {
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	address := hookURL
	if query != "" {
		address += "?" + query
	}
	return callback(query, sign(tokenFor, address, concatenate(form)), form.Encode())
}

func status(word string, more ...string) map[string]string {
	fields := map[string]string{
		"AccountSid": account, "ApiVersion": "2010-04-01", "From": "+14155550107", "MessageSid": sid, "MessageStatus": word,
		"SmsSid": sid, "SmsStatus": word, "To": "+886912345678",
	}
	for i := 0; i < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	return fields
}

func TestParseInbound(t *testing.T) {
	t.Parallel()
	said := func(id, data string, more ...string) []hub.Inbound {
		in := hub.Inbound{Channel: hub.SMS, ID: sid + ":" + id, Kind: hub.InStatus, Data: data, Provider: []string{sid}, Delivery: about}
		if len(more) > 0 {
			in.Code, in.Outcome = more[0], hub.Outcome(more[1])
		}
		return []hub.Inbound{in}
	}
	tests := []struct {
		name   string
		query  string
		fields map[string]string
		want   []hub.Inbound
	}{
		{"accepted", "a=" + about, status("accepted"), said("accepted", "accepted")},
		{"scheduled", "a=" + about, status("scheduled"), said("scheduled", "accepted")},
		{"queued", "a=" + about, status("queued"), said("queued", "queued")},
		{"sending", "a=" + about, status("sending"), said("sending", "sending")},
		{"sent", "a=" + about, status("sent"), said("sent", "sent")},
		{"delivered", "a=" + about, status("delivered", "RawDlrDoneDate", "2611231030"), said("delivered", "delivered")},
		{"canceled", "a=" + about, status("canceled"), said("canceled", "failed", "", "rejected")},
		{"a parameter of tomorrow", "a=" + about, status("sent", "Tomorrow", "1"), said("sent", "sent")},
		{"unknown handset", "a=" + about, status("undelivered", "ErrorCode", "30005"), said("undelivered", "undelivered", "30005", "permanent")},
		{"landline", "a=" + about, status("undelivered", "ErrorCode", "30006"), said("undelivered", "undelivered", "30006", "permanent")},
		{"opted out", "a=" + about, status("failed", "ErrorCode", "21610"), said("failed", "failed", "21610", "permanent")},
		{"filtered", "a=" + about, status("undelivered", "ErrorCode", "30007"), said("undelivered", "undelivered", "30007", "rejected")},
		{"suspended", "a=" + about, status("failed", "ErrorCode", "30002"), said("failed", "failed", "30002", "channel_down")},
		{"limit", "a=" + about, status("failed", "ErrorCode", "63038"), said("failed", "failed", "63038", "channel_down")},
		{"off", "a=" + about, status("undelivered", "ErrorCode", "30003"), said("undelivered", "undelivered", "30003", "retry")},
		{"unknown error", "a=" + about, status("undelivered", "ErrorCode", "30008"), said("undelivered", "undelivered", "30008", "retry")},
		{"a code that nobody knows", "a=" + about, status("failed", "ErrorCode", "39999"), said("failed", "failed", "39999", "rejected")},
		{"no code", "a=" + about, status("failed"), said("failed", "failed", "", "rejected")},
		{"a code that is none", "a=" + about, status("failed", "ErrorCode", "<b>"), said("failed", "failed", "", "rejected")},
		{"a code with a good end", "a=" + about, status("delivered", "ErrorCode", "30008"), said("delivered", "delivered")},
		{"read, of another product", "a=" + about, status("read"), nil},
		{"received", "a=" + about, status("received"), nil},
		{"no status", "a=" + about, status(""), nil},
	}
	s := at(t, hookURL, tokenFor)
	for _, tt := range tests {
		got, err := s.ParseInbound(signedForm(tt.query, tt.fields))
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
	// Without a delivery in the address the message is known by its name.
	for _, query := range []string{"", "a=", "a=../x", "b=" + about} {
		got, err := s.ParseInbound(signedForm(query, status("sent")))
		if err != nil || len(got) != 1 || got[0].Delivery != "" || got[0].Provider[0] != sid {
			t.Errorf("%q: got %+v, %v", query, got, err)
		}
	}
}

// TestSameCallbackSameID: the key against replays is what is signed.
func TestSameCallbackSameID(t *testing.T) {
	t.Parallel()
	s := at(t, hookURL, tokenFor)
	cb := signedForm("a="+about, status("sent"))
	ids := map[string]bool{}
	for _, token := range []string{"", "one", "two"} {
		cb.Header.Set("I-Twilio-Idempotency-Token", token)
		got, err := s.ParseInbound(cb)
		if err != nil {
			t.Fatal(err)
		}
		ids[got[0].ID] = true
	}
	if len(ids) != 1 {
		t.Errorf("ids %v", ids)
	}
}

func TestOptOut(t *testing.T) {
	t.Parallel()
	s := at(t, hookURL, tokenFor)
	for kind, want := range map[string]hub.InboundKind{"STOP": hub.InUnfollow, "stop": hub.InUnfollow, "START": hub.InFollow} {
		fields := map[string]string{"AccountSid": account, "MessageSid": sid, "From": "+819012345678", "To": "+14155550107", "Body": "STOP", "OptOutType": kind, "SmsStatus": "received"}
		got, err := s.ParseInbound(signedForm("", fields))
		if err != nil || len(got) != 1 || got[0].Kind != want || got[0].From != "+819012345678" || got[0].ID == "" || got[0].At.IsZero() {
			t.Errorf("%s: got %+v, %v", kind, got, err)
		}
	}
	fields := map[string]string{"AccountSid": account, "MessageSid": sid, "From": "111", "OptOutType": "STOP"}
	if got, err := s.ParseInbound(signedForm("", fields)); err == nil {
		t.Errorf("no number: got %+v", got)
	}
	if got, err := s.ParseInbound(signedForm("", map[string]string{"AccountSid": account, "MessageSid": sid, "From": "+819012345678", "OptOutType": "HELP"})); err != nil || len(got) > 0 {
		t.Errorf("HELP: got %+v, %v", got, err)
	}
}

func TestParseInboundJSON(t *testing.T) {
	t.Parallel()
	s := at(t, hookURL, tokenFor)
	send := func(body string) ([]hub.Inbound, error) {
		sum := sha256.Sum256([]byte(body))
		query := "a=" + about + "&bodySHA256=" + hex.EncodeToString(sum[:])
		return s.ParseInbound(callback(query, sign(tokenFor, hookURL+"?"+query), body))
	}
	got, err := send(`{"AccountSid":"` + account + `","MessageSid":"` + sid + `","MessageStatus":"undelivered","ErrorCode":30005,"To":"+886912345678","more":[1]}`)
	if err != nil || len(got) != 1 || got[0].Code != "30005" || got[0].Outcome != hub.OutcomePermanent || got[0].Delivery != about {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, body := range []string{`[]`, `{`, `"x"`, `null`, ``} {
		if got, err := send(body); err == nil {
			t.Errorf("%s: got %+v", body, got)
		}
	}
}

func TestParseInboundRefuses(t *testing.T) {
	t.Parallel()
	s := at(t, hookURL, tokenFor)
	good := signedForm("a="+about, status("sent"))
	unsigned := map[string]hub.Callback{
		"nothing":            {},
		"no signature":       {Query: good.Query, Body: good.Body},
		"another delivery":   {Header: good.Header, Query: "a=01hzzzzzzzzzzzzzzzzzzzzzzy", Body: good.Body},
		"another status":     {Header: good.Header, Query: good.Query, Body: []byte(strings.Replace(string(good.Body), "=sent", "=failed", 1))},
		"wrong body hash":    callback("bodySHA256=00", sign(tokenFor, hookURL+"?bodySHA256=00"), "{}"),
		"a form with a hash": callback("bodySHA256=00", sign(tokenFor, hookURL+"?bodySHA256=00", "A1"), "A=1"),
	}
	for name, cb := range unsigned {
		if _, err := s.ParseInbound(cb); !errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: %v, want a wrong signature", name, err)
		}
	}
	for name, fields := range map[string]map[string]string{
		"another account": status("sent", "AccountSid", "AC00000000000000000000000000000bad"),
		"no message":      status("sent", "MessageSid", ""),
		"a made-up name":  status("sent", "MessageSid", "SM1"),
	} {
		if got, err := s.ParseInbound(signedForm("a="+about, fields)); err == nil || errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	// Without an auth token nothing can be verified, so nothing is believed.
	s.cfg.AuthToken = ""
	if _, err := s.ParseInbound(callback("", sign("", hookURL, concatenate(url.Values{})), "")); !errors.Is(err, hub.ErrSignature) {
		t.Errorf("no token: %v", err)
	}
	s.hook = nil
	if _, err := s.ParseInbound(good); !errors.Is(err, hub.ErrSignature) {
		t.Errorf("no address: %v", err)
	}
}

func FuzzParseInbound(f *testing.F) {
	f.Add("a="+about, "AccountSid="+account+"&MessageSid="+sid+"&MessageStatus=undelivered&ErrorCode=30007", false)
	f.Add("a=1", `{"AccountSid":"`+account+`","MessageSid":"`+sid+`","MessageStatus":"sent"}`, true)
	f.Add("", "OptOutType=STOP&From=%2B819012345678&MessageSid="+sid+"&AccountSid="+account, false)
	f.Fuzz(func(t *testing.T, query, body string, asJSON bool) {
		u, err := url.Parse(hookURL)
		if err != nil {
			t.Fatal(err)
		}
		s := &Sender{cfg: Config{AccountSID: account, AuthToken: tokenFor, Now: time.Now}, hook: u, codes: known()}
		if asJSON {
			sum := sha256.Sum256([]byte(body))
			query += "&bodySHA256=" + hex.EncodeToString(sum[:])
		}
		signed := *u
		signed.RawQuery = query
		params := ""
		if bodyHash(query) == "" {
			form, err := url.ParseQuery(body)
			if err != nil {
				return
			}
			params = concatenate(form)
		}
		list, err := s.ParseInbound(callback(query, sign(tokenFor, signed.String(), params), body))
		if err != nil {
			return
		}
		for _, in := range list {
			failed := in.Data == "failed" || in.Data == "undelivered"
			if in.ID == "" || in.Channel != hub.SMS || (in.Outcome != "") != failed || len(in.Code) > 5 {
				t.Fatalf("got %+v", in)
			}
		}
	})
}
