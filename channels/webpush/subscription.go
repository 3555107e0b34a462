package webpush

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"qianhe/approval"
	"qianhe/hub"
)

// maxEndpoint is the longest endpoint that is kept, in bytes.
const maxEndpoint = 2048

// BrowserHosts are the push services of the browsers; an endpoint is at one of
// them or at a subdomain.
func BrowserHosts() []string {
	return []string{
		"fcm.googleapis.com",                // Chrome, Samsung Internet, Opera
		"jmt17.google.com",                  // Chrome, some regions
		"android.googleapis.com",            // Chrome, subscriptions of old
		"updates.push.services.mozilla.com", // Firefox
		"push.apple.com",                    // Safari: web.push.apple.com and others
		"notify.windows.com",                // Edge
	}
}

// subscription is an address that passed the checks.
type subscription struct {
	endpoint string
	host     string
	p256dh   string
	auth     string
	keys     Keys // ours, that it was made with
}

// CheckSubscription reports whether a page's subscription may be kept. A
// refusal is an *[approval.InvalidError] about endpoint, p256dh or auth; its
// reasons are push.endpoint, push.host and push.key.
func (c *Channel) CheckSubscription(endpoint, p256dh, auth string) error {
	_, err := c.checkSubscription(endpoint, p256dh, auth)
	return err
}

func (c *Channel) checkSubscription(endpoint, p256dh, auth string) (*subscription, error) {
	host, err := c.allow.check(endpoint)
	if err != nil {
		return nil, err
	}
	// RFC 8291 §2.1: an uncompressed point on P-256; NewPublicKey refuses one
	// that is not on the curve.
	point, err := decodeKey(p256dh)
	if err != nil || len(point) != 65 {
		return nil, &approval.InvalidError{Field: "p256dh", Reason: "push.key", Detail: "not 65 bytes in base64url"}
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		return nil, &approval.InvalidError{Field: "p256dh", Reason: "push.key", Detail: "not a point on P-256"}
	}
	secret, err := decodeKey(auth)
	if err != nil || len(secret) != 16 {
		return nil, &approval.InvalidError{Field: "auth", Reason: "push.key", Detail: "not 16 bytes in base64url"}
	}
	// Encoded anew: the library is pickier about padding and line breaks.
	return &subscription{endpoint: endpoint, host: host, p256dh: encodeKey(point), auth: encodeKey(secret)}, nil
}

// subscription reads an address for a send.
func (c *Channel) subscription(ctx context.Context, to hub.Address) (*subscription, error) {
	sub, err := c.checkSubscription(to.Value, to.Keys["p256dh"], to.Keys["auth"])
	var invalid *approval.InvalidError
	switch {
	case err == nil:
	case errors.As(err, &invalid) && invalid.Reason == "push.host":
		// It may be the list that is wrong: the address stays.
		return nil, &hub.Rejected{Reason: err.Error()}
	default:
		return nil, &hub.Permanent{Reason: err.Error()}
	}
	sub.keys, err = c.keysFor(ctx, to.Keys["vapid"])
	return sub, err
}

// allowList says at which hosts an endpoint may be.
type allowList struct {
	hosts    []string
	loopback []*url.URL
}

func newAllowList(more, loopback []string) (allowList, error) {
	l := allowList{hosts: BrowserHosts()}
	for _, h := range more {
		h = strings.ToLower(strings.TrimSpace(h))
		if _, err := netip.ParseAddr(h); err == nil || !hostName.MatchString(h) {
			return l, fmt.Errorf("allowed host %q is not a name such as push.example.org", h)
		}
		l.hosts = append(l.hosts, h)
	}
	for _, origin := range loopback {
		u, err := parseURL(origin)
		if err != nil || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
			return l, fmt.Errorf("loopback origin %q is not one such as http://127.0.0.1:9700", origin)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
			return l, fmt.Errorf("loopback origin %q is not at a loopback address", origin)
		}
		l.loopback = append(l.loopback, u)
	}
	return l, nil
}

// hostName is a name of at least two parts.
var hostName = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)

// loopbackAddrs gives host:port of the exceptions.
func (l allowList) loopbackAddrs() []string {
	var list []string
	for _, u := range l.loopback {
		list = append(list, u.Host)
	}
	return list
}

// check gives the endpoint's host. Details name no more of the endpoint than
// that: the rest is a capability.
func (l allowList) check(endpoint string) (host string, err error) {
	malformed := func(detail string) error {
		return &approval.InvalidError{Field: "endpoint", Reason: "push.endpoint", Detail: detail}
	}
	if len(endpoint) > maxEndpoint {
		return "", malformed(fmt.Sprintf("longer than %d bytes", maxEndpoint))
	}
	u, err := parseURL(endpoint)
	if err != nil {
		return "", malformed("not an absolute address")
	}
	if u.User != nil || strings.Contains(endpoint, "#") {
		return "", malformed("has a user or a fragment")
	}
	if len(u.Path) < 2 {
		return "", malformed("has no path")
	}
	if l.excepted(u) {
		return u.Hostname(), nil
	}
	if u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
		return "", malformed("not https on port 443")
	}
	host = strings.ToLower(u.Hostname())
	if !hostName.MatchString(host) {
		return "", malformed("host is not a name")
	}
	if !slices.ContainsFunc(l.hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) }) {
		return "", &approval.InvalidError{Field: "endpoint", Reason: "push.host", Detail: host}
	}
	return host, nil
}

// excepted reports whether an address is at a stand-in on this machine.
func (l allowList) excepted(u *url.URL) bool {
	return slices.ContainsFunc(l.loopback, func(o *url.URL) bool { return o.Scheme == u.Scheme && o.Host == u.Host })
}

// parseURL reads an absolute http or https address without characters that
// readers of addresses disagree about.
func parseURL(s string) (*url.URL, error) {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		return nil, errors.New("has characters that an address cannot have")
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("malformed")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Opaque != "" {
		return nil, errors.New("not absolute")
	}
	return u, nil
}
