package access

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"qianhe/approval"
)

var ( // read only
	gateNow = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	atDesk  = netip.MustParseAddr("10.1.2.3")
	atVPN   = netip.MustParseAddr("10.8.0.7")
	away    = netip.MustParseAddr("203.0.113.9")
)

func gateSettings(pairs ...string) Settings {
	values := map[string]string{"network.intranet": "10.0.0.0/8 2001:db8::/32", "network.vpn": "10.8.0.0/16 2001:db8:8::/48"}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return DefaultSettings().With(values)
}

func visitor(a netip.Addr, roles ...approval.Role) Visitor {
	return Visitor{
		Session: Session{ID: "s", Standing: Full, Person: approval.Person{Roles: roles}, ProvenAt: gateNow.Add(-time.Hour), Methods: []Method{ByPassword}},
		Address: a, Class: Desktop, Now: gateNow,
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	s := gateSettings()
	for text, want := range map[string]Network{
		"10.1.2.3": InIntranet, "10.8.1.1": InVPN, "::ffff:10.8.1.1": InVPN, "203.0.113.9": Outside, "2001:db8::1": InIntranet, "2001:db8:8::1": InVPN,
		"fe80::1%eth0": Outside, "127.0.0.1": Outside,
	} {
		if got := s.Network(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if got := s.Network(netip.Addr{}); got != Outside {
		t.Errorf("no address is %s", got)
	}
	if got := DefaultSettings().Network(atDesk); got != Outside {
		t.Errorf("where nothing is set 10.1.2.3 is %s", got)
	}
	// The same network in both lists is the intranet's: the first has it.
	if got := gateSettings("network.vpn", "10.0.0.0/8").Network(atDesk); got != InIntranet {
		t.Errorf("in both lists: %s", got)
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	const handler, official, admin = approval.RoleHandler, approval.RoleOfficial, approval.RoleAdmin
	look, act, govern := Gate{Standing: Reading}, Gate{Standing: Full, Act: ActDecide}, Gate{Standing: Full, Role: admin, Act: ActAdmin}
	change := func(v Visitor, f func(*Visitor)) Visitor { f(&v); return v }
	reading := func(v *Visitor) { v.Session.Standing, v.Session.ReadingUntil = Reading, gateNow.Add(time.Hour) }
	waiting := func(v *Visitor) { v.Session.Standing = Waiting }
	mobile := func(v *Visitor) { v.Class = Mobile }
	proven := func(ago time.Duration, m ...Method) func(*Visitor) {
		return func(v *Visitor) { v.Session.ProvenAt, v.Session.Methods = gateNow.Add(-ago), m }
	}
	tests := []struct {
		name     string
		settings Settings
		gate     Gate
		visitor  Visitor
		want     error
	}{
		{"public, nobody", gateSettings("reach.handler", "intranet"), Gate{Public: true}, Visitor{}, nil},
		{"nobody", gateSettings(), look, Visitor{}, ErrNoSession},
		{"a zero gate asks for a session", gateSettings(), Gate{}, Visitor{}, ErrNoSession},
		{"a session without standing is none", gateSettings(), look, change(visitor(atDesk, handler), func(v *Visitor) { v.Session.Standing = "" }), ErrNoSession},
		{"default, from anywhere", gateSettings(), act, visitor(away, handler), nil},
		{"waits", gateSettings(), look, change(visitor(atDesk, handler), waiting), ErrWaiting},
		{"waits at the page for it", gateSettings(), Gate{Standing: Waiting}, change(visitor(atDesk, handler), waiting), nil},
		{"waits, must be in the agency", gateSettings("reach.handler", "agency"), Gate{Standing: Waiting}, change(visitor(away, handler), waiting), &NetworkError{Outside, ReachAgency}},
		{"reads", gateSettings(), look, change(visitor(atDesk, handler), reading), nil},
		{"reads, would decide", gateSettings(), act, change(visitor(atDesk, handler), reading), &ReadingError{gateNow.Add(time.Hour)}},
		{"vpn", gateSettings("reach.handler", "agency"), act, visitor(atVPN, handler), nil},
		{"intranet is more than vpn", gateSettings("reach.handler", "agency"), act, visitor(atDesk, handler), nil},
		{"outside", gateSettings("reach.handler", "agency"), look, visitor(away, handler), &NetworkError{Outside, ReachAgency}},
		{"vpn is less than intranet", gateSettings("reach.handler", "intranet"), look, visitor(atVPN, handler), &NetworkError{InVPN, ReachIntranet}},
		{"another role's", gateSettings("reach.official", "intranet"), look, visitor(away, handler), nil},
		{"the strictest of several", gateSettings("reach.official", "intranet", "reach.handler", "agency"), look, visitor(atVPN, handler, official), &NetworkError{InVPN, ReachIntranet}},
		{"of no role, as a handler", gateSettings("reach.handler", "agency"), look, visitor(away), &NetworkError{Outside, ReachAgency}},
		{"administration is a thing of its own", gateSettings("reach.admin", "intranet"), act, visitor(away, official, admin), nil},
		{"administration from outside", gateSettings("reach.admin", "intranet"), govern, visitor(away, official, admin), &NetworkError{Outside, ReachIntranet}},
		{"administration, and the other role too", gateSettings("reach.official", "intranet"), govern, visitor(away, official, admin), &NetworkError{Outside, ReachIntranet}},
		{"nothing but an administrator", gateSettings("reach.admin", "agency"), look, visitor(away, admin), &NetworkError{Outside, ReachAgency}},
		{"no administrator", gateSettings(), govern, visitor(atDesk, official), ErrRole},
		{"to sign out", gateSettings("reach.handler", "intranet", "mobile.roles", ""), Gate{Standing: Waiting, Changing: true, Anywhere: true}, change(visitor(away, handler), mobile), nil},
		{"mobile", gateSettings("mobile.roles", "official"), look, change(visitor(atDesk, official), mobile), nil},
		{"not mobile", gateSettings("mobile.roles", "official"), look, change(visitor(atDesk, handler), mobile), ErrMobile},
		{"all roles must be mobile", gateSettings("mobile.roles", "official"), look, change(visitor(atDesk, handler, official), mobile), ErrMobile},
		{"a desktop", gateSettings("mobile.roles", ""), look, visitor(atDesk, handler), nil},
		{"administration not on a phone", gateSettings("mobile.roles", "official"), govern, change(visitor(atDesk, official, admin), mobile), ErrMobile},
		{"documents on that phone", gateSettings("mobile.roles", "official"), act, change(visitor(atDesk, official, admin), mobile), nil},
		{"must change", gateSettings(), look, change(visitor(atDesk, handler), func(v *Visitor) { v.Session.MustChange = true }), ErrMustChange},
		{"changes", gateSettings(), Gate{Standing: Full, Changing: true}, change(visitor(atDesk, handler), func(v *Visitor) { v.Session.MustChange = true }), nil},
		{"network before password", gateSettings("reach.handler", "agency"), look, change(visitor(away, handler), func(v *Visitor) { v.Session.MustChange = true }), &NetworkError{Outside, ReachAgency}},

		{"fresh, an hour ago", gateSettings("proof.decide", "fresh"), act, visitor(atDesk, handler), &ProofError{Act: ActDecide}},
		{"fresh, another act", gateSettings("proof.approve", "fresh"), act, visitor(atDesk, handler), nil},
		{"fresh", gateSettings("proof.decide", "fresh"), act, change(visitor(atDesk, handler), proven(15*time.Minute, ByPassword)), nil},
		{"just not fresh", gateSettings("proof.decide", "fresh"), act, change(visitor(atDesk, handler), proven(15*time.Minute+1, ByPassword)), &ProofError{Act: ActDecide}},
		{"sent a little later", gateSettings("proof.decide", "fresh"), act, change(visitor(atDesk, handler), func(v *Visitor) { v.Session.ProvenAt, v.Sending = gateNow.Add(-25*time.Minute), true }), nil},
		{"sent much later", gateSettings("proof.decide", "fresh"), act, change(visitor(atDesk, handler), func(v *Visitor) { v.Session.ProvenAt, v.Sending = gateNow.Add(-25*time.Minute-1), true }), &ProofError{Act: ActDecide}},
		{"second factor, has none", gateSettings("proof.decide", "second"), act, change(visitor(atDesk, handler), proven(0, ByPassword)), &ProofError{ActDecide, true}},
		{"second factor long ago", gateSettings("proof.decide", "second"), act, change(visitor(atDesk, handler), proven(7*time.Hour, ByPassword, ByTOTP)), nil},
		{"a text message is none", gateSettings("proof.decide", "second"), act, change(visitor(atDesk, handler), proven(0, ByPassword, BySMS)), &ProofError{ActDecide, true}},
		{"both, long ago", gateSettings("proof.decide", "both"), act, change(visitor(atDesk, handler), proven(7*time.Hour, ByPasskey)), &ProofError{ActDecide, true}},
		{"both, without second", gateSettings("proof.decide", "both"), act, change(visitor(atDesk, handler), proven(0, ByLDAP)), &ProofError{ActDecide, true}},
		{"both", gateSettings("proof.decide", "both"), act, change(visitor(atDesk, handler), proven(time.Minute, ByTWFidO)), nil},
		{"an act that nothing is said of", gateSettings(), Gate{Standing: Full, Act: "new"}, visitor(atDesk, handler), &ProofError{"new", true}},
	}
	for _, tt := range tests {
		if got := tt.settings.Allow(tt.gate, tt.visitor); fmt.Sprintf("%T%+v", got, got) != fmt.Sprintf("%T%+v", tt.want, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestCheckSettings(t *testing.T) {
	t.Parallel()
	none := []string{"network.intranet", "", "network.vpn", ""}
	for _, tt := range []struct {
		pairs []string
		field string
	}{
		{nil, ""},
		{none, ""},
		{append([]string{"reach.admin", "agency"}, none...), "reach.admin"},
		{[]string{"reach.api", "intranet", "network.intranet", ""}, "reach.api"},
		{[]string{"reach.api", "agency", "network.intranet", ""}, ""},
		{append([]string{"reach.api", "nowhere"}, none...), ""},
	} {
		err := gateSettings(tt.pairs...).Check()
		var invalid *approval.InvalidError
		if errors.As(err, &invalid) != (tt.field != "") || invalid != nil && invalid.Field != tt.field {
			t.Errorf("%q: %v, want %q refused", tt.pairs, err, tt.field)
		}
	}
}

// Whatever is set and whoever comes: stricter settings never let in whom laxer
// ones refuse, no role that is not held opens anything, and nobody without a
// session gets past a gate that is not public.
func FuzzAllow(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0), []byte{10, 1, 2, 3})
	f.Add(uint64(0x1ffff), uint64(0x3f), uint64(0x7fff), []byte{203, 0, 113, 9})
	f.Fuzz(func(t *testing.T, settings, gate, who uint64, address []byte) {
		take := func(from *uint64, n int) int {
			v := int(*from % uint64(n))
			*from /= uint64(n)
			return v
		}
		addr, _ := netip.AddrFromSlice(address)
		s := gateSettings()
		for _, r := range approval.Roles() {
			s.Reach[r] = []Reach{ReachOpen, ReachAgency, ReachIntranet}[take(&settings, 3)]
		}
		for _, a := range Acts() {
			s.Proof[a] = []Proof{ProofNone, ProofFresh, ProofSecond, ProofBoth}[take(&settings, 4)]
		}
		s.MobileRoles = nil
		for _, r := range approval.Roles() {
			if take(&settings, 2) == 1 {
				s.MobileRoles = append(s.MobileRoles, r)
			}
		}
		g := Gate{
			Standing: []Standing{Waiting, Reading, Full}[take(&gate, 3)], Changing: take(&gate, 2) == 1, Anywhere: take(&gate, 2) == 1,
			Role: append(approval.Roles(), "")[take(&gate, 6)], Act: append(Acts(), "")[take(&gate, 8)],
		}
		v := visitor(addr)
		for _, r := range approval.Roles() {
			if take(&who, 2) == 1 {
				v.Session.Person.Roles = append(v.Session.Person.Roles, r)
			}
		}
		v.Session.Standing = []Standing{Waiting, Reading, Full, ""}[take(&who, 4)]
		v.Session.MustChange, v.Sending = take(&who, 2) == 1, take(&who, 2) == 1
		v.Class = []Class{Desktop, Mobile}[take(&who, 2)]
		v.Session.ProvenAt = gateNow.Add(-time.Duration(take(&who, 40)) * time.Minute)
		v.Session.Methods = [][]Method{nil, {ByPassword}, {BySMS}, {ByPassword, ByTOTP}, {ByPasskey}}[take(&who, 5)]

		err := s.Allow(g, v)
		out := v
		out.Session = Session{}
		if s.Allow(g, out) == nil {
			t.Fatal("nobody is let in")
		}
		if err != nil {
			return
		}
		switch {
		case g.Role != "" && !v.Session.Person.Has(g.Role):
			t.Errorf("without the role %s", g.Role)
		case v.Session.MustChange && !g.Changing:
			t.Error("without a password of one's own")
		case g.Standing == Full && v.Session.Standing != Full, g.Standing == Reading && v.Session.Standing != Reading && v.Session.Standing != Full:
			t.Errorf("with standing %q through a gate for %q", v.Session.Standing, g.Standing)
		case s.Proof[g.Act] == ProofSecond && !SecondFactor(v.Session.Methods), s.Proof[g.Act] == ProofBoth && !SecondFactor(v.Session.Methods):
			t.Error("without a second factor")
		}
		// Let in under these, then under the defaults, and with a better proof.
		lax := v
		lax.Session.Standing, lax.Session.ProvenAt, lax.Session.Methods = Full, gateNow, []Method{ByPasskey}
		if err := s.Allow(g, lax); err != nil && v.Session.Standing != Waiting {
			t.Errorf("refused with more proof: %v", err)
		}
		if err := gateSettings().Allow(g, v); err != nil {
			t.Errorf("refused by the defaults: %v", err)
		}
	})
}
