package approvaltest

import (
	"time"

	"qianhe/approval"
)

// Draft is a letter for the whole chain of the office: 承辦人 submits, 科長
// reviews, 會計 is consulted, 副局長 reviews, 局長 decides. It was received
// today and is due at the end of 30 November 2026.
func (o Office) Draft(number string) approval.Draft {
	b := Body(3)
	b.References[0].Serial = number
	return approval.Draft{
		Number:     number,
		Body:       b,
		Handler:    o.Handler.ID,
		ReceivedAt: approval.Midnight(Now()),
		Deadline:   approval.Deadline{Due: time.Date(2026, time.December, 1, 0, 0, 0, 0, approval.Zone), Rule: "speed.normal", Calendar: "2026-sample"},
		Route: []approval.Planned{
			{Person: o.Handler.ID, Duty: approval.DutyHandle},
			{Person: o.Chief.ID, Duty: approval.DutyReview},
			{Person: o.Auditor.ID, Duty: approval.DutyConsult},
			{Person: o.Deputy.ID, Duty: approval.DutyReview},
			{Person: o.Director.ID, Duty: approval.DutyDecide},
		},
	}
}

// Start puts a draft on its way at [Now].
func Start(in approval.Draft, newID func() string) (*approval.Document, []approval.Event) {
	d, events, err := approval.Start(in, Now(), newID)
	if err != nil {
		panic("approvaltest: " + err.Error())
	}
	return d, events
}

// Document is the sample draft on its way: in the handler's hands.
func (o Office) Document(newID func() string, number string) *approval.Document {
	d, _ := Start(o.Draft(number), newID)
	return d
}

// Act is what somebody of the office does on a step, having read the version
// in force, n minutes after [Now].
func (o Office) Act(d *approval.Document, by approval.PersonID, step approval.StepID, n int, opinion string, newID func() string) approval.Act {
	return approval.Act{
		By:      o.Actor(by),
		At:      Now().Add(time.Duration(n) * time.Minute),
		Step:    step,
		Version: d.Version,
		Opinion: opinion,
		NewID:   newID,
	}
}

// Forward has everybody whose turn it is pass the document on, one after the
// other, until it is in the hands of p; the n-th of them acts n minutes after
// [Now]. It panics when it never gets there.
func (o Office) Forward(d *approval.Document, p approval.PersonID, newID func() string) {
	for n := 1; d.Active(p) == nil; n++ {
		s := active(d)
		if s == nil || s.Duty == approval.DutyDecide {
			panic("approvaltest: the document does not come to " + string(p))
		}
		if _, err := o.Pass(d, s, n, newID); err != nil {
			panic("approvaltest: " + err.Error())
		}
	}
}

// Pass closes a step in the way its duty has it, without an opinion but for
// the decision.
func (o Office) Pass(d *approval.Document, s *approval.Step, n int, newID func() string) ([]approval.Event, error) {
	a := o.Act(d, s.Person, s.ID, n, "", newID)
	switch s.Duty {
	case approval.DutyHandle:
		return d.Submit(a)
	case approval.DutyDecide:
		a.Opinion = "如擬。"
		return d.Decide(a)
	}
	return d.Approve(a)
}

func active(d *approval.Document) *approval.Step {
	for i := range d.Route.Steps {
		if d.Route.Steps[i].State == approval.StepActive {
			return &d.Route.Steps[i]
		}
	}
	return nil
}

// Branches is the sample document with another route: the handler, then all
// four others side by side (並會), then the director, who decides what they
// have reviewed. It is in the handler's hands.
func (o Office) Branches(newID func() string, number string) *approval.Document {
	d := o.Document(newID, number)
	first := d.Route.Steps[0]
	d.Route.Steps = d.Route.Steps[:1:1]
	last := approval.Step{ID: approval.StepID(newID()), Duty: approval.DutyDecide, Person: o.Director.ID, State: approval.StepWaiting, Origin: approval.OriginPlanned}
	for _, p := range []approval.Person{o.Chief, o.Auditor, o.Deputy} {
		s := approval.Step{ID: approval.StepID(newID()), After: []approval.StepID{first.ID}, Duty: approval.DutyConsult, Person: p.ID, State: approval.StepWaiting, Origin: approval.OriginPlanned}
		d.Route.Steps = append(d.Route.Steps, s)
		last.After = append(last.After, s.ID)
	}
	d.Route.Steps = append(d.Route.Steps, last)
	return d
}
