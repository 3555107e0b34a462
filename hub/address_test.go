package hub_test

import (
	"net/netip"
	"testing"

	"qianhe/hub"
)

func TestPublicAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"142.250.204.10": true, "17.188.143.1": true, "2404:6800:4008:c01::5f": true, "::ffff:142.250.204.10": true, "64:ff9b::8efa:cc0a": true,
		"127.0.0.1": false, "10.0.0.1": false, "172.16.5.5": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "192.0.2.1": false, "198.18.0.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "fe80::1": false, "fc00::1": false, "fec0::1": false, "ff02::1": false, "2001:db8::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false,
		"64:ff9b:1::1": false, "2002:7f00:1::": false, "2001::1": false, "fe80::1%eth0": false,
	}
	for s, want := range tests {
		if got := hub.PublicAddress(netip.MustParseAddr(s)); got != want {
			t.Errorf("PublicAddress(%s) = %t, want %t", s, got, want)
		}
	}
	if hub.PublicAddress(netip.Addr{}) {
		t.Error("no address is public")
	}
}
