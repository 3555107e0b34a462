package pgapproval_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
	"qianhe/approval/workday"
	"qianhe/migrations/localpg/pgtest"
)

func TestPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, want := range append(b.o.People(), approval.Person{ID: "none"}) {
		got, err := b.store.Person(t.Context(), want.ID)
		if want.Name == "" {
			wantError(t, "nobody", err, approval.ErrNotFound)
			continue
		}
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("person (-want +got):\n%s", diff)
		}
	}
	units, err := b.store.Units(t.Context())
	must(t, err)
	if diff := cmp.Diff(b.o.Units(), units); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
	name, err := b.store.UnitName(t.Context(), b.o.Section.ID)
	must(t, err)
	if name != "水利科" {
		t.Errorf("unit = %q", name)
	}
	_, err = b.store.UnitName(t.Context(), "none")
	wantError(t, "no unit", err, approval.ErrNotFound)
	name, err = b.store.AgencyName(t.Context())
	must(t, err)
	if name != "青川市政府" {
		t.Errorf("agency = %q", name)
	}

	p := approval.Person{ID: "new", Name: "無職稱", Unit: b.o.Agency.ID}
	must(t, b.store.CreatePerson(t.Context(), p, approvaltest.Now()))
	got, err := b.store.Person(t.Context(), p.ID)
	must(t, err)
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("person without title and roles (-want +got):\n%s", diff)
	}
	p.ID, p.Unit = "other", "none"
	wantError(t, "of no unit", b.store.CreatePerson(t.Context(), p, approvaltest.Now()), &approval.InvalidError{Field: "unit", Reason: "unit.unknown"})
	p.Unit, p.Roles = b.o.Agency.ID, []approval.Role{"king"}
	wantError(t, "of no known role", b.store.CreatePerson(t.Context(), p, approvaltest.Now()), &approval.InvalidError{Field: "person", Reason: "value.refused"})
	wantError(t, "below no unit", b.store.CreateUnit(t.Context(), approval.Unit{ID: "u", Parent: "none", Name: "股"}), &approval.InvalidError{Field: "unit", Reason: "unit.unknown"})
	wantError(t, "without a name", b.store.CreateUnit(t.Context(), approval.Unit{ID: "u"}), &approval.InvalidError{Field: "unit", Reason: "value.refused"})
}

func TestNoAgency(t *testing.T) {
	t.Parallel()
	r := pgapproval.NewReader(pgtest.New(t))
	_, err := r.AgencyName(t.Context())
	wantError(t, "no agency", err, approval.ErrNotFound)
}

func TestPhrases(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.store.SetPhrases(t.Context(), "", []string{"如擬。", "閱。"}))
	must(t, b.store.SetPhrases(t.Context(), b.o.Chief.ID, []string{"請會計室表示意見。", "甲", "乙"}))
	must(t, b.store.SetPhrases(t.Context(), b.o.Chief.ID, []string{"擬如擬。", "請速辦。"}))
	tests := []struct {
		p    approval.Person
		want []string
	}{
		{b.o.Chief, []string{"擬如擬。", "請速辦。", "如擬。", "閱。"}},
		{b.o.Deputy, []string{"如擬。", "閱。"}},
	}
	for _, tt := range tests {
		got, err := b.store.Phrases(t.Context(), tt.p.ID)
		must(t, err)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("phrases of %s (-want +got):\n%s", tt.p.Title, diff)
		}
	}
	wantError(t, "an empty phrase", b.store.SetPhrases(t.Context(), b.o.Chief.ID, []string{""}), &approval.InvalidError{Field: "phrase", Reason: "value.refused"})
	wantError(t, "nobody's", b.store.SetPhrases(t.Context(), "nobody", []string{"x"}), &approval.InvalidError{Field: "person", Reason: "route.person.unknown"})
	must(t, b.store.SetPhrases(t.Context(), b.o.Chief.ID, nil))
	got, err := b.store.Phrases(t.Context(), b.o.Chief.ID)
	must(t, err)
	if diff := cmp.Diff([]string{"如擬。", "閱。"}, got); diff != "" {
		t.Errorf("phrases after all were removed (-want +got):\n%s", diff)
	}
}

func TestCalendarOverrides(t *testing.T) {
	t.Parallel()
	b := setup(t)
	day := func(d int) time.Time { return time.Date(2026, time.November, d, 0, 0, 0, 0, approval.Zone) }
	set := func(o workday.Override) {
		t.Helper()
		must(t, b.store.SetCalendarOverride(t.Context(), o, approvaltest.Now()))
	}
	set(workday.Override{Day: day(28).Add(5 * time.Hour), Off: false, Note: "補班"})
	set(workday.Override{Day: day(23), Off: true, Note: "颱風"})
	set(workday.Override{Day: day(23).UTC(), Off: true, Note: "颱風停班"}) // the same day, seen from elsewhere
	set(workday.Override{Day: day(25), Off: true})
	must(t, b.store.RemoveCalendarOverride(t.Context(), day(25)))
	must(t, b.store.RemoveCalendarOverride(t.Context(), day(26)))
	got, err := b.store.CalendarOverrides(t.Context())
	must(t, err)
	want := []workday.Override{{Day: day(23), Off: true, Note: "颱風停班"}, {Day: day(28), Note: "補班"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("overrides (-want +got):\n%s", diff)
	}
	if c := workday.Official().With(got); c.Workday(day(23)) || !c.Workday(day(28)) {
		t.Error("the calendar does not follow them")
	}
}
