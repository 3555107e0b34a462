package approval

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Action is how a step is closed.
type Action string

const (
	ActionSubmit  Action = "submit"  // 陳核: the handler sends it on
	ActionApprove Action = "approve" // 核可
	ActionReturn  Action = "return"  // 退回
	ActionDecide  Action = "decide"  // 決行
)

// Act says who closes which step, when, having read which version.
type Act struct {
	By      Actor
	At      time.Time
	Step    StepID
	Version int // of the content that the actor read
	Opinion string
	NewID   func() string // names the steps that an action adds
}

// Submit closes the handler's own step (陳核). The opinion may be empty.
func (d *Document) Submit(a Act) ([]Event, error) { return d.forward(a, ActionSubmit, DutyHandle) }

// Approve closes a review or a consultation (核可, 會畢). The opinion may be
// empty.
func (d *Document) Approve(a Act) ([]Event, error) {
	return d.forward(a, ActionApprove, DutyReview, DutyConsult)
}

// Decide is the final decision (決行). Its opinion is mandatory
// (文書處理手冊: 決行應簽註意見); the handler is told.
func (d *Document) Decide(a Act) ([]Event, error) {
	if strings.TrimSpace(a.Opinion) == "" {
		return nil, d.refuse(a, &InvalidError{Field: "opinion", Reason: "opinion.decide.missing"}, DutyDecide)
	}
	events, err := d.forward(a, ActionDecide, DutyDecide)
	if err != nil {
		return nil, err
	}
	d.State, d.DecidedAt = StateDecided, a.At
	return append(events, d.event(EventDecided, a.Step, d.Handler, a.By.Person, a.At)), nil
}

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
	if strings.TrimSpace(a.Opinion) == "" {
		return nil, &InvalidError{Field: "opinion", Reason: "opinion.return.missing"}
	}
	target, err := d.returnTarget(step, to)
	if err != nil {
		return nil, err
	}
	between := d.between(target, step)
	if len(d.Route.Steps)+len(between)+2 > MaxSteps {
		return nil, &InvalidError{Field: "route", Reason: "route.long", Detail: strconv.Itoa(MaxSteps)}
	}

	from := *step
	events := d.close(step, a, ActionReturn)

	// The way back, and from there the way forward again.
	back := Step{ID: StepID(a.NewID()), After: []StepID{from.ID}, Duty: DutyHandle, Person: d.Handler, State: StepWaiting, Origin: OriginReturned, From: from.ID}
	copied := map[StepID]StepID{}
	if target != nil {
		back.Duty, back.Person, back.Principal, back.Redoes = target.Duty, target.Person, target.Principal, target.ID
		copied[target.ID] = back.ID
	}
	fresh := []Step{back}
	for _, s := range append(between, from) {
		c := Step{ID: StepID(a.NewID()), Duty: s.Duty, Person: s.Person, Principal: s.Principal, State: StepWaiting, Origin: OriginReturned, From: from.ID, Redoes: s.ID}
		for _, id := range s.After {
			if now, ok := copied[id]; ok {
				id = now
			}
			c.After = append(c.After, id)
		}
		if len(c.After) == 0 || !slices.ContainsFunc(c.After, func(id StepID) bool { return isFresh(fresh, id) }) {
			c.After = append(c.After, back.ID)
		}
		copied[s.ID] = c.ID
		fresh = append(fresh, c)
	}
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if s.State == StepWaiting {
			for j, id := range s.After {
				if id == from.ID {
					s.After[j] = copied[from.ID]
				}
			}
		}
	}
	d.Route.Steps = append(d.Route.Steps, fresh...)
	return append(events, d.activate(a.At, a.By.Person, EventReturned)...), nil
}

func isFresh(steps []Step, id StepID) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.ID == id })
}

// CanReturn reports whether there is somebody to return step to.
func (d *Document) CanReturn(step *Step, to ReturnTo) bool {
	_, err := d.returnTarget(step, to)
	return err == nil
}

// ReturnPerson gives the one who would get a return of step, "" when nobody.
func (d *Document) ReturnPerson(step *Step, to ReturnTo) PersonID {
	t, err := d.returnTarget(step, to)
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
func (d *Document) returnTarget(step *Step, to ReturnTo) (*Step, error) {
	before := d.Route.ancestors(step.ID)
	var target *Step
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if !before[s.ID] || s.State != StepClosed || s.Action == ActionReturn {
			continue
		}
		switch to {
		case ReturnToHandler:
			if s.Duty == DutyHandle && (target == nil || s.ClosedAt.After(target.ClosedAt)) {
				target = s
			}
		case ReturnToPrevious:
			if target == nil || !s.ClosedAt.Before(target.ClosedAt) {
				target = s
			}
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

// between lists the steps that lie after target (nil: the beginning) and
// before step, in route order. It leaves out returns, which led back, and what
// an earlier return has made somebody do again since.
func (d *Document) between(target, step *Step) []Step {
	before := d.Route.ancestors(step.ID)
	redone := map[StepID]bool{}
	for _, s := range d.Route.Steps {
		if before[s.ID] {
			redone[s.Redoes] = true
		}
	}
	var list []Step
	for _, s := range d.Route.Steps {
		if !before[s.ID] || redone[s.ID] || s.Action == ActionReturn {
			continue
		}
		if target == nil || d.Route.ancestors(s.ID)[target.ID] {
			list = append(list, s)
		}
	}
	return list
}

// forward closes a step and opens what waited for it.
func (d *Document) forward(a Act, action Action, duties ...Duty) ([]Event, error) {
	step, err := d.mayClose(a, duties...)
	if err != nil {
		return nil, err
	}
	events := d.close(step, a, action)
	return append(events, d.activate(a.At, a.By.Person, EventArrived)...), nil
}

// refuse gives the reason that weighs most: why the step cannot be closed at
// all, else what is wrong with the form.
func (d *Document) refuse(a Act, form error, duties ...Duty) error {
	if _, err := d.mayClose(a, duties...); err != nil {
		return err
	}
	return form
}

// mayClose is the one place that says who may close a step, and when not.
func (d *Document) mayClose(a Act, duties ...Duty) (*Step, error) {
	if !d.VisibleTo(a.By.Person) {
		return nil, ErrNotFound
	}
	step := d.Route.Step(a.Step)
	switch {
	case step == nil:
		return nil, ErrNotFound
	case step.Person != a.By.Person:
		return nil, ErrForbidden
	case step.State == StepClosed:
		return nil, &DecidedError{By: step.ActedName, Action: step.Action, At: step.ClosedAt}
	case step.State != StepActive:
		return nil, ErrForbidden
	case d.Grade.Classified():
		return nil, ErrClassified
	case !slices.Contains(duties, step.Duty):
		return nil, &InvalidError{Field: "action", Reason: "action.duty.mismatch"}
	case a.Version != d.Version:
		return nil, ErrStale
	}
	return step, checkOpinion(a.Opinion)
}

func checkOpinion(s string) error {
	if utf8.RuneCountInString(s) > MaxOpinion {
		return &InvalidError{Field: "opinion", Reason: "opinion.long", Detail: strconv.Itoa(MaxOpinion)}
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }) {
		return &InvalidError{Field: "opinion", Reason: "opinion.characters"}
	}
	return nil
}

// close writes the decision into the step and the record.
func (d *Document) close(s *Step, a Act, action Action) []Event {
	opinion := strings.TrimSpace(strings.ReplaceAll(a.Opinion, "\r\n", "\n"))
	s.State, s.ClosedAt, s.Action, s.Opinion = StepClosed, a.At, action, opinion
	s.ActedBy, s.ActedName = a.By.Person, strings.TrimSpace(a.By.Title+" "+a.By.Name)
	d.Decisions = append(d.Decisions, Decision{Step: s.ID, Action: action, By: a.By, At: a.At, Version: a.Version, Opinion: opinion})
	return []Event{d.event(EventLeft, s.ID, s.Person, a.By.Person, a.At)}
}
