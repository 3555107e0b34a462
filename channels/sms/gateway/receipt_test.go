package gateway_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/channels/sandbox"
	"qianhe/channels/sms/gateway"
	"qianhe/hub"
)

const statuses = `{"1":"accepted","2":"queued","3":"sending","4":"sent","0":"delivered","EXP":"undelivered retry","UND":"undelivered","BAD":"failed permanent","OUT":"failed down"}`

// receiver makes a sender that reads receipts.
func receiver(t *testing.T, receipts string) *gateway.Sender {
	t.Helper()
	s, err := newSender(with(t, "receipts", receipts))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	const verify = `"verify":{"type":"query","name":"key","secret":"{{secret}}"}`
	in := func(id, data string, change func(*hub.Inbound)) hub.Inbound {
		i := hub.Inbound{Channel: hub.SMS, ID: "m1:" + delivery + ":" + id, Kind: hub.InStatus, Data: data, Provider: []string{"m1"}, Delivery: delivery}
		if change != nil {
			change(&i)
		}
		return i
	}
	form := `{` + verify + `,"id":"id","status":"s","code":"c","statuses":` + statuses + `}`
	asJSON := `{` + verify + `,"format":"json","id":"msg.id","delivery":"ref","status":"stat[0]","code":"err","statuses":` + statuses + `}`
	listed := `{` + verify + `,"format":"json","list":"data.receipts","id":"id","delivery":"ref","status":"s","statuses":` + statuses + `}`
	query := `{` + verify + `,"format":"query","id":"id","status":"s","statuses":` + statuses + `}`
	failed := func(code string, o hub.Outcome) func(*hub.Inbound) {
		return func(i *hub.Inbound) { i.Code, i.Outcome = code, o }
	}
	tests := []struct {
		name, receipts, query, body string
		want                        []hub.Inbound
		err                         bool
	}{
		{"form", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=0", []hub.Inbound{in("0", "delivered", nil)}, false},
		{"accepted", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=1", []hub.Inbound{in("1", "accepted", nil)}, false},
		{"queued", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=2", []hub.Inbound{in("2", "queued", nil)}, false},
		{"sending", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=3", []hub.Inbound{in("3", "sending", nil)}, false},
		{"sent", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=4", []hub.Inbound{in("4", "sent", nil)}, false},
		{"expired", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=EXP&c=E7", []hub.Inbound{in("EXP", "undelivered", failed("E7", hub.OutcomeRetry))}, false},
		{"undelivered", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=UND", []hub.Inbound{in("UND", "undelivered", failed("UND", hub.OutcomeRejected))}, false},
		{"permanent", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=BAD&c=%3Cb%3E0912345678", []hub.Inbound{in("BAD", "failed", failed("b …", hub.OutcomePermanent))}, false},
		{"down", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=OUT", []hub.Inbound{in("OUT", "failed", failed("OUT", hub.OutcomeChannelDown))}, false},
		{"a word of tomorrow", form, "a=" + delivery + "&key=s3cret-value", "id=m1&s=NEW", nil, false},
		{"no delivery", form, "key=s3cret-value", "id=m1&s=0", []hub.Inbound{in("0", "delivered", func(i *hub.Inbound) { i.Delivery, i.ID = "", "m1::0" })}, false},
		{"no name", form, "a=" + delivery + "&key=s3cret-value", "s=0", []hub.Inbound{in("0", "delivered", func(i *hub.Inbound) { i.Provider, i.ID = nil, ":"+delivery+":0" })}, false},
		{"no name, no delivery", form, "key=s3cret-value", "s=0", nil, false},
		{"a name that is none", form, "a=" + delivery + "&key=s3cret-value", "id=m+1&s=0", []hub.Inbound{in("0", "delivered", func(i *hub.Inbound) { i.Provider, i.ID = nil, ":"+delivery+":0" })}, false},
		{"not a form", form, "key=s3cret-value", "%zz", nil, true},
		{"JSON", asJSON, "key=s3cret-value", `{"msg":{"id":"m1"},"ref":"` + delivery + `","stat":["BAD"],"err":17}`, []hub.Inbound{in("BAD", "failed", failed("17", hub.OutcomePermanent))}, false},
		{"JSON with numbers", asJSON, "key=s3cret-value", `{"msg":{"id":"m1"},"ref":"` + delivery + `","stat":[0]}`, []hub.Inbound{in("0", "delivered", nil)}, false},
		{"JSON, many", asJSON, "key=s3cret-value", `[{"msg":{"id":"m1"},"ref":"` + delivery + `","stat":["0"]},{"msg":{},"stat":["0"]},{"msg":{"id":"m1"},"ref":"` + delivery + `","stat":["4"]}]`,
			[]hub.Inbound{in("0", "delivered", nil), in("4", "sent", nil)}, false},
		{"two deliveries", asJSON, "a=01hzzzzzzzzzzzzzzzzzzzzzzy&key=s3cret-value", `{"msg":{"id":"m1"},"ref":"` + delivery + `","stat":["0"]}`, nil, false},
		{"not JSON", asJSON, "key=s3cret-value", `{`, nil, true},
		{"list", listed, "key=s3cret-value", `{"data":{"receipts":[{"id":"m1","ref":"` + delivery + `","s":"0"}]}}`, []hub.Inbound{in("0", "delivered", nil)}, false},
		{"no list", listed, "key=s3cret-value", `{"data":{}}`, nil, true},
		{"empty list", listed, "key=s3cret-value", `{"data":{"receipts":[]}}`, nil, false},
		{"too many", listed, "key=s3cret-value", `{"data":{"receipts":[` + strings.Repeat(`{},`, 1000) + `{}]}}`, nil, true},
		{"query", query, "a=" + delivery + "&id=m1&s=0&key=s3cret-value", "", []hub.Inbound{in("0", "delivered", nil)}, false},
	}
	for _, tt := range tests {
		got, err := receiver(t, tt.receipts).ParseInbound(hub.Callback{Query: tt.query, Body: []byte(tt.body)})
		if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != tt.err || errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: error %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

// TestUnknownWordIsLogged: nobody would look for it otherwise.
func TestUnknownWordIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	cfg, err := gateway.Read(strings.NewReader(with(t, "receipts", `{"verify":{"type":"query","name":"key","secret":"x"},"status":"s","id":"id","statuses":{"0":"delivered"}}`)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := gateway.New(cfg, gateway.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ParseInbound(hub.Callback{Query: "key=x", Body: []byte("id=m1&s=NEW0912345678")}); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.Contains(got, "NEW") || strings.Contains(got, "12345") {
		t.Errorf("log: %s", got)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	const body = "id=m1&s=0"
	header := func(name, value string) http.Header {
		h := http.Header{}
		h.Set(name, value)
		return h
	}
	sum := func(new func() hash.Hash, key string) []byte {
		mac := hmac.New(new, []byte(key))
		mac.Write([]byte(body))
		return mac.Sum(nil)
	}
	basic := func(user, password string) http.Header {
		return header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	tests := []struct {
		name, verify string
		cb           hub.Callback
		want         bool
	}{
		{"nothing is asked", ``, hub.Callback{Query: "key=s3cret-value"}, false},
		{"query", `"type":"query","name":"key","secret":"{{secret}}"`, hub.Callback{Query: "key=s3cret-value"}, true},
		{"query, wrong", `"type":"query","name":"key","secret":"{{secret}}"`, hub.Callback{Query: "key=s3cret-valu"}, false},
		{"query, none", `"type":"query","name":"key","secret":"{{secret}}"`, hub.Callback{}, false},
		{"query, twice", `"type":"query","name":"key","secret":"{{secret}}"`, hub.Callback{Query: "key=s3cret-value&key=x"}, false},
		{"query, in the body", `"type":"query","name":"key","secret":"{{secret}}"`, hub.Callback{Body: []byte("key=s3cret-value")}, false},
		{"header", `"type":"header","name":"X-Key","secret":"{{secret}}"`, hub.Callback{Header: header("X-Key", "s3cret-value")}, true},
		{"header, wrong", `"type":"header","name":"X-Key","secret":"{{secret}}"`, hub.Callback{Header: header("X-Key", "S3cret-value")}, false},
		{"header, none", `"type":"header","name":"X-Key","secret":"{{secret}}"`, hub.Callback{}, false},
		{"basic", `"type":"basic","user":"u","secret":"{{secret}}"`, hub.Callback{Header: basic("u", "s3cret-value")}, true},
		{"basic, wrong user", `"type":"basic","user":"u","secret":"{{secret}}"`, hub.Callback{Header: basic("v", "s3cret-value")}, false},
		{"basic, wrong password", `"type":"basic","user":"u","secret":"{{secret}}"`, hub.Callback{Header: basic("u", "")}, false},
		{"basic, none", `"type":"basic","user":"u","secret":"{{secret}}"`, hub.Callback{}, false},
		{"hmac", `"type":"hmac","name":"X-Sig","secret":"{{secret}}"`, hub.Callback{Header: header("X-Sig", hex.EncodeToString(sum(sha256.New, "s3cret-value")))}, true},
		{"hmac, upper case", `"type":"hmac","name":"X-Sig","secret":"{{secret}}"`, hub.Callback{Header: header("X-Sig", strings.ToUpper(hex.EncodeToString(sum(sha256.New, "s3cret-value"))))}, true},
		{"hmac, prefix", `"type":"hmac","name":"X-Sig","secret":"{{secret}}","prefix":"sha256="`, hub.Callback{Header: header("X-Sig", "sha256="+hex.EncodeToString(sum(sha256.New, "s3cret-value")))}, true},
		{"hmac, no prefix", `"type":"hmac","name":"X-Sig","secret":"{{secret}}","prefix":"sha256="`, hub.Callback{Header: header("X-Sig", hex.EncodeToString(sum(sha256.New, "s3cret-value")))}, false},
		{"hmac, SHA-1 in base 64", `"type":"hmac","name":"X-Sig","secret":"{{secret}}","hash":"sha1","encoding":"base64"`, hub.Callback{Header: header("X-Sig", base64.StdEncoding.EncodeToString(sum(sha1.New, "s3cret-value")))}, true},
		{"hmac, SHA-512", `"type":"hmac","name":"X-Sig","secret":"{{secret}}","hash":"sha512"`, hub.Callback{Header: header("X-Sig", hex.EncodeToString(sum(sha512.New, "s3cret-value")))}, true},
		{"hmac, another key", `"type":"hmac","name":"X-Sig","secret":"{{secret}}"`, hub.Callback{Header: header("X-Sig", hex.EncodeToString(sum(sha256.New, "x")))}, false},
		{"hmac, half", `"type":"hmac","name":"X-Sig","secret":"{{secret}}"`, hub.Callback{Header: header("X-Sig", hex.EncodeToString(sum(sha256.New, "s3cret-value")[:8]))}, false},
		{"hmac, not hexadecimal", `"type":"hmac","name":"X-Sig","secret":"{{secret}}"`, hub.Callback{Header: header("X-Sig", "zz")}, false},
		{"hmac, none", `"type":"hmac","name":"X-Sig","secret":"{{secret}}"`, hub.Callback{}, false},
	}
	for _, tt := range tests {
		s := receiver(t, `{"verify":{`+tt.verify+`},"id":"id","status":"s","statuses":`+statuses+`}`)
		tt.cb.Body = append(slices.Clip(tt.cb.Body), body...)
		list, err := s.ParseInbound(tt.cb)
		if got := err == nil && len(list) == 1; got != tt.want || err != nil && !errors.Is(err, hub.ErrSignature) {
			t.Errorf("%s: %+v, %v, want %v", tt.name, list, err, tt.want)
		}
	}
	s, err := newSender(small)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ParseInbound(hub.Callback{}); !errors.Is(err, hub.ErrSignature) {
		t.Errorf("no receipts: %v", err)
	}
}

// TestReceiptsOfTheStandIns: what they send is understood, and what is forged
// is not believed.
func TestReceiptsOfTheStandIns(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"plain.json", "gov111.json"} {
		heard := listen(t)
		st := newStand(t, file, standOptions{hook: heard.url})
		to := st.address()
		st.GatewayFails(to.Value, "EXPIRED")
		receipt, err := st.channel.Send(t.Context(), message(to))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"accepted", "undelivered"} {
			list, err := st.channel.ParseInbound(<-heard.list)
			if err != nil || len(list) != 1 || list[0].Data != want || list[0].Delivery != delivery || list[0].Provider[0] != receipt.ProviderID {
				t.Errorf("%s: %+v, %v, want %s", file, list, err, want)
			}
		}
	}
	heard := listen(t)
	st := newStand(t, "gov111.json", standOptions{hook: heard.url})
	st.SetCallbackFault("111", sandbox.CallbackFault{Forged: true})
	if _, err := st.channel.Send(t.Context(), message(st.address())); err != nil {
		t.Fatal(err)
	}
	if list, err := st.channel.ParseInbound(<-heard.list); !errors.Is(err, hub.ErrSignature) {
		t.Errorf("forged: %+v, %v", list, err)
	}
}

// heard is an address for callbacks that keeps what came.
type heard struct {
	url  string
	list chan hub.Callback
}

func listen(t *testing.T) *heard {
	t.Helper()
	list := make(chan hub.Callback, 100)
	h := &heard{list: list}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		list <- hub.Callback{Header: r.Header.Clone(), Query: r.URL.RawQuery, Body: body}
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL + "/hooks/sms"
	return h
}

func FuzzParseInbound(f *testing.F) {
	f.Add("a="+delivery+"&key=s3cret-value", "id=m1&s=0&c=1", 0)
	f.Add("key=s3cret-value", `[{"id":"m1","ref":"`+delivery+`","s":"BAD","c":"x"}]`, 1)
	f.Add("key=s3cret-value&s=EXP&id=1", "", 2)
	formats := []string{"form", "json", "query"}
	var senders []*gateway.Sender
	for _, format := range formats {
		cfg, err := gateway.Read(strings.NewReader(`{"name":"x","send":{"url":"https://sms.example.com/","form":{"to":"{{to}}","text":"{{text}}"}},"answer":[{"status":"200","then":"accepted"}],
			"receipts":{"verify":{"type":"query","name":"key","secret":"s3cret-value"},"format":"` + format + `","id":"id","delivery":"ref","status":"s","code":"c","statuses":` + statuses + `}}`))
		if err != nil {
			f.Fatal(err)
		}
		s, err := gateway.New(cfg, gateway.Options{})
		if err != nil {
			f.Fatal(err)
		}
		senders = append(senders, s)
	}
	f.Fuzz(func(t *testing.T, query, body string, format int) {
		s := senders[uint(format)%uint(len(senders))]
		list, err := s.ParseInbound(hub.Callback{Query: query, Body: []byte(body)})
		if err != nil {
			return
		}
		for _, in := range list {
			failed := in.Data == "failed" || in.Data == "undelivered"
			if in.ID == "" || in.Channel != hub.SMS || (in.Outcome != "") != failed || len(in.Provider) == 0 && in.Delivery == "" {
				t.Fatalf("got %+v", in)
			}
		}
	})
}

// TestSignatureIsNotOverTheAddress: a receipt that somebody has caught, sent
// again with another delivery in the address, is about what its body names and
// known again.
func TestSignatureIsNotOverTheAddress(t *testing.T) {
	t.Parallel()
	const other = "01hzzzzzzzzzzzzzzzzzzzzzzy"
	for body, want := range map[string]hub.Inbound{
		"id=m1&s=BAD":                     {ID: "m1::BAD", Provider: []string{"m1"}},
		"id=m1&s=BAD&ours=" + delivery:    {ID: "m1:" + delivery + ":BAD", Provider: []string{"m1"}, Delivery: delivery},
		"s=BAD&ours=" + delivery + "&id=": {ID: ":" + delivery + ":BAD", Delivery: delivery},
	} {
		want.Channel, want.Kind, want.Data, want.Code, want.Outcome = hub.SMS, hub.InStatus, "failed", "BAD", hub.OutcomePermanent
		s := receiver(t, `{"verify":{"type":"hmac","name":"X-Sig","secret":"{{secret}}"},"id":"id","delivery":"ours","status":"s","statuses":`+statuses+`}`)
		mac := hmac.New(sha256.New, []byte("s3cret-value"))
		mac.Write([]byte(body))
		got, err := s.ParseInbound(hub.Callback{Header: http.Header{"X-Sig": {hex.EncodeToString(mac.Sum(nil))}}, Query: "a=" + other, Body: []byte(body)})
		if diff := cmp.Diff([]hub.Inbound{want}, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", body, err, diff)
		}
	}
}

// TestReceiptsByGet: only a file that says so has its receipts taken from the
// address of a GET.
func TestReceiptsByGet(t *testing.T) {
	t.Parallel()
	const verify = `"verify":{"type":"query","name":"key","secret":"{{secret}}"},"id":"id","status":"s","statuses":` + statuses
	for receipts, want := range map[string]bool{
		`{"format":"query",` + verify + `}`: true,
		`{"format":"form",` + verify + `}`:  false,
		`{"format":"json",` + verify + `}`:  false,
	} {
		if got := receiver(t, receipts).Traits().Get; got != want {
			t.Errorf("%s: %t, want %t", receipts, got, want)
		}
	}
}
