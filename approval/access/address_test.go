package access_test

import (
	"net/netip"
	"strings"
	"testing"

	"qianhe/approval/access"
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies := prefixes("10.0.0.0/8", "::1/128", "2001:db8:f::/48")
	tests := []struct {
		name    string
		remote  string
		xff     []string
		trusted []netip.Prefix
		want    string // "" for the zero Addr
	}{
		{"direct", "203.0.113.7:51234", nil, proxies, "203.0.113.7"},
		{"direct, IPv6", "[2001:db8::7]:51234", nil, proxies, "2001:db8::7"},
		{"direct, with a zone", "[fe80::1%eth0]:51234", nil, proxies, "fe80::1"},
		{"direct, no port", "203.0.113.7", nil, proxies, "203.0.113.7"},
		{"mapped", "[::ffff:203.0.113.7]:51234", nil, proxies, "203.0.113.7"},
		{"header from somebody who is not a proxy", "203.0.113.7:1", []string{"198.51.100.1"}, proxies, "203.0.113.7"},
		{"header and no proxies configured", "10.0.0.1:1", []string{"198.51.100.1"}, nil, "10.0.0.1"},
		{"one proxy", "10.0.0.1:1", []string{"203.0.113.7"}, proxies, "203.0.113.7"},
		{"proxy on loopback", "[::1]:1", []string{"203.0.113.7"}, proxies, "203.0.113.7"},
		{"proxy with a mapped address", "[::ffff:10.0.0.1]:1", []string{"203.0.113.7"}, proxies, "203.0.113.7"},
		{"proxies named by mapped network", "10.0.0.1:1", []string{"203.0.113.7"}, prefixes("::ffff:10.0.0.0/104"), "203.0.113.7"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.7, 10.0.0.2"}, proxies, "203.0.113.7"},
		{"two headers", "10.0.0.1:1", []string{"203.0.113.7", "10.0.0.2"}, proxies, "203.0.113.7"},
		{"proxies of both families", "10.0.0.1:1", []string{"2001:db8::7,2001:db8:f::2"}, proxies, "2001:db8::7"},
		{"spoofed by the client", "10.0.0.1:1", []string{"127.0.0.1, 203.0.113.7"}, proxies, "203.0.113.7"},
		{"spoofed as one of the proxies", "10.0.0.1:1", []string{"198.51.100.9, 10.0.0.9, 203.0.113.7"}, proxies, "203.0.113.7"},
		{"spoofed in a header of its own", "10.0.0.1:1", []string{"198.51.100.9", "203.0.113.7"}, proxies, "203.0.113.7"},
		{"all are proxies", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, proxies, "10.0.0.3"},
		{"with ports", "10.0.0.1:1", []string{"203.0.113.7:4711, 10.0.0.2:80"}, proxies, "203.0.113.7"},
		{"IPv6 with port", "10.0.0.1:1", []string{"[2001:db8::7]:4711"}, proxies, "2001:db8::7"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{"[2001:db8::7]"}, proxies, "2001:db8::7"},
		{"mapped in the header", "10.0.0.1:1", []string{"::ffff:203.0.113.7"}, proxies, "203.0.113.7"},
		{"spaces and tabs", "10.0.0.1:1", []string{" \t203.0.113.7 \t, 10.0.0.2 "}, proxies, "203.0.113.7"},
		{"malformed stops the walk", "10.0.0.1:1", []string{"203.0.113.7, unknown, 10.0.0.2"}, proxies, "10.0.0.2"},
		{"malformed at the end", "10.0.0.1:1", []string{"203.0.113.7, _hidden"}, proxies, "10.0.0.1"},
		{"empty header", "10.0.0.1:1", []string{""}, proxies, "10.0.0.1"},
		{"empty entry", "10.0.0.1:1", []string{"203.0.113.7,"}, proxies, "10.0.0.1"},
		{"half a bracket", "10.0.0.1:1", []string{"[2001:db8::7"}, proxies, "10.0.0.1"},
		{"IPv4 in brackets", "10.0.0.1:1", []string{"[203.0.113.7]"}, proxies, "10.0.0.1"},
		{"leading zeros", "10.0.0.1:1", []string{"203.0.113.007"}, proxies, "10.0.0.1"},
		{"port out of range", "10.0.0.1:1", []string{"203.0.113.7:99999"}, proxies, "10.0.0.1"},
		{"very long entry", "10.0.0.1:1", []string{strings.Repeat("1", 1<<16)}, proxies, "10.0.0.1"},
		{"long chain of proxies is given up", "10.0.0.1:1", []string{"203.0.113.7" + strings.Repeat(",10.0.0.2", 100000)}, proxies, "10.0.0.2"},
		{"no address", "@", []string{"203.0.113.7"}, proxies, ""},
		{"nothing", "", nil, proxies, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := access.ClientAddress(tt.remote, tt.xff, tt.trusted)
			var want netip.Addr
			if tt.want != "" {
				want = netip.MustParseAddr(tt.want)
			}
			if got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestAddressGroup(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"203.0.113.7":          "203.0.113.7",
		"::ffff:203.0.113.7":   "203.0.113.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::1":      "2001:db8:1:2::/64",
		"2001:db8:1:3::1":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"::1":                  "::/64",
	}
	for in, want := range tests {
		if got := access.AddressGroup(netip.MustParseAddr(in)); got != want {
			t.Errorf("AddressGroup(%s): got %q, want %q", in, got, want)
		}
	}
	if got := access.AddressGroup(netip.Addr{}); got != "" {
		t.Errorf("zero Addr: got %q, want nothing", got)
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("10.0.0.1:1", "203.0.113.7, 10.0.0.2", "")
	f.Add("[::1]:1", "[2001:db8::7]:4711", "x,,")
	f.Add("203.0.113.7:1", "198.51.100.1", "198.51.100.2")
	trusted := prefixes("10.0.0.0/8", "::1/128")
	f.Fuzz(func(t *testing.T, remote, first, second string) {
		direct := access.ClientAddress(remote, nil, trusted)
		got := access.ClientAddress(remote, []string{first, second}, trusted)
		if got.Zone() != "" || got.Is4In6() {
			t.Errorf("got %v, want it without zone and not mapped", got)
		}
		if got == direct {
			return
		}
		for _, p := range trusted {
			if p.Contains(direct) {
				return
			}
		}
		t.Errorf("%q is no proxy and made itself %v", remote, got)
	})
}
