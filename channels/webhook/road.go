package webhook

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"qianhe/hub"
)

// road is how events get to endpoints: straight, to addresses that were looked
// at, or through the agency's proxy. Endpoints in a private network are called
// straight: a proxy leads out of it.
//
// Through a proxy no name is looked up here: the proxy does, and what it may
// reach is the agency's own rule. An address that is written out and is not
// public is refused before it is asked.
type road struct {
	proxy    func(*http.Request) (*url.URL, error)
	straight *http.Transport
	proxied  *http.Transport // nil without proxy
}

func newRoad(d *dialer, config *tls.Config, proxy func(*http.Request) (*url.URL, error)) *road {
	r := &road{proxy: proxy, straight: newTransport(config)}
	r.straight.DialContext = d.DialContext
	if proxy == nil || d.private {
		return r
	}
	r.proxied = newTransport(config)
	r.proxied.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext // to the proxy
	r.proxied.Proxy = func(req *http.Request) (*url.URL, error) {
		p, err := proxy(req)
		if err == nil && p == nil {
			err = errors.New("the proxy has changed during the request")
		}
		return p, err
	}
	return r
}

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 16 << 10,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        config.Clone(),
	}
}

// RoundTrip is for http.Client.
func (r *road) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.proxied == nil {
		return r.straight.RoundTrip(req)
	}
	p, err := r.proxy(req)
	switch {
	case err != nil:
		return nil, errors.New("the address of the proxy is malformed")
	case p == nil:
		return r.straight.RoundTrip(req)
	}
	if ip, err := netip.ParseAddr(req.URL.Hostname()); err == nil && !hub.PublicAddress(ip.Unmap()) {
		return nil, errNotPublic
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
