package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
	"qianhe/web/pdfview"
)

// store is Documents in memory. What is decided is decided by the real rules.
type store struct {
	mu       sync.Mutex
	docs     []*approval.Document
	contents map[approval.DocumentID]approval.Content
	blobs    map[[32]byte][]byte
	people   map[approval.PersonID]approval.Person
	units    map[approval.UnitID]string
	tokens   map[[32]byte]bool
	updates  int // how often a decision was tried
	phrases  []string
	err      error // what everything answers, when it is set
}

func (s *store) find(id approval.DocumentID) *approval.Document {
	for _, d := range s.docs {
		if d.ID == id {
			return d
		}
	}
	return nil
}

func (s *store) card(d *approval.Document, st *approval.Step) approval.Card {
	c := approval.Card{
		Document: d.ID, Step: st.ID, Number: d.Number, Type: d.Type, Category: d.Category, Reference: d.Reference, Issuer: d.Issuer,
		Subject: d.Subject, Speed: d.Speed, Grade: d.Grade, Duty: st.Duty, Origin: st.Origin, ArrivedAt: st.ArrivedAt, Deadline: d.Deadline,
	}
	for _, f := range s.contents[d.ID].Files {
		if f.Role == approval.FileAttachment {
			c.Attached++
		}
	}
	var from *approval.Step
	for _, id := range st.After {
		if p := d.Route.Step(id); p != nil && (from == nil || p.ClosedAt.After(from.ClosedAt)) {
			from = p
		}
	}
	if from != nil {
		c.FromName = from.ActedName
	}
	if d.Grade.Classified() {
		c.Number, c.Reference, c.Issuer, c.Subject, c.FromName = "", "", "", "", ""
	}
	return c
}

func (s *store) all(p approval.PersonID, now time.Time) []approval.Card {
	var list []approval.Card
	for _, d := range s.docs {
		if st := d.Active(p); st != nil {
			list = append(list, s.card(d, st))
		}
	}
	slices.SortStableFunc(list, func(a, b approval.Card) int {
		late := func(c approval.Card) int {
			if c.Deadline.Overdue(now) {
				return 0
			}
			return 1
		}
		return cmp.Or(late(a)-late(b), a.Speed.Rank()-b.Speed.Rank(), a.Deadline.Due.Compare(b.Deadline.Due), a.ArrivedAt.Compare(b.ArrivedAt))
	})
	return list
}

func counts(list []approval.Card, now time.Time) approval.TrayCounts {
	var c approval.TrayCounts
	for _, k := range list {
		c.All++
		add := func(n *int, yes bool) {
			if yes {
				*n++
			}
		}
		add(&c.Highest, k.Speed == approval.SpeedHighest)
		add(&c.Overdue, k.Deadline.Overdue(now))
		add(&c.DueToday, k.Deadline.Day().Equal(approval.Midnight(now)))
		add(&c.Decide, k.Duty == approval.DutyDecide)
		add(&c.Consult, k.Duty == approval.DutyConsult)
		add(&c.Returned, k.Origin == approval.OriginReturned)
	}
	return c
}

func (s *store) Tray(_ context.Context, p approval.PersonID, now time.Time, f approval.TrayFilter, cursor string, limit int) (approval.Tray, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.all(p, now)
	t := approval.Tray{Counts: counts(list, now)}
	list = slices.DeleteFunc(list, func(c approval.Card) bool {
		switch f {
		case approval.TrayHighest:
			return c.Speed != approval.SpeedHighest
		case approval.TrayOverdue:
			return !c.Deadline.Overdue(now)
		case approval.TrayDecide:
			return c.Duty != approval.DutyDecide
		case approval.TrayConsult:
			return c.Duty != approval.DutyConsult
		case approval.TrayReturned:
			return c.Origin != approval.OriginReturned
		}
		return false
	})
	from, _ := strconv.Atoi(cursor)
	list = list[min(from, len(list)):]
	if len(list) > limit {
		list, t.Next = list[:limit], strconv.Itoa(from+limit)
	}
	t.Cards = list
	return t, s.err
}

func (s *store) TrayCounts(_ context.Context, p approval.PersonID, now time.Time) (approval.TrayCounts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return counts(s.all(p, now), now), s.err
}

func (s *store) Place(_ context.Context, p approval.PersonID, now time.Time, id approval.DocumentID) (approval.Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.all(p, now)
	at := slices.IndexFunc(list, func(c approval.Card) bool { return c.Document == id })
	out := approval.Place{Position: at + 1, Total: len(list)}
	if at > 0 {
		out.Previous = list[at-1].Document
	}
	if at+1 < len(list) {
		out.Next = list[at+1].Document
	}
	return out, s.err
}

func (s *store) Open(_ context.Context, id approval.DocumentID, p approval.PersonID) (*approval.Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.find(id)
	if s.err != nil {
		return nil, s.err
	}
	if d == nil || !d.VisibleTo(p) {
		return nil, approval.ErrNotFound
	}
	rd := &approval.Reading{Document: *d, People: s.people, Units: s.units}
	rd.Document.Route.Steps = slices.Clone(d.Route.Steps)
	if !d.Grade.Classified() {
		rd.Content = s.contents[id]
	}
	return rd, nil
}

func (s *store) Done(_ context.Context, p approval.PersonID, cursor string, limit int) (approval.DonePage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []approval.DoneCard
	for _, d := range s.docs {
		for i := range d.Route.Steps {
			st := &d.Route.Steps[i]
			if st.State != approval.StepClosed || st.ActedBy != p {
				continue
			}
			c := approval.DoneCard{Card: s.card(d, st), Action: st.Action, Opinion: st.Opinion, ClosedAt: st.ClosedAt, State: d.State}
			for _, o := range d.Route.Steps {
				if o.State == approval.StepActive {
					c.Now = fullName(s.people[o.Person])
				}
			}
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b approval.DoneCard) int { return b.ClosedAt.Compare(a.ClosedAt) })
	from, _ := strconv.Atoi(cursor)
	list = list[min(from, len(list)):]
	page := approval.DonePage{Cards: list}
	if len(list) > limit {
		page.Cards, page.Next = list[:limit], strconv.Itoa(from+limit)
	}
	return page, s.err
}

// Overdue gives to whoever is a 研考 what is late, and to everybody what they
// handle or have in hand.
func (s *store) Overdue(_ context.Context, p approval.PersonID, now, horizon time.Time, cursor string, limit int) (approval.OverduePage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page approval.OverduePage
	for _, d := range s.docs {
		late, own := d.Deadline.Overdue(now), d.Handler == p || d.Active(p) != nil
		if d.State != approval.StateCirculating || d.Deadline.Due.After(horizon) || !own && (!late || !s.people[p].Has(approval.RoleAuditor)) {
			continue
		}
		c := approval.OverdueCard{Card: s.card(d, &approval.Step{}), Concern: approval.ConcernAll, Open: d.VisibleTo(p), Handler: fullName(s.people[d.Handler])}
		if own {
			c.Concern = approval.ConcernOwn
		}
		for _, st := range d.Route.Steps {
			if st.State == approval.StepActive {
				c.Now = fullName(s.people[st.Person])
			}
		}
		if page.Due++; late {
			page.Late, page.Due = page.Late+1, page.Due-1
		}
		page.Cards = append(page.Cards, c)
	}
	slices.SortStableFunc(page.Cards, func(a, b approval.OverdueCard) int { return a.Deadline.Due.Compare(b.Deadline.Due) })
	from, err := strconv.Atoi(cursor)
	if cursor != "" && err != nil {
		return page, &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
	}
	page.Cards = page.Cards[min(from, len(page.Cards)):]
	if len(page.Cards) > limit {
		page.Cards, page.Next = page.Cards[:limit], strconv.Itoa(from+limit)
	}
	return page, s.err
}

func (s *store) FileInfo(_ context.Context, id approval.FileID, p approval.PersonID) (approval.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for doc, c := range s.contents {
		for _, f := range c.Files {
			if d := s.find(doc); f.ID == id && d.VisibleTo(p) {
				if d.Grade.Classified() {
					return approval.File{}, approval.ErrClassified
				}
				return f, s.err
			}
		}
	}
	return approval.File{}, approval.ErrNotFound
}

func (s *store) File(ctx context.Context, id approval.FileID, p approval.PersonID) (approval.File, []byte, error) {
	f, err := s.FileInfo(ctx, id, p)
	return f, s.blobs[f.SHA256], err
}

func (s *store) Phrases(context.Context, approval.PersonID) ([]string, error) {
	return s.phrases, s.err
}

func (s *store) UpdateOnce(_ context.Context, id approval.DocumentID, token [32]byte, _ time.Time, fn func(*approval.Document) ([]approval.Event, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.find(id)
	s.updates++
	switch {
	case s.err != nil:
		return s.err
	case s.tokens[token]:
		return approval.ErrReplayed
	case d == nil:
		return approval.ErrNotFound
	}
	work := *d
	work.Route.Steps = slices.Clone(d.Route.Steps)
	if _, err := fn(&work); err != nil {
		return err
	}
	work.Revision++
	*d = work
	s.tokens[token] = true
	return nil
}

// accounts is Accounts in memory: the login is the cookie.
type accounts struct {
	mu       sync.Mutex
	sessions map[string]access.Session
	devices  []access.Device
	limited  bool
	fails    error // what a sign-in gives, when it is set
	waits    bool  // every device is new
	ended    []string
	replaced string // cookie of a device whose place another has taken
}

const password = "correct horse battery"

func (a *accounts) SignIn(_ context.Context, in access.SignIn) (access.SignedIn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[in.Login]
	switch {
	case a.fails != nil:
		return access.SignedIn{}, a.fails
	case a.limited:
		return access.SignedIn{}, &access.LimitedError{RetryAfter: 90 * time.Second}
	case !ok || in.Password != password:
		return access.SignedIn{}, access.ErrCredentials
	}
	if a.waits {
		s.Standing = access.Waiting
	}
	return access.SignedIn{SessionCookie: in.Login, DeviceCookie: "device-" + in.Login, Session: s}, nil
}

func (a *accounts) Resume(_ context.Context, cookie string) (access.Session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.replaced != "" && cookie == a.replaced {
		return access.Session{}, access.ErrReplaced
	}
	s, ok := a.sessions[cookie]
	if !ok || slices.Contains(a.ended, s.ID) {
		return access.Session{}, access.ErrNoSession
	}
	if s.Standing == access.Waiting {
		return s, access.ErrWaiting
	}
	return s, nil
}

func (a *accounts) SignOut(_ context.Context, session string) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = append(a.ended, session)
	return []string{session}, nil
}

func (a *accounts) ChangePassword(_ context.Context, s access.Session, old, new string) (access.PasswordChanged, error) {
	switch {
	case old != password:
		return access.PasswordChanged{}, access.ErrCredentials
	case len(new) < 12:
		return access.PasswordChanged{}, &approval.InvalidError{Field: "password", Reason: "password.short", Detail: "12"}
	}
	return access.PasswordChanged{SessionCookie: s.Login, Ended: []string{"elsewhere"}}, nil
}

func (a *accounts) SetLocale(_ context.Context, account, locale string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, s := range a.sessions {
		if s.Account == account {
			s.Locale = locale
			a.sessions[k] = s
		}
	}
	return nil
}

func (a *accounts) Devices(context.Context, string, string) ([]access.Device, error) {
	return a.devices, nil
}

func (a *accounts) RevokeDevice(_ context.Context, _, device string) ([]string, error) {
	for _, d := range a.devices {
		if d.ID == device {
			return []string{"session-of-" + device}, nil
		}
	}
	return nil, approval.ErrNotFound
}

func (a *accounts) RevokeOthers(context.Context, string, string) ([]string, error) {
	return []string{"session-1", "session-2"}, nil
}

// post is Hub in memory, and writes down what it was told.
type post struct {
	mu    sync.Mutex
	links []hub.Link
	board []hub.Posted
	said  []string
	inbox *news // where live connections are real
}

func (p *post) say(format string, args ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, fmt.Sprintf(format, args...))
	return nil
}

func (p *post) heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

func (p *post) Links(context.Context, approval.PersonID) ([]hub.Link, error) { return p.links, nil }
func (p *post) AddLink(_ context.Context, l hub.Link) (string, error) {
	if strings.HasSuffix(l.Address.Value, "/dead") {
		return "", hub.ErrDeadSubscription
	}
	return "link", p.say("link %s %s %s %s", l.Channel, l.Session, l.Label, l.Address.Value)
}
func (p *post) RemoveLink(_ context.Context, _ approval.PersonID, id string) error {
	if !slices.ContainsFunc(p.links, func(l hub.Link) bool { return l.ID == id }) {
		return approval.ErrNotFound
	}
	return p.say("unlink %s", id)
}
func (p *post) RemoveSessionLinks(_ context.Context, session string) error {
	return p.say("unlink session %s", session)
}
func (p *post) Board(_ context.Context, me approval.PersonID, limit int) (forms, announcements []hub.Posted, err error) {
	for _, n := range p.board {
		switch {
		case n.Person != me || !n.Closed.IsZero():
		case n.Kind == hub.KindAnnouncement:
			announcements = append(announcements, n)
		default:
			forms = append(forms, n)
		}
	}
	return forms[:min(limit, len(forms))], announcements[:min(limit, len(announcements))], nil
}
func (p *post) find(me approval.PersonID, id string) (*hub.Posted, error) {
	for i := range p.board {
		if n := &p.board[i]; n.ID == id && n.Person == me {
			return n, nil
		}
	}
	return nil, approval.ErrNotFound
}
func (p *post) Posted(_ context.Context, me approval.PersonID, id string) (hub.Posted, error) {
	n, err := p.find(me, id)
	if err != nil {
		return hub.Posted{}, err
	}
	return *n, nil
}
func (p *post) SeenNotification(_ context.Context, _ approval.PersonID, id string, via hub.ChannelName) error {
	return p.say("seen notification %s via %s", id, via)
}
func (p *post) CloseNotice(_ context.Context, me approval.PersonID, id string) error {
	n, err := p.find(me, id)
	if err != nil {
		return err
	}
	n.Closed = n.At.Add(time.Hour)
	return p.say("closed %s", id)
}
func (p *post) Head(ctx context.Context, of approval.PersonID) (hub.Head, error) {
	if p.inbox != nil {
		return p.inbox.Head(ctx, of)
	}
	forms := 0
	for _, n := range p.board {
		if n.Person == of && n.Kind == hub.KindForm && n.Closed.IsZero() {
			forms++
		}
	}
	return hub.Head{Epoch: "e", Seq: 7, Rev: 9, Counts: hub.Counts{Forms: forms}}, nil
}
func (p *post) SeenUpTo(ctx context.Context, of approval.PersonID, seq int64, via hub.ChannelName) error {
	if p.inbox != nil && via == hub.Live {
		return p.inbox.SeenUpTo(ctx, of, seq, via)
	}
	return p.say("seen up to %d via %s", seq, via)
}
func (p *post) SeenDocument(_ context.Context, _ approval.PersonID, id approval.DocumentID, via hub.ChannelName) error {
	return p.say("seen %s via %s", id, via)
}
func (p *post) SeenKinds(_ context.Context, _ approval.PersonID, kinds []hub.Kind, via hub.ChannelName) error {
	return p.say("seen %s via %s", kinds, via)
}
func (p *post) Delivered(_ context.Context, delivery string, _ approval.PersonID) error {
	return p.say("delivered %s", delivery)
}
func (p *post) SeenDelivery(_ context.Context, delivery string, _ approval.PersonID, via hub.ChannelName) error {
	return p.say("seen delivery %s via %s", delivery, via)
}

// settings is Settings in memory, with the checks of the real ones.
type settings struct {
	mu        sync.Mutex
	choices   map[approval.PersonID]hub.Preferences
	history   []hub.PolicyVersion // latest last
	meanwhile bool                // another administrator comes in between
	people    map[approval.PersonID]approval.Person
	now       func() time.Time
}

func (s *settings) Preferences(_ context.Context, p approval.PersonID) (hub.Preferences, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.choices[p], nil
}

func (s *settings) SetPreferences(_ context.Context, p approval.PersonID, c hub.Preferences) error {
	if err := c.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.choices[p] = c
	return nil
}

func (s *settings) DefaultPolicy() hub.Policy { return hub.HousePolicy() }

func (s *settings) Policy(context.Context) (hub.Policy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.history) == 0 {
		return hub.HousePolicy(), nil
	}
	return s.history[len(s.history)-1].Policy, nil
}

func (s *settings) SetPolicy(_ context.Context, by approval.PersonID, p hub.Policy, version int64) error {
	if err := p.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.meanwhile || version != hub.AnyVersion && version != int64(len(s.history)) {
		return hub.ErrPolicyChanged
	}
	s.history = append(s.history, hub.PolicyVersion{Version: int64(len(s.history) + 1), Policy: p.Over(hub.HousePolicy()), By: by, Name: s.people[by].Name, At: s.now()})
	return nil
}

func (s *settings) PolicyHistory(_ context.Context, limit int) ([]hub.PolicyVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.history)
	slices.Reverse(list)
	return list[:min(limit, len(list))], nil
}

// ledger is Ledger in memory.
type ledger struct {
	mu      sync.Mutex
	entries []hub.LedgerEntry // latest first
	health  []hub.ChannelHealth
	linked  []hub.ChannelName // where a test can go
	tested  []string
	asked   hub.LedgerFilter
	broken  int // after so many entries an export fails; 0: never
	page    int // how many entries a page has at most, 0 for no limit
}

func (l *ledger) find(f hub.LedgerFilter) []hub.LedgerEntry {
	return slices.DeleteFunc(slices.Clone(l.entries), func(e hub.LedgerEntry) bool {
		via := func(match func(hub.LedgerDelivery) bool) bool { return !slices.ContainsFunc(e.Deliveries, match) }
		switch {
		case f.Person != "" && e.Person != f.Person, f.Kind != "" && e.Kind != f.Kind, !f.From.IsZero() && e.At.Before(f.From), !f.To.IsZero() && !e.At.Before(f.To):
			return true
		case f.Channel != "" && via(func(d hub.LedgerDelivery) bool { return d.Channel == f.Channel }):
			return true
		case f.State != "" && via(func(d hub.LedgerDelivery) bool { return d.State == f.State }):
			return true
		case f.Find != "":
			return via(func(d hub.LedgerDelivery) bool { return d.ID == f.Find || d.Ref == f.Find || d.ProviderID == f.Find })
		}
		return false
	})
}

func (l *ledger) Ledger(_ context.Context, f hub.LedgerFilter, cursor string, limit int, _ approval.PersonID) (hub.LedgerPage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = f
	if l.page > 0 {
		limit = l.page
	}
	from := 0
	if cursor != "" {
		var err error
		if from, err = strconv.Atoi(cursor); err != nil {
			return hub.LedgerPage{}, &approval.InvalidError{Field: "cursor", Reason: "cursor"}
		}
	}
	list := l.find(f)
	list = list[min(from, len(list)):]
	page := hub.LedgerPage{Entries: list}
	if len(list) > limit {
		page.Entries, page.Next = list[:limit], strconv.Itoa(from+limit)
	}
	return page, nil
}

func (l *ledger) LedgerEntry(_ context.Context, id string, _ approval.PersonID) (hub.LedgerEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.ID == id {
			return e, nil
		}
	}
	return hub.LedgerEntry{}, approval.ErrNotFound
}

func (l *ledger) ExportLedger(_ context.Context, f hub.LedgerFilter, _ approval.PersonID, fn func(hub.LedgerEntry) error) error {
	for i, e := range l.find(f) {
		if l.broken > 0 && i >= l.broken {
			return http.ErrServerClosed
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) Health(context.Context) ([]hub.ChannelHealth, error) { return l.health, nil }

func (l *ledger) SendTest(_ context.Context, p approval.PersonID, c hub.ChannelName) error {
	if !slices.Contains(l.linked, c) {
		return approval.ErrNotFound
	}
	l.tested = append(l.tested, string(p)+" "+string(c))
	return nil
}

// wire is Live that only writes down.
type wire struct {
	mu     sync.Mutex
	served []string
	closed []string
}

func (l *wire) Serve(w http.ResponseWriter, _ *http.Request, p approval.PersonID, session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.served = append(l.served, string(p)+" "+session)
	w.WriteHeader(http.StatusUpgradeRequired)
}

func (l *wire) CloseSessions(sessions ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = append(l.closed, sessions...)
}

// pages is PageRenderer with pages of one kind.
type pages struct {
	n    int
	jpeg []byte
	err  error
}

func (p *pages) PageSizes(context.Context, [32]byte, func() ([]byte, error)) ([]pdfview.Size, error) {
	if p.err != nil {
		return nil, p.err
	}
	return slices.Repeat([]pdfview.Size{{Width: 595, Height: 842}}, p.n), nil
}

func (p *pages) Page(_ context.Context, _ [32]byte, n, _ int, pdf func() ([]byte, error)) ([]byte, error) {
	if n >= p.n {
		return nil, pdfview.ErrNoPage
	}
	if _, err := pdf(); err != nil {
		return nil, err
	}
	return p.jpeg, p.err
}

// attach gives a document files of these names and bytes.
func (s *store) attach(newID func() string, id approval.DocumentID, role approval.FileRole, name, mediaType string, b []byte) approval.FileID {
	sum := sha256.Sum256(b)
	s.blobs[sum] = b
	c := s.contents[id]
	f := approval.File{ID: approval.FileID(newID()), Name: name, MediaType: mediaType, Size: int64(len(b)), SHA256: sum, Role: role, Position: len(c.Files)}
	c.Files = append(c.Files, f)
	s.contents[id] = c
	return f.ID
}

func newStore() *store {
	return &store{
		contents: map[approval.DocumentID]approval.Content{}, blobs: map[[32]byte][]byte{}, people: map[approval.PersonID]approval.Person{},
		units: map[approval.UnitID]string{}, tokens: map[[32]byte]bool{},
		phrases: []string{"如擬。", "可。", "閱。", "請依規定辦理。", "請速辦。", "請會相關單位表示意見。"},
	}
}

// systems is Webhooks in memory.
type systems struct {
	mu        sync.Mutex
	endpoints []hub.EndpointStatus
	events    map[string][]hub.WebhookDelivery // by endpoint
	said      []string
}

func (s *systems) Endpoints(context.Context) ([]hub.EndpointStatus, error) { return s.endpoints, nil }

func (s *systems) WebhookDeliveries(_ context.Context, endpoint string, state hub.WebhookState, limit int) ([]hub.WebhookDelivery, error) {
	var list []hub.WebhookDelivery
	for _, d := range s.events[endpoint] {
		if state == "" || d.State == state {
			list = append(list, d)
		}
	}
	return list[:min(limit, len(list))], nil
}

func (s *systems) replay(endpoint string, what string, by approval.Actor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.endpoints {
		switch {
		case e.ID != endpoint:
		case !e.Disabled.IsZero():
			return fmt.Errorf("replay: %w", hub.ErrEndpointClosed)
		default:
			s.said = append(s.said, fmt.Sprintf("%s %s by %s %s", endpoint, what, by.Name, by.Session))
			return nil
		}
	}
	return approval.ErrNotFound
}

func (s *systems) ReplayEvent(_ context.Context, by approval.Actor, endpoint, event string) error {
	return s.replay(endpoint, "event "+event, by)
}

func (s *systems) ReplayFailed(_ context.Context, by approval.Actor, endpoint string, since time.Time) (int, error) {
	return 3, s.replay(endpoint, "since "+since.Format(time.DateTime), by)
}
