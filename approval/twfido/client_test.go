package twfido_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"qianhe/approval"
	"qianhe/approval/twfido"
	"qianhe/channels/sandbox/fido"
)

const (
	service = "20260101000000000001"
	lin     = "A123456789"
	wang    = "B198765432"
	holder  = "0000000000000101"
)

var (
	secret = []byte("0123456789abcdef0123456789ABCDEF")
	now    = time.Date(2026, 3, 2, 10, 4, 0, 0, time.UTC)
	keys   = sync.OnceValue(func() (out [2]*rsa.PrivateKey) {
		for i := range out {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			out[i] = key
		}
		return out
	})
	authority = sync.OnceValues(func() (*fido.Authority, error) { return fido.NewAuthority(now) })
)

// world is a client with its stand-in. They talk without a network, so that
// time may be made up.
type world struct {
	*twfido.Client
	server  *fido.Server
	handler http.Handler
	now     func() time.Time
	fails   int // so many requests do not arrive
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.fails > 0 {
		w.fails--
		return nil, errors.New("the line is dead")
	}
	out := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	w.handler.ServeHTTP(out, in)
	return out.Result(), nil
}

func newWorld(t *testing.T, clock func() time.Time) *world {
	t.Helper()
	a, err := authority()
	if err != nil {
		t.Fatal(err)
	}
	key, err := twfido.ParseKey(base64.URLEncoding.EncodeToString(secret))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{now: clock, server: fido.New(fido.Options{ServiceID: service, ServiceName: "範例市政府簽核", Key: secret, Callback: "https://sign.example.gov.tw/fido/back", Now: clock}, a)}
	w.handler = w.server.Handler()
	for i, p := range []struct{ id, name, holder string }{{lin, "林小明", holder}, {wang, "王大同", "0000000000000102"}} {
		if _, err := w.server.Enroll(p.id, p.name, p.holder, "MyPhone", keys()[i]); err != nil {
			t.Fatal(err)
		}
	}
	base := &url.URL{Scheme: "https", Host: "fidoapi.example"}
	w.Client, err = twfido.New(twfido.Config{API: base, Web: &url.URL{Scheme: "https", Host: "fido.example"}, ServiceID: service, Key: key, Anchors: []*x509.Certificate{a.Root, a.CA}, Client: &http.Client{Transport: w}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func fixed() time.Time { return now }

func sums(n int) (out [][sha256.Size]byte) {
	for i := range n {
		out = append(out, sha256.Sum256([]byte{byte(i)}))
	}
	return out
}

func request(mode twfido.Mode, n int) twfido.Request {
	return twfido.Request{IDNumber: lin, Mode: mode, Hint: "簽核 1150000123 <核對碼 47>", Life: 2 * time.Minute, Sign: sums(n)}
}

// Every mode that hands over a ticket: asked, not yet, approved, proven.
func TestModes(t *testing.T) {
	w := newWorld(t, fixed)
	for _, test := range []struct {
		mode twfido.Mode
		sign int
	}{
		{twfido.QR, 0}, {twfido.QR, 1}, {twfido.Push, 0}, {twfido.Push, 1}, {twfido.Web2App, 1}, {twfido.App2App, 1},
		{twfido.Push, 2}, {twfido.Web2App, 20}, {twfido.App2App, 3},
	} {
		what := fmt.Sprintf("%s, %d to sign", test.mode, test.sign)
		r := request(test.mode, test.sign)
		ticket, err := w.Ask(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if !ticket.Expires.Equal(now.Add(2*time.Minute)) || ticket.ID == "" {
			t.Errorf("%s: ticket %+v", what, ticket)
		}
		expect := twfido.Expect{Sign: r.Sign, Holder: holder, IDNumber: lin}
		if _, err := w.Result(t.Context(), ticket, expect); !errors.Is(err, twfido.ErrPending) {
			t.Errorf("%s: before it was answered: %v", what, err)
		}
		prompts := w.server.Prompts(lin)
		if len(prompts) != 1 || prompts[0].Hint != r.Hint || prompts[0].Pushed != (test.mode == twfido.Push) || len(prompts[0].Data) != test.sign {
			t.Fatalf("%s: the app shows %+v", what, prompts)
		}
		if !w.server.Approve(ticket.ID) || w.server.Approve(ticket.ID) {
			t.Errorf("%s: approved not once", what)
		}
		for range 2 { // an answer that was lost is asked for again
			a, err := w.Result(t.Context(), ticket, expect)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				break
			}
			if len(a.Signatures) != test.sign || a.Person == "" || (a.Certificate != nil) != (test.sign > 0) || test.sign > 0 && a.Holder() != holder {
				t.Errorf("%s: answer %+v", what, a)
			}
		}
	}
}

// An answer is believed only if everything about it is right.
func TestUnproven(t *testing.T) {
	tests := []struct {
		what   string
		fault  fido.Fault
		change func(*twfido.Expect)
	}{
		{what: "checksum", fault: fido.Fault{Checksum: true}},
		{what: "signature over something else", fault: fido.Fault{Signature: true}},
		{what: "certificate of another person", fault: fido.Fault{Stranger: true}},
		{what: "certificate of an unknown authority", fault: fido.Fault{Unknown: true}},
		{what: "other digests", change: func(e *twfido.Expect) { e.Sign = [][sha256.Size]byte{{1}} }},
		{what: "more digests", change: func(e *twfido.Expect) { e.Sign = sums(2) }},
		{what: "another holder", change: func(e *twfido.Expect) { e.Holder = "0000000000000102" }},
		{what: "another identity number", change: func(e *twfido.Expect) { e.Holder, e.IDNumber = "", wang }},
	}
	for _, sign := range []int{1, 3} {
		for _, test := range tests {
			if sign == 3 && test.what == "more digests" {
				continue
			}
			w := newWorld(t, fixed)
			r := request(twfido.Push, sign)
			ticket, err := w.Ask(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			w.server.SetFault(test.fault)
			w.server.Approve(ticket.ID)
			e := twfido.Expect{Sign: r.Sign, Holder: holder, IDNumber: lin}
			if test.change != nil {
				test.change(&e)
			}
			if a, err := w.Result(t.Context(), ticket, e); !errors.Is(err, twfido.ErrUnproven) || a != nil {
				t.Errorf("%s, %d to sign: %+v, %v", test.what, sign, a, err)
			}
		}
	}
	w := newWorld(t, fixed)
	w.server.SetFault(fido.Fault{Checksum: true})
	if _, err := w.Ask(t.Context(), request(twfido.QR, 1)); !errors.Is(err, twfido.ErrUnproven) {
		t.Errorf("a ticket with a wrong checksum: %v", err)
	}
	if _, err := w.Device(t.Context(), lin); !errors.Is(err, twfido.ErrUnproven) {
		t.Errorf("a device with a wrong checksum: %v", err)
	}
}

// A certificate that has run out signs nothing.
func TestExpiredCertificate(t *testing.T) {
	at := now
	w := newWorld(t, func() time.Time { return at })
	at = now.AddDate(1, 0, 0)
	r := request(twfido.QR, 1)
	ticket, err := w.Ask(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	w.server.Approve(ticket.ID)
	if _, err := w.Result(t.Context(), ticket, twfido.Expect{Sign: r.Sign}); !errors.Is(err, twfido.ErrUnproven) {
		t.Errorf("run out: %v", err)
	}
}

func TestRefusedRequests(t *testing.T) {
	w := newWorld(t, fixed)
	for what, change := range map[string]func(*twfido.Request){
		"no mode":          func(r *twfido.Request) { r.Mode = "" },
		"bad number":       func(r *twfido.Request) { r.IDNumber = "a123456789" },
		"too short":        func(r *twfido.Request) { r.Life = 29 * time.Second },
		"too long":         func(r *twfido.Request) { r.Life = 601 * time.Second },
		"too many":         func(r *twfido.Request) { r.Mode, r.Sign = twfido.Push, sums(21) },
		"batch by QR":      func(r *twfido.Request) { r.Sign = sums(2) },
		"hint of lines":    func(r *twfido.Request) { r.Hint = "a\nb" },
		"hint too long":    func(r *twfido.Request) { r.Hint = strings.Repeat("字", 101) },
		"alias without it": func(r *twfido.Request) { r.Device = "MyPhone" },
		"redirect":         func(r *twfido.Request) { r.Mode, r.IDNumber = twfido.Redirect, "" },
	} {
		r := request(twfido.QR, 1)
		change(&r)
		_, err := w.Ask(t.Context(), r)
		if _, ok := errors.AsType[*approval.InvalidError](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && (strings.Contains(err.Error(), lin) || strings.Contains(err.Error(), "a123")) {
			t.Errorf("%s: the error holds the number: %v", what, err)
		}
	}
	if s := fmt.Sprint(slog.AnyValue(request(twfido.QR, 1)).Resolve()); strings.Contains(s, lin) {
		t.Errorf("logged as %s", s)
	}
}

// What the specification names comes through as it is, in whatever writing, and
// says what to do next in both languages.
func TestErrorCodes(t *testing.T) {
	w := newWorld(t, fixed)
	next := map[string]twfido.Next{
		"IDNUM_DEVPROF_NF": twfido.Bind, "PS_FCM_NOT_FOUND": twfido.Open, "PS_CONNECT_500": twfido.ByQR, "PS_FCM_UNAVAILABLE": twfido.ByQR, "DB_CONN_ERR": twfido.Later,
		"INV_SP_CHECKSUM": twfido.Admin, "APP_USER_CANCEL": twfido.Ended, "SPTKT_OVD": twfido.Again, "NEVER_HEARD_OF": twfido.Later, "PM_INV_SG": twfido.Helpd,
	}
	for code, want := range next {
		for _, written := range []string{code, code + ": some words", code + " : x"} {
			w.server.SetFault(fido.Fault{Code: written})
			_, err := w.Ask(t.Context(), request(twfido.QR, 1))
			e, ok := errors.AsType[*twfido.Error](err)
			if !ok || e.Code != code || e.Next() != want || e.Advice("zh-TW") == "" || e.Advice("en") == "" || e.Advice("en") == e.Advice("zh-TW") {
				t.Errorf("%q: %v", written, err)
			}
		}
	}
	w.server.SetFault(fido.Fault{})
	ticket, err := w.Ask(t.Context(), request(twfido.QR, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"SPTKTID_TXNLOG_NF", "20002", "20003", "SPTKTID_TXNLOG_NF: 9007"} {
		w.server.SetFault(fido.Fault{Code: code, Number: strings.HasPrefix(code, "2000")})
		if _, err := w.Result(t.Context(), ticket, twfido.Expect{}); !errors.Is(err, twfido.ErrPending) {
			t.Errorf("%s: %v", code, err)
		}
	}
	w.server.SetFault(fido.Fault{Down: 1})
	if _, err := w.Result(t.Context(), ticket, twfido.Expect{}); !asTransport(err) {
		t.Errorf("error 500: %v", err)
	}
	w.server.SetFault(fido.Fault{Number: true}) // success as a number
	if _, err := w.Ask(t.Context(), request(twfido.QR, 1)); err != nil {
		t.Errorf("error_code 0 as a number: %v", err)
	}
	for _, body := range []string{"", "x", "[]", "{}", `{"error_code":null}`, `{"error_code":"0"}`, `{"error_code":"0","result":null}`, `{"error_code":"0","result":[]}`, strings.Repeat(" ", 2<<20)} {
		w.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		if _, err := w.Ask(t.Context(), request(twfido.QR, 1)); err == nil || !asTransport(err) && !errors.Is(err, twfido.ErrUnproven) {
			t.Errorf("%.40q: %v", body, err)
		}
	}
}

func asTransport(err error) bool { _, ok := errors.AsType[*twfido.TransportError](err); return ok }

// The stand-in refuses what the real one does.
func TestServerRefuses(t *testing.T) {
	w := newWorld(t, fixed)
	ask := func(change func(*twfido.Request)) string {
		r := request(twfido.Push, 1)
		change(&r)
		_, err := w.Ask(t.Context(), r)
		if e, ok := errors.AsType[*twfido.Error](err); ok {
			return e.Code
		}
		return fmt.Sprint(err)
	}
	if got := ask(func(r *twfido.Request) { r.IDNumber = "C100000001" }); got != "IDNUM_USERPROF_NF" {
		t.Errorf("unknown person: %s", got)
	}
	if got := ask(func(r *twfido.Request) { r.Device = "OldPhone" }); got != "DEV_DESC_MISMATCH" {
		t.Errorf("unknown phone: %s", got)
	}
	if got := ask(func(r *twfido.Request) { r.Device = "MyPhone" }); got != "<nil>" {
		t.Errorf("known phone: %s", got)
	}
	w.server.SetSilent(lin, true)
	if got := ask(func(*twfido.Request) {}); got != "PS_FCM_NOT_FOUND" {
		t.Errorf("silent phone: %s", got)
	}
	d, err := w.Device(t.Context(), lin)
	if err != nil || !d.Bound || !d.Signs {
		t.Errorf("device %+v, %v", d, err)
	}
	if d, err = w.Device(t.Context(), "C100000001"); err != nil || d.Bound {
		t.Errorf("device of nobody %+v, %v", d, err)
	}
}

// Polling is patient: four seconds, over dead lines, until the ticket ends.
func TestAwait(t *testing.T) {
	await := func(t *testing.T, prepare func(*world, twfido.Ticket)) (*twfido.Answer, time.Duration, error) {
		t.Helper()
		start := time.Now()
		w := newWorld(t, func() time.Time { return now.Add(time.Since(start)) })
		r := request(twfido.Push, 1)
		ticket, err := w.Ask(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		prepare(w, ticket)
		a, err := w.Await(t.Context(), ticket, twfido.Expect{Sign: r.Sign, Holder: holder})
		return a, time.Since(start), err
	}
	for _, test := range []struct {
		what    string
		prepare func(*world, twfido.Ticket)
		want    string
		after   time.Duration
	}{
		{"answered after ten seconds", func(w *world, k twfido.Ticket) { time.AfterFunc(10*time.Second, func() { w.server.Approve(k.ID) }) }, "", 12 * time.Second},
		{"the line is dead for a while", func(w *world, k twfido.Ticket) { w.server.Approve(k.ID); w.fails = 5 }, "", 24 * time.Second},
		{"declined", func(w *world, k twfido.Ticket) { w.server.Cancel(k.ID) }, "APP_USER_CANCEL", 4 * time.Second},
		{"never answered", func(*world, twfido.Ticket) {}, "SPTKT_OVD", 2 * time.Minute},
		{"never answered, and the line dead", func(w *world, _ twfido.Ticket) { w.fails = 1 << 30 }, "SPTKT_OVD", 2 * time.Minute},
		{"answered in the last moment", func(w *world, k twfido.Ticket) {
			time.AfterFunc(2*time.Minute-time.Second, func() { w.server.Approve(k.ID) })
		}, "", 2 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, took, err := await(t, test.prepare)
			e, _ := errors.AsType[*twfido.Error](err)
			switch {
			case test.want == "" && (err != nil || len(a.Signatures) != 1):
				t.Errorf("%s: %v", test.what, err)
			case test.want != "" && (e == nil || e.Code != test.want):
				t.Errorf("%s: %v, want %s", test.what, err, test.want)
			}
			if took < test.after || took >= test.after+twfido.PollEvery {
				t.Errorf("%s: took %v, want %v", test.what, took, test.after)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Now)
		ticket, err := w.Ask(t.Context(), request(twfido.Push, 1))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := w.Await(ctx, ticket, twfido.Expect{}); !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
	})
}

// TW FidO's own page: the answer comes through the browser, and is taken for
// nothing until it is proven.
func TestRedirect(t *testing.T) {
	hidden := regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`)
	for _, sign := range []int{0, 1} {
		w := newWorld(t, fixed)
		r := request(twfido.Redirect, sign)
		r.IDNumber = ""
		form, err := w.Form(r)
		if err != nil || form.Action != "https://fido.example/fidoRedirect/web" {
			t.Fatalf("%+v, %v", form, err)
		}
		if form.Fields.Has("id_num") || form.Fields.Has("op_mode") {
			t.Errorf("the form holds %v", form.Fields)
		}
		post := func(path string, v url.Values) string {
			out := httptest.NewRecorder()
			in := httptest.NewRequest(http.MethodPost, path, strings.NewReader(v.Encode()))
			in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w.handler.ServeHTTP(out, in)
			if out.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, out.Code, out.Body)
			}
			return out.Body.String()
		}
		ticket := hidden.FindStringSubmatch(post("/fidoRedirect/web", form.Fields))[2]
		back := url.Values{}
		for _, m := range hidden.FindAllStringSubmatch(post("/fidoRedirect/answer", url.Values{"ticket": {ticket}, "id_num": {lin}, "do": {"approve"}}), -1) {
			back.Set(m[1], strings.NewReplacer("&#43;", "+").Replace(m[2]))
		}
		expect := twfido.Expect{Sign: r.Sign, IDNumber: lin, Holder: holder}
		a, err := w.Callback(back, form.Transaction, expect)
		if err != nil || len(a.Signatures) != sign {
			t.Fatalf("callback: %+v, %v\n%v", a, err, back)
		}
		for what, change := range map[string]func(v url.Values, e *twfido.Expect) string{
			"another transaction":   func(url.Values, *twfido.Expect) string { return "x" },
			"none under way":        func(url.Values, *twfido.Expect) string { return "" },
			"another account":       func(_ url.Values, e *twfido.Expect) string { e.IDNumber = wang; return form.Transaction },
			"an account without id": func(_ url.Values, e *twfido.Expect) string { e.IDNumber = ""; return form.Transaction },
			"another number": func(v url.Values, e *twfido.Expect) string {
				v.Set("id_num", wang)
				e.IDNumber = wang
				return form.Transaction
			},
			"no checksum":            func(v url.Values, _ *twfido.Expect) string { v.Del("idp_checksum"); return form.Transaction },
			"failure turned success": func(v url.Values, _ *twfido.Expect) string { v.Set("error_code", "00"); return form.Transaction },
		} {
			v := url.Values{}
			for k := range back {
				v.Set(k, back.Get(k))
			}
			e := expect
			if _, err := w.Callback(v, change(v, &e), e); !errors.Is(err, twfido.ErrUnproven) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func TestLinks(t *testing.T) {
	w := newWorld(t, fixed)
	ticket, err := w.Ask(t.Context(), request(twfido.Web2App, 1))
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(twfido.AppLink(twfido.Web2App, ticket, "https://sign.example.gov.tw/d/1?a=1&b=/", "nonce+/="))
	if err != nil || link.Scheme != "mobilemoica" || link.Host != "moica.moi.gov.tw" || link.Path != "/w2a/verifySign" {
		t.Fatalf("%v, %v", link, err)
	}
	q := link.Query()
	back, err := base64.RawURLEncoding.DecodeString(q.Get("rtn_url"))
	if err != nil || string(back) != "https://sign.example.gov.tw/d/1?a=1&b=/" || q.Get("sp_ticket") != ticket.Raw {
		t.Errorf("%v", q)
	}
	if got := twfido.ReturnValue(url.Values{"rtn_val": {q.Get("rtn_val")}}); got != "nonce+/=" {
		t.Errorf("came back as %q", got)
	}
	if got := twfido.ReturnValue(url.Values{"rtn_val": {"not base64!"}}); got != "not base64!" {
		t.Errorf("came back as %q", got)
	}
	if link := twfido.AppLink(twfido.App2App, ticket, "x", ""); !strings.Contains(link, "/a2a/") {
		t.Error(link)
	}
}

func TestNew(t *testing.T) {
	if _, err := twfido.New(twfido.Config{}); err == nil {
		t.Error("a client of nobody was made")
	}
}
