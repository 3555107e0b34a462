package access

import (
	"context"
	"log/slog"
	"time"

	"qianhe/approval"
)

// EventKind says what was done, such as signin.accepted. What there are is
// listed by [EventKinds].
type EventKind string

// The audit trail (稽核紀錄) has these.
const (
	EventSignedIn        EventKind = "signin.accepted"
	EventRefused         EventKind = "signin.refused" // the right account and a wrong password, or no account
	EventLimited         EventKind = "signin.limited" // too many failures: no password was looked at
	EventSignedOut       EventKind = "signin.ended"
	EventTextSent        EventKind = "newdevice.text" // a code was sent
	EventNewConfirmed    EventKind = "newdevice.confirmed"
	EventNewDenied       EventKind = "newdevice.denied"
	EventNewAccepted     EventKind = "newdevice.accepted" // the refusal that a denial brought was ended
	EventPasswordChanged EventKind = "password.changed"
	EventFactorAdded     EventKind = "factor.added"
	EventFactorRemoved   EventKind = "factor.removed"
	EventCodesMade       EventKind = "factor.codes" // codes for paper, in the place of those before
	EventDeviceRevoked   EventKind = "device.revoked"
	EventDeviceReplaced  EventKind = "device.replaced"  // another took its place
	EventDeviceJoined    EventKind = "device.joined"    // another browser of the same phone was let in
	EventChannelLinked   EventKind = "channel.linked"   // written by the database
	EventChannelUnlinked EventKind = "channel.unlinked" // written by the database
	EventPolicyChanged   EventKind = "policy.changed"   // written by the database
	EventSettingsChanged EventKind = "settings.changed"
	EventReplayed        EventKind = "webhook.replayed" // written by the database
	EventTokenIssued     EventKind = "token.issued"
	EventTokenWithdrawn  EventKind = "token.withdrawn"
	EventAccountCreated  EventKind = "account.created"
	EventAccountChanged  EventKind = "account.changed" // name, title, unit or roles
	EventAccountLocked   EventKind = "account.locked"
	EventAccountUnlocked EventKind = "account.unlocked"
	EventPasswordReset   EventKind = "password.reset"
	EventLeft            EventKind = "account.left"
	EventReassigned      EventKind = "work.reassigned" // written by the database
	EventUnitCreated     EventKind = "unit.created"
	EventUnitChanged     EventKind = "unit.changed"
	EventLedgerExported  EventKind = "ledger.exported"
	EventAuditExported   EventKind = "audit.exported"
)

// EventKinds gives all kinds, in the order in which people choose from them.
func EventKinds() []EventKind {
	return []EventKind{
		EventSignedIn, EventRefused, EventLimited, EventSignedOut,
		EventTextSent, EventNewConfirmed, EventNewDenied, EventNewAccepted, EventPasswordChanged, EventFactorAdded, EventFactorRemoved, EventCodesMade, EventDeviceRevoked, EventDeviceReplaced, EventDeviceJoined,
		EventChannelLinked, EventChannelUnlinked,
		EventAccountCreated, EventAccountChanged, EventAccountLocked, EventAccountUnlocked, EventPasswordReset, EventLeft, EventReassigned,
		EventUnitCreated, EventUnitChanged, EventTokenIssued, EventTokenWithdrawn,
		EventSettingsChanged, EventPolicyChanged, EventReplayed, EventLedgerExported, EventAuditExported,
	}
}

// Event is one entry of the audit trail: who did what to whose access, from
// where. What is left empty is taken from the [Origin] of the context, or, of
// Account and Person, from each other.
type Event struct {
	At      time.Time
	Kind    EventKind
	Actor   approval.PersonID // "" for nobody known
	Person  approval.PersonID // whose access it is about, "" for nobody's
	Account string
	Session string
	Device  string
	Address string
	Network string
	// Detail is the rest: enumerated words, identifiers, names. It is shown and
	// exported as it stands, and holds no secret.
	Detail map[string]string
}

// Origin is who asks and from where, for the audit trail. A request carries it
// in its context, so that whatever is done on the way can be recorded.
type Origin struct {
	Person   approval.PersonID // "" before anybody has signed in
	Session  string
	Device   string
	Address  string
	Network  string // class of the network, "" when not known
	Operator string // who runs the command on the server, "" on the web
}

// LogValue leaves the address out.
func (o Origin) LogValue() slog.Value {
	return slog.GroupValue(slog.String("person", string(o.Person)), slog.String("session", o.Session))
}

type originKey struct{}

// WithOrigin gives a context that carries where a request comes from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf gives what [WithOrigin] has put there, the zero value when nothing.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// AuditFilter narrows the audit trail. The zero value is everything.
type AuditFilter struct {
	// Find is part of a name, or a login: of who did it, or whom it is about.
	Find string
	// Kind is an [EventKind], or document.approve and the like for what was done
	// to documents; a part before a dot, such as signin, stands for all of it.
	Kind    string
	From    time.Time
	To      time.Time // exclusive
	Address string    // whole, or how it begins
}

// AuditEntry is an event as it is read, or a decision on a document, which is on
// record elsewhere and is read together with it.
type AuditEntry struct {
	Event
	ActorName  string
	PersonName string
	Login      string // of the account
	Browser    string // label of the device, "" when not known
	// Document is what was acted on, Number its 文號, "" for a classified one.
	Document approval.DocumentID
	Number   string
}

// AuditPage is a part of the audit trail, latest first.
type AuditPage struct {
	Entries []AuditEntry
	Next    string // cursor of the next page, "" at the end
}
