package approval

import (
	"slices"
	"strconv"
)

// ReturnTo names the one to whom a document is returned.
type ReturnTo string

const (
	ReturnToHandler  ReturnTo = "handler"  // 退回承辦人
	ReturnToPrevious ReturnTo = "previous" // 退回前一位
)

// Return sends the document back (退回) with a reason. The step is closed, a
// new one is appended for the one who gets it, and after that new ones for
// everybody between and for the returner: what they signed before was another
// state of the matter. Returns [*InvalidError] without a reason or when there
// is nobody before.
func (d *Document) Return(a Act, to ReturnTo) ([]Event, error) {
	step, err := d.mayClose(a, DutyReview, DutyConsult, DutyDecide)
	if err != nil {
		return nil, err
	}
	if blank(a.Opinion) {
		return nil, &InvalidError{Field: "opinion", Reason: "opinion.return.missing"}
	}
	st := d.Route.stations()
	target, err := d.returnTarget(st, step, to)
	if err != nil {
		return nil, err
	}
	again := d.between(st, target, step)
	if len(d.Route.Steps)+1+len(again)+1 > MaxSteps {
		return nil, &InvalidError{Field: "route", Reason: "route.long", Detail: strconv.Itoa(MaxSteps)}
	}

	events := d.close(step, a, ActionReturn)

	// The way back ...
	back := Step{ID: StepID(a.NewID()), After: []StepID{step.ID}, Duty: DutyHandle, Person: d.Handler, State: StepWaiting, Origin: OriginReturned, From: step.ID}
	if target != nil {
		back.Duty, back.Person, back.Principal, back.Redoes = target.Duty, target.Person, target.Principal, target.ID
	}
	fresh := []Step{back}

	// ... and from there the way forward again, in the order of the plan.
	again = append(again, *step)
	names := make(map[StepID]StepID, len(again)) // station → its new step
	for _, s := range again {
		names[st.of[s.ID]] = StepID(a.NewID())
	}
	for _, s := range again {
		at := st.of[s.ID]
		c := Step{ID: names[at], Duty: s.Duty, Person: s.Person, Principal: s.Principal, State: StepWaiting, Origin: OriginReturned, From: step.ID, Redoes: s.ID}
		for _, p := range st.after[at] {
			if id, ok := names[p]; ok {
				c.After = append(c.After, id)
			}
		}
		if len(c.After) == 0 {
			c.After = []StepID{back.ID}
		}
		fresh = append(fresh, c)
	}

	// What waited for the returner waits for the returner's new step.
	from, instead := step.ID, names[st.of[step.ID]]
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if j := slices.Index(s.After, from); j >= 0 && s.State == StepWaiting {
			s.After = slices.Clone(s.After)
			s.After[j] = instead
		}
	}
	d.Route.Steps = append(d.Route.Steps, fresh...)
	return append(events, d.activate(a.At, a.By.Person, EventReturned)...), nil
}

// CanReturn reports whether there is somebody to return step to.
func (d *Document) CanReturn(step *Step, to ReturnTo) bool {
	_, err := d.returnTarget(d.Route.stations(), step, to)
	return err == nil
}

// ReturnPerson gives the one who would get a return of step, "" when nobody.
func (d *Document) ReturnPerson(step *Step, to ReturnTo) PersonID {
	t, err := d.returnTarget(d.Route.stations(), step, to)
	switch {
	case err != nil:
		return ""
	case t == nil:
		return d.Handler
	}
	return t.Person
}

// returnTarget finds the step that is to be done again; nil means the handler
// who has no step of their own on this route.
func (d *Document) returnTarget(st stations, step *Step, to ReturnTo) (*Step, error) {
	if step == nil || step.Duty == DutyHandle {
		return nil, &InvalidError{Field: "action", Reason: "action.duty.mismatch"}
	}
	before := st.before(st.of[step.ID])
	signed := d.signed(st, step)
	var target *Step
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		at := st.of[s.ID]
		if signed[at] != s || !before[at] && !st.first[at] {
			continue
		}
		if to == ReturnToHandler && s.Duty != DutyHandle {
			continue
		}
		if target == nil || st.later(s, target) {
			target = s
		}
	}
	switch {
	case to != ReturnToHandler && to != ReturnToPrevious:
		return nil, &InvalidError{Field: "to", Reason: "return.target.unknown", Detail: string(to)}
	case to == ReturnToPrevious && target == nil:
		return nil, &InvalidError{Field: "to", Reason: "return.previous.none"}
	}
	return target, nil
}

// between gives what was signed at every station after target's (nil: from the
// beginning) and before step's, in the order of the plan: once a station, as
// it was signed last.
func (d *Document) between(st stations, target, step *Step) []Step {
	before := st.before(st.of[step.ID])
	signed := d.signed(st, step)
	var list []Step
	for _, s := range d.Route.Steps {
		if st.of[s.ID] != s.ID || !before[s.ID] || signed[s.ID] == nil {
			continue
		}
		if target == nil || st.first[st.of[target.ID]] || st.before(s.ID)[st.of[target.ID]] {
			list = append(list, *signed[s.ID])
		}
	}
	return list
}

// signed gives, of every station that was passed on the way to step, the step
// by which it was passed last. A return passes nothing.
func (d *Document) signed(st stations, step *Step) map[StepID]*Step {
	passed := d.Route.ancestors(step.ID)
	signed := make(map[StepID]*Step)
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if passed[s.ID] && s.State == StepClosed && s.Action != ActionReturn {
			signed[st.of[s.ID]] = s
		}
	}
	return signed
}

// stations are a route as it was meant: every station once, however often
// returns have made it be done again. A station is named by its first step.
type stations struct {
	of    map[StepID]StepID   // step → station
	after map[StepID][]StepID // station → the stations directly before it
	// first are those that a return has made for a handler who had none. They
	// stand before all others.
	first map[StepID]bool
}

func (r *Route) stations() stations {
	st := stations{of: make(map[StepID]StepID, len(r.Steps)), after: make(map[StepID][]StepID, len(r.Steps)), first: map[StepID]bool{}}
	for _, s := range r.Steps { // what is repeated stands earlier in the list
		st.of[s.ID] = s.ID
		if at, ok := st.of[s.Redoes]; ok {
			st.of[s.ID] = at
		}
	}
	for _, s := range r.Steps {
		switch {
		case st.of[s.ID] != s.ID:
		case s.Origin == OriginReturned:
			st.first[s.ID] = true
		default:
			for _, id := range s.After {
				st.after[s.ID] = append(st.after[s.ID], st.of[id])
			}
		}
	}
	return st
}

// before is the set of stations that stand before one, near and far.
func (st stations) before(station StepID) map[StepID]bool {
	seen := map[StepID]bool{}
	var walk func(StepID)
	walk = func(id StepID) {
		for _, p := range st.after[id] {
			if !seen[p] {
				seen[p] = true
				walk(p)
			}
		}
	}
	walk(station)
	return seen
}

// later reports whether a stands nearer to the end than b: by the plan, and
// where that says nothing by the time of signing, then by the order of adding,
// a being the one that was added later.
func (st stations) later(a, b *Step) bool {
	at, bt := st.of[a.ID], st.of[b.ID]
	switch {
	case st.before(at)[bt]:
		return true
	case st.before(bt)[at]:
		return false
	case st.first[bt] != st.first[at]:
		return st.first[bt]
	}
	return !a.ClosedAt.Before(b.ClosedAt)
}
