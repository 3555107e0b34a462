package access

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"qianhe/approval"
)

// Gate is what a route asks of whoever comes. [Settings.Allow] holds the two
// against each other; there is no other place where it is decided.
type Gate struct {
	Public   bool          // anybody: nothing else is asked
	Standing Standing      // the least that the session must have
	Changing bool          // also a session that must change its password first
	Anywhere bool          // from any network, on any device: to sign out, and to learn what to do
	Role     approval.Role // that the person must hold, "" for any
	Act      Act           // what is done, where an agency may ask more for it, else ""
}

// Visitor is who comes, from where and on what.
type Visitor struct {
	Session Session // zero: none
	Address netip.Addr
	Class   Class
	Now     time.Time
	// Sending: what was read while the proof was good is sent now. It has
	// [SendingGrace] longer, so that nobody loses an opinion for having thought.
	Sending bool
}

// SendingGrace is how much longer a proof is fresh for a form that is sent.
const SendingGrace = 10 * time.Minute

// Network is where an address is, as far as an agency has said.
type Network string

// Networks.
const (
	InIntranet Network = "intranet" // 機關內網
	InVPN      Network = "vpn"      // 機關 VPN
	Outside    Network = "outside"  // 外部
)

// Network gives where an address is: in the list with the narrowest network
// that has it. Without an address it is outside.
func (s Settings) Network(a netip.Addr) Network {
	a = a.Unmap().WithZone("")
	best, where := -1, Outside
	for _, list := range []struct {
		of    []netip.Prefix
		where Network
	}{{s.Intranet, InIntranet}, {s.VPN, InVPN}} {
		for _, p := range list.of {
			if a.IsValid() && p.Contains(a) && p.Bits() > best {
				best, where = p.Bits(), list.where
			}
		}
	}
	return where
}

// Suits reports whether what is reached so may be used from a network.
func (r Reach) Suits(n Network) bool {
	switch r {
	case ReachOpen:
		return true
	case ReachAgency:
		return n == InIntranet || n == InVPN
	case ReachIntranet:
		return n == InIntranet
	}
	return false
}

// rank orders reaches; what is none of them is the strictest.
func (r Reach) rank() int {
	i := slices.Index([]Reach{ReachOpen, ReachAgency, ReachIntranet}, r)
	if i < 0 {
		return 3 // beyond all of them
	}
	return i
}

// Errors of [Settings.Allow], beside [ErrNoSession] and [ErrWaiting].
var (
	// ErrMustChange: the password was set by somebody else.
	ErrMustChange = errors.New("password must be changed first")
	// ErrRole: the person does not hold the role.
	ErrRole = errors.New("for another role only")
	// ErrMobile: a role of the person may not be used on a mobile device.
	ErrMobile = errors.New("not on a mobile device")
)

// NetworkError: not from this network.
type NetworkError struct {
	From Network
	Need Reach
}

func (e *NetworkError) Error() string { return fmt.Sprintf("from %s, must be %s", e.From, e.Need) }

// ReadingError: the session may only read.
type ReadingError struct {
	Until time.Time // zero: until somebody vouches
}

func (*ReadingError) Error() string { return "session may only read" }

// ProofError: who it is has to be shown once more.
type ProofError struct {
	Act    Act
	Second bool // by a second factor
}

func (e *ProofError) Error() string {
	return fmt.Sprintf("%s asks for proof, by a second factor: %t", e.Act, e.Second)
}

// Allow lets a visitor through a gate, or says why not: with [ErrNoSession],
// [ErrWaiting], a [*NetworkError], [ErrMobile], [ErrMustChange], [ErrRole], a
// [*ReadingError] or a [*ProofError], the first of them that holds.
func (s Settings) Allow(g Gate, v Visitor) error {
	if g.Public {
		return nil
	}
	if v.Session.ID == "" {
		return ErrNoSession
	}
	switch v.Session.Standing {
	case Full, Reading:
	case Waiting:
		if g.Standing != Waiting {
			return ErrWaiting
		}
	default:
		return ErrNoSession
	}
	if err := s.suits(g, v); err != nil && !g.Anywhere {
		return err
	}
	switch {
	case v.Session.MustChange && !g.Changing:
		return ErrMustChange
	case g.Role != "" && !v.Session.Person.Has(g.Role):
		return ErrRole
	case g.Standing == Full && v.Session.Standing != Full:
		return &ReadingError{Until: v.Session.ReadingUntil}
	}
	return s.proven(g.Act, v)
}

// suits holds network and device against the roles of the person. What an
// administrator may do is a thing of its own: it counts at the gates of
// administration, and where they are nothing else.
func (s Settings) suits(g Gate, v Visitor) error {
	roles := slices.DeleteFunc(slices.Clone(v.Session.Person.Roles), func(r approval.Role) bool { return r == approval.RoleAdmin })
	switch admin := v.Session.Person.Has(approval.RoleAdmin); {
	case admin && (g.Role == approval.RoleAdmin || len(roles) == 0):
		roles = append(roles, approval.RoleAdmin)
	case len(roles) == 0: // of no role: as a 承辦人
		roles = append(roles, approval.RoleHandler)
	}
	need := ReachOpen
	for _, r := range roles {
		if s.Reach[r].rank() > need.rank() {
			need = s.Reach[r]
		}
	}
	if from := s.Network(v.Address); !need.Suits(from) {
		return &NetworkError{From: from, Need: need}
	}
	for _, r := range roles {
		if v.Class == Mobile && !slices.Contains(s.MobileRoles, r) {
			return ErrMobile
		}
	}
	return nil
}

// proven asks for what an act asks beyond a session.
func (s Settings) proven(act Act, v Visitor) error {
	if act == "" {
		return nil
	}
	fresh := s.Fresh
	if v.Sending {
		fresh += SendingGrace
	}
	recent, second := v.Now.Sub(v.Session.ProvenAt) <= fresh, SecondFactor(v.Session.Methods)
	need := s.Proof[act]
	switch {
	case need == ProofNone, need == ProofFresh && recent, need == ProofSecond && second, need == ProofBoth && recent && second:
		return nil
	}
	return &ProofError{Act: act, Second: need != ProofFresh}
}

// SecondFactor reports whether one of the methods is a factor besides what one
// knows. A text message is none: numbers are ported, and read on lock screens
// (NIST SP 800-63B §3.1.3).
func SecondFactor(methods []Method) bool {
	return slices.ContainsFunc(methods, func(m Method) bool { return m == ByTOTP || m == ByPasskey || m == ByTWFidO })
}
