package web

import (
	"context"
	"net/http"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
	"qianhe/web/pdfview"
)

// Documents is what the pages read and decide; pgapproval.Store is one.
type Documents interface {
	Tray(ctx context.Context, p approval.PersonID, now time.Time, f approval.TrayFilter, cursor string, limit int) (approval.Tray, error)
	TrayCounts(ctx context.Context, p approval.PersonID, now time.Time) (approval.TrayCounts, error)
	Place(ctx context.Context, p approval.PersonID, now time.Time, id approval.DocumentID) (approval.Place, error)
	// Open returns approval.ErrNotFound when p may not see the document.
	Open(ctx context.Context, id approval.DocumentID, p approval.PersonID) (*approval.Reading, error)
	Done(ctx context.Context, p approval.PersonID, cursor string, limit int) (approval.DonePage, error)
	// Overdue gives what is due until horizon or late and p's business.
	Overdue(ctx context.Context, p approval.PersonID, now, horizon time.Time, cursor string, limit int) (approval.OverduePage, error)
	// File returns approval.ErrNotFound unless p may open the file's document.
	File(ctx context.Context, id approval.FileID, p approval.PersonID) (approval.File, []byte, error)
	// FileInfo is File without the bytes.
	FileInfo(ctx context.Context, id approval.FileID, p approval.PersonID) (approval.File, error)
	// Phrases are the person's own 常用語, most used first.
	Phrases(ctx context.Context, p approval.PersonID) ([]string, error)
	// UpdateOnce returns approval.ErrReplayed when the token was used before.
	UpdateOnce(ctx context.Context, id approval.DocumentID, token [32]byte, at time.Time, fn func(*approval.Document) ([]approval.Event, error)) error
}

// Accounts lets people in; pgaccess.Store is one.
type Accounts interface {
	SignIn(ctx context.Context, in access.SignIn) (access.SignedIn, error)
	// Resume returns access.ErrNoSession for a cookie that lets nobody in.
	Resume(ctx context.Context, cookie string) (access.Session, error)
	// SignOut gives the sessions whose push links are to end with it.
	SignOut(ctx context.Context, session string) (ended []string, err error)
	ChangePassword(ctx context.Context, s access.Session, old, new string) (access.PasswordChanged, error)
	SetLocale(ctx context.Context, account, locale string) error
	Devices(ctx context.Context, account, current string) ([]access.Device, error)
	RevokeDevice(ctx context.Context, account, device string) (ended []string, err error)
	RevokeOthers(ctx context.Context, account, current string) (ended []string, err error)
}

// Access keeps what the agency has decided about who is let in, from where and
// how; pgaccess.Store is one.
type Access interface {
	// Settings is what is in force, not to be changed.
	Settings(ctx context.Context) (access.Settings, error)
	// SettingsHistory gives what was in force, latest first, the default at the
	// end where there is room for it.
	SettingsHistory(ctx context.Context, limit int) ([]access.SettingsVersion, error)
	// SaveSettings returns access.ErrSettingsChanged unless from is the last
	// version.
	SaveSettings(ctx context.Context, by approval.PersonID, from int, to access.Settings) error
}

// Hub keeps what reaches a person and what they have seen; pghub.Hub is one.
type Hub interface {
	Links(ctx context.Context, p approval.PersonID) ([]hub.Link, error)
	AddLink(ctx context.Context, l hub.Link) (id string, err error)
	RemoveLink(ctx context.Context, p approval.PersonID, id string) error
	RemoveSessionLinks(ctx context.Context, session string) error
	Head(ctx context.Context, p approval.PersonID) (hub.Head, error)
	SeenUpTo(ctx context.Context, p approval.PersonID, seq int64, via hub.ChannelName) error
	SeenDocument(ctx context.Context, p approval.PersonID, id approval.DocumentID, via hub.ChannelName) error
	// SeenKinds records that p has seen everything of these kinds.
	SeenKinds(ctx context.Context, p approval.PersonID, kinds []hub.Kind, via hub.ChannelName) error
	Delivered(ctx context.Context, delivery string, p approval.PersonID) error
	// SeenDelivery records that p has seen what a delivery told. It returns
	// approval.ErrNotFound for a delivery that is not p's.
	SeenDelivery(ctx context.Context, delivery string, p approval.PersonID, via hub.ChannelName) error

	// Board gives the forms that wait for p in other systems, most urgent first,
	// and the announcements of late, of each at most limit.
	Board(ctx context.Context, p approval.PersonID, limit int) (forms, announcements []hub.Posted, err error)
	// Posted, SeenNotification and CloseNotice are about a notification of p's.
	// Posted and CloseNotice return approval.ErrNotFound for any other.
	Posted(ctx context.Context, p approval.PersonID, notification string) (hub.Posted, error)
	SeenNotification(ctx context.Context, p approval.PersonID, notification string, via hub.ChannelName) error
	CloseNotice(ctx context.Context, p approval.PersonID, notification string) error
}

// Settings keeps how people are told: what each has chosen for themselves, and
// what the organisation has decided; pghub.Hub is one. Choices that cannot be
// are *approval.InvalidError, several joined.
type Settings interface {
	Preferences(ctx context.Context, p approval.PersonID) (hub.Preferences, error)
	SetPreferences(ctx context.Context, p approval.PersonID, c hub.Preferences) error
	// Policy is the one in force, every field filled in.
	Policy(ctx context.Context) (hub.Policy, error)
	// DefaultPolicy is what is in force where nobody has decided otherwise.
	DefaultPolicy() hub.Policy
	SetPolicy(ctx context.Context, by approval.PersonID, p hub.Policy, version int64) error
	// PolicyHistory gives what was in force, latest first.
	PolicyHistory(ctx context.Context, limit int) ([]hub.PolicyVersion, error)
}

// Ledger is the record of who was told what, and how the channels do. Addresses
// and provider ids are masked in it, but for the reader's own.
type Ledger interface {
	Ledger(ctx context.Context, f hub.LedgerFilter, cursor string, limit int, reader approval.PersonID) (hub.LedgerPage, error)
	// LedgerEntry returns approval.ErrNotFound for a notification that there is
	// not, or no longer.
	LedgerEntry(ctx context.Context, notification string, reader approval.PersonID) (hub.LedgerEntry, error)
	// ExportLedger calls fn for each entry, latest first, until it fails.
	ExportLedger(ctx context.Context, f hub.LedgerFilter, reader approval.PersonID, fn func(hub.LedgerEntry) error) error
	Health(ctx context.Context) ([]hub.ChannelHealth, error)
	// SendTest has a test message sent to p through one channel. It returns
	// approval.ErrNotFound when nothing of p's is linked there.
	SendTest(ctx context.Context, p approval.PersonID, c hub.ChannelName) error
}

// Webhooks is what goes to the agency's own systems; pghub.Hub is one. Without an
// endpoint, or event, of that name replays return approval.ErrNotFound, and
// hub.ErrEndpointClosed for one that is closed.
type Webhooks interface {
	Endpoints(ctx context.Context) ([]hub.EndpointStatus, error)
	WebhookDeliveries(ctx context.Context, endpoint string, state hub.WebhookState, limit int) ([]hub.WebhookDelivery, error)
	ReplayEvent(ctx context.Context, by approval.Actor, endpoint, event string) error
	ReplayFailed(ctx context.Context, by approval.Actor, endpoint string, since time.Time) (n int, err error)
}

// Audit is the audit trail (稽核紀錄); pgaccess.Store keeps it.
type Audit interface {
	// Record adds what the pages themselves do, such as an export.
	Record(ctx context.Context, e access.Event) error
	// Audit gives a page, latest first; a cursor that is none is an
	// *approval.InvalidError.
	Audit(ctx context.Context, f access.AuditFilter, cursor string, limit int) (access.AuditPage, error)
	// ExportAudit calls fn for each entry, latest first, until it fails.
	ExportAudit(ctx context.Context, f access.AuditFilter, fn func(access.AuditEntry) error) error
}

// People is what an administrator does about people, their accounts and units;
// pgaccess.Store keeps them. What may not be is an *approval.InvalidError,
// several joined; access.ErrMemberChanged says that the version is not the last.
type People interface {
	Members(ctx context.Context, f access.MemberFilter, cursor string, limit int) (access.MemberPage, error)
	Member(ctx context.Context, id approval.PersonID) (access.Member, error)
	CreateMember(ctx context.Context, d access.MemberDraft) (access.Changed, error)
	ChangeMember(ctx context.Context, id approval.PersonID, version int, d access.MemberDraft) (access.Changed, error)
	GiveAccount(ctx context.Context, id approval.PersonID, version int, login string) (access.Changed, error)
	LockMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error)
	UnlockMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error)
	ResetPassword(ctx context.Context, id approval.PersonID, version int) (access.Changed, error)
	SignOutMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error)
	LeaveMember(ctx context.Context, id approval.PersonID, version int) (access.Changed, error)
	UnitTree(ctx context.Context) ([]access.UnitNode, error)
	AddUnit(ctx context.Context, d access.UnitDraft) (approval.UnitID, error)
	ChangeUnit(ctx context.Context, id approval.UnitID, version int, d access.UnitDraft) error
}

// Work is what is in people's hands; pgapproval.Store keeps it.
type Work interface {
	Held(ctx context.Context, p approval.PersonID, limit int) (approval.Holding, error)
	// Reassign gives all of it to somebody else, and says how many documents.
	Reassign(ctx context.Context, from, to approval.PersonID, at time.Time) (n int, err error)
}

// Live holds the connections of pages that are open; live.Server is one.
type Live interface {
	// Serve upgrades the request and owns the connection from then on.
	Serve(w http.ResponseWriter, r *http.Request, p approval.PersonID, session string)
	CloseSessions(sessions ...string)
}

// PageRenderer draws the pages of PDF files; pdfview.Viewer is one. Pages are
// counted from 0, the bytes of the file are asked for only when needed.
type PageRenderer interface {
	PageSizes(ctx context.Context, sha [32]byte, pdf func() ([]byte, error)) ([]pdfview.Size, error)
	Page(ctx context.Context, sha [32]byte, n, width int, pdf func() ([]byte, error)) ([]byte, error)
}

// Push is what a page needs in order to subscribe to Web Push.
type Push struct {
	// PublicKey is the VAPID key to subscribe with now, base64url; KnowsKey
	// reports whether a subscription under an older one can be reached still.
	PublicKey func(ctx context.Context) string
	KnowsKey  func(ctx context.Context, key string) bool
	// Check refuses a subscription with an *approval.InvalidError.
	Check func(endpoint, p256dh, auth string) error
}

// viaWeb is how a person has seen what a page has shown them.
const viaWeb hub.ChannelName = "web"
