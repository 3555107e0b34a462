package approval_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

// check says what is illegal about the state of a document, or nil.
func check(d *approval.Document) error {
	steps := d.Route.Steps
	if len(steps) > approval.MaxSteps {
		return fmt.Errorf("%d steps", len(steps))
	}
	byID := map[approval.StepID]approval.Step{}
	for _, s := range steps {
		if _, twice := byID[s.ID]; twice || s.ID == "" {
			return fmt.Errorf("step %q is there twice", s.ID)
		}
		byID[s.ID] = s
	}
	decided := 0
	for _, s := range steps {
		ready := true
		for _, id := range s.After {
			p, ok := byID[id]
			if !ok {
				return fmt.Errorf("step %s stands after %q, which is not there", s.ID, id)
			}
			ready = ready && p.State == approval.StepClosed
		}
		switch s.State {
		case approval.StepWaiting:
			if ready {
				return fmt.Errorf("step %s waits for nobody", s.ID)
			}
			if !s.ArrivedAt.IsZero() || s.Action != "" || s.ActedBy != "" {
				return fmt.Errorf("step %s waits and was acted on", s.ID)
			}
		case approval.StepActive:
			if !ready {
				return fmt.Errorf("step %s is active before its time", s.ID)
			}
			if s.ArrivedAt.IsZero() || s.Action != "" || s.ActedBy != "" {
				return fmt.Errorf("step %s is active and was acted on, or never arrived", s.ID)
			}
		case approval.StepClosed:
			if !ready || s.ArrivedAt.IsZero() || s.ClosedAt.IsZero() || s.Action == "" {
				return fmt.Errorf("step %s is closed and was never open", s.ID)
			}
			if s.ActedBy != s.Person {
				return fmt.Errorf("step %s of %s was closed by %s", s.ID, s.Person, s.ActedBy)
			}
		default:
			return fmt.Errorf("step %s is in state %q", s.ID, s.State)
		}
		if s.Redoes != "" {
			if p, ok := byID[s.Redoes]; !ok || p.State != approval.StepClosed || p.Person != s.Person || p.Duty != s.Duty {
				return fmt.Errorf("step %s repeats %s, which is another's or open", s.ID, s.Redoes)
			}
		}
		if s.Action == approval.ActionDecide {
			decided++
		}
	}
	if cycle(steps) {
		return errors.New("the route goes in a circle")
	}
	open := slices.ContainsFunc(steps, func(s approval.Step) bool { return s.State != approval.StepClosed })
	switch {
	case d.State == approval.StateDecided && (decided != 1 || open || d.DecidedAt.IsZero()):
		return fmt.Errorf("decided by %d steps, others open: %t", decided, open)
	case d.State == approval.StateCirculating && (decided != 0 || !open || !d.DecidedAt.IsZero()):
		return fmt.Errorf("circulating with %d decisions, steps open: %t", decided, open)
	}
	return nil
}

// cycle takes away steps that stand after none until none is left.
func cycle(steps []approval.Step) bool {
	gone := map[approval.StepID]bool{}
	for range steps {
		for _, s := range steps {
			if !slices.ContainsFunc(s.After, func(id approval.StepID) bool { return !gone[id] }) {
				gone[s.ID] = true
			}
		}
	}
	return len(gone) < len(steps)
}

// checkChain says what is wrong with the way forward of a document whose plan
// was a chain: exactly the rest of the plan, from some place on, is open, each
// station once and in its order. (A handler without a station stands before.)
func checkChain(d *approval.Document, plan []approval.PersonID) error {
	var rest []approval.PersonID
	active := 0
	for _, s := range d.Route.Path() {
		if s.State == approval.StepActive {
			active++
		}
		if s.State != approval.StepClosed {
			rest = append(rest, s.Person)
		}
	}
	if len(rest) > len(plan) {
		plan = append([]approval.PersonID{d.Handler}, plan...)
	}
	if len(rest) > len(plan) || !slices.Equal(rest, plan[len(plan)-len(rest):]) {
		return fmt.Errorf("still to act: %v, which is no end of the plan %v", rest, plan)
	}
	if d.State == approval.StateCirculating && active != 1 {
		return fmt.Errorf("%d hold the document at once", active)
	}
	seen := map[approval.StepID]bool{}
	for _, s := range d.Route.Steps {
		if s.Redoes != "" && seen[s.Redoes] {
			return fmt.Errorf("step %s is repeated twice", s.Redoes)
		}
		seen[s.Redoes] = true
	}
	return nil
}

// checkEvents says what is wrong with what an action is said to have done.
func checkEvents(before, after *approval.Document, a approval.Act, events []approval.Event) error {
	want := map[string]bool{fmt.Sprint("left ", a.Step, " ", a.By.Person): true}
	for _, s := range after.Route.Steps {
		if old := before.Route.Step(s.ID); s.State == approval.StepActive && (old == nil || old.State != approval.StepActive) {
			kind := approval.EventArrived
			if after.Route.Step(a.Step).Action == approval.ActionReturn {
				kind = approval.EventReturned
			}
			want[fmt.Sprint(kind, " ", s.ID, " ", s.Person)] = true
		}
	}
	if after.State == approval.StateDecided {
		want[fmt.Sprint("decided ", a.Step, " ", after.Handler)] = true
	}
	got := map[string]bool{}
	for _, e := range events {
		got[fmt.Sprint(e.Kind, " ", e.Step, " ", e.Person)] = true
		if e.Document != after.ID || e.By != a.By.Person || !e.At.Equal(a.At) || !e.Due.Equal(after.Deadline.Due) {
			return fmt.Errorf("event %+v", e)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != len(events) {
		return fmt.Errorf("%d events (-want +got):\n%s", len(events), diff)
	}
	return nil
}

// No sequence of actions, allowed or not, leaves a legal state.
func FuzzTransitions(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 2, 0, 4, 0, 0})
	f.Add([]byte{1, 0, 0, 1, 3, 2, 4, 1, 0})
	f.Add([]byte{2, 0, 0, 1, 3, 2, 4, 3, 3, 0, 0, 0, 0, 4, 4})
	f.Add([]byte{3, 0, 0, 1, 3, 2, 4, 3, 1, 2, 1, 4, 3, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 1, 3, 0, 0, 1, 1, 2, 1, 3, 3, 0, 0, 1, 1, 2, 1, 3, 1, 4, 2})
	f.Fuzz(func(t *testing.T, moves []byte) {
		if len(moves) > 0 && len(moves) <= 400 { // enough to reach MaxSteps
			walk(t, moves)
		}
	})
}

// The same without a fuzzer: walks of all lengths, the same ones in every run.
func TestTransitions(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewChaCha8([32]byte{7}))
	for range 500 {
		moves := make([]byte, 1+random.IntN(200))
		for i := range moves {
			moves[i] = byte(random.Uint32())
			if i > 0 && random.IntN(4) > 0 { // mostly what may be allowed
				moves[i] &= 0x1f
			}
		}
		walk(t, moves)
	}
}

// walk takes one way through the actions and checks every place on it.
func walk(t *testing.T, moves []byte) {
	t.Helper()
	newID := approvaltest.IDs(1)
	o := approvaltest.NewOffice(newID)
	d, plan := sample(o, moves[0], newID)
	moves = moves[1:]
	for n := 0; len(moves) >= 2; n++ {
		who, what := moves[0], moves[1]
		moves = moves[2:]
		before := clone(d)
		a, do := move(o, d, who, what, n, newID)
		events, err := do(d, a)
		if err := check(d); err != nil {
			t.Fatalf("move %d: %v", n, err)
		}
		if plan != nil {
			if err := checkChain(d, plan); err != nil {
				t.Fatalf("move %d: %v", n, err)
			}
		}
		if err != nil {
			if !reflect.DeepEqual(before, d) || events != nil {
				t.Fatalf("move %d was refused (%v) and has changed (-before +after):\n%s", n, err, cmp.Diff(before, d))
			}
			continue
		}
		if d.Grade.Classified() || before.State == approval.StateDecided || before.Route.Step(a.Step).State != approval.StepActive {
			t.Fatalf("move %d was allowed: %+v", n, a)
		}
		for i, s := range before.Route.Steps {
			if s.State == approval.StepClosed && !reflect.DeepEqual(s, d.Route.Steps[i]) {
				t.Fatalf("move %d has changed a closed step (-before +after):\n%s", n, cmp.Diff(s, d.Route.Steps[i]))
			}
		}
		if len(d.Decisions) != len(before.Decisions)+1 {
			t.Fatalf("move %d has made %d records", n, len(d.Decisions)-len(before.Decisions))
		}
		if err := checkEvents(before, d, a, events); err != nil {
			t.Fatalf("move %d: %v", n, err)
		}
	}
}

// sample gives one of four documents, and of a chain the plan.
func sample(o approvaltest.Office, b byte, newID func() string) (*approval.Document, []approval.PersonID) {
	in := o.Draft("1")
	switch b % 4 {
	case 1:
		in.Route = in.Route[1:]
	case 2:
		return o.Branches(newID, "1"), nil
	case 3: // branches of branches, and no step of the handler's
		d := o.Branches(newID, "1")
		d.Handler = o.Stranger.ID
		d.Route.Steps[0].Duty = approval.DutyReview
		last := &d.Route.Steps[4]
		extra := approval.Step{ID: approval.StepID(newID()), After: []approval.StepID{d.Route.Steps[1].ID}, Duty: approval.DutyReview, Person: o.Stranger.ID,
			State: approval.StepWaiting, Origin: approval.OriginPlanned}
		last.After = append(last.After, extra.ID)
		d.Route.Steps = append(d.Route.Steps, extra)
		return d, nil
	}
	if b&4 != 0 {
		in.Body.Grade = approval.GradeConfidential
	}
	d, _ := approvaltest.Start(in, newID)
	var plan []approval.PersonID
	for _, p := range in.Route {
		plan = append(plan, p.Person)
	}
	return d, plan
}

// move reads one action. Most are such that they may be allowed: the person
// of an open step acts on it.
func move(o approvaltest.Office, d *approval.Document, who, what byte, n int, newID func() string) (approval.Act, deed) {
	path := d.Route.Path()
	if who&0x80 == 0 {
		open := slices.DeleteFunc(slices.Clone(path), func(s approval.Step) bool { return s.State != approval.StepActive })
		if len(open) > 0 {
			path = open
		}
	}
	s := path[int(who&0x1f)%len(path)]
	by := s.Person
	if who&0x40 != 0 {
		by = o.People()[int(who&0x1f)%len(o.People())].ID
	}
	a := o.Act(d, by, s.ID, n, "請查照。", newID)
	if what&0x20 != 0 {
		a.Version++
	}
	if what&0x40 != 0 {
		a.Opinion = " "
	}
	if what&0x80 != 0 {
		a.At = approvaltest.Now() // clocks apart
	}
	deeds := []deed{submit, approve, decide, toHandler, toPrevious}
	if what&0x10 != 0 { // what the duty has it
		return a, func(d *approval.Document, a approval.Act) ([]approval.Event, error) {
			switch s.Duty {
			case approval.DutyHandle:
				return d.Submit(a)
			case approval.DutyDecide:
				return d.Decide(a)
			}
			return d.Approve(a)
		}
	}
	return a, deeds[int(what&0x0f)%len(deeds)]
}
