package approval

import (
	"slices"
	"strconv"
	"time"
)

// Duty is what is asked of the person at a step.
type Duty string

const (
	DutyHandle  Duty = "handle"  // 承辦: drafts, revises, submits (陳核)
	DutyReview  Duty = "review"  // 核稿
	DutyConsult Duty = "consult" // 會辦
	DutyDecide  Duty = "decide"  // 決行
)

// StepState is where one step stands.
type StepState string

const (
	StepWaiting StepState = "waiting" // not reached yet
	StepActive  StepState = "active"  // in somebody's hands
	StepClosed  StepState = "closed"  // acted on; never changed again
)

// Origin says how a step came into the route.
type Origin string

const (
	OriginPlanned  Origin = "planned"  // by whoever set the route
	OriginReturned Origin = "returned" // by a return (退回) of step From
	OriginAdded    Origin = "added"    // by a signer on the way (加會)
)

// Route is a graph of steps. A step becomes active when every step in its
// After is closed; so a chain is 陳核 and 順會, several steps after the same
// one are 並會 and a step after several is their merge. A return never reopens
// a step: it appends the way back and the way forward again, so that what has
// been signed stays as it was signed.
type Route struct {
	Steps []Step // in the order in which they were added
}

// Step is one station of a route.
type Step struct {
	ID        StepID
	After     []StepID
	Duty      Duty
	Person    PersonID // in whose hands it is: the assignee, or the deputy (代理人)
	Principal PersonID // whose duty it is when Person is a deputy, else ""
	State     StepState
	Origin    Origin
	From      StepID // the step that caused this one, for returned and added steps
	Redoes    StepID // the step that this one repeats after a return, else ""
	ArrivedAt time.Time
	ClosedAt  time.Time
	Action    Action   // how it was closed
	Opinion   string   // 簽核意見
	ActedBy   PersonID // who closed it
	ActedName string   // the name and title in the record, as they were then
}

// Step finds a step by its identifier, or nil.
func (r *Route) Step(id StepID) *Step {
	i := slices.IndexFunc(r.Steps, func(s Step) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Steps[i]
}

// Next gives the steps that wait for id among others, in route order. The
// button that closes a step names them.
func (r *Route) Next(id StepID) []Step {
	var next []Step
	for _, s := range r.Steps {
		if s.State == StepWaiting && slices.Contains(s.After, id) {
			next = append(next, s)
		}
	}
	return next
}

// Path gives the steps as a person reads them: closed ones in the order they
// were closed, then active ones, then waiting ones in the order in which they
// can be reached.
func (r *Route) Path() []Step {
	path := slices.Clone(r.Steps)
	depth := r.depths()
	rank := map[StepState]int{StepClosed: 0, StepActive: 1, StepWaiting: 2}
	slices.SortStableFunc(path, func(a, b Step) int {
		if c := rank[a.State] - rank[b.State]; c != 0 {
			return c
		}
		if a.State == StepClosed {
			if c := a.ClosedAt.Compare(b.ClosedAt); c != 0 {
				return c
			}
		}
		return depth[a.ID] - depth[b.ID]
	})
	return path
}

func (r *Route) depths() map[StepID]int {
	depth := make(map[StepID]int, len(r.Steps))
	var of func(s *Step) int
	of = func(s *Step) int {
		if d, ok := depth[s.ID]; ok {
			return d
		}
		depth[s.ID] = 0 // a cycle cannot be stored; this only keeps a broken one from looping
		d := 0
		for _, id := range s.After {
			if p := r.Step(id); p != nil {
				d = max(d, of(p)+1)
			}
		}
		depth[s.ID] = d
		return d
	}
	for i := range r.Steps {
		of(&r.Steps[i])
	}
	return depth
}

// ready reports whether nothing stands before s any more.
func (r *Route) ready(s *Step) bool {
	for _, id := range s.After {
		if p := r.Step(id); p == nil || p.State != StepClosed {
			return false
		}
	}
	return true
}

// ancestors is the set of steps that stand before id, near and far.
func (r *Route) ancestors(id StepID) map[StepID]bool {
	seen := map[StepID]bool{}
	var walk func(id StepID)
	walk = func(id StepID) {
		s := r.Step(id)
		if s == nil {
			return
		}
		for _, p := range s.After {
			if !seen[p] {
				seen[p] = true
				walk(p)
			}
		}
	}
	walk(id)
	return seen
}

// plan turns a list of stations into a chain of waiting steps.
func plan(list []Planned, newID func() string) (Route, error) {
	if len(list) == 0 {
		return Route{}, &InvalidError{Field: "route", Reason: "route.empty"}
	}
	if len(list) > MaxSteps {
		return Route{}, &InvalidError{Field: "route", Reason: "route.long", Detail: strconv.Itoa(MaxSteps)}
	}
	var r Route
	for i, p := range list {
		field := "route[" + strconv.Itoa(i) + "]"
		last := i == len(list)-1
		switch {
		case p.Person == "":
			return Route{}, &InvalidError{Field: field, Reason: "route.person.unknown"}
		case last != (p.Duty == DutyDecide):
			return Route{}, &InvalidError{Field: field, Reason: "route.decide.last"}
		case p.Duty == DutyHandle && i > 0:
			return Route{}, &InvalidError{Field: field, Reason: "route.handle.first"}
		case p.Duty != DutyHandle && p.Duty != DutyReview && p.Duty != DutyConsult && p.Duty != DutyDecide:
			return Route{}, &InvalidError{Field: field, Reason: "route.duty.unknown", Detail: string(p.Duty)}
		}
		s := Step{ID: StepID(newID()), Duty: p.Duty, Person: p.Person, State: StepWaiting, Origin: OriginPlanned}
		if i > 0 {
			s.After = []StepID{r.Steps[i-1].ID}
		}
		r.Steps = append(r.Steps, s)
	}
	return r, nil
}
