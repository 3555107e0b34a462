package corpus

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/intake"
	"qianhe/approval/workday"
)

// accounts finds people by login, under which they also act.
type accounts struct{ plan *Plan }

func (a accounts) PersonByLogin(_ context.Context, login string) (approval.Person, error) {
	who := a.plan.Person(login)
	if who == nil {
		return approval.Person{}, approval.ErrNotFound
	}
	return approval.Person{ID: approval.PersonID(login), Name: who.Name, Title: who.Title, Roles: who.Roles}, nil
}

// seed plays the plan as the demonstration does, without a database.
func seed(t *testing.T, p *Plan, now time.Time, cal approval.Calendar) []*approval.Document {
	t.Helper()
	n := 0
	newID := func() string { n++; return fmt.Sprintf("id%d", n) }
	var list []*approval.Document
	for _, s := range p.Schedule(now, cal) {
		files, err := s.Package()
		if err != nil {
			t.Fatal(err)
		}
		r, err := intake.Prepare(t.Context(), files, s.Order, accounts{p}, cal, s.Received, newID)
		if err != nil {
			t.Fatalf("%s: %v", s.Dir, err)
		}
		if classified := r.Document.Grade.Classified(); classified != (len(r.Warnings) > 0) && !r.Document.Deadline.Uncertain {
			t.Errorf("%s: warnings %q", s.Dir, r.Warnings)
		}
		if !r.Document.ReceivedAt.Equal(s.Received) {
			t.Errorf("%s: received %s, want %s", s.Dir, r.Document.ReceivedAt, s.Received)
		}
		for _, a := range s.Done {
			who := p.Person(a.Account)
			by := approval.Actor{Person: approval.PersonID(a.Account), Name: who.Name, Title: who.Title, Roles: who.Roles}
			if _, err := a.Apply(r.Document, by, newID); err != nil {
				t.Fatalf("%s: %s %s: %v", s.Dir, a.Account, a.Action.Action, err)
			}
		}
		list = append(list, r.Document)
	}
	return list
}

// moments are days and times on which a demonstration may be started.
var moments = map[string]time.Time{
	"Monday morning":                   at(2026, 11, 23, 9, 30),
	"Monday, minutes after midnight":   at(2026, 11, 23, 0, 7),
	"Friday, late":                     at(2026, 11, 27, 23, 59),
	"Saturday":                         at(2026, 11, 28, 14, 0),
	"Sunday, at midnight":              at(2026, 11, 29, 0, 0),
	"a holiday on a Friday":            at(2026, 12, 25, 10, 0),
	"the first day worked of a year":   at(2027, 1, 4, 8, 0),
	"in the middle of the New Year":    at(2026, 2, 18, 12, 0),
	"the morning after it":             at(2026, 2, 23, 9, 5),
	"a make-up workday on a Saturday":  at(2025, 2, 8, 11, 0),
	"a year without official calendar": at(2028, 5, 17, 15, 0),
	"New Year's Day without one":       at(2030, 1, 1, 9, 0),
}

func at(y int, m time.Month, d, h, min int) time.Time {
	return time.Date(y, m, d, h, min, 0, 0, approval.Zone)
}

func TestCounts(t *testing.T) {
	t.Parallel()
	p := load(t)
	want := map[string]approval.TrayCounts{
		"wang":  {All: 5, Highest: 1, Overdue: 1, Decide: 1, Consult: 1},
		"chen":  {All: 3, Decide: 1},
		"kao":   {All: 2, Decide: 2},
		"chang": {All: 2},
		"lin":   {All: 1, Returned: 1},
	}
	for name, now := range moments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cal := workday.Official()
			got := map[string]approval.TrayCounts{}
			for _, doc := range seed(t, p, now, cal) {
				for _, s := range doc.Route.Steps {
					if s.State != approval.StepActive {
						continue
					}
					c := got[string(s.Person)]
					c.All++
					c.Highest += count(doc.Speed == approval.SpeedHighest)
					c.Overdue += count(doc.Deadline.Overdue(now))
					c.Decide += count(s.Duty == approval.DutyDecide)
					c.Consult += count(s.Duty == approval.DutyConsult)
					c.Returned += count(s.Origin == approval.OriginReturned)
					got[string(s.Person)] = c
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pending (-want +got):\n%s", diff)
			}
		})
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// TestStory: what the demonstration tells about single documents.
func TestStory(t *testing.T) {
	t.Parallel()
	p := load(t)
	now := moments["Monday morning"]
	decided, classified := 0, 0
	for _, doc := range seed(t, p, now, workday.Official()) {
		decided += count(doc.State == approval.StateDecided)
		switch {
		case doc.Grade.Classified():
			classified++
			if doc.Active("chen") == nil {
				t.Error("the classified document is not with chen")
			}
		case doc.Speed == approval.SpeedHighest:
			step := doc.Active("wang")
			if step == nil || step.Duty != approval.DutyReview {
				t.Fatalf("the 最速件 is not with wang for review: %+v", step)
			}
			if doc.Type != approval.TypeLetter || !doc.Deadline.Overdue(now) {
				t.Errorf("the 最速件 is a %s, due %s; want a late 函", doc.Type, doc.Deadline.Due)
			}
			next := doc.Route.Next(step.ID)
			if len(next) != 1 || next[0].Person != "chen" || next[0].Duty != approval.DutyReview {
				t.Fatalf("after wang comes %+v, want chen", next)
			}
			last := doc.Route.Next(next[0].ID)
			if len(last) != 1 || last[0].Person != "kao" || last[0].Duty != approval.DutyDecide {
				t.Errorf("after chen comes %+v, want kao who decides", last)
			}
		}
	}
	if decided != 4 || classified != 1 {
		t.Errorf("%d decided and %d classified, want 4 and 1", decided, classified)
	}
}

// TestTimes: nothing happens before receipt, out of order or in the future.
func TestTimes(t *testing.T) {
	t.Parallel()
	p := load(t)
	cal := workday.Official()
	for name, now := range moments {
		last := time.Time{}
		for _, s := range p.Schedule(now, cal) {
			if s.Received.Before(last) {
				t.Errorf("%s: %s is out of order", name, s.Dir)
			}
			last = s.Received
			if !cal.Workday(s.Received) {
				t.Errorf("%s: %s was received on a day off, %s", name, s.Dir, s.Received)
			}
			if got := s.Received.Format(time.RFC3339); got != s.Order.Received {
				t.Errorf("%s: %s: order says %s, schedule %s", name, s.Dir, s.Order.Received, got)
			}
			before := s.Received
			for _, a := range s.Done {
				if a.At.Before(before) || a.At.After(now) {
					t.Errorf("%s: %s: %s acts at %s, between %s and %s", name, s.Dir, a.Account, a.At, before, now)
				}
				before = a.At
			}
		}
	}
}

func TestOfficeHours(t *testing.T) {
	t.Parallel()
	cal := workday.Official()
	tests := []struct {
		name  string
		from  time.Time
		hours float64
		want  time.Time
	}{
		{"the same day", at(2026, 11, 19, 9, 10), 2.5, at(2026, 11, 19, 11, 40)},
		{"into the next day", at(2026, 11, 19, 15, 30), 3, at(2026, 11, 20, 10, 0)},
		{"over a weekend", at(2026, 11, 20, 17, 0), 1, at(2026, 11, 23, 9, 30)},
		{"over a holiday", at(2026, 12, 24, 16, 30), 2, at(2026, 12, 28, 10, 0)},
		{"before opening", at(2026, 11, 19, 7, 0), 1, at(2026, 11, 19, 10, 0)},
	}
	for _, tt := range tests {
		if got := officeHours(tt.from, time.Duration(tt.hours*float64(time.Hour)), cal); !got.Equal(tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
