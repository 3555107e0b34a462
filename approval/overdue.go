package approval

import "slices"

// Concern says why a document that is due or late is a person's business.
type Concern string

const (
	ConcernOwn   Concern = "own"   // in their hands, or theirs to handle
	ConcernHead  Concern = "head"  // 單位主管 of where it lies
	ConcernDesk  Concern = "desk"  // 登記桌 of it
	ConcernBelow Concern = "below" // 一級主管 of a unit above
	ConcernAll   Concern = "all"   // 研考
)

// Concern gives the closest reason for which p is told of a document when it is
// late, "" for none. It is who [Ladder.Remind] tells, on any day.
func (s *Staff) Concern(p PersonID) func(Chased) Concern {
	if p == "" {
		return func(Chased) Concern { return "" }
	}
	rest := Concern("")
	if slices.Contains(s.Auditors(), p) {
		rest = ConcernAll
	}
	above := slices.DeleteFunc(s.Chiefs(), func(chief UnitID) bool { return !slices.Contains(s.Heads(chief), p) })
	return func(d Chased) Concern {
		units, busy := []UnitID{d.Unit}, []PersonID{d.Handler}
		for _, h := range d.Hands {
			units, busy = append(units, h.Unit), append(busy, h.Person)
		}
		of := func(has func(UnitID) bool) bool { return slices.ContainsFunc(units, has) }
		switch {
		case slices.Contains(busy, p):
			return ConcernOwn
		case of(func(u UnitID) bool { return slices.Contains(s.Head(u, busy...), p) }):
			return ConcernHead
		case of(func(u UnitID) bool { return slices.Contains(s.Desk(u), p) }):
			return ConcernDesk
		case slices.ContainsFunc(above, func(chief UnitID) bool {
			return of(func(u UnitID) bool { return s.Within(u, chief) })
		}):
			return ConcernBelow
		}
		return rest
	}
}

// OverdueCard is one line of what is due or late. Its Duty, Step, Origin and
// FromName are empty. Of a document that the reader may not open its subject and
// who sent it stay out as well, of a classified one all but the flow.
type OverdueCard struct {
	Card
	Concern Concern
	Open    bool   // the reader may open it
	Handler string // unit, title and name of 承辦人
	Now     string // in whose hands it is: title and name, of several 、 between
}

// OverduePage is a page of what is due or late and a person's business: first
// what they have to do with themselves, each by its deadline.
type OverduePage struct {
	Cards []OverdueCard
	Next  string // opaque cursor of the next page, "" at the end
	Late  int    // of all
	Due   int    // of all, not late yet
}
