package approval_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

type deed func(*approval.Document, approval.Act) ([]approval.Event, error)

func submit(d *approval.Document, a approval.Act) ([]approval.Event, error)  { return d.Submit(a) }
func approve(d *approval.Document, a approval.Act) ([]approval.Event, error) { return d.Approve(a) }
func decide(d *approval.Document, a approval.Act) ([]approval.Event, error)  { return d.Decide(a) }
func toHandler(d *approval.Document, a approval.Act) ([]approval.Event, error) {
	return d.Return(a, approval.ReturnToHandler)
}
func toPrevious(d *approval.Document, a approval.Act) ([]approval.Event, error) {
	return d.Return(a, approval.ReturnToPrevious)
}

func TestForward(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	tests := []struct {
		by      approval.Person
		do      deed
		opinion string
		stored  string
		action  approval.Action
		then    approval.PersonID
	}{
		{o.Handler, submit, "", "", approval.ActionSubmit, o.Chief.ID},
		{o.Chief, approve, " 擬如擬\r\n請會計室會辦。\r", "擬如擬\n請會計室會辦。", approval.ActionApprove, o.Auditor.ID},
		{o.Auditor, approve, "經費於年度預算支應。", "經費於年度預算支應。", approval.ActionApprove, o.Deputy.ID},
		{o.Deputy, approve, "", "", approval.ActionApprove, o.Director.ID},
		{o.Director, decide, "如擬。", "如擬。", approval.ActionDecide, ""},
	}
	for i, tt := range tests {
		step := d.Route.Steps[i].ID
		a := o.Act(d, tt.by.ID, step, i, tt.opinion, newID)
		events, err := tt.do(d, a)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		s := *d.Route.Step(step)
		if s.State != approval.StepClosed || s.Action != tt.action || s.Opinion != tt.stored || !s.ClosedAt.Equal(a.At) ||
			s.ActedBy != tt.by.ID || s.ActedName != tt.by.Title+" "+tt.by.Name {
			t.Errorf("step %d = %+v", i, s)
		}
		if diff := cmp.Diff(approval.Decision{Step: step, Action: tt.action, By: a.By, At: a.At, Version: 1, Opinion: tt.stored}, d.Decisions[i]); diff != "" {
			t.Errorf("record of step %d (-want +got):\n%s", i, diff)
		}
		event := func(kind approval.EventKind, step approval.StepID, p approval.PersonID) approval.Event {
			return approval.Event{Kind: kind, Document: d.ID, Step: step, Person: p, By: tt.by.ID, At: a.At, Speed: d.Speed, Grade: d.Grade, Due: d.Deadline.Due}
		}
		want := []approval.Event{event(approval.EventLeft, step, tt.by.ID)}
		if tt.then != "" {
			want = append(want, event(approval.EventArrived, d.Route.Steps[i+1].ID, tt.then))
		} else {
			want = append(want, event(approval.EventDecided, step, o.Handler.ID))
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("events of step %d (-want +got):\n%s", i, diff)
		}
	}
	if d.State != approval.StateDecided || !d.DecidedAt.Equal(approvaltest.Now().Add(4*time.Minute)) {
		t.Errorf("state = %s at %s", d.State, d.DecidedAt)
	}
}

// Branches go on at the same time; what follows waits for all of them.
func TestForwardThroughBranches(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Branches(newID, "1")
	events, err := d.Submit(o.Act(d, o.Handler.ID, d.Route.Steps[0].ID, 0, "", newID))
	if err != nil {
		t.Fatal(err)
	}
	if got := kinds(events); got != "left arrived arrived arrived" {
		t.Errorf("events = %s", got)
	}
	for i, p := range []approval.Person{o.Deputy, o.Chief, o.Auditor} {
		if d.Active(o.Director.ID) != nil {
			t.Fatalf("the director is asked before %s has answered", p.Title)
		}
		events, err = d.Approve(o.Act(d, p.ID, d.Active(p.ID).ID, i, "", newID))
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := kinds(events); got != "left arrived" {
		t.Errorf("events of the last branch = %s", got)
	}
	if d.Active(o.Director.ID) == nil {
		t.Error("the director is not asked after all branches")
	}
}

func kinds(events []approval.Event) string {
	var list []string
	for _, e := range events {
		list = append(list, string(e.Kind))
	}
	return strings.Join(list, " ")
}

// What is refused changes nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	// The document is in the chief's hands. Each case acts as the chief on the
	// chief's step, but for what it changes.
	type scene struct {
		o approvaltest.Office
		d *approval.Document
		a approval.Act
	}
	chief, deputy, handlers := 1, 3, 0
	tests := []struct {
		name   string
		do     deed
		change func(*scene)
		want   error
	}{
		{"a stranger", approve, func(s *scene) { s.a.By = s.o.Actor(s.o.Stranger.ID) }, approval.ErrNotFound},
		{"one whom it has not reached", approve, func(s *scene) { s.a.By = s.o.Actor(s.o.Director.ID) }, approval.ErrNotFound},
		{"nobody", approve, func(s *scene) { s.a.By = approval.Actor{} }, approval.ErrNotFound},
		{"no such step", approve, func(s *scene) { s.a.Step = "none" }, approval.ErrNotFound},
		{"another's step", approve, func(s *scene) { s.a.By = s.o.Actor(s.o.Handler.ID) }, approval.ErrForbidden},
		{"another's closed step", approve, func(s *scene) { s.a.Step = s.d.Route.Steps[handlers].ID }, approval.ErrForbidden},
		{"a step that waits", approve, func(s *scene) {
			s.d.Handler = s.o.Deputy.ID // sees it, and has a step to come
			s.a.By, s.a.Step = s.o.Actor(s.o.Deputy.ID), s.d.Route.Steps[deputy].ID
		}, approval.ErrForbidden},
		{"an old version", approve, func(s *scene) { s.a.Version = 0 }, approval.ErrStale},
		{"a version to come", approve, func(s *scene) { s.a.Version = 2 }, approval.ErrStale},
		{"a classified document", approve, func(s *scene) { s.d.Grade = approval.GradeConfidential }, approval.ErrClassified},
		{"a grade that nobody knows", approve, func(s *scene) { s.d.Grade = "限閱" }, approval.ErrClassified},
		{"return of a classified document", toHandler, func(s *scene) { s.d.Grade = approval.GradeSecret }, approval.ErrClassified},
		{"decision on a classified document without opinion", decide, func(s *scene) { s.d.Grade, s.a.Opinion = approval.GradeSecret, "" }, approval.ErrClassified},
		{"submission by a reviewer", submit, nil, &approval.InvalidError{Field: "action", Reason: "action.duty.mismatch"}},
		{"decision by a reviewer", decide, nil, &approval.InvalidError{Field: "action", Reason: "action.duty.mismatch"}},
		{"review by the one who decides", approve, func(s *scene) { s.d.Route.Steps[chief].Duty = approval.DutyDecide }, &approval.InvalidError{Field: "action", Reason: "action.duty.mismatch"}},
		{"return by the handler", toHandler, func(s *scene) { s.d.Route.Steps[chief].Duty = approval.DutyHandle }, &approval.InvalidError{Field: "action", Reason: "action.duty.mismatch"}},
		{"decision without opinion", decide, func(s *scene) {
			s.d.Route.Steps[chief].Duty, s.a.Opinion = approval.DutyDecide, " \t　\r\n"
		}, &approval.InvalidError{Field: "opinion", Reason: "opinion.decide.missing"}},
		{"decision with an invisible opinion", decide, func(s *scene) {
			s.d.Route.Steps[chief].Duty, s.a.Opinion = approval.DutyDecide, "\u200b\ufeff"
		}, &approval.InvalidError{Field: "opinion", Reason: "opinion.decide.missing"}},
		{"return without a reason", toHandler, func(s *scene) { s.a.Opinion = "" }, &approval.InvalidError{Field: "opinion", Reason: "opinion.return.missing"}},
		{"return to the moon", func(d *approval.Document, a approval.Act) ([]approval.Event, error) { return d.Return(a, "moon") }, nil,
			&approval.InvalidError{Field: "to", Reason: "return.target.unknown", Detail: "moon"}},
		{"a long opinion", approve, func(s *scene) { s.a.Opinion = strings.Repeat("擬", approval.MaxOpinion+1) }, &approval.InvalidError{Field: "opinion", Reason: "opinion.long", Detail: "2000"}},
		{"control characters", approve, func(s *scene) { s.a.Opinion = "如\x00擬" }, &approval.InvalidError{Field: "opinion", Reason: "opinion.characters"}},
		{"no text", approve, func(s *scene) { s.a.Opinion = "如\xff擬" }, &approval.InvalidError{Field: "opinion", Reason: "opinion.characters"}},
		{"text in another order", approve, func(s *scene) { s.a.Opinion = "不同意\u202e" }, &approval.InvalidError{Field: "opinion", Reason: "opinion.characters"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			newID := approvaltest.IDs(1)
			s := scene{o: approvaltest.NewOffice(newID)}
			s.d = s.o.Document(newID, "1")
			s.o.Forward(s.d, s.o.Chief.ID, newID)
			s.a = s.o.Act(s.d, s.o.Chief.ID, s.d.Route.Steps[chief].ID, 5, "如擬。", newID)
			if tt.change != nil {
				tt.change(&s)
			}
			before := clone(s.d)
			events, err := tt.do(s.d, s.a)
			if invalid, ok := errors.AsType[*approval.InvalidError](tt.want); ok {
				wantInvalid(t, err, invalid.Field, invalid.Reason)
			} else if !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			if events != nil {
				t.Errorf("events = %v with the error", events)
			}
			if diff := cmp.Diff(before, s.d); diff != "" {
				t.Errorf("the document has changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestOpinionAtItsLimit(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	// A browser sends two characters for the end of a line, and shows one.
	long := strings.Repeat("擬\r\n", approval.MaxOpinion/2-1) + "如擬"
	if _, err := d.Submit(o.Act(d, o.Handler.ID, d.Route.Steps[0].ID, 0, long, newID)); err != nil {
		t.Errorf("an opinion of %d characters: %v", approval.MaxOpinion, err)
	}
}

// Of two who close the same step the second reads who was first.
func TestDecidedError(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	a := o.Act(d, o.Handler.ID, d.Route.Steps[0].ID, 1, "", newID)
	if _, err := d.Submit(a); err != nil {
		t.Fatal(err)
	}
	a.Version, a.At = 7, a.At.Add(time.Second) // stale as well: what weighs most is said
	_, err := d.Submit(a)
	got, ok := errors.AsType[*approval.DecidedError](err)
	if !ok {
		t.Fatalf("error = %v, want a DecidedError", err)
	}
	want := &approval.DecidedError{By: "科員 林佳穎", Action: approval.ActionSubmit, At: approvaltest.Now().Add(time.Minute)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if want := "step was already closed: submit by 科員 林佳穎 at 2026-11-20T09:31:00+08:00"; got.Error() != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

// clone copies a document with all that a change in place would reach.
func clone(d *approval.Document) *approval.Document {
	c := *d
	c.Route.Steps = make([]approval.Step, len(d.Route.Steps))
	for i, s := range d.Route.Steps {
		s.After = append([]approval.StepID(nil), s.After...)
		c.Route.Steps[i] = s
	}
	c.Decisions = append([]approval.Decision(nil), d.Decisions...)
	return &c
}
