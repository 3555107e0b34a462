package workday_test

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

func day(tb testing.TB, s string) time.Time {
	tb.Helper()
	d, err := time.ParseInLocation(time.DateOnly, s, approval.Zone)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// The weekdays off that the agencies' calendars of these years name, and the
// Saturdays worked instead of one (補班, abolished in 2025).
func TestOfficialDays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		year, off   int
		weekdaysOff string // month/day
		saturdays   string // worked
	}{
		{2024, 115, "1/1 2/8 2/9 2/12 2/13 2/14 2/28 4/4 4/5 6/10 9/17 10/10", "2/17"},
		{2025, 118, "1/1 1/27 1/28 1/29 1/30 1/31 2/28 4/3 4/4 5/30 9/29 10/6 10/10 10/24 12/25", "2/8"},
		{2026, 120, "1/1 2/16 2/17 2/18 2/19 2/20 2/27 4/3 4/6 5/1 6/19 9/25 9/28 10/9 10/26 12/25", ""},
		{2027, 121, "1/1 2/4 2/5 2/8 2/9 2/10 3/1 4/5 4/6 4/30 6/9 9/15 9/28 10/11 10/25 12/24 12/31", ""},
	}
	c := workday.Official()
	for _, tt := range tests {
		var off, worked []string
		total := 0
		for d := time.Date(tt.year, 1, 1, 9, 0, 0, 0, approval.Zone); d.Year() == tt.year; d = d.AddDate(0, 0, 1) {
			weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
			if !c.Workday(d) {
				total++
			}
			switch name := fmt.Sprintf("%d/%d", d.Month(), d.Day()); {
			case !weekend && !c.Workday(d):
				off = append(off, name)
			case weekend && c.Workday(d):
				worked = append(worked, name)
			}
		}
		if total != tt.off {
			t.Errorf("%d: got %d days off, want %d", tt.year, total, tt.off)
		}
		if diff := cmp.Diff(strings.Fields(tt.weekdaysOff), off); diff != "" {
			t.Errorf("%d: weekdays off (-want +got):\n%s", tt.year, diff)
		}
		if got := strings.Join(worked, " "); got != tt.saturdays {
			t.Errorf("%d: Saturdays worked: got %q, want %q", tt.year, got, tt.saturdays)
		}
	}
}

func TestDueDate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		received string
		speed    approval.Speed
		want     string // last day
		rule     string
	}{
		// over the Lunar New Year of 2026
		{"2026-02-13", approval.SpeedHighest, "2026-02-23", workday.RuleHighest},
		{"2026-02-13", approval.SpeedUrgent, "2026-02-25", workday.RuleUrgent},
		{"2026-02-13", approval.SpeedNormal, "2026-03-03", workday.RuleNormal},
		// over 12/25 and into the next year
		{"2026-12-24", approval.SpeedHighest, "2026-12-28", workday.RuleHighest},
		{"2026-12-24", approval.SpeedUrgent, "2026-12-30", workday.RuleUrgent},
		{"2026-12-24", approval.SpeedNormal, "2027-01-05", workday.RuleNormal},
		// over plain weekends
		{"2026-11-20", approval.SpeedHighest, "2026-11-23", workday.RuleHighest},
		{"2026-11-20", approval.SpeedUrgent, "2026-11-25", workday.RuleUrgent},
		{"2026-11-20", approval.SpeedNormal, "2026-11-30", workday.RuleNormal},
		// received on a day off: the first working day is the first that counts
		{"2026-02-17", approval.SpeedHighest, "2026-02-23", workday.RuleHighest},
		// a Saturday that is worked counts
		{"2025-02-07", approval.SpeedHighest, "2025-02-08", workday.RuleHighest},
		// a speed the format does not know
		{"2026-11-20", "特急件", "2026-11-30", workday.RuleNormal},
	}
	c := workday.Official()
	for _, tt := range tests {
		for _, hour := range []int{0, 9, 23} { // the hour of receipt does not matter
			got := c.DueDate(day(t, tt.received).Add(time.Duration(hour)*time.Hour), tt.speed)
			if got.Day().Format(time.DateOnly) != tt.want || got.Rule != tt.rule || got.Uncertain {
				t.Errorf("DueDate(%s %d:00, %s) = %s by %s, uncertain %t; want %s by %s, certain",
					tt.received, hour, tt.speed, got.Day().Format(time.DateOnly), got.Rule, got.Uncertain, tt.want, tt.rule)
			}
			if want := day(t, tt.want).AddDate(0, 0, 1); !got.Due.Equal(want) {
				t.Errorf("DueDate(%s, %s): Due = %v, want the end of the day, %v", tt.received, tt.speed, got.Due, want)
			}
		}
	}
}

// The day is Taipei's, whatever the zone of the time and of the host.
func TestDayIsTaipeis(t *testing.T) {
	t.Parallel()
	c := workday.Official()
	late := time.Date(2026, 11, 19, 16, 30, 0, 0, time.UTC) // 00:30 on the 20th
	if got := c.DueDate(late, approval.SpeedHighest).Day().Format(time.DateOnly); got != "2026-11-23" {
		t.Errorf("received 16:30 UTC: got %s, want 2026-11-23", got)
	}
	if c.Workday(time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC)) {
		t.Error("00:30 of a Saturday in Taipei is taken for a working day")
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		received string
		days     int
		want     string
	}{
		{"2026-10-07", 10, "2026-10-17"}, // over 10/9 and 10/10, ends on a Saturday
		{"2026-10-09", 30, "2026-11-08"},
		{"2026-12-31", 1, "2027-01-01"},
	}
	for _, tt := range tests {
		got, err := workday.Within(day(t, tt.received).Add(15*time.Hour), tt.days)
		if err != nil {
			t.Errorf("Within(%s, %d): %v", tt.received, tt.days, err)
			continue
		}
		want := approval.Deadline{Due: day(t, tt.want).AddDate(0, 0, 1), Rule: "within.days"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Within(%s, %d) (-want +got):\n%s", tt.received, tt.days, diff)
		}
	}
	for _, days := range []int{-1, 0, 3651} {
		if got, err := workday.Within(day(t, "2026-10-07"), days); err == nil {
			t.Errorf("Within(%d days) = %v, want an error", days, got)
		}
	}
}

func TestVersionSaysWhatWasCountedOn(t *testing.T) {
	t.Parallel()
	c := workday.Official()
	typhoon := c.With([]workday.Override{{Day: day(t, "2026-11-24"), Off: true, Note: "颱風"}})
	tests := []struct {
		name     string
		calendar *workday.Calendar
		received string
		want     string
	}{
		{"one year", c, "2026-11-20", "2026@0edd80d3"},
		{"two years", c, "2026-12-24", "2026@0edd80d3 2027@e30df188"},
		{"an override on these days", typhoon, "2026-11-20", "2026@0edd80d3 agency@f04b253a"},
		{"an override on other days", typhoon, "2026-12-01", "2026@0edd80d3"},
		{"into a year without a calendar", c, "2027-12-28", "2027@e30df188 2028@weekends"},
	}
	for _, tt := range tests {
		if got := tt.calendar.DueDate(day(t, tt.received), approval.SpeedNormal).Calendar; got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	c := workday.Official()
	before := c.DueDate(day(t, "2026-11-20"), approval.SpeedHighest)
	with := c.With([]workday.Override{
		{Day: day(t, "2026-11-23").Add(20 * time.Hour), Off: true, Note: "颱風停班"},
		{Day: day(t, "2026-11-28"), Off: false, Note: "補班"},
		{Day: day(t, "2028-01-03"), Off: true},
	})
	tests := []struct {
		received string
		speed    approval.Speed
		want     string
	}{
		{"2026-11-20", approval.SpeedHighest, "2026-11-24"},
		{"2026-11-20", approval.SpeedNormal, "2026-11-30"}, // one day lost, one gained
		{"2027-12-31", approval.SpeedHighest, "2028-01-04"},
	}
	for _, tt := range tests {
		if got := with.DueDate(day(t, tt.received), tt.speed).Day().Format(time.DateOnly); got != tt.want {
			t.Errorf("received %s, %s: got %s, want %s", tt.received, tt.speed, got, tt.want)
		}
	}
	if got := c.DueDate(day(t, "2026-11-20"), approval.SpeedHighest); got != before {
		t.Error("With has changed the calendar it was called on")
	}
	if got := with.With(nil).DueDate(day(t, "2026-11-20"), approval.SpeedHighest); got != before {
		t.Error("With(nil) keeps overrides")
	}
}

// Somebody enters every day of two years as off: the search must end.
func TestOfficeClosedForEver(t *testing.T) {
	t.Parallel()
	var closed []workday.Override
	for d := day(t, "2026-01-01"); d.Year() < 2028; d = d.AddDate(0, 0, 1) {
		closed = append(closed, workday.Override{Day: d, Off: true})
	}
	got := workday.Official().With(closed).DueDate(day(t, "2026-01-01"), approval.SpeedNormal)
	if !got.Uncertain || got.Due.Year() != 2027 {
		t.Errorf("got %v, uncertain %t; want some day of 2027, uncertain", got.Due, got.Uncertain)
	}
}

func TestMissingYearIsNeverSilent(t *testing.T) {
	t.Parallel()
	c := workday.Official()
	if !c.Covers(2027) || c.Covers(2028) || c.Covers(2023) {
		t.Error("Covers: want 2024 to 2027")
	}
	// 2028-01-01 is a Saturday; the weekday after counts, and nobody knows it.
	got := c.DueDate(day(t, "2027-12-30"), approval.SpeedHighest)
	want := approval.Deadline{Due: day(t, "2028-01-04"), Rule: workday.RuleHighest, Calendar: "2027@e30df188 2028@weekends", Uncertain: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DueDate into 2028 (-want +got):\n%s", diff)
	}
	tests := []struct {
		now  string
		want string
	}{
		{"2026-12-31", ""},
		{"2027-10-31", ""},
		{"2027-11-01", "117"},
		{"2028-03-01", "117"},
		{"2028-12-01", "117 118"},
	}
	for _, tt := range tests {
		var years []string
		for _, w := range c.Warnings(day(t, tt.now)) {
			years = append(years, fmt.Sprint(w.Year-1911))
			if !strings.Contains(w.String(), fmt.Sprintf(" %d 年", w.Year-1911)) {
				t.Errorf("warning %q does not name the year", w)
			}
		}
		if got := strings.Join(years, " "); got != tt.want {
			t.Errorf("Warnings on %s: got years %q, want %q", tt.now, got, tt.want)
		}
	}
}

func TestRemaining(t *testing.T) {
	t.Parallel()
	c := workday.Official()
	friday := approval.Deadline{Due: day(t, "2026-11-21")} // last day 2026-11-20
	saturday := approval.Deadline{Due: day(t, "2026-11-22")}
	tests := []struct {
		name     string
		now      string
		deadline approval.Deadline
		want     int
	}{
		{"a week before", "2026-11-13T08:00", friday, 5},
		{"on the Sunday before", "2026-11-15T08:00", friday, 5},
		{"the day before", "2026-11-19T23:59", friday, 1},
		{"its first minute", "2026-11-20T00:00", friday, 0},
		{"its last minute", "2026-11-20T23:59", friday, 0},
		{"late, on a Saturday", "2026-11-21T00:00", friday, -1},
		{"late, on the Monday", "2026-11-23T10:00", friday, -1},
		{"late, on the Tuesday", "2026-11-24T10:00", friday, -2},
		{"the last day is not worked", "2026-11-20T10:00", saturday, 0},
		{"no deadline", "2026-11-20T10:00", approval.Deadline{}, 0},
	}
	for _, tt := range tests {
		now, err := time.ParseInLocation("2006-01-02T15:04", tt.now, approval.Zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Remaining(now, tt.deadline); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
		if late := tt.deadline.Overdue(now); late != (c.Remaining(now, tt.deadline) < 0) {
			t.Errorf("%s: overdue %t, but remaining %d", tt.name, late, c.Remaining(now, tt.deadline))
		}
	}
}

// What DueDate promises, for every day of the known years.
func TestDueDateCountsWorkingDays(t *testing.T) {
	t.Parallel()
	c := workday.Official()
	speeds := map[approval.Speed]int{approval.SpeedHighest: 1, approval.SpeedUrgent: 3, approval.SpeedNormal: 6}
	for received := day(t, "2024-01-01"); received.Year() < 2028; received = received.AddDate(0, 0, 1) {
		for speed, days := range speeds {
			d := c.DueDate(received, speed)
			if !c.Workday(d.Day()) {
				t.Errorf("%s of %s: last day %s is not worked", speed, received.Format(time.DateOnly), d.Day().Format(time.DateOnly))
			}
			if got := c.Remaining(received, d); got != days {
				t.Errorf("%s of %s: %d working days, want %d", speed, received.Format(time.DateOnly), got, days)
			}
		}
	}
}

func TestWithYears(t *testing.T) {
	t.Parallel()
	all := workday.Official()
	empty := workday.New()
	if empty.Covers(2026) || !empty.DueDate(day(t, "2026-02-13"), approval.SpeedNormal).Uncertain {
		t.Error("a calendar without years must know that it has none")
	}
	y, err := workday.ParseCSV(read(t, "data/calendar-2026.csv"))
	if err != nil {
		t.Fatal(err)
	}
	one := empty.WithYears(y)
	if empty.Covers(2026) || !one.Covers(2026) {
		t.Error("WithYears must make a new calendar")
	}
	if got, want := one.DueDate(day(t, "2026-02-13"), approval.SpeedNormal), all.DueDate(day(t, "2026-02-13"), approval.SpeedNormal); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if !slices.Equal(one.Warnings(day(t, "2026-12-01")), []workday.Warning{{Year: 2027}}) {
		t.Errorf("Warnings: got %v, want 2027", one.Warnings(day(t, "2026-12-01")))
	}
}
