package corpus

import (
	"fmt"
	"slices"
	"time"

	"qianhe/approval"
)

// Scheduled is a document with the times at which things happened to it.
type Scheduled struct {
	Document
	Received time.Time
	Done     []Done
}

// Done is an action at its time.
type Done struct {
	Action
	At time.Time
}

// Schedule says when everything happened if the demonstration is seeded at
// now: nothing later than that, in the order of receipt. Order.Received is set.
func (p *Plan) Schedule(now time.Time, cal approval.Calendar) []Scheduled {
	list := make([]Scheduled, len(p.Documents))
	for i, d := range p.Documents {
		list[i] = d.schedule(now, cal)
	}
	slices.SortStableFunc(list, func(a, b Scheduled) int { return a.Received.Compare(b.Received) })
	return list
}

func (d Document) schedule(now time.Time, cal approval.Calendar) Scheduled {
	day := daysBack(now, d.ReceivedWorkdaysAgo, cal)
	clock, err := time.Parse("15:04", d.ReceivedAt)
	if err != nil {
		panic("corpus: a plan that was not checked: " + err.Error())
	}
	received := day.Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute)
	times := []time.Time{received}
	for _, a := range d.Actions {
		times = append(times, officeHours(received, time.Duration(a.AfterHours*float64(time.Hour)), cal))
	}
	squeeze(times, day, now)
	s := Scheduled{Document: d, Received: times[0].Truncate(time.Second)} // the order has no smaller unit
	s.Order.Received = s.Received.Format(time.RFC3339)
	for i, a := range d.Actions {
		s.Done = append(s.Done, Done{Action: a, At: times[i+1]})
	}
	return s
}

// daysBack gives the beginning of the working day n working days back.
func daysBack(now time.Time, n int, cal approval.Calendar) time.Time {
	day := approval.Midnight(now)
	for ; ; day = day.AddDate(0, 0, -1) {
		if !cal.Workday(day) {
			continue
		}
		if n == 0 {
			return day
		}
		n--
	}
}

// Office hours of the people in the plan.
const (
	opens  = 9 * time.Hour
	closes = 17*time.Hour + 30*time.Minute
)

// officeHours gives the time after d of office hours.
func officeHours(t time.Time, d time.Duration, cal approval.Calendar) time.Time {
	for {
		day := approval.Midnight(t)
		begin, end := day.Add(opens), day.Add(closes)
		if t.Before(begin) {
			t = begin
		}
		if cal.Workday(day) && t.Before(end) {
			left := end.Sub(t)
			if d <= left {
				return t.Add(d)
			}
			d -= left
		}
		t = day.AddDate(0, 0, 1)
	}
}

// squeeze moves times closer together, so that the last one is not after now.
// The first one stays where it is, or on its day at least.
func squeeze(times []time.Time, day, now time.Time) {
	first, last := times[0], times[len(times)-1]
	if !last.After(now) {
		return
	}
	begin := first
	if first.After(now) {
		begin = day
	}
	span, room := last.Sub(first), now.Sub(begin)
	for i, t := range times {
		if span <= 0 {
			times[i] = begin
			continue
		}
		times[i] = begin.Add(time.Duration(float64(t.Sub(first)) / float64(span) * float64(room)))
	}
}

// Apply does to doc what was done: by is whoever has the account.
func (a Done) Apply(doc *approval.Document, by approval.Actor, newID func() string) ([]approval.Event, error) {
	step := doc.Active(by.Person)
	if step == nil {
		return nil, fmt.Errorf("corpus: %s has nothing to do with %s: %w", a.Account, doc.Number, approval.ErrForbidden)
	}
	act := approval.Act{By: by, At: a.At, Step: step.ID, Version: doc.Version, Opinion: a.Opinion, NewID: newID}
	switch a.Action.Action {
	case approval.ActionSubmit:
		return doc.Submit(act)
	case approval.ActionApprove:
		return doc.Approve(act)
	case approval.ActionReturn:
		return doc.Return(act, a.To)
	case approval.ActionDecide:
		return doc.Decide(act)
	}
	return nil, &approval.InvalidError{Field: "action", Reason: "action.unknown", Detail: string(a.Action.Action)}
}
