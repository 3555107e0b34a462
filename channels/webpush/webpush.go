package webpush

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	wp "github.com/SherClockHolmes/webpush-go"

	"qianhe/hub"
)

// Config of a channel. The zero value of an optional field is its default.
type Config struct {
	// Keys identify this server to push services (RFC 8292).
	Keys Keyring
	// Reload reads the keys again, which may have been rotated by another
	// process. Nil: they stay as they are.
	Reload func(context.Context) (Keyring, error)
	// Subscriber is whom a push service may write to when something is wrong
	// with what we send: mailto:it@example.gov.tw, or an https address.
	Subscriber string
	// AllowHosts are push services besides those of the browsers
	// ([BrowserHosts]), each with its subdomains.
	AllowHosts []string
	// Loopback are origins such as http://127.0.0.1:9700 at which a stand-in
	// push service listens. Only loopback addresses are possible. A real
	// server leaves it empty.
	Loopback []string
	// Proxy gives the proxy for a request, as http.ProxyFromEnvironment does;
	// nil, or a nil address, is none. A proxy is asked to CONNECT to push
	// services that are on the list and to nothing else; what their names lead
	// to is its business then.
	Proxy func(*http.Request) (*url.URL, error)
	// Timeout of one send, 20 s by default.
	Timeout time.Duration
	// Resolver looks names up; net.DefaultResolver by default.
	Resolver Resolver
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Resolver is the part of [net.Resolver] that is needed.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Channel sends through push services. Its methods may be called concurrently.
type Channel struct {
	subscriber string // as the library wants it: without mailto:
	allow      allowList
	timeout    time.Duration
	client     *http.Client
	dialer     *dialer
	now        func() time.Time
	denials    denials

	reload   func(context.Context) (Keyring, error)
	ringMu   sync.Mutex
	rings    Keyring
	ringRead time.Time // when somebody last began to read them
}

var (
	_ hub.Channel = (*Channel)(nil)
	_ hub.Prober  = (*Channel)(nil)
)

const defaultTimeout = 20 * time.Second

// New checks the configuration and makes a channel. It does not touch the
// network.
func New(cfg Config) (*Channel, error) {
	ring, err := cfg.Keys.check()
	if err != nil {
		return nil, fmt.Errorf("webpush: %w", err)
	}
	subscriber, err := checkSubscriber(cfg.Subscriber)
	if err != nil {
		return nil, fmt.Errorf("webpush: %w", err)
	}
	allow, err := newAllowList(cfg.AllowHosts, cfg.Loopback)
	if err != nil {
		return nil, fmt.Errorf("webpush: %w", err)
	}
	c := &Channel{rings: ring, reload: cfg.Reload, subscriber: subscriber, allow: allow, timeout: cfg.Timeout, now: cfg.Now}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.ringRead = c.now()
	c.dialer = &dialer{resolver: cfg.Resolver, loopback: allow.loopbackAddrs(), dial: (&net.Dialer{Timeout: dialTimeout}).DialContext}
	if c.dialer.resolver == nil {
		c.dialer.resolver = net.DefaultResolver
	}
	c.client = &http.Client{ // its time-out is the context's, see Send
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Transport: newRoad(c.dialer, allow, cfg.Proxy),
	}
	return c, nil
}

// Name is [hub.WebPush].
func (c *Channel) Name() hub.ChannelName { return hub.WebPush }

// PublicKey is the applicationServerKey with which pages subscribe now.
func (c *Channel) PublicKey(ctx context.Context) string { return c.ring(ctx).Current().Public }

// KnowsKey reports whether a subscription made with this key can be reached.
func (c *Channel) KnowsKey(ctx context.Context, public string) bool {
	_, err := c.keysFor(ctx, public)
	return public != "" && err == nil
}

// Close lets go of idle connections.
func (c *Channel) Close() { c.client.CloseIdleConnections() }

// Send encrypts m for the subscription in m.To and hands it to its push
// service. Keys of the address are p256dh and auth, and optionally vapid: the
// application server key that the page subscribed with.
func (c *Channel) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	sub, err := c.subscription(ctx, m.To)
	if err != nil {
		return hub.Receipt{}, err
	}
	p, err := newPayload(m)
	if err != nil {
		return hub.Receipt{}, err
	}
	text, err := p.encode()
	if err != nil {
		return hub.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a := c.post(ctx, sub, p, text)
	if a.err == nil && a.status == http.StatusRequestEntityTooLarge {
		// Refused, hence not sent: once more with what is needed, no more.
		if text, err = p.shrink().encode(); err != nil {
			return hub.Receipt{}, err
		}
		a = c.post(ctx, sub, p, text)
	}
	return c.outcome(sub, m, a)
}

// answer is what came of one request.
type answer struct {
	status int
	header http.Header
	body   []byte
	began  bool  // bytes of the request may have reached the service
	err    error // no answer
}

// post makes one request.
func (c *Channel) post(ctx context.Context, sub *subscription, p *payload, text []byte) answer {
	a := answer{}
	ctx, began := hub.Traced(ctx)
	res, err := wp.SendNotificationWithContext(ctx, text, &wp.Subscription{
		Endpoint: sub.endpoint,
		Keys:     wp.Keys{P256dh: sub.p256dh, Auth: sub.auth},
	}, &wp.Options{
		HTTPClient:      c.client,
		RecordSize:      recordSize(len(text)),
		Subscriber:      c.subscriber,
		Topic:           p.topic,
		TTL:             p.ttl,
		Urgency:         p.urgency,
		VAPIDPublicKey:  sub.keys.Public,
		VAPIDPrivateKey: sub.keys.Private,
	})
	a.began = began()
	if err != nil {
		a.err = err
		return a
	}
	defer res.Body.Close()
	a.status, a.header, a.body = res.StatusCode, res.Header, readSome(res.Body)
	return a
}

// checkSubscriber gives the subject as the library wants it: it puts mailto:
// before whatever does not begin with https:. Apple refuses every message of a
// sender whose subject has no real domain, the others say nothing.
func checkSubscriber(s string) (string, error) {
	domain := ""
	switch {
	case strings.HasPrefix(s, "https://"):
		u, err := parseURL(s)
		if err != nil {
			return "", fmt.Errorf("subscriber %q is not an address", s)
		}
		domain = u.Hostname()
	case strings.HasPrefix(s, "mailto:"):
		s = strings.TrimPrefix(s, "mailto:")
		name, host, ok := strings.Cut(s, "@")
		if !ok || name == "" || strings.ContainsAny(s, " <>,;?\t\r\n") || strings.Contains(host, "@") {
			return "", fmt.Errorf("subscriber %q is not mailto: and one plain address", s)
		}
		domain = host
	default:
		return "", errors.New("subscriber must begin with mailto: or https://")
	}
	if !strings.Contains(domain, ".") || strings.HasSuffix(domain, ".local") || strings.HasSuffix(domain, ".localhost") {
		return "", fmt.Errorf("subscriber: %q is no domain that a push service accepts", domain)
	}
	return s, nil
}
