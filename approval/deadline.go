package approval

import "time"

// Zone is Asia/Taipei, in which every day of the rules begins and ends. Taiwan
// has kept UTC+8 without summer time since 1980.
var Zone = time.FixedZone("Asia/Taipei", 8*60*60)

// Deadline is a due date and how it came about, so that "why this day?" can be
// answered later with the rule and the calendar of that time.
type Deadline struct {
	Due      time.Time // end of the last day, exclusive: 00:00 Asia/Taipei of the next
	Rule     string    // identifier of the rule, such as "speed.highest"
	Calendar string    // version of the calendar it was computed on
	// Uncertain is set when a year without an official calendar was counted
	// with weekends only; screens must say so.
	Uncertain bool
}

// IsZero reports whether no deadline is set.
func (d Deadline) IsZero() bool { return d.Due.IsZero() }

// Day is the last day on which the work is in time, at 00:00 Asia/Taipei.
func (d Deadline) Day() time.Time {
	if d.Due.IsZero() {
		return time.Time{}
	}
	return Midnight(d.Due.Add(-time.Nanosecond))
}

// Overdue reports whether now is past the deadline.
func (d Deadline) Overdue(now time.Time) bool { return !d.Due.IsZero() && !now.Before(d.Due) }

// Midnight is the beginning of t's day in Asia/Taipei.
func Midnight(t time.Time) time.Time {
	y, m, d := t.In(Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, Zone)
}

// Calendar answers what the clock needs; package workday implements it.
type Calendar interface {
	// DueDate gives the deadline of a document of this speed received at t.
	DueDate(received time.Time, speed Speed) Deadline
	// Remaining counts the working days from the day of now to the last day
	// of d: 0 today, negative when late (in working days past it).
	Remaining(now time.Time, d Deadline) int
	// Workday reports whether the day of t is worked.
	Workday(t time.Time) bool
}
