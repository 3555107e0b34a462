package webpush

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"qianhe/hub"
)

// dialer connects to public addresses only. It resolves the name itself and
// connects to the very address that it judged, so that a second answer of the
// name server (DNS rebinding) has no effect.
type dialer struct {
	resolver Resolver
	loopback []string // host:port that are let through as they are
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
}

// errNotPublic: the name leads into a private network.
var errNotPublic = errors.New("the name leads to an address that is not public")

const dialTimeout = 5 * time.Second // per address

// DialContext is for http.Transport.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if slices.Contains(d.loopback, addr) {
		return d.dial(ctx, network, addr)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("split address: %w", err)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, errNotPublic // endpoints have names
	}
	ips, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	ips = slices.DeleteFunc(slices.Clone(ips), func(ip netip.Addr) bool { return !hub.PublicAddress(ip) })
	if len(ips) == 0 {
		return nil, errNotPublic
	}
	var last error
	for _, ip := range ips[:min(len(ips), 4)] {
		conn, err := d.dial(ctx, network, net.JoinHostPort(ip.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, last
}
