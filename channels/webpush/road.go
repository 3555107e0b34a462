package webpush

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// road is how requests get to push services: straight, to public addresses that
// were looked at, or through the agency's proxy. It is the last that sees a
// request, and holds its address against the list once more, before anybody is
// asked to connect anywhere.
type road struct {
	allow    allowList
	proxy    func(*http.Request) (*url.URL, error)
	straight *http.Transport
	proxied  *http.Transport // nil without proxy
}

// errNotListed: the address is at no push service that we know.
var errNotListed = errors.New("the address is at no push service on the list")

func newRoad(d *dialer, allow allowList, proxy func(*http.Request) (*url.URL, error)) *road {
	r := &road{allow: allow, proxy: proxy, straight: newTransport()}
	r.straight.DialContext = d.DialContext
	if proxy == nil {
		return r
	}
	// This one connects to the proxy only. For https it asks it to CONNECT to
	// the host and port of the address, and speaks TLS with the push service
	// through it.
	r.proxied = newTransport()
	r.proxied.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	r.proxied.Proxy = func(req *http.Request) (*url.URL, error) {
		p, err := proxy(req)
		if err == nil && p == nil {
			err = errors.New("the proxy has changed during the request")
		}
		return p, err
	}
	return r
}

func newTransport() *http.Transport {
	return &http.Transport{
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    32,
		MaxResponseHeaderBytes: 32 << 10,
		// A firewall that forgot the connection says nothing: without a ping
		// every send on it would wait in vain.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
	}
}

// RoundTrip is for http.Client.
func (r *road) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, err := r.allow.check(req.URL.String()); err != nil {
		return nil, errNotListed
	}
	if r.proxied == nil || r.allow.excepted(req.URL) {
		return r.straight.RoundTrip(req)
	}
	p, err := r.proxy(req)
	switch {
	case err != nil:
		return nil, errors.New("the address of the proxy is malformed")
	case p == nil:
		return r.straight.RoundTrip(req)
	}
	return r.proxied.RoundTrip(req)
}

// CloseIdleConnections is for http.Client.
func (r *road) CloseIdleConnections() {
	r.straight.CloseIdleConnections()
	if r.proxied != nil {
		r.proxied.CloseIdleConnections()
	}
}
