package access

import (
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds how far a forwarded chain is followed; real ones have one or
// two proxies of one's own.
const maxHops = 16

// ClientAddress gives the address of the client: that of the last hop which is
// not a trusted proxy. RemoteAddr is that of the connection (net/http's
// Request.RemoteAddr), xff the values of X-Forwarded-For in the order in which
// they came, believed only as far as trusted proxies have written them: each
// proxy adds at the end the address that it was called from, so the walk goes
// from the end and stops at the first address that is not trusted. At an entry
// that is no address it stops as well, and the proxy that handed it on is
// taken for the client.
//
// IPv4 addresses mapped to IPv6 become IPv4, zones and ports are dropped. The
// result is the zero Addr when remoteAddr is no address.
func ClientAddress(remoteAddr string, xff []string, trusted []netip.Prefix) netip.Addr {
	client, ok := parseHop(remoteAddr)
	if !ok {
		return netip.Addr{}
	}
	hops := 0
	for _, value := range slices.Backward(xff) {
		for {
			if hops++; hops > maxHops || !contains(trusted, client) {
				return client
			}
			comma := strings.LastIndexByte(value, ',')
			hop, ok := parseHop(strings.TrimSpace(value[comma+1:]))
			if !ok {
				return client
			}
			client = hop
			if comma < 0 {
				break
			}
			value = value[:comma]
		}
	}
	return client
}

// parseHop reads an address with or without a port; IPv6 may stand in brackets.
func parseHop(s string) (netip.Addr, bool) {
	const longest = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%abcdefghijklmno]:65535")
	if len(s) > longest {
		return netip.Addr{}, false
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if s, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(s, ":") {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

func contains(trusted []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Contains(a)
	})
}

// AddressGroup gives what is counted as one address: an IPv4 address, or the
// /64 of an IPv6 one, which is what one customer holds at least. It is "" for
// the zero Addr.
func AddressGroup(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return ""
	}
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return "" // cannot be
	}
	return p.String()
}
