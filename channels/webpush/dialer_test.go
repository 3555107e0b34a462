package webpush

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
)

// names answers like a name server that somebody hostile runs.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	list, ok := n[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var ips []netip.Addr
	for _, s := range list {
		ips = append(ips, netip.MustParseAddr(s))
	}
	return ips, nil
}

// TestDialerRefuses: no connection is made to a place that is not public,
// whatever the name server says; a listener on that place would notice.
func TestDialerRefuses(t *testing.T) {
	t.Parallel()
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trap.Close() })
	_, port, err := net.SplitHostPort(trap.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d := &dialer{dial: (&net.Dialer{}).DialContext, resolver: names{
		"rebound.push.apple.com": {"127.0.0.1", "::1", "::ffff:127.0.0.1"},
		"inside.push.apple.com":  {"10.1.2.3", "169.254.169.254"},
		"empty.push.apple.com":   {},
	}}
	for _, host := range []string{"rebound.push.apple.com", "inside.push.apple.com", "empty.push.apple.com", "127.0.0.1", "::1"} {
		conn, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, errNotPublic) {
			t.Errorf("%s: got %v, want errNotPublic", host, err)
		}
	}
	var dns *net.DNSError
	if _, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("unknown.push.apple.com", port)); !errors.As(err, &dns) {
		t.Errorf("unknown name: got %v, want a *net.DNSError", err)
	}
	// The exception is exact: the same address under another port is none.
	d.loopback = []string{trap.Addr().String()}
	conn, err := d.DialContext(t.Context(), "tcp", trap.Addr().String())
	if err != nil {
		t.Fatalf("configured loopback: %v", err)
	}
	conn.Close()
	if _, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:1"); !errors.Is(err, errNotPublic) {
		t.Errorf("another port of loopback: got %v, want errNotPublic", err)
	}
}

// rebinding answers once with a public address and ever after with one inside.
type rebinding struct{ asked int }

func (r *rebinding) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if r.asked++; r.asked == 1 {
		return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.1"), netip.MustParseAddr("100.64.1.1"), netip.MustParseAddr("142.250.204.10")}, nil
	}
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// TestDialerPins: a name is looked up once, and the connection goes to the very
// address that was looked at; addresses inside that come with it are left out.
func TestDialerPins(t *testing.T) {
	t.Parallel()
	var dialled []string
	names := &rebinding{}
	d := &dialer{resolver: names, dial: func(_ context.Context, _, addr string) (net.Conn, error) {
		dialled = append(dialled, addr)
		return nil, errors.New("nobody there")
	}}
	if _, err := d.DialContext(t.Context(), "tcp", "rebinding.push.apple.com:443"); err == nil {
		t.Error("connected to nobody")
	}
	if len(dialled) != 1 || dialled[0] != "142.250.204.10:443" || names.asked != 1 {
		t.Errorf("looked up %d times, dialled %q; want once, and the public address", names.asked, dialled)
	}
	if _, err := d.DialContext(t.Context(), "tcp", "rebinding.push.apple.com:443"); !errors.Is(err, errNotPublic) || len(dialled) != 1 {
		t.Errorf("rebound: %v, dialled %q; want errNotPublic and nobody", err, dialled)
	}
}
