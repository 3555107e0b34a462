package natsbus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"qianhe/hub"
)

const (
	// coalesce is how far apart two messages of this process are.
	coalesce = 2 * time.Millisecond
	// maxPayload bounds a message, in bytes. Servers take up to a megabyte by
	// default, and may be set to less.
	maxPayload     = 32 << 10
	connectTimeout = 5 * time.Second
	flushTimeout   = 5 * time.Second
	retryEvery     = time.Second
	reconnectWait  = 250 * time.Millisecond
	lastWords      = 3 * time.Second // what a stop may wait for
)

// Options of a bus. URL must be set; the zero value of everything else is its
// default.
type Options struct {
	// URL of one server or several, with commas in between, such as
	// tls://nats1.example.gov.tw:4222. It may hold user and password, or a token.
	URL string
	// Subject tells installations on one NATS apart; qianhe.inbox by default.
	Subject string
	// Credentials is a file of NATS credentials (JWT and seed).
	Credentials string
	// CA, Cert and Key are PEM files: whom to trust instead of the system's
	// roots, and who we are.
	CA, Cert, Key string

	Log        *slog.Logger          // discards by default
	Registerer prometheus.Registerer // none by default
}

// Bus is one node on a NATS. Its methods may be called concurrently.
type Bus struct {
	opt     Options
	dial    []nats.Option
	log     *slog.Logger
	metrics *metrics

	hub.Subscribers
	outgoing  *hub.Mailbox
	connected chan struct{} // has room for one

	mu     sync.Mutex
	cancel context.CancelFunc // nil while it does not run
	done   chan struct{}      // closed when it has ended
	conn   *nats.Conn         // of the last start
}

var _ hub.Bus = (*Bus)(nil)

// New makes a bus. It reads the files that opt names and connects to nobody.
func New(opt Options) (*Bus, error) {
	b := &Bus{opt: opt, log: opt.Log, outgoing: hub.NewMailbox(), connected: make(chan struct{}, 1)}
	if b.opt.Subject == "" {
		b.opt.Subject = "qianhe.inbox"
	}
	if strings.ContainsAny(b.opt.Subject, " \t\r\n*>") {
		return nil, fmt.Errorf("natsbus: %q is not a subject", b.opt.Subject)
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	secure, err := checkURL(opt.URL)
	if err != nil {
		return nil, err
	}
	b.dial = []nats.Option{
		nats.Name("qianhe"),
		nats.NoEcho(), // this node has heard what it said itself
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1), // what cannot go out waits in the mailbox, of each person the latest
		nats.IgnoreAuthErrorAbort(),
		nats.ConnectHandler(b.there),
		nats.ReconnectHandler(b.back),
		nats.DisconnectErrHandler(b.gone),
		nats.ErrorHandler(b.failed),
	}
	if opt.Credentials != "" {
		b.dial = append(b.dial, nats.UserCredentials(opt.Credentials))
	}
	if opt.CA != "" {
		b.dial = append(b.dial, nats.RootCAs(opt.CA))
	}
	if opt.Cert != "" || opt.Key != "" {
		b.dial = append(b.dial, nats.ClientCert(opt.Cert, opt.Key))
	}
	if !secure && (opt.CA != "" || opt.Cert != "") {
		b.dial = append(b.dial, nats.Secure())
	}
	o := nats.GetDefaultOptions()
	for _, set := range b.dial {
		if err := set(&o); err != nil {
			return nil, fmt.Errorf("natsbus: %w", err) // a file that cannot be read
		}
	}
	if !secure && !o.Secure && !onThisMachine(opt.URL) {
		b.log.Warn("bus: the connection to NATS is not encrypted; use tls:// across machines")
	}
	b.metrics, err = newMetrics(opt.Registerer)
	return b, err
}

// checkURL refuses what is no address of NATS; secure means that all of them
// say TLS. Its errors do not repeat the address: there may be a password in it.
func checkURL(list string) (secure bool, err error) {
	secure = true
	for s := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil || u.Host == "" {
			return false, errors.New("natsbus: not an address such as tls://nats.example.gov.tw:4222")
		}
		switch u.Scheme {
		case "tls", "wss":
		case "nats", "ws":
			secure = false
		default:
			return false, errors.New("natsbus: an address of NATS begins with tls:// or nats://")
		}
	}
	return secure, nil
}

func onThisMachine(list string) bool {
	for s := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			return false
		}
		if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// Publish tells this node at once and the others within a few milliseconds.
// Before the bus runs it keeps for them what it is given.
func (b *Bus) Publish(changes ...hub.Change) {
	b.Deliver(changes...)
	b.outgoing.Put(changes...)
}

// Connected reports whether other nodes can be reached now.
func (b *Bus) Connected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cancel != nil && b.conn.IsConnected()
}

// Start connects and returns. It fails where NATS refuses us; a NATS that
// cannot be reached is tried again until it can. The end of ctx stops the bus
// as [Bus.Stop] does, without waiting for it. A bus that runs may be started.
func (b *Bus) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel != nil {
		return nil
	}
	conn, err := nats.Connect(b.opt.URL, b.dial...)
	if err != nil && !refused(err) {
		b.log.WarnContext(ctx, "bus: NATS cannot be reached; other nodes hear of changes by the sweep until it can", "err", err)
		conn, err = nats.Connect(b.opt.URL, append(slices.Clone(b.dial), nats.RetryOnFailedConnect(true), nats.ConnectHandler(b.back))...)
	}
	if err != nil {
		return fmt.Errorf("natsbus: connect: %w", err)
	}
	if _, err := conn.Subscribe(b.opt.Subject, b.receive); err != nil {
		conn.Close()
		return fmt.Errorf("natsbus: subscribe: %w", err)
	}
	if conn.IsConnected() {
		_ = conn.FlushTimeout(connectTimeout) // the subscription is in force; else it is sent again
	}
	ctx, b.cancel = context.WithCancel(ctx)
	b.conn, b.done = conn, make(chan struct{})
	go b.send(ctx, conn, b.done)
	return nil
}

// refused tells what another try does not mend.
func refused(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked) ||
		errors.Is(err, nats.ErrNkeysNotSupported) || errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted)
}

// Stop passes on what is left, as far as that is possible within a few seconds
// and ctx, and disconnects. A bus that does not run may be stopped.
func (b *Bus) Stop(ctx context.Context) error {
	b.mu.Lock()
	cancel, done := b.cancel, b.done
	b.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("natsbus: stop: %w", ctx.Err())
	}
}

func (b *Bus) receive(m *nats.Msg) { b.Deliver(hub.DecodeChanges(string(m.Data))...) }

// there: the connection has been made.
func (b *Bus) there(*nats.Conn) {
	b.metrics.connects.Inc()
	b.metrics.connected.Set(1)
	select {
	case b.connected <- struct{}{}:
	default:
	}
}

// back: it has been made later, or again. What came before is not known, and
// that is said only when the server has our subscription: what it has not told
// us by then nobody else will.
func (b *Bus) back(c *nats.Conn) {
	b.there(c)
	if err := c.FlushTimeout(flushTimeout); err != nil && !c.IsClosed() {
		b.log.Warn("bus: NATS does not answer", "err", err)
	}
	b.Lose()
}

func (b *Bus) gone(_ *nats.Conn, err error) {
	b.metrics.connected.Set(0)
	if err != nil {
		b.log.Warn("bus: connection to NATS lost", "err", err)
	}
}

// failed is called for what goes wrong beside the connection.
func (b *Bus) failed(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		b.Lose()
	}
	b.log.Warn("bus: NATS", "err", err)
}

// send publishes what was given, at once when there was nothing lately, else
// with whatever else comes within the same few milliseconds. One message is
// known to be with the server before the next goes out: what a broken
// connection may have swallowed is said again.
func (b *Bus) send(ctx context.Context, conn *nats.Conn, done chan struct{}) {
	defer close(done)
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		if changes, _ := b.outgoing.Take(); len(changes) > 0 {
			if err := b.publish(last, conn, changes); err != nil {
				b.log.WarnContext(ctx, "bus: last changes were not sent", "err", err)
			}
		}
		conn.Close()
		b.metrics.connected.Set(0)
		b.mu.Lock()
		b.cancel = nil
		b.mu.Unlock()
	}()
	var lastSent time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.outgoing.Wake():
		}
		if !b.pause(ctx, coalesce-time.Since(lastSent), nil) {
			return
		}
		changes, _ := b.outgoing.Take()
		if len(changes) == 0 {
			continue
		}
		err := b.publish(ctx, conn, changes)
		lastSent = time.Now()
		if err == nil {
			continue
		}
		b.outgoing.Put(changes...)
		if ctx.Err() != nil || !b.pause(ctx, retryEvery, b.connected) {
			return
		}
	}
}

func (b *Bus) publish(ctx context.Context, conn *nats.Conn, changes []hub.Change) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	limit := maxPayload
	if most := conn.MaxPayload(); most > 0 {
		limit = int(min(int64(limit), most))
	}
	payloads := hub.EncodeChanges(changes, limit)
	for _, p := range payloads {
		if err := conn.Publish(b.opt.Subject, []byte(p)); err != nil {
			return err
		}
	}
	if err := conn.FlushWithContext(ctx); err != nil {
		return err
	}
	b.metrics.published.Add(float64(len(payloads)))
	return nil
}

// pause waits for d or until wake, not at all when d is over; false means that
// ctx has ended.
func (b *Bus) pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-wake:
	}
	return true
}
