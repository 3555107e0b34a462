package approval_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/workday"
)

// on is 09:30 of a day.
func on(t testing.TB, day string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation(time.DateOnly, day, approval.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return at.Add(9*time.Hour + 30*time.Minute)
}

// lastDay is the deadline that ends with a day.
func lastDay(t testing.TB, day string) time.Time {
	t.Helper()
	return approval.Midnight(on(t, day)).AddDate(0, 0, 1)
}

func TestPoints(t *testing.T) {
	t.Parallel()
	house := approval.HouseLadder()
	tests := []struct {
		name   string
		ladder approval.Ladder
		left   int
		want   string
	}{
		{"two days before", house, 2, ""},
		{"the day before", house, 1, "soon"},
		{"the last day", house, 0, "due"},
		{"a day late", house, -1, "due desk"},
		{"two days late", house, -2, "due desk"},
		{"three days late", house, -3, "due desk head"},
		{"a week late", house, -5, "due1 desk head"},
		{"months late", house, -63, "due12 desk head"},
		{"nothing before", approval.Ladder{Again: 1}, 1, ""},
		{"every day", approval.Ladder{Again: 1}, -4, "due4"},
		{"once", approval.Ladder{}, -40, "due"},
		{"earlier", approval.Ladder{Soon: 3}, 3, "soon"},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range tt.ladder.Points(tt.left) {
			s := string(p.Rung)
			if p.Number > 0 {
				s += fmt.Sprint(p.Number)
			}
			got = append(got, s)
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: points (-want +got):\n%s", tt.name, diff)
		}
	}
}

// The days of lists, on the official calendars and with a day off of the
// agency's own.
func TestLists(t *testing.T) {
	t.Parallel()
	official := workday.Official()
	typhoon := official.With([]workday.Override{{Day: on(t, "2026-11-23"), Off: true}})
	house := approval.HouseLadder()
	friday := house
	friday.Weekly, friday.Monthly = 5, 25
	tests := []struct {
		name        string
		ladder      approval.Ladder
		calendar    *workday.Calendar
		day         string
		week, month string
	}{
		{"Monday", house, official, "2026-11-23", "2026-11-23", ""},
		{"made up for on Tuesday", house, official, "2026-11-24", "2026-11-23", ""},
		{"a typhoon on Monday", house, typhoon, "2026-11-23", "", ""},
		{"the day after the typhoon", house, typhoon, "2026-11-24", "2026-11-23", ""},
		{"Sunday", house, official, "2026-11-22", "", ""},
		{"the first is a Sunday", house, official, "2026-11-01", "", ""},
		{"the first working day of the month", house, official, "2026-11-02", "2026-11-02", "2026-11-01"},
		{"a week after it is too late", house, official, "2026-11-09", "2026-11-09", ""},
		{"new year's Monday is off", house, official, "2026-02-16", "", ""},
		{"the whole week of the new year is off", house, official, "2026-02-20", "", ""},
		{"after the new year", house, official, "2026-02-23", "2026-02-23", ""},
		{"2027 begins on a Friday off", house, official, "2027-01-04", "2027-01-04", "2027-01-01"},
		{"Friday's list, on Thursday", friday, official, "2026-11-26", "", "2026-11-01"},
		{"Friday's list", friday, official, "2026-11-27", "2026-11-23", "2026-11-01"},
		{"Friday's list when Christmas is off", friday, official, "2026-12-25", "", ""},
		{"no lists", approval.Ladder{}, official, "2026-11-02", "", ""},
	}
	text := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.Format(time.DateOnly)
	}
	for _, tt := range tests {
		now := on(t, tt.day)
		if got := text(tt.ladder.Week(now, tt.calendar.Workday)); got != tt.week {
			t.Errorf("%s: list of the week of %q, want %q", tt.name, got, tt.week)
		}
		if got := text(tt.ladder.Month(now, tt.calendar.Workday)); got != tt.month {
			t.Errorf("%s: list of the month of %q, want %q", tt.name, got, tt.month)
		}
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	l, c := approval.HouseLadder(), workday.Official()
	for at, want := range map[time.Time]bool{
		on(t, "2026-11-23"):                          true,
		on(t, "2026-11-23").UTC():                    true,
		on(t, "2026-11-23").Add(-30 * time.Minute):   true,
		on(t, "2026-11-23").Add(-31 * time.Minute):   false,
		on(t, "2026-11-22"):                          false,
		on(t, "2026-10-09"):                          false, // 國慶日, observed
		on(t, "2026-11-23").Add(14 * time.Hour):      true,
		on(t, "2026-11-23").Add(14*time.Hour + 1e11): true,
	} {
		if got := l.Ready(at, c.Workday); got != want {
			t.Errorf("ready at %s: %t, want %t", at, got, want)
		}
	}
}

// Whatever is inside the horizon, and nothing else, stands on a rung.
func TestHorizon(t *testing.T) {
	t.Parallel()
	c := workday.Official()
	for _, l := range []approval.Ladder{{}, approval.HouseLadder(), {Soon: 4}} {
		for now := on(t, "2026-01-01"); now.Year() < 2028; now = now.AddDate(0, 0, 1) {
			horizon := l.Horizon(now, c.Workday)
			for ahead := range 20 {
				due := approval.Midnight(now).AddDate(0, 0, 1+ahead)
				left := c.Remaining(now, approval.Deadline{Due: due})
				if in := !due.After(horizon); in != (left <= l.Soon) {
					t.Fatalf("soon %d, on %s: due %s with %d days left is within the horizon: %t", l.Soon, now.Format(time.DateOnly), due.Format(time.DateOnly), left, in)
				}
			}
		}
	}
}

// bureau is an agency with a bureau of two sections.
//
//	city ─ bureau ─ rivers (handler, chief, desk)
//	              └ roads  (two officials, no desk)
//	     └ audit (研考)
func bureau() *approval.Staff {
	units := []approval.Unit{{ID: "city"}, {ID: "bureau", Parent: "city"}, {ID: "rivers", Parent: "bureau"}, {ID: "roads", Parent: "bureau"}, {ID: "audit", Parent: "city"}}
	p := func(id, title, unit string, roles ...approval.Role) approval.Person {
		return approval.Person{ID: approval.PersonID(id), Title: title, Unit: approval.UnitID(unit), Roles: roles}
	}
	return approval.NewStaff(units, []approval.Person{
		p("mayor", "市長", "city", approval.RoleOfficial),
		p("mail", "收發", "city", approval.RoleRegistry),
		p("director", "局長", "bureau", approval.RoleOfficial),
		p("deputy", "副局長", "bureau", approval.RoleOfficial),
		p("clerk", "書記", "bureau", approval.RoleRegistry),
		p("chief", "科長", "rivers", approval.RoleOfficial, approval.RoleHandler),
		p("desk", "辦事員", "rivers", approval.RoleRegistry),
		p("zoe", "技正", "roads", approval.RoleOfficial),
		p("yan", "技正", "roads", approval.RoleOfficial),
		p("auditor", "專員", "audit", approval.RoleAuditor),
	})
}

func TestStaff(t *testing.T) {
	t.Parallel()
	s := bureau()
	tests := []struct {
		what string
		got  []approval.PersonID
		want []approval.PersonID
	}{
		{"desk of a section", s.Desk("rivers"), []approval.PersonID{"desk"}},
		{"desk of a section without one", s.Desk("roads"), []approval.PersonID{"clerk"}},
		{"desk of a unit below the agency", s.Desk("audit"), []approval.PersonID{"mail"}},
		{"desk of nowhere", s.Desk("?"), nil},
		{"head of a section", s.Head("rivers"), []approval.PersonID{"chief"}},
		{"head of a section who has it in hand", s.Head("rivers", "chief"), []approval.PersonID{"director"}},
		{"a deputy is no head", s.Head("bureau"), []approval.PersonID{"director"}},
		{"titles do not tell", s.Head("roads"), []approval.PersonID{"yan", "zoe"}},
		{"one of two has it", s.Head("roads", "zoe"), []approval.PersonID{"director"}},
		{"nobody but the mayor", s.Head("audit"), nil},
		{"the director has it", s.Head("bureau", "director"), nil},
		{"the agency itself", s.Head("city"), []approval.PersonID{"mayor"}},
		{"auditors", s.Auditors(), []approval.PersonID{"auditor"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
	}
	if diff := cmp.Diff([]approval.UnitID{"audit", "bureau"}, s.Chiefs()); diff != "" {
		t.Errorf("units below the agency (-want +got):\n%s", diff)
	}
	if !s.Within("rivers", "bureau") || !s.Within("rivers", "rivers") || s.Within("bureau", "rivers") {
		t.Error("who belongs to whom is wrong")
	}
	circle := approval.NewStaff([]approval.Unit{{ID: "a", Parent: "b"}, {ID: "b", Parent: "a"}}, nil)
	if circle.Desk("a") != nil || circle.Head("a") != nil || circle.Within("a", "c") {
		t.Error("a tree that runs in a circle has somebody")
	}
}

func TestRemind(t *testing.T) {
	t.Parallel()
	official := workday.Official()
	held := func(p, unit string) approval.Hand {
		return approval.Hand{Step: approval.StepID("s-" + p), Person: approval.PersonID(p), Unit: approval.UnitID(unit)}
	}
	doc := func(due string, hands ...approval.Hand) approval.Chased {
		return approval.Chased{Document: "d", Due: lastDay(t, due), Handler: "han", Unit: "rivers", Hands: hands}
	}
	tests := []struct {
		name string
		day  string
		doc  approval.Chased
		want string
	}{
		{"two days before", "2026-11-24", doc("2026-11-26", held("han", "rivers")), ""},
		{"the day before, in the handler's own hands", "2026-11-25", doc("2026-11-26", held("han", "rivers")), "han:soon*"},
		{"the day before, with the chief", "2026-11-25", doc("2026-11-26", held("chief", "rivers")), "chief:soon* han:soon"},
		{"the working day before a weekend", "2026-11-20", doc("2026-11-23", held("han", "rivers")), "han:soon*"},
		{"due on a Sunday, the Thursday before", "2026-11-19", doc("2026-11-22", held("han", "rivers")), "han:soon*"},
		{"due on a Sunday, the Friday before", "2026-11-20", doc("2026-11-22", held("han", "rivers")), "han:due*"},
		{"due after the new year, the day before it", "2026-02-13", doc("2026-02-23", held("han", "rivers")), "han:soon*"},
		{"due in the new year", "2026-02-13", doc("2026-02-18", held("han", "rivers")), "han:due*"},
		{"due in the new year, after it", "2026-02-23", doc("2026-02-18", held("han", "rivers")), "auditor:weekly desk:desk han:desk* han:due*"},
		{"the last day, with two", "2026-11-26", doc("2026-11-26", held("zoe", "roads"), held("chief", "rivers")), "chief:due* han:due zoe:due*"},
		{"a day late, on a Tuesday", "2026-11-24", doc("2026-11-23", held("zoe", "roads")), "auditor:weekly clerk:desk desk:desk han:desk han:due zoe:due*"},
		{"late since Friday, on Monday", "2026-11-23", doc("2026-11-20", held("han", "rivers")), "auditor:weekly desk:desk han:desk* han:due*"},
		{"three days late", "2026-11-26", doc("2026-11-23", held("han", "rivers")), "auditor:weekly chief:head desk:desk han:desk* han:due*"},
		{"three days late, with the head", "2026-11-26", doc("2026-11-23", held("chief", "rivers")), "auditor:weekly chief:due* desk:desk director:head han:desk han:due"},
		{"in two units", "2026-11-26", doc("2026-11-23", held("zoe", "roads"), held("han", "rivers")),
			"auditor:weekly chief:head clerk:desk desk:desk director:head han:desk* han:due* zoe:due*"},
		{"the first working day of a month", "2026-12-01", doc("2026-11-27", held("han", "rivers")),
			"auditor:weekly desk:desk director:monthly han:desk* han:due*"},
		{"long late", "2026-12-01", doc("2026-11-03", held("han", "rivers")), "auditor:weekly chief:head desk:desk director:monthly han:desk* han:due4*"},
		{"no due date", "2026-11-26", approval.Chased{Document: "d", Handler: "han", Unit: "rivers"}, ""},
		{"a unit that nobody knows", "2026-11-26", approval.Chased{Document: "d", Handler: "han", Unit: "?", Due: lastDay(t, "2026-11-23")}, "auditor:weekly han:desk han:due"},
	}
	for _, tt := range tests {
		var got []string
		for _, r := range approval.HouseLadder().Remind(on(t, tt.day), official, bureau(), []approval.Chased{tt.doc}) {
			s := string(r.Person) + ":" + string(r.Rung)
			if r.Number > 0 && !r.Rung.List() {
				s += fmt.Sprint(r.Number)
			}
			if r.Step != "" {
				s += "*"
			}
			if (r.Step != "" || r.Person == "han") != r.Own {
				t.Errorf("%s: %s is their own: %t", tt.name, s, r.Own)
			}
			got = append(got, s)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: reminders (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A day off that is announced in the evening moves what comes after it.
func TestRemindWithADayOff(t *testing.T) {
	t.Parallel()
	doc := approval.Chased{Document: "d", Due: lastDay(t, "2026-11-24"), Handler: "han", Unit: "rivers", Hands: []approval.Hand{{Step: "s", Person: "han", Unit: "rivers"}}}
	rungs := func(c approval.Calendar, day string) string {
		var list []string
		for _, r := range approval.HouseLadder().Remind(on(t, day), c, bureau(), []approval.Chased{doc}) {
			list = append(list, string(r.Rung))
		}
		return strings.Join(slices.Compact(list), " ")
	}
	official := workday.Official()
	typhoon := official.With([]workday.Override{{Day: on(t, "2026-11-24"), Off: true}})
	for _, tt := range []struct {
		name, day string
		c         approval.Calendar
		want      string
	}{
		{"the day before", "2026-11-23", official, "soon"},
		{"the day before, and nothing can be done on the day", "2026-11-23", typhoon, "due"},
		{"the day after", "2026-11-25", typhoon, "weekly desk due"},
	} {
		if got := rungs(tt.c, tt.day); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
