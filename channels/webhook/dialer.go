package webhook

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

// Resolver finds the addresses of a name; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dialer connects to the very addresses that it has judged: a second answer of
// the name server (DNS rebinding) has no effect.
type dialer struct {
	resolver Resolver
	private  bool
}

func newDialer(r Resolver, private bool) *dialer {
	if r == nil {
		r = net.DefaultResolver
	}
	return &dialer{resolver: r, private: private}
}

// errNotPublic: the name leads into a private network.
var errNotPublic = errors.New("its name leads to an address that is not public; add it with -private if that is meant")

const dialTimeout = 5 * time.Second // per address

// DialContext is for http.Transport.
func (d *dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("split address: %w", err)
	}
	var ips []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = []netip.Addr{ip}
	} else if ips, err = d.resolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	ips = slices.DeleteFunc(slices.Clone(ips), func(ip netip.Addr) bool { return !d.allowed(ip) })
	if len(ips) == 0 {
		return nil, errNotPublic
	}
	var last error
	for _, ip := range ips[:min(len(ips), 4)] {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, net.JoinHostPort(ip.Unmap().String(), port))
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

// allowed reports whether an address may be called. Not even a private endpoint
// is at a link-local address: that is where clouds keep credentials.
func (d *dialer) allowed(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !d.private {
		return hub.PublicAddress(ip)
	}
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
