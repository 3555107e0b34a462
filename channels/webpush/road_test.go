package webpush

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qianhe/channels/channeltest"
	"qianhe/hub"
)

// tunnel is an agency's proxy: it writes down whom it is asked to CONNECT to,
// and connects to the one server of the test instead.
type tunnel struct {
	server string
	status int // to refuse with; 0 connects
	auth   string

	mu    sync.Mutex
	asked []string
	open  sync.WaitGroup
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.auth = r.Header.Get("Proxy-Authorization")
	p.mu.Unlock()
	if r.Method != http.MethodConnect || p.status != 0 {
		w.WriteHeader(max(p.status, http.StatusForbidden))
		return
	}
	up, err := net.Dial("tcp", p.server)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	down, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		up.Close()
		return
	}
	_, _ = io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n")
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		to.Close()
		from.Close()
	}
	p.open.Go(func() { pipe(up, down) })
	p.open.Go(func() { pipe(down, up) })
}

func (p *tunnel) targets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// nobody resolves nothing: through a proxy no name is looked up here.
type nobody struct{ t *testing.T }

func (n nobody) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.t.Errorf("%s was looked up", host)
	return nil, errors.New("nobody")
}

// newTunnel starts a push service for every host, a proxy before it, and a
// channel that goes through.
func newTunnel(t *testing.T, service http.HandlerFunc, loopback ...string) (*tunnel, *Channel) {
	t.Helper()
	srv := httptest.NewTLSServer(service)
	t.Cleanup(srv.Close)
	p := &tunnel{server: srv.Listener.Addr().String()}
	proxy := httptest.NewServer(p)
	t.Cleanup(func() {
		proxy.Close()
		p.open.Wait()
	})
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("qianhe", "geheim")
	ring, err := NewKeyring(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Keys: ring, Subscriber: "mailto:it@qingchuan.example", Proxy: http.ProxyURL(address), Resolver: nobody{t}, Loopback: loopback, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	c.client.Transport.(*road).proxied.TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "example.com"} // of the test's certificate
	return p, c
}

// subscriptionAt makes a good subscription at an endpoint.
func subscriptionAt(t testing.TB, endpoint string) hub.Message {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return channeltest.Message(hub.Address{Value: endpoint, Keys: map[string]string{
		"p256dh": encodeKey(key.PublicKey().Bytes()), "auth": encodeKey(make([]byte, 16)),
	}}, "dlv-1")
}

// TestProxy: the proxy is asked for hosts on the list and port 443, and for
// nothing else, whatever address a request may have got.
func TestProxy(t *testing.T) {
	t.Parallel()
	var elsewhere bool
	p, c := newTunnel(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "https://intranet.example.gov.tw/admin", http.StatusTemporaryRedirect)
		case !slices.Contains([]string{"fcm.googleapis.com", "fcm.googleapis.com:443", "wns2-sg2p.notify.windows.com"}, r.Host):
			elsewhere = true
		default:
			w.WriteHeader(http.StatusCreated)
		}
	})
	for _, endpoint := range []string{"https://fcm.googleapis.com/fcm/send/abc", "https://fcm.googleapis.com:443/fcm/send/abd", "https://wns2-sg2p.notify.windows.com/w/?token=x"} {
		if _, err := c.Send(t.Context(), subscriptionAt(t, endpoint)); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if _, err := c.Send(t.Context(), subscriptionAt(t, "https://fcm.googleapis.com/moved")); channeltest.Outcome(err) != "rejected" {
		t.Errorf("redirected: %v, want rejected", err)
	}
	// What Send itself would not let pass does not pass here either.
	for _, address := range []string{
		"https://intranet.example.gov.tw/admin", "https://127.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/latest", "https://fcm.googleapis.com:8443/x",
		"http://fcm.googleapis.com/x", "https://fcm.googleapis.com.example.org/x", "https://user@fcm.googleapis.com/x",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.client.Do(req)
		if err == nil {
			res.Body.Close()
		}
		if !errors.Is(err, errNotListed) {
			t.Errorf("%s: got %v, want errNotListed", address, err)
		}
	}
	got := slices.Compact(p.targets())
	if want := []string{"CONNECT fcm.googleapis.com:443", "CONNECT wns2-sg2p.notify.windows.com:443"}; !slices.Equal(got, want) || elsewhere {
		t.Errorf("asked for %q, want %q", got, want)
	}
	if !strings.HasPrefix(p.auth, "Basic ") {
		t.Errorf("the proxy was given %q", p.auth)
	}
	if lines, err := c.Probe(t.Context()); err != nil || !strings.Contains(strings.Join(lines, "\n"), "https://web.push.apple.com: reached") {
		t.Errorf("probe: %v %q", err, lines)
	}
}

// TestProxyRefuses: nothing was sent, and nothing is said of who was to get it.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	p, c := newTunnel(t, func(http.ResponseWriter, *http.Request) { t.Error("the service was reached") })
	p.status = http.StatusProxyAuthRequired
	_, err := c.Send(t.Context(), subscriptionAt(t, "https://fcm.googleapis.com/fcm/send/abc"))
	if got := channeltest.Outcome(err); got != "retry after 0s" || strings.Contains(err.Error(), "abc") || strings.Contains(err.Error(), "geheim") {
		t.Errorf("got %s (%v), want retry", got, err)
	}
	if _, err := c.Probe(t.Context()); err == nil {
		t.Error("probe finds push services that cannot be reached")
	}
}

// TestProxyNotForLoopback: a stand-in on this machine is this machine's.
func TestProxyNotForLoopback(t *testing.T) {
	t.Parallel()
	stand := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	t.Cleanup(stand.Close)
	p, c := newTunnel(t, nil, stand.URL)
	if _, err := c.Send(t.Context(), subscriptionAt(t, stand.URL+"/push/abc")); err != nil {
		t.Error(err)
	}
	if got := p.targets(); len(got) != 0 {
		t.Errorf("the proxy was asked for %q", got)
	}
}

// TestNoProxyFor: hosts that the setting leaves out go straight, by the dialer
// that looks where it goes.
func TestNoProxyFor(t *testing.T) {
	t.Parallel()
	ring, err := NewKeyring(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{
		Keys: ring, Subscriber: "mailto:it@qingchuan.example", Resolver: names{"fcm.googleapis.com": {"10.1.2.3"}},
		Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Send(t.Context(), subscriptionAt(t, "https://fcm.googleapis.com/fcm/send/abc")); channeltest.Outcome(err) != "rejected" || !strings.Contains(err.Error(), errNotPublic.Error()) {
		t.Errorf("got %v, want rejected: not public", err)
	}
}
