package approval

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what is stored, in characters unless said otherwise. They are
// refused with an [*InvalidError], never cut.
const (
	MaxSubject     = 2000
	MaxOpinion     = 2000
	MaxSteps       = 200
	MaxAttachments = 200
)

// State is where the document as a whole stands.
type State string

const (
	StateCirculating State = "circulating" // 陳核中
	StateDecided     State = "decided"     // 已決行
)

// Document is an official document on its way (公文): what is needed to route
// it and to list it. Its text stands in [Content], which the same transaction
// need not touch.
type Document struct {
	ID         DocumentID
	Number     string // 文號 within the agency, such as 1150012345; unique
	Type       DocumentType
	Category   string // 函類別, 令類別
	Reference  string // 發文字號 as cited
	Issuer     string // 發文機關 as shown on a card
	Subject    string // 主旨
	Speed      Speed
	Grade      Grade
	State      State
	Version    int       // of the content (文稿版本), from 1
	Revision   int64     // of this row; bumped by every stored change
	Handler    PersonID  // 承辦人
	ReceivedAt time.Time // 收文 or 創簽
	Deadline   Deadline
	Route      Route
	DecidedAt  time.Time

	// Decisions are those taken since the document was loaded, for the store
	// to append to the record. They are never changed afterwards.
	Decisions []Decision
}

// Content is one version of what is read: the body and its files. The bytes of
// files are kept apart, by digest.
type Content struct {
	Document DocumentID
	Version  int
	Body     Body
	Files    []File
}

// File is an original as it came: a DI, an attachment, a page rendering.
type File struct {
	ID        FileID
	Name      string // as declared or as uploaded, without any path
	MediaType string // sniffed by the importer, never the sender's word
	Size      int64  // bytes
	SHA256    [32]byte
	Role      FileRole
	Position  int
}

// FileRole says what a file is to its document.
type FileRole string

const (
	FileSource     FileRole = "source"     // the DI as it came
	FileRoster     FileRole = "roster"     // the SW as it came
	FileAttachment FileRole = "attachment" // 附件
)

// Decision is one entry of the record: who did what, when, on which version,
// in which words. Append-only.
type Decision struct {
	Step    StepID
	Action  Action
	By      Actor
	At      time.Time
	Version int
	Opinion string
}

// Draft is what is needed to put a document on its way.
type Draft struct {
	Number     string
	Body       Body
	Handler    PersonID
	ReceivedAt time.Time
	Deadline   Deadline
	Route      []Planned // in order; the last one decides
}

// Planned is one station of a route that has not begun.
type Planned struct {
	Person PersonID
	Duty   Duty
}

// Start checks a draft and puts it on its way: the first station becomes
// active and is told. Returns an [*InvalidError] that names the field.
func Start(in Draft, at time.Time, newID func() string) (*Document, []Event, error) {
	b := in.Body
	switch {
	case !b.Type.Valid():
		return nil, nil, &InvalidError{Field: "type", Reason: "document.type.unknown", Detail: string(b.Type)}
	case strings.TrimSpace(b.Subject) == "":
		return nil, nil, &InvalidError{Field: "subject", Reason: "document.subject.missing"}
	case utf8.RuneCountInString(b.Subject) > MaxSubject:
		return nil, nil, &InvalidError{Field: "subject", Reason: "document.subject.long", Detail: strconv.Itoa(MaxSubject)}
	case !b.Speed.Valid():
		return nil, nil, &InvalidError{Field: "speed", Reason: "document.speed.unknown", Detail: string(b.Speed)}
	case len(b.Files) > MaxAttachments:
		return nil, nil, &InvalidError{Field: "attachments", Reason: "document.attachments.many", Detail: strconv.Itoa(MaxAttachments)}
	case in.Number == "" || len(in.Number) > 64:
		return nil, nil, &InvalidError{Field: "number", Reason: "document.number.missing"}
	case in.Handler == "":
		return nil, nil, &InvalidError{Field: "handler", Reason: "route.handler.missing"}
	case in.ReceivedAt.IsZero() || in.ReceivedAt.After(at):
		return nil, nil, &InvalidError{Field: "received", Reason: "document.received.future"}
	}
	route, err := plan(in.Route, newID)
	if err != nil {
		return nil, nil, err
	}
	speed := b.Speed
	if speed == "" {
		speed = SpeedNormal
	}
	d := &Document{
		ID:         DocumentID(newID()),
		Number:     in.Number,
		Type:       b.Type,
		Category:   b.Category,
		Subject:    b.Subject,
		Speed:      speed,
		Grade:      b.Grade,
		State:      StateCirculating,
		Version:    1,
		Handler:    in.Handler,
		ReceivedAt: in.ReceivedAt,
		Deadline:   in.Deadline,
		Route:      route,
	}
	if len(b.References) > 0 {
		d.Reference = b.References[0].String()
	}
	if len(b.Issuers) > 0 {
		d.Issuer = b.Issuers[0].Name
	}
	return d, d.activate(at, "", EventArrived), nil
}

// VisibleTo reports whether p may open the document: its handler, and everyone
// whom it has reached. Those whom it has not reached yet may not see it.
func (d *Document) VisibleTo(p PersonID) bool {
	return p != "" && (d.Handler == p || slices.ContainsFunc(d.Route.Steps, func(s Step) bool {
		return (s.Person == p || s.ActedBy == p) && (s.State == StepActive || s.State == StepClosed)
	}))
}

// Active gives the step on which p has to act now, or nil. Where there are
// several, the one that arrived first.
func (d *Document) Active(p PersonID) *Step {
	var found *Step
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if s.State == StepActive && s.Person == p && (found == nil || s.ArrivedAt.Before(found.ArrivedAt)) {
			found = s
		}
	}
	return found
}

// event fills in what every event of this document carries.
func (d *Document) event(kind EventKind, step StepID, person, by PersonID, at time.Time) Event {
	return Event{Kind: kind, Document: d.ID, Step: step, Person: person, By: by, At: at, Speed: d.Speed, Grade: d.Grade, Due: d.Deadline.Due}
}

// activate opens every waiting step whose predecessors are all closed.
func (d *Document) activate(at time.Time, by PersonID, kind EventKind) []Event {
	var events []Event
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if s.State != StepWaiting || !d.Route.ready(s) {
			continue
		}
		s.State, s.ArrivedAt = StepActive, at
		events = append(events, d.event(kind, s.ID, s.Person, by, at))
	}
	return events
}
