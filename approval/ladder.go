package approval

import "time"

// Ladder says when documents are chased (稽催), in working days from the last
// day on which they are in time. The levels are those of agencies' own rules
// (文書流程管理作業規範: the unit's own management first, 文書單位 second, 研考
// third). 0 leaves a rung out.
type Ladder struct {
	At      int `json:"at"`      // minutes since midnight in Asia/Taipei, on working days
	Soon    int `json:"soon"`    // so many working days before the last day: whoever has it, and 承辦人
	Again   int `json:"again"`   // after the last day, once in so many working days: the same
	Desk    int `json:"desk"`    // so many working days late: 承辦人 and 登記桌
	Head    int `json:"head"`    // so many working days late: 單位主管
	Weekly  int `json:"weekly"`  // weekday of the list for 研考, 1 is Monday
	Monthly int `json:"monthly"` // day of the month of the list for 一級主管
}

// HouseLadder is what agencies do: the day before, the day itself in the
// morning, then 登記桌, 單位主管, and lists.
func HouseLadder() Ladder {
	return Ladder{At: 9 * 60, Soon: 1, Again: 5, Desk: 1, Head: 3, Weekly: 1, Monthly: 1}
}

// Rung is a level of the ladder.
type Rung string

const (
	RungSoon    Rung = "soon"    // 即將到期
	RungDue     Rung = "due"     // 到期、逾期
	RungDesk    Rung = "desk"    // 稽催: 承辦人, 登記桌
	RungHead    Rung = "head"    // 稽催: 單位主管
	RungWeekly  Rung = "weekly"  // 稽催週報: 研考
	RungMonthly Rung = "monthly" // 稽催月報: 一級主管
)

// Point is a rung that a document has reached. Number tells apart the times at
// which a rung comes again.
type Point struct {
	Rung   Rung
	Number int
}

// Points gives the rungs on which a document stands with so many working days
// left ([Calendar].Remaining: 0 on the last day, negative when late), the first
// day of each and those after it. Who was told of a point is not told of it
// again; of the times that [Ladder].Again gives only the latest is a point, so
// that those which were missed are made up for by one.
func (l Ladder) Points(left int) []Point {
	if left > 0 {
		if left > l.Soon {
			return nil
		}
		return []Point{{Rung: RungSoon}}
	}
	late := -left
	due := Point{Rung: RungDue}
	if l.Again > 0 {
		due.Number = late / l.Again
	}
	list := []Point{due}
	if l.Desk > 0 && late >= l.Desk {
		list = append(list, Point{Rung: RungDesk})
	}
	if l.Head > 0 && late >= l.Head {
		list = append(list, Point{Rung: RungHead})
	}
	return list
}

// Ready reports whether it is time to chase at now: a working day, not before
// the ladder's time.
func (l Ladder) Ready(now time.Time, worked func(time.Time) bool) bool {
	return worked(now) && !now.Before(Midnight(now).Add(time.Duration(l.At)*time.Minute))
}

// Week gives the Monday of the week whose list is due on the day of now, and
// Month the first of the month; the zero time when none is. A list is due from
// the first working day on or after its own, until the week has ended, or for
// as many days in the month.
func (l Ladder) Week(now time.Time, worked func(time.Time) bool) time.Time {
	if l.Weekly <= 0 {
		return time.Time{}
	}
	monday := Midnight(now)
	monday = monday.AddDate(0, 0, -(int(monday.Weekday())+6)%7)
	return listed(monday, monday.AddDate(0, 0, l.Weekly-1), monday.AddDate(0, 0, 7), now, worked)
}

// Month is described at [Ladder.Week].
func (l Ladder) Month(now time.Time, worked func(time.Time) bool) time.Time {
	if l.Monthly <= 0 {
		return time.Time{}
	}
	first := Midnight(now)
	first = first.AddDate(0, 0, 1-first.Day())
	day := first.AddDate(0, 0, l.Monthly-1)
	for i := 0; i < 14 && !worked(day); i++ { // the longest holiday has nine days
		day = day.AddDate(0, 0, 1)
	}
	return listed(first, day, day.AddDate(0, 0, 7), now, worked)
}

// listed gives period when now is a working day in [from, to).
func listed(period, from, to, now time.Time, worked func(time.Time) bool) time.Time {
	if now.Before(from) || !now.Before(to) || !worked(now) {
		return time.Time{}
	}
	return period
}
