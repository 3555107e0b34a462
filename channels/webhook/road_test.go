package webhook

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"testing"

	"qianhe/hub"
)

// gatekeeper is an agency's proxy that writes down who is asked for, and lets
// nobody through.
type gatekeeper struct {
	mu    sync.Mutex
	asked []string
}

func (g *gatekeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r.Method+" "+r.Host)
	w.WriteHeader(http.StatusForbidden)
}

// nowhere resolves no name: through a proxy none is looked up here.
type nowhere struct{ t *testing.T }

func (n nowhere) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.t.Errorf("%s was looked up", host)
	return nil, errors.New("nowhere")
}

func TestThroughAProxy(t *testing.T) {
	t.Parallel()
	g := &gatekeeper{}
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	address, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	v := newReceiver(t)
	s := v.sender(t, func(o *Options) { o.Proxy, o.Resolver = http.ProxyURL(address), nowhere{t} })
	// By name, and nowhere else; an address that is not public is not asked for.
	e := v.endpoint()
	e.Private = false
	for _, to := range []string{"https://edms.example.gov.tw/hooks", "https://edms.example.gov.tw:8443/hooks", "https://[::ffff:10.0.0.5]/hooks", "https://169.254.169.254/latest"} {
		e.URL = to
		if _, err := s.SendEvent(t.Context(), e, someEvent()); err == nil {
			t.Errorf("%s was answered", to)
		} else if _, ok := errors.AsType[*hub.Retry](err); !ok {
			t.Errorf("%s: %v", to, err)
		}
	}
	if want := []string{"CONNECT edms.example.gov.tw:443", "CONNECT edms.example.gov.tw:8443"}; !slices.Equal(g.asked, want) {
		t.Errorf("the proxy was asked for %q, want %q", g.asked, want)
	}
	// A private endpoint is in the network already.
	if status, err := s.SendEvent(t.Context(), v.endpoint(), someEvent()); status != 200 || err != nil {
		t.Errorf("a private endpoint: %d, %v", status, err)
	}
	if len(g.asked) != 2 {
		t.Errorf("the proxy was asked for %q", g.asked)
	}
}
