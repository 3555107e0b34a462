package webhook

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"qianhe/hub"
)

var now = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

// receiver is an agency's system: it verifies, and answers what it is told.
type receiver struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request)
	got    chan string // ids and bodies of what was verified
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	v := &receiver{got: make(chan string, 10)}
	v.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		id, err := Verify([]string{vectorSecret}, r.Header, b, now)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
		}
		v.got <- id + " " + string(b)
		if v.answer != nil {
			v.answer(w, r)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

func (v *receiver) sender(t *testing.T, change ...func(*Options)) *Sender {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(v.Certificate())
	opt := Options{Now: func() time.Time { return now }, Roots: roots}
	for _, f := range change {
		f(&opt)
	}
	s := New(opt)
	t.Cleanup(s.Close)
	return s
}

func (v *receiver) endpoint() hub.Endpoint {
	return hub.Endpoint{ID: "e", URL: v.URL + "/hooks/s3cr3t-path", Private: true, Secrets: []string{vectorSecret}, Events: hub.EventTypes()}
}

func someEvent() hub.Event {
	return hub.Event{ID: "01980000-0000-7000-8000-000000000000", Type: hub.EventDocumentArrived, At: now.Add(-time.Minute), Data: json.RawMessage(`{"document":"d1","account":"lin"}`)}
}

func TestSend(t *testing.T) {
	t.Parallel()
	v := newReceiver(t)
	s := v.sender(t)
	e := v.endpoint()
	e.Secrets = []string{otherSecret, vectorSecret} // while they are exchanged
	for range 2 {
		status, err := s.SendEvent(t.Context(), e, someEvent())
		if status != 200 || err != nil {
			t.Fatalf("got %d, %v", status, err)
		}
		want := `01980000-0000-7000-8000-000000000000 {"type":"document.arrived","timestamp":"2026-11-23T00:59:00Z","data":{"document":"d1","account":"lin"}}`
		if got := <-v.got; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	tests := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		status int
		gone   bool
		after  time.Duration
		reason string // "" for success
	}{
		{"200", status(200), 200, false, 0, ""},
		{"204", status(204), 204, false, 0, ""},
		{"202 with an endless body", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4<<10)); err != nil {
					return
				}
			}
		}, 202, false, 0, ""},
		{"410", status(410), 410, true, 0, "410: the endpoint is gone"},
		{"429 with seconds", status(429, "Retry-After", "120"), 429, false, 2 * time.Minute, "429"},
		{"429 without", status(429), 429, false, 0, "429"},
		{"503 with a date", status(503, "Retry-After", now.Add(time.Hour).Format(http.TimeFormat)), 503, false, time.Hour, "503"},
		{"503 for years", status(503, "Retry-After", "999999999"), 503, false, 24 * time.Hour, "503"},
		{"500", status(500, "Retry-After", "120"), 500, false, 0, "500"},
		{"404", status(404), 404, false, 0, "404"},
		{"401", status(401), 401, false, 0, "401"},
		{"302", status(302, "Location", "https://elsewhere.example/"), 302, false, 0, "302: redirects are not followed"},
		{"308", status(308, "Location", "/elsewhere"), 308, false, 0, "308: redirects are not followed"},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, false, 0, "the connection was cut"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newReceiver(t)
			v.answer = tt.answer
			got, err := v.sender(t).SendEvent(t.Context(), v.endpoint(), someEvent())
			permanent, _ := errors.AsType[*hub.Permanent](err)
			retry, _ := errors.AsType[*hub.Retry](err)
			switch {
			case got != tt.status:
				t.Errorf("status %d, want %d", got, tt.status)
			case tt.reason == "" && err != nil:
				t.Errorf("got %v", err)
			case tt.gone && (permanent == nil || permanent.Reason != tt.reason):
				t.Errorf("got %v, want gone", err)
			case tt.reason != "" && !tt.gone && (retry == nil || retry.Reason != tt.reason || retry.After != tt.after):
				t.Errorf("got %v, want %q after %v", err, tt.reason, tt.after)
			}
			if len(v.got) != 1 {
				t.Errorf("%d requests, want 1", len(v.got))
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	v := newReceiver(t)
	hold := make(chan struct{})
	v.answer = func(http.ResponseWriter, *http.Request) { <-hold }
	defer close(hold)
	_, err := v.sender(t, func(o *Options) { o.Timeout = 50 * time.Millisecond }).SendEvent(t.Context(), v.endpoint(), someEvent())
	if retry, _ := errors.AsType[*hub.Retry](err); retry == nil || retry.Reason != "no answer in time" {
		t.Errorf("got %v", err)
	}
}

// names answers like a name server that somebody hostile runs.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if ip, ok := n[host]; ok {
		return []netip.Addr{netip.MustParseAddr(ip)}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// TestOnlyPublicAddresses: a listener on this machine would notice.
func TestOnlyPublicAddresses(t *testing.T) {
	t.Parallel()
	v := newReceiver(t)
	_, port, err := net.SplitHostPort(v.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := v.sender(t, func(o *Options) {
		o.Resolver = names{"edms.example.gov.tw": "127.0.0.1", "cloud.example.gov.tw": "169.254.169.254", "mapped.example.gov.tw": "::ffff:10.0.0.1"}
	})
	for _, host := range []string{"edms.example.gov.tw", "cloud.example.gov.tw", "mapped.example.gov.tw", "127.0.0.1", "localhost", "[::1]", "10.1.2.3", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"} {
		for _, scheme := range []string{"https", "http"} {
			e := v.endpoint()
			e.Private, e.URL = false, scheme+"://"+host+":"+port+"/hooks"
			status, err := s.SendEvent(t.Context(), e, someEvent())
			if retry, _ := errors.AsType[*hub.Retry](err); status != 0 || retry == nil {
				t.Errorf("%s: got %d, %v", e.URL, status, err)
			}
		}
	}
	// Not even a private one is where clouds keep credentials.
	for _, host := range []string{"cloud.example.gov.tw", "169.254.169.254", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1", "255.255.255.255"} {
		e := v.endpoint()
		e.URL = "http://" + host + ":" + port + "/hooks"
		if status, err := s.SendEvent(t.Context(), e, someEvent()); status != 0 || err == nil || !strings.Contains(err.Error(), "not public") {
			t.Errorf("%s: got %d, %v", e.URL, status, err)
		}
	}
	if len(v.got) > 0 {
		t.Errorf("%d requests got through", len(v.got))
	}
}

// TestErrorsHoldNoAddress: the path of an endpoint may be a secret, and error
// texts end in rows and logs.
func TestErrorsHoldNoAddress(t *testing.T) {
	t.Parallel()
	v := newReceiver(t)
	v.answer = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "s3cr3t-path is not there", 404) }
	open := v.endpoint()
	closed := v.endpoint()
	closed.URL = "https://nowhere.example.gov.tw/s3cr3t-path"
	foreign := v.endpoint() // its certificate is for another name
	foreign.URL = strings.Replace(foreign.URL, "127.0.0.1", "edms.example.gov.tw", 1)
	s := v.sender(t, func(o *Options) { o.Resolver = names{"edms.example.gov.tw": "127.0.0.1"} })
	for _, e := range []hub.Endpoint{open, closed, foreign, {URL: "https://s3cr3t-path", Private: true}, {URL: "s3cr3t-path", Secrets: []string{vectorSecret}}} {
		_, err := s.SendEvent(t.Context(), e, someEvent())
		if err == nil || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), vectorSecret) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: got %v", e.URL, err)
		}
	}
}
