package access

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"qianhe/approval"
)

// Settings is what an agency decides about who is let in, from where and how.
// The zero value means nothing, begin with [DefaultSettings].
//
// To add one: a field here, its default in DefaultSettings, a line in
// [SettingTable], and its title and sentence of help in both catalogues of
// package web, under setting.KEY.title and setting.KEY.text. The page of the
// administrator, the command line, the store, the history and the tests take
// it from the table; nothing else is to be written.
type Settings struct {
	// Intranet (機關內網) and VPN are the agency's networks. The narrowest that
	// has an address says what it is; all else is outside.
	Intranet []netip.Prefix
	VPN      []netip.Prefix
	// Reach says from where people of a role may work, by role.
	Reach map[approval.Role]Reach
	// API says from where other systems may call the JSON API.
	API Reach

	// Confirming is how a new device is met. Reading is how long one that a text
	// alone has confirmed may only read, Refuse how long new devices are refused
	// after one was denied.
	Confirming Confirming
	Reading    time.Duration
	Refuse     time.Duration

	// MobileRoles may work on a phone or tablet (行動裝置).
	MobileRoles []approval.Role
	// Phones is how many mobile devices an account may have confirmed at once, 0
	// for any number: confirming one more retires the one that was used longest
	// ago. It holds for SingleRoles.
	Phones      int
	SingleRoles []approval.Role
	// PhoneContexts is how many browsers of one phone may be in.
	PhoneContexts int
	// Desktops is how many desktop browsers an account may have confirmed at
	// once, 0 for any number.
	Desktops int

	// Proof is what an act asks for beyond a session, by act.
	Proof map[Act]Proof
	// KeepAudit is how many months the audit trail (稽核紀錄) is kept, at least
	// six; KeepSessions how many days a session that has ended stays on record.
	KeepAudit    int
	KeepSessions int

	// Fresh is how long a sign-in, or a factor shown again, counts as fresh.
	Fresh time.Duration
}

// DefaultSettings gives what holds where an agency has decided nothing: people
// get in from anywhere on any device, and whoever changes how an account is
// kept has shown a factor of late.
func DefaultSettings() Settings {
	s := Settings{
		API:         ReachOpen,
		Reach:       map[approval.Role]Reach{},
		MobileRoles: approval.Roles(),
		Phones:      1, SingleRoles: approval.Roles(), PhoneContexts: 3,
		Confirming: ConfirmNumber,
		Reading:    DefaultPolicy().Reading,
		Refuse:     DefaultPolicy().Refuse,
		Proof: map[Act]Proof{
			ActDecide: ProofNone, ActApprove: ProofNone, ActChannels: ProofNone, ActDevices: ProofNone,
			ActPassword: ProofNone, ActAdmin: ProofNone, ActExport: ProofNone,
		},
		Fresh: 15 * time.Minute,

		KeepAudit:    24,
		KeepSessions: 30,
	}
	for _, r := range approval.Roles() {
		s.Reach[r] = ReachOpen
	}
	return s
}

// SettingsVersion is one version of the settings, in the order in which they
// were in force. Version 0 is the default, by nobody.
type SettingsVersion struct {
	Version  int
	Settings Settings
	By       approval.PersonID // "" when it was set on the command line
	Name     string
	At       time.Time
}

// ErrSettingsChanged: somebody else has saved settings meanwhile.
var ErrSettingsChanged = errors.New("settings were changed meanwhile")

// Reach is from where something may be used.
type Reach string

// Reaches, each within the one before.
const (
	ReachOpen     Reach = "open"     // from anywhere
	ReachAgency   Reach = "agency"   // from the agency's networks: intranet or VPN
	ReachIntranet Reach = "intranet" // from the intranet (機關內網) only
	ReachNowhere  Reach = "nowhere"  // not at all
)

// Act is a thing done that an agency may ask more for than a session.
type Act string

// Acts, see [Settings.Proof].
const (
	ActDecide   Act = "decide"   // pass on or return a document (核章、退回)
	ActApprove  Act = "approve"  // decide it at last (決行)
	ActChannels Act = "channels" // link or unlink a channel
	ActDevices  Act = "devices"  // sign out, trust or give up devices
	ActPassword Act = "password" // change a password or a factor
	ActAdmin    Act = "admin"    // change settings, accounts, policy
	ActExport   Act = "export"   // take the ledger or the audit trail out of the house
)

// Acts gives all of them.
func Acts() []Act {
	return []Act{ActDecide, ActApprove, ActChannels, ActDevices, ActPassword, ActAdmin, ActExport}
}

// Proof is what an act asks for beyond a session.
type Proof string

// Proofs.
const (
	ProofNone   Proof = "none"   // the session is enough
	ProofFresh  Proof = "fresh"  // a factor was shown within [Settings.Fresh]
	ProofSecond Proof = "second" // a second factor was shown in this session
	ProofBoth   Proof = "both"   // a second factor, and within that time
)

// Clone gives a copy that shares nothing with s.
func (s Settings) Clone() Settings {
	s.Intranet, s.VPN, s.MobileRoles = slices.Clone(s.Intranet), slices.Clone(s.VPN), slices.Clone(s.MobileRoles)
	s.SingleRoles = slices.Clone(s.SingleRoles)
	s.Reach, s.Proof = maps.Clone(s.Reach), maps.Clone(s.Proof)
	return s
}
