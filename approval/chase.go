package approval

import (
	"slices"
	"strings"
	"time"
)

// Chased is a document under time control with those in whose hands it is.
type Chased struct {
	Document DocumentID
	Grade    Grade
	Due      time.Time
	Handler  PersonID // 承辦人, "" when they have left
	Unit     UnitID   // of the handler
	Hands    []Hand
}

// Hand is a step that is in somebody's hands.
type Hand struct {
	Step   StepID
	Person PersonID
	Unit   UnitID
}

// Reminder says that a person is to be told that a document is due or late, and
// by which rung. The same is not told twice.
type Reminder struct {
	Person   PersonID
	Rung     Rung
	Number   int // tells apart the times at which the rung comes again
	Document DocumentID
	Grade    Grade
	Due      time.Time
	Step     StepID // in the person's own hands, else ""
	Own      bool   // it is in the person's hands, or theirs to handle
}

// Horizon gives the end of the last day whose documents are chased at now: so
// many working days on as the first rung is before the due date.
func (l Ladder) Horizon(now time.Time, worked func(time.Time) bool) time.Time {
	day := Midnight(now).AddDate(0, 0, 1)
	for left, searched := l.Soon, 0; searched < 60; searched++ { // the longest holiday has nine days
		if worked(day) {
			if left == 0 {
				break
			}
			left--
		}
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// Remind gives whom to tell of which document at now, by person. A document
// that has no due date is not chased.
//
// Soon, and on the last day and after it, whoever has it in hand and 承辦人 are
// told. Then 承辦人 and 登記桌, then 單位主管: those of the handler's unit and of the
// units where it lies, for both sides of a 會辦 are under time control. 研考 has a
// list of all that is late each week, 一級主管 of what is late below them each
// month.
func (l Ladder) Remind(now time.Time, c Calendar, s *Staff, documents []Chased) []Reminder {
	var list []Reminder
	week, month := l.Week(now, c.Workday), l.Month(now, c.Workday)
	auditors, chiefs := s.Auditors(), s.Chiefs()
	for _, d := range documents {
		deadline := Deadline{Due: d.Due}
		if deadline.IsZero() {
			continue
		}
		tell := func(p PersonID, rung Rung, number int) {
			if p == "" {
				return
			}
			r := Reminder{Person: p, Rung: rung, Number: number, Document: d.Document, Grade: d.Grade, Due: d.Due, Own: p == d.Handler}
			for _, h := range d.Hands {
				if h.Person == p {
					r.Step, r.Own = h.Step, true
					break
				}
			}
			list = append(list, r)
		}
		units, busy := []UnitID{d.Unit}, []PersonID{d.Handler}
		for _, h := range d.Hands {
			units, busy = append(units, h.Unit), append(busy, h.Person)
		}
		for _, point := range l.Points(c.Remaining(now, deadline)) {
			switch point.Rung {
			case RungSoon, RungDue:
				for _, p := range busy {
					tell(p, point.Rung, point.Number)
				}
			case RungDesk:
				tell(d.Handler, point.Rung, point.Number)
				for _, u := range units {
					for _, p := range s.Desk(u) {
						tell(p, point.Rung, point.Number)
					}
				}
			case RungHead:
				for _, u := range units {
					for _, p := range s.Head(u, busy...) {
						tell(p, point.Rung, point.Number)
					}
				}
			case RungWeekly, RungMonthly: // not by the document's days
			}
		}
		if !deadline.Overdue(now) {
			continue
		}
		if !week.IsZero() {
			for _, p := range auditors {
				tell(p, RungWeekly, dayNumber(week))
			}
		}
		if month.IsZero() {
			continue
		}
		for _, chief := range chiefs {
			if slices.ContainsFunc(units, func(u UnitID) bool { return s.Within(u, chief) }) {
				for _, p := range s.Heads(chief) {
					tell(p, RungMonthly, dayNumber(month))
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Reminder) int {
		if c := strings.Compare(string(a.Person), string(b.Person)); c != 0 {
			return c
		}
		if c := strings.Compare(string(a.Document), string(b.Document)); c != 0 {
			return c
		}
		return strings.Compare(string(a.Rung), string(b.Rung))
	})
	return slices.CompactFunc(list, func(a, b Reminder) bool {
		return a.Person == b.Person && a.Document == b.Document && a.Rung == b.Rung
	})
}

// dayNumber writes a day as 20261123.
func dayNumber(t time.Time) int {
	y, m, d := t.In(Zone).Date()
	return y*10000 + int(m)*100 + d
}

// List reports whether a rung is a list: one of a period, whatever is on it.
func (r Rung) List() bool { return r == RungWeekly || r == RungMonthly }
