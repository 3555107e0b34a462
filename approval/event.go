package approval

import "time"

// EventKind says what happened. An event concerns one person; an action that
// concerns several gives several events.
type EventKind string

const (
	// EventArrived: a step of Person became active (a document arrived).
	EventArrived EventKind = "arrived"
	// EventReturned: as arrived, by way of a return (退回).
	EventReturned EventKind = "returned"
	// EventLeft: a step of Person was closed; what was still to be sent about
	// it is pointless, and the person's counts have changed.
	EventLeft EventKind = "left"
	// EventDecided: the document was decided (決行); Person is its handler.
	EventDecided EventKind = "decided"
)

// Event is what an action made happen to one person. It holds no content of
// the document; who tells the person reads what the content policy allows.
type Event struct {
	Kind     EventKind
	Document DocumentID
	Step     StepID
	Person   PersonID
	By       PersonID
	At       time.Time
	Speed    Speed
	Grade    Grade
	Due      time.Time // end of the deadline, zero when none
}
