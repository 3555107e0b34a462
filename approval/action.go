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
	if blank(a.Opinion) {
		return nil, d.refuse(a, &InvalidError{Field: "opinion", Reason: "opinion.decide.missing"}, DutyDecide)
	}
	events, err := d.forward(a, ActionDecide, DutyDecide)
	if err != nil {
		return nil, err
	}
	d.State, d.DecidedAt = StateDecided, a.At
	return append(events, d.event(EventDecided, a.Step, d.Handler, a.By.Person, a.At)), nil
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

// checkOpinion refuses what cannot stand in a record: too much of it, bytes
// that are no text, control characters, and the marks that make a line read in
// another order than it was written (Unicode TR 36, bidirectional spoofing).
func checkOpinion(s string) error {
	s = tidyOpinion(s)
	if utf8.RuneCountInString(s) > MaxOpinion {
		return &InvalidError{Field: "opinion", Reason: "opinion.long", Detail: strconv.Itoa(MaxOpinion)}
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
	}) {
		return &InvalidError{Field: "opinion", Reason: "opinion.characters"}
	}
	return nil
}

// tidyOpinion is the opinion as it is stored: line ends as \n, whatever the
// browser sent, and nothing around it.
func tidyOpinion(s string) string {
	return strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s))
}

// blank reports whether nobody could read anything in s.
func blank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) })
}

// close writes the decision into the step and the record.
func (d *Document) close(s *Step, a Act, action Action) []Event {
	opinion := tidyOpinion(a.Opinion)
	s.State, s.ClosedAt, s.Action, s.Opinion = StepClosed, a.At, action, opinion
	s.ActedBy, s.ActedName = a.By.Person, strings.TrimSpace(a.By.Title+" "+a.By.Name)
	d.Decisions = append(d.Decisions, Decision{Step: s.ID, Action: action, By: a.By, At: a.At, Version: a.Version, Opinion: opinion})
	return []Event{d.event(EventLeft, s.ID, s.Person, a.By.Person, a.At)}
}
