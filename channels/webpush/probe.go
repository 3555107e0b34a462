package webpush

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Probe connects to the push services of the browsers and of Config, and says
// which can be reached. Nothing is sent. The error is that none can be.
func (c *Channel) Probe(ctx context.Context) ([]string, error) {
	lines := []string{
		"application server key " + c.keys.Public[:12] + "…",
		"subject " + c.subscriber,
	}
	reached := 0
	try := func(name, addr string, secure bool) {
		began := c.now()
		if err := c.reach(ctx, addr, secure); err != nil {
			lines = append(lines, name+": "+transportWords(err))
			return
		}
		reached++
		lines = append(lines, fmt.Sprintf("%s: reached in %d ms", name, c.now().Sub(began).Milliseconds()))
	}
	for _, u := range c.allow.loopback {
		try(u.Host, u.Host, u.Scheme == "https")
	}
	if len(c.allow.loopback) == 0 {
		for _, host := range append([]string{"fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com"}, c.allow.hosts[len(BrowserHosts()):]...) {
			try(host, net.JoinHostPort(host, "443"), true)
		}
	}
	if reached == 0 {
		return lines, errors.New("webpush: no push service can be reached; outgoing https to them has to be allowed")
	}
	return lines, nil
}

func (c *Channel) reach(ctx context.Context, addr string, secure bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := c.dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if !secure {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	return tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx)
}
