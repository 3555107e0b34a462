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
}

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
	Login     string
	Password  string
	Address   string // as [ClientAddress] gives it
	UserAgent string
	// DeviceCookie and SessionCookie are those that the browser has, "" when
	// none. A session that is replaced is ended.
	DeviceCookie  string
	SessionCookie string
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
