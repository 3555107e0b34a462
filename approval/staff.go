package approval

import (
	"slices"
	"strings"
)

// Staff answers who is told about a unit. It derives that from roles and the
// unit tree, because no agency keeps a list of it:
//
//   - 登記桌 of a unit are its people with [RoleRegistry], or those of the
//     nearest unit above that has any.
//   - 單位主管 is its 長官 ([RoleOfficial]). Of several, those whose title is that
//     of a head (…長, …主任) and no deputy's (副…); where titles do not tell, all
//     of them. A unit without one, or whose head has the document in hand, is
//     answered for by the unit above, but never by the head of the whole agency
//     (機關首長) unless it is the agency's own office.
//   - 一級主管 are the heads of the units right below the agency.
//   - 研考 are the people with [RoleAuditor], for the whole agency.
type Staff struct {
	units  map[UnitID]Unit
	people map[UnitID][]Person
}

// NewStaff makes one of all units, and of the people who hold a role.
func NewStaff(units []Unit, people []Person) *Staff {
	s := &Staff{map[UnitID]Unit{}, map[UnitID][]Person{}}
	for _, u := range units {
		s.units[u.ID] = u
	}
	for _, p := range people {
		s.people[p.Unit] = append(s.people[p.Unit], p)
	}
	for _, list := range s.people {
		slices.SortFunc(list, func(a, b Person) int { return strings.Compare(string(a.ID), string(b.ID)) })
	}
	return s
}

// up gives a unit and those above it. A tree that runs in a circle ends.
func (s *Staff) up(u UnitID) []Unit {
	var list []Unit
	for len(list) < len(s.units) {
		unit, ok := s.units[u]
		if !ok {
			break
		}
		list = append(list, unit)
		u = unit.Parent
	}
	return list
}

// Within reports whether u is above or belongs to it.
func (s *Staff) Within(u, above UnitID) bool {
	return slices.ContainsFunc(s.up(u), func(x Unit) bool { return x.ID == above })
}

// Desk gives 登記桌 of a unit.
func (s *Staff) Desk(u UnitID) []PersonID {
	for _, unit := range s.up(u) {
		if list := with(s.people[unit.ID], RoleRegistry); len(list) > 0 {
			return ids(list)
		}
	}
	return nil
}

// Head gives 單位主管 of a unit, for a document that is in the hands of busy.
func (s *Staff) Head(u UnitID, busy ...PersonID) []PersonID {
	for i, unit := range s.up(u) {
		if unit.Parent == "" && i > 0 {
			break
		}
		list := heads(s.people[unit.ID])
		if len(list) > 0 && !slices.ContainsFunc(list, func(p PersonID) bool { return slices.Contains(busy, p) }) {
			return list
		}
	}
	return nil
}

// Heads gives 單位主管 of a unit alone, without asking above.
func (s *Staff) Heads(u UnitID) []PersonID { return heads(s.people[u]) }

// Chiefs gives the units right below the agency (一級單位), in order.
func (s *Staff) Chiefs() []UnitID {
	var list []UnitID
	for _, u := range s.units {
		if parent, ok := s.units[u.Parent]; ok && parent.Parent == "" {
			list = append(list, u.ID)
		}
	}
	slices.Sort(list)
	return list
}

// Auditors gives 研考.
func (s *Staff) Auditors() []PersonID {
	var list []PersonID
	for _, people := range s.people {
		list = append(list, ids(with(people, RoleAuditor))...)
	}
	slices.Sort(list)
	return list
}

// heads picks the heads among the people of one unit.
func heads(people []Person) []PersonID {
	rank := func(p Person) int {
		switch {
		case strings.Contains(p.Title, "副"):
			return 2
		case strings.HasSuffix(p.Title, "長"), strings.HasSuffix(p.Title, "主任"):
			return 0
		}
		return 1
	}
	officials := with(people, RoleOfficial)
	if len(officials) == 0 {
		return nil
	}
	best := rank(slices.MinFunc(officials, func(a, b Person) int { return rank(a) - rank(b) }))
	return ids(slices.DeleteFunc(officials, func(p Person) bool { return rank(p) != best }))
}

func with(people []Person, r Role) []Person {
	var list []Person
	for _, p := range people {
		if p.Has(r) {
			list = append(list, p)
		}
	}
	return list
}

func ids(people []Person) []PersonID {
	var list []PersonID
	for _, p := range people {
		list = append(list, p.ID)
	}
	return list
}
