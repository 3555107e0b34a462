package approval

import "time"

// Card is what an in-tray shows of one pending step. For a classified document
// the store leaves Number, Reference, Issuer, Subject and FromName empty: a
// register of such documents must not show them.
type Card struct {
	Document  DocumentID
	Step      StepID
	Number    string
	Type      DocumentType
	Category  string
	Reference string
	Issuer    string
	Subject   string
	Speed     Speed
	Grade     Grade
	Duty      Duty
	Origin    Origin // returned: it came back
	ArrivedAt time.Time
	Deadline  Deadline
	FromName  string // title and name of the one who sent it here, "" when it was imported
	Attached  int    // number of attachments
}

// TrayFilter narrows an in-tray.
type TrayFilter string

const (
	TrayAll      TrayFilter = ""
	TrayHighest  TrayFilter = "highest"  // 最速件
	TrayOverdue  TrayFilter = "overdue"  // 逾期
	TrayDecide   TrayFilter = "decide"   // 待決行
	TrayConsult  TrayFilter = "consult"  // 會辦
	TrayReturned TrayFilter = "returned" // 退回
)

// Tray is one page of a person's in-tray, most urgent first: late ones, then
// by speed, then by due date, then by arrival.
type Tray struct {
	Cards  []Card
	Next   string // opaque cursor of the next page, "" at the end
	Counts TrayCounts
}

// TrayCounts counts a person's pending steps.
type TrayCounts struct {
	All      int
	Highest  int
	Overdue  int
	DueToday int
	Decide   int
	Consult  int
	Returned int
}

// DoneCard is one line of what a person has acted on (已辦).
type DoneCard struct {
	Card
	Action   Action
	Opinion  string
	ClosedAt time.Time
	State    State  // where the document stands now
	Now      string // in whose hands it is, title and name; "" when decided
}

// DonePage is one page of what a person has acted on, latest first.
type DonePage struct {
	Cards []DoneCard
	Next  string
}

// Reading is everything that the page of one document shows to one person.
type Reading struct {
	Document Document
	// Content is empty for a classified document.
	Content Content
	// People are all those whom the route names, and the handler.
	People map[PersonID]Person
	// Units are the names of their units.
	Units map[UnitID]string
}

// Place says where a document stands in a person's in-tray, for going through
// it one by one.
type Place struct {
	Position int // from 1; 0 when the document is not in the tray
	Total    int
	Previous DocumentID // "" at the beginning
	Next     DocumentID // "" at the end; the first of the tray when Position is 0
}
