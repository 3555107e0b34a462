package access

import (
	"log/slog"
	"time"

	"qianhe/approval"
)

// Session is one sign-in on one device, as it is when it is used. It holds no
// secret.
type Session struct {
	ID         string
	Account    string
	Person     approval.Person
	UnitName   string
	Login      string
	Locale     string // zh-TW or en
	Device     string
	CreatedAt  time.Time
	ExpiresAt  time.Time // the absolute end; without use it ends earlier
	MustChange bool      // the password was set by somebody else

	// Standing is how far it lets in now. ReadingUntil is when a reading one
	// becomes full, zero for never.
	Standing     Standing
	ReadingUntil time.Time
	// ProvenAt is when its person last proved who they are, Methods by what.
	ProvenAt time.Time
	Methods  []Method
}

// Method is a way to prove who one is.
type Method string

const (
	ByPassword Method = "password"
	ByLDAP     Method = "ldap"
	ByOIDC     Method = "oidc"
	ByTOTP     Method = "totp"
	ByPasskey  Method = "passkey"
	ByTWFidO   Method = "twfido"
	BySMS      Method = "sms"
)

// Browser is what a request says of the browser that it comes from.
type Browser struct {
	Address   string // as [ClientAddress] gives it
	Network   string // intranet (機關內網), vpn, outside (外部) or ""
	UserAgent string
	// DeviceCookie and SessionCookie are those that the browser has, "" when
	// none. A session that is replaced is ended.
	DeviceCookie  string
	SessionCookie string
}

// LogValue leaves the cookies out.
func (b Browser) LogValue() slog.Value { return slog.GroupValue(slog.String("address", b.Address)) }

// Proven says who somebody has shown to be. It lets nobody in yet: the device
// has a say.
type Proven struct {
	Account string
	Methods []Method
	At      time.Time
	// Attempt is the one that is a success now, 0 when none was counted.
	Attempt int64
	// Hash is the one that the password was compared with. Once the account has
	// another, it proves nothing. "" where no local password was shown.
	Hash string
}

// LogValue leaves the hash out.
func (p Proven) LogValue() slog.Value { return slog.GroupValue(slog.String("account", p.Account)) }

// Actor gives the person of this session as an actor from that address.
func (s Session) Actor(address string) approval.Actor {
	return approval.Actor{
		Person:  s.Person.ID,
		Name:    s.Person.Name,
		Title:   s.Person.Title,
		Unit:    s.UnitName,
		Roles:   s.Person.Roles,
		Session: s.ID,
		Address: address,
	}
}

// SignIn is what somebody brings who wants in.
type SignIn struct {
	// Way is the name of the provider that is to be asked, "" for the password
	// that is kept here.
	Way       string
	Login     string
	Password  string
	Next      string // where to go on when a second factor has been shown
	Address   string // as [ClientAddress] gives it
	Network   string // as [Browser] has it
	UserAgent string
	// DeviceCookie and SessionCookie are those that the browser has, "" when
	// none. A session that is replaced is ended.
	DeviceCookie  string
	SessionCookie string
}

// Browser gives what is not login and password.
func (s SignIn) Browser() Browser {
	return Browser{Address: s.Address, Network: s.Network, UserAgent: s.UserAgent, DeviceCookie: s.DeviceCookie, SessionCookie: s.SessionCookie}
}

// LogValue leaves out everything that is secret, the login too: people type
// passwords into the wrong field.
func (s SignIn) LogValue() slog.Value { return slog.GroupValue(slog.String("address", s.Address)) }

// SignedIn is what a sign-in gives. Both cookies are to be set, replacing what
// the browser had.
type SignedIn struct {
	SessionCookie string
	DeviceCookie  string
	Session       Session
	// Replaced are earlier sessions of this device and account. They have
	// ended; live connections of theirs are to be closed. Their push links may
	// go on, it is the same person's browser: SignOut and RevokeDevice name
	// them again.
	Replaced []string
	// Ended are sessions that this browser held for another account or device.
	// Their live connections and their push links are to be ended.
	Ended []string
}

// LogValue leaves the cookies out.
func (s SignedIn) LogValue() slog.Value {
	return slog.GroupValue(slog.String("session", s.Session.ID), slog.String("person", string(s.Session.Person.ID)))
}

// PasswordChanged is what a change of password gives.
type PasswordChanged struct {
	// SessionCookie is to be set: the session goes on under a new secret.
	SessionCookie string
	// Ended are the sessions on other devices. Live connections and push links
	// of theirs are to be ended.
	Ended []string
}
