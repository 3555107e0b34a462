package approvaltest

import (
	"math/rand/v2"
	"time"

	"qianhe/approval"
)

// Now is the moment of all samples: Friday, 20 November 2026, 09:30 in Taipei.
func Now() time.Time { return time.Date(2026, time.November, 20, 9, 30, 0, 0, approval.Zone) }

// IDs gives a source of identifiers that are valid, ascending and the same in
// every run. Two sources of different seeds give different ones.
func IDs(seed uint64) func() string {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	random := rand.NewChaCha8(key)
	at := Now()
	return func() string {
		at = at.Add(time.Millisecond)
		return approval.NewID(at, random)
	}
}

// Office is a small agency: 青川市政府, its bureau of public works with a
// section for rivers, and its accounting office.
type Office struct {
	Agency  approval.Unit
	Bureau  approval.Unit
	Section approval.Unit
	Books   approval.Unit

	Handler  approval.Person // 承辦人, of the section
	Chief    approval.Person // 科長
	Auditor  approval.Person // 會計, consulted
	Deputy   approval.Person // 副局長
	Director approval.Person // 局長, decides
	Stranger approval.Person // has nothing to do with any sample
}

// NewOffice makes an office. It is not stored anywhere yet.
func NewOffice(newID func() string) Office {
	unit := func(parent approval.UnitID, name, code string) approval.Unit {
		return approval.Unit{ID: approval.UnitID(newID()), Parent: parent, Name: name, Code: code}
	}
	person := func(u approval.Unit, title, name string, roles ...approval.Role) approval.Person {
		return approval.Person{ID: approval.PersonID(newID()), Name: name, Title: title, Unit: u.ID, Roles: roles}
	}
	var o Office
	o.Agency = unit("", "青川市政府", "399990000A")
	o.Bureau = unit(o.Agency.ID, "工務局", "")
	o.Section = unit(o.Bureau.ID, "水利科", "")
	o.Books = unit(o.Bureau.ID, "會計室", "")
	o.Handler = person(o.Section, "科員", "林佳穎", approval.RoleHandler)
	o.Chief = person(o.Section, "科長", "陳柏宇", approval.RoleOfficial)
	o.Auditor = person(o.Books, "主任", "黃淑芬", approval.RoleOfficial)
	o.Deputy = person(o.Bureau, "副局長", "張志豪", approval.RoleOfficial)
	o.Director = person(o.Bureau, "局長", "王怡君", approval.RoleOfficial)
	o.Stranger = person(o.Books, "組員", "吳俊宏", approval.RoleHandler)
	return o
}

// Units gives the units, those above before those below.
func (o Office) Units() []approval.Unit {
	return []approval.Unit{o.Agency, o.Bureau, o.Section, o.Books}
}

// People gives everybody.
func (o Office) People() []approval.Person {
	return []approval.Person{o.Handler, o.Chief, o.Auditor, o.Deputy, o.Director, o.Stranger}
}

// Person finds somebody by identifier. It panics when there is nobody.
func (o Office) Person(id approval.PersonID) approval.Person {
	for _, p := range o.People() {
		if p.ID == id {
			return p
		}
	}
	panic("approvaltest: nobody in the office is " + string(id))
}

// Actor is somebody of the office as the record shall name them.
func (o Office) Actor(id approval.PersonID) approval.Actor {
	p := o.Person(id)
	a := approval.Actor{Person: p.ID, Name: p.Name, Title: p.Title, Roles: p.Roles, Session: "session-" + string(p.ID), Address: "192.0.2.7"}
	for _, u := range o.Units() {
		if u.ID == p.Unit {
			a.Unit = u.Name
		}
	}
	return a
}
