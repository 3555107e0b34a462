package workday

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
)

//go:embed data/*.csv
var official embed.FS

// Calendar says which days are worked. It is never changed after it was made,
// so any number of goroutines may use one.
type Calendar struct {
	years     map[int]Year
	overrides map[date]Override
}

var _ approval.Calendar = (*Calendar)(nil)

// Override is a day on which an agency departs from the official calendar.
type Override struct {
	Day  time.Time // any time of the day, in Asia/Taipei
	Off  bool      // 停班 when true, 補班 when false
	Note string    // why
}

// date is a day without a time.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.In(approval.Zone).Date()
	return date{y, m, d}
}

// New makes a calendar of the years given; of two for one year the later
// stands.
func New(years ...Year) *Calendar { return (&Calendar{}).WithYears(years...) }

// Official is the calendar that this program carries: 2024 to 2027.
func Official() *Calendar {
	files, err := official.ReadDir("data")
	if err != nil {
		panic("workday: embedded calendars: " + err.Error()) // the build is broken
	}
	years := make([]Year, len(files))
	for i, f := range files {
		b, err := official.ReadFile("data/" + f.Name())
		if err == nil {
			years[i], err = ParseCSV(b)
		}
		if err != nil {
			panic("workday: embedded calendar " + f.Name() + ": " + err.Error())
		}
	}
	return New(years...)
}

// WithYears is c with official years added, or put in the place of those it
// has: for a year that was published or revised after this program.
func (c *Calendar) WithYears(years ...Year) *Calendar {
	n := &Calendar{maps.Clone(c.years), c.overrides}
	if n.years == nil {
		n.years = make(map[int]Year, len(years))
	}
	for _, y := range years {
		n.years[y.number] = y
	}
	return n
}

// With is c with an agency's overrides in the place of those it has.
func (c *Calendar) With(overrides []Override) *Calendar {
	n := &Calendar{c.years, make(map[date]Override, len(overrides))}
	for _, o := range overrides {
		n.overrides[dateOf(o.Day)] = o
	}
	return n
}

// Workday reports whether the day of t is worked.
func (c *Calendar) Workday(t time.Time) bool {
	d := dateOf(t)
	if o, ok := c.overrides[d]; ok {
		return !o.Off
	}
	if y, ok := c.years[d.year]; ok {
		return !y.off[t.In(approval.Zone).YearDay()-1]
	}
	return !weekend(t.In(approval.Zone).Weekday())
}

func weekend(d time.Weekday) bool { return d == time.Saturday || d == time.Sunday }

// Covers reports whether the official calendar of a year is known.
func (c *Calendar) Covers(year int) bool {
	_, ok := c.years[year]
	return ok
}

// DueDate gives the deadline of a document of this speed received at t: the
// last of so many working days, counted from the day after receipt.
func (c *Calendar) DueDate(received time.Time, speed approval.Speed) approval.Deadline {
	rule, days := limit(speed)
	first := approval.Midnight(received).AddDate(0, 0, 1)
	last := first
	for ; ; last = last.AddDate(0, 0, 1) {
		if c.Workday(last) {
			days--
		}
		if days == 0 || last.Sub(first) > searched {
			break
		}
	}
	version, certain := c.version(first, last)
	return approval.Deadline{Due: last.AddDate(0, 0, 1), Rule: rule, Calendar: version, Uncertain: !certain || days > 0}
}

// searched bounds the search for working days: overrides that closed an office
// for a year would otherwise never let it end.
const searched = 366 * 24 * time.Hour

// Remaining counts the working days after the day of now up to the last day of
// d: 0 on the last day itself, and on the days before it when none of those
// left is worked. Late is negative, in working days past the last day and never
// less than one, though none was worked since. Without a deadline it is 0.
func (c *Calendar) Remaining(now time.Time, d approval.Deadline) int {
	if d.IsZero() {
		return 0
	}
	today, last := approval.Midnight(now), d.Day()
	if today.After(last) {
		return min(-c.between(last, today), -1)
	}
	return c.between(today, last)
}

// between counts the working days after one day up to and with another.
func (c *Calendar) between(from, to time.Time) (n int) {
	for day := from.AddDate(0, 0, 1); !day.After(to); day = day.AddDate(0, 0, 1) {
		if c.Workday(day) {
			n++
		}
	}
	return n
}

// version names what the days from first to last were counted on, such as
// "2026@0edd80d3" or "2027@e30df188 2028@weekends agency@f04b253a": each year
// with the digest of its file, and the overrides that fell on these days.
func (c *Calendar) version(first, last time.Time) (version string, certain bool) {
	certain = true
	var parts []string
	for year := first.Year(); year <= last.Year(); year++ {
		y, ok := c.years[year]
		if !ok {
			certain = false
			parts = append(parts, strconv.Itoa(year)+"@weekends")
			continue
		}
		parts = append(parts, strconv.Itoa(year)+"@"+y.Version())
	}
	var departed []string
	for day, o := range c.overrides {
		at := time.Date(day.year, day.month, day.day, 0, 0, 0, 0, approval.Zone)
		if !at.Before(first) && !at.After(last) {
			departed = append(departed, fmt.Sprintf("%s %t", at.Format(time.DateOnly), o.Off))
		}
	}
	if len(departed) > 0 {
		slices.Sort(departed)
		parts = append(parts, "agency@"+digest([]byte(strings.Join(departed, "\n"))))
	}
	return strings.Join(parts, " "), certain
}

// digest is the first eight digits of a SHA-256: to tell versions apart.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// Warning is a year that is counted with weekends only.
type Warning struct{ Year int }

func (w Warning) String() string {
	return fmt.Sprintf("尚無 %d 年政府行政機關辦公日曆表，期限僅依週休二日推算", w.Year-1911)
}

// notice is how long before a year begins its calendar should be there: it is
// published about half a year before, and deadlines reach over new year.
const notice = 2 // months

// Warnings lists the years of which a deadline set at this time may need the
// official calendar, and which have none: this year, and from November on the
// next. A screen shows them to whoever can load a calendar.
func (c *Calendar) Warnings(now time.Time) []Warning {
	var list []Warning
	this := now.In(approval.Zone).Year()
	next := approval.Midnight(now).AddDate(0, notice, 0).Year()
	for year := this; year <= next; year++ {
		if !c.Covers(year) {
			list = append(list, Warning{year})
		}
	}
	return list
}
