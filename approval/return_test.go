package approval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

// play runs a script: "科員+" the 科員 passes the document on, "科長<" returns
// it to the handler, "科長^" to the one before.
func play(t *testing.T, o approvaltest.Office, d *approval.Document, script string, newID func() string) {
	t.Helper()
	for n, word := range strings.Fields(script) {
		title, sign := word[:len(word)-1], word[len(word)-1]
		var s *approval.Step
		for _, p := range o.People() {
			if p.Title == title && d.Active(p.ID) != nil {
				s = d.Active(p.ID)
			}
		}
		if s == nil {
			t.Fatalf("%s: %s has nothing to do; open: %s", script, title, open(o, d))
		}
		var err error
		switch sign {
		case '+':
			_, err = o.Pass(d, s, n, newID)
		case '<':
			_, err = d.Return(o.Act(d, s.Person, s.ID, n, "請補充。", newID), approval.ReturnToHandler)
		case '^':
			_, err = d.Return(o.Act(d, s.Person, s.ID, n, "請補充。", newID), approval.ReturnToPrevious)
		}
		if err != nil {
			t.Fatalf("%s: at %s: %v", script, word, err)
		}
		if err := check(d); err != nil {
			t.Fatalf("%s: after %s: %v", script, word, err)
		}
	}
}

// open says who has the document and who is to get it, each with those before:
// "科長 主任(科長)".
func open(o approvaltest.Office, d *approval.Document) string {
	var list []string
	for _, s := range d.Route.Path() {
		if s.State == approval.StepClosed {
			continue
		}
		word := name(o, s.Person)
		if s.State == approval.StepWaiting {
			var after []string
			for _, id := range s.After {
				if p := d.Route.Step(id); p.State != approval.StepClosed {
					after = append(after, name(o, p.Person))
				}
			}
			word += "(" + strings.Join(after, ",") + ")"
		}
		list = append(list, word)
	}
	return strings.Join(list, " ")
}

// Who is asked again after returns, on the chain 科員 科長 主任 副局長 局長.
func TestReturn(t *testing.T) {
	t.Parallel()
	const rest = " 主任(科長) 副局長(主任) 局長(副局長)"
	tests := []struct{ script, want string }{
		{"科員+ 科長<", "科員 科長(科員)" + rest},
		{"科員+ 科長^", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任<", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任^", "科長" + rest},
		{"科員+ 科長+ 主任+ 副局長+ 局長<", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任+ 副局長+ 局長^", "副局長 局長(副局長)"},
		// Again and again: nobody is asked twice, nobody is left out.
		{"科員+ 科長< 科員+ 科長< 科員+ 科長<", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任^ 科長<", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任^ 科長^", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任^ 科長^ 科員+", "科長" + rest},
		{"科員+ 科長+ 主任^ 科長+ 主任^", "科長" + rest},
		{"科員+ 科長+ 主任< 科員+ 科長+ 主任^ 科長+ 主任^", "科長" + rest},
		{"科員+ 科長+ 主任+ 副局長^ 主任^ 科長^", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任+ 副局長^ 主任^ 科長+ 主任+ 副局長<", "科員 科長(科員)" + rest},
		// A step that waited since the first return stands in the list before
		// those that it waits for.
		{"科員+ 科長< 科員+ 科長+ 主任+ 副局長<", "科員 科長(科員)" + rest},
		{"科員+ 科長< 科員+ 科長+ 主任+ 副局長+ 局長^", "副局長 局長(副局長)"},
		{"科員+ 科長+ 主任^ 科長+ 主任+ 副局長^ 主任+ 副局長+ 局長<", "科員 科長(科員)" + rest},
		{"科員+ 科長+ 主任^ 科長+ 主任+ 副局長^ 主任+ 副局長+ 局長< 科員+ 科長+ 主任+ 副局長+ 局長^ 副局長^ 主任^", "科長" + rest},
		{"科員+ 科長+ 主任+ 副局長+ 局長< 科員+ 科長+ 主任+ 副局長+ 局長+", ""},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			newID := approvaltest.IDs(1)
			o := approvaltest.NewOffice(newID)
			d := o.Document(newID, "1")
			play(t, o, d, tt.script, newID)
			if got := open(o, d); got != tt.want {
				t.Errorf("open = %s\nwant   %s", got, tt.want)
			}
		})
	}
}

// A handler who has no step of their own gets one by the first return, before
// everybody; further returns find it.
func TestReturnToHandlerWithoutStep(t *testing.T) {
	t.Parallel()
	const rest = " 副局長(主任) 局長(副局長)"
	tests := []struct{ script, want string }{
		{"科長<", "科員 科長(科員) 主任(科長)" + rest},
		{"科長+ 主任<", "科員 科長(科員) 主任(科長)" + rest},
		{"科長+ 主任< 科員+ 科長+ 主任<", "科員 科長(科員) 主任(科長)" + rest},
		{"科長+ 主任< 科員+ 科長^", "科員 科長(科員) 主任(科長)" + rest},
		{"科長< 科員+ 科長+ 主任+ 副局長< 科員+ 科長+ 主任+ 副局長^", "主任" + rest},
		{"科長< 科員+ 科長+ 主任+ 副局長+ 局長<", "科員 科長(科員) 主任(科長)" + rest},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			newID := approvaltest.IDs(1)
			o := approvaltest.NewOffice(newID)
			in := o.Draft("1")
			in.Route = in.Route[1:]
			d, _ := approvaltest.Start(in, newID)
			if d.CanReturn(&d.Route.Steps[0], approval.ReturnToPrevious) {
				t.Error("the first of the route can return to the one before")
			}
			if got := d.ReturnPerson(&d.Route.Steps[0], approval.ReturnToHandler); got != o.Handler.ID {
				t.Errorf("a return would go to %s, want the handler", name(o, got))
			}
			play(t, o, d, tt.script, newID)
			if got := open(o, d); got != tt.want {
				t.Errorf("open = %s\nwant   %s", got, tt.want)
			}
		})
	}
}

// Branches (並會) stay branches, and what is decided waits for all of them.
func TestReturnThroughBranches(t *testing.T) {
	t.Parallel()
	tests := []struct{ script, want string }{
		// From a branch: the others go on meanwhile.
		{"科員+ 科長<", "主任 副局長 科員 科長(科員) 局長(科長,主任,副局長)"},
		{"科員+ 科長< 主任+ 副局長+ 科員+ 科長+", "局長"},
		// From the merge: all branches are asked again, side by side.
		{"科員+ 科長+ 主任+ 副局長+ 局長<", "科員 科長(科員) 主任(科員) 副局長(科員) 局長(科長,主任,副局長)"},
		// To the one who signed last, and no other branch.
		{"科員+ 科長+ 副局長+ 主任+ 局長^", "主任 局長(主任)"},
		// And from there to the handler: the other branches do not stand before.
		{"科員+ 科長+ 副局長+ 主任+ 局長^ 主任<", "科員 主任(科員) 局長(主任)"},
		// A branch that was repeated before is repeated once.
		{"科員+ 科長+ 副局長+ 主任+ 局長^ 主任+ 局長<", "科員 科長(科員) 主任(科員) 副局長(科員) 局長(科長,主任,副局長)"},
		// Two branches to the handler: he answers each.
		{"科員+ 科長< 主任<", "副局長 科員 科員 科長(科員) 主任(科員) 局長(科長,主任,副局長)"},
		{"科員+ 科長< 主任< 科員+ 科長+ 科員+ 主任+ 副局長+ 局長<", "科員 科長(科員) 主任(科員) 副局長(科員) 局長(科長,主任,副局長)"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			newID := approvaltest.IDs(1)
			o := approvaltest.NewOffice(newID)
			d := o.Branches(newID, "1")
			play(t, o, d, tt.script, newID)
			if got := open(o, d); got != tt.want {
				t.Errorf("open = %s\nwant   %s", got, tt.want)
			}
		})
	}
}

// What is appended says what it repeats and why, and the events tell the one
// to whom the document went.
func TestReturnRecord(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	o.Forward(d, o.Auditor.ID, newID)
	d.Route.Steps[0].Principal = o.Stranger.ID // a deputy stays in place
	before := clone(d)
	auditors := d.Route.Steps[2].ID
	a := o.Act(d, o.Auditor.ID, auditors, 9, "請補充經費來源。", newID)
	events, err := d.Return(a, approval.ReturnToHandler)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Route.Steps[:2], d.Route.Steps[:2]); diff != "" {
		t.Errorf("closed steps have changed (-before +after):\n%s", diff)
	}
	if len(d.Route.Steps) != 8 {
		t.Fatalf("%d steps, want 8", len(d.Route.Steps))
	}
	steps := d.Route.Steps
	fresh := func(i int, after, redoes approval.StepID, duty approval.Duty, p approval.Person) approval.Step {
		return approval.Step{ID: steps[i].ID, After: []approval.StepID{after}, Duty: duty, Person: p.ID, State: approval.StepWaiting,
			Origin: approval.OriginReturned, From: auditors, Redoes: redoes}
	}
	want := []approval.Step{
		fresh(5, auditors, steps[0].ID, approval.DutyHandle, o.Handler),
		fresh(6, steps[5].ID, steps[1].ID, approval.DutyReview, o.Chief),
		fresh(7, steps[6].ID, auditors, approval.DutyConsult, o.Auditor),
	}
	want[0].State, want[0].ArrivedAt, want[0].Principal = approval.StepActive, a.At, o.Stranger.ID
	if diff := cmp.Diff(want, steps[5:]); diff != "" {
		t.Errorf("appended steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]approval.StepID{steps[7].ID}, steps[3].After); diff != "" {
		t.Errorf("the one who waited for the returner waits for (-want +got):\n%s", diff)
	}
	got := make([]string, len(events))
	for i, e := range events {
		got[i] = fmt.Sprint(e.Kind, " ", name(o, e.Person), " by ", name(o, e.By))
	}
	if diff := cmp.Diff([]string{"left 主任 by 主任", "returned 科員 by 主任"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestReturnPerson(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	if d.CanReturn(nil, approval.ReturnToHandler) || d.CanReturn(d.Active(o.Handler.ID), approval.ReturnToHandler) {
		t.Error("the handler can return to the handler")
	}
	o.Forward(d, o.Deputy.ID, newID)
	step := d.Active(o.Deputy.ID)
	tests := []struct {
		to   approval.ReturnTo
		want approval.PersonID
	}{
		{approval.ReturnToHandler, o.Handler.ID},
		{approval.ReturnToPrevious, o.Auditor.ID},
		{"moon", ""},
	}
	for _, tt := range tests {
		if got := d.ReturnPerson(step, tt.to); got != tt.want {
			t.Errorf("ReturnPerson(%s) = %s, want %s", tt.to, name(o, got), name(o, tt.want))
		}
		if got, want := d.CanReturn(step, tt.to), tt.want != ""; got != want {
			t.Errorf("CanReturn(%s) = %t, want %t", tt.to, got, want)
		}
	}
}

// A clock that runs behind on one node does not change who was before.
func TestReturnWithClocksApart(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	for i, minute := range []int{30, 20, 10} {
		if _, err := o.Pass(d, d.Active(d.Route.Steps[i].Person), minute, newID); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.ReturnPerson(d.Active(o.Deputy.ID), approval.ReturnToPrevious); got != o.Auditor.ID {
		t.Errorf("a return goes to %s, want 主任, who was the last before", name(o, got))
	}
}

// A route does not grow without end.
func TestReturnsAreBounded(t *testing.T) {
	t.Parallel()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d := o.Document(newID, "1")
	for n := 0; ; n++ {
		if n > approval.MaxSteps {
			t.Fatal("returned for ever")
		}
		o.Forward(d, o.Director.ID, newID)
		s := d.Active(o.Director.ID)
		_, err := d.Return(o.Act(d, s.Person, s.ID, n, "請補充。", newID), approval.ReturnToHandler)
		if err == nil {
			continue
		}
		wantInvalid(t, err, "route", "route.long")
		if got := len(d.Route.Steps); got > approval.MaxSteps || got < approval.MaxSteps-5 {
			t.Errorf("refused at %d steps, the limit is %d", got, approval.MaxSteps)
		}
		// It can still be decided.
		if _, err := o.Pass(d, d.Active(o.Director.ID), n, newID); err != nil {
			t.Errorf("decision at the limit: %v", err)
		}
		return
	}
}
