package approval

import "time"

// Reassign gives everything on the document that is in the hands of from, and has
// not been acted on, to somebody else (改分): steps, the duty of a principal whose
// deputy acts, the role of the handler. What was signed stays signed. It reports
// nothing where there is nothing. The one who takes over must not be from; that
// they are there to do it is for the caller to know.
func (d *Document) Reassign(from, to PersonID, by PersonID, at time.Time) ([]Event, error) {
	if to == "" || to == from {
		return nil, &InvalidError{Field: "to", Reason: "reassign.same"}
	}
	if d.State != StateCirculating {
		return nil, nil
	}
	var events []Event
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if s.State == StepClosed {
			continue
		}
		if s.Principal == from {
			s.Principal = to
			if s.Person == to { // nobody is their own deputy
				s.Principal = ""
			}
		}
		if s.Person != from {
			continue
		}
		s.Person = to
		if s.Principal == to {
			s.Principal = ""
		}
		if s.State == StepActive {
			s.ArrivedAt = at
			events = append(events, d.event(EventLeft, s.ID, from, by, at), d.event(EventArrived, s.ID, to, by, at))
		}
	}
	if d.Handler == from {
		d.Handler = to
	}
	return events, nil
}

// Holding is what is in the hands of somebody, or comes to them later: what has
// to be given to others when they leave.
type Holding struct {
	Waiting int // documents that they are to act on now
	Coming  int // documents that have yet to reach them
	Handled int // documents that they answer for as 承辦人
	// Items are the documents, most urgent first, at most as many as were asked
	// for; Total is how many there are.
	Items []Held
	Total int
}

// Held is one document of a [Holding]. What is classified is not named.
type Held struct {
	Document DocumentID
	Number   string
	Speed    Speed
	Grade    Grade
	Due      time.Time
	Duty     Duty // of the step in hand, or of the next one; "" for none
	Waiting  bool // it is in their hands now
	Handler  bool // they are 承辦人
}
