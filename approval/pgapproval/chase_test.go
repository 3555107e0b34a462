package pgapproval_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

func TestChased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	now := approvaltest.Now()
	chased := func(horizon time.Time) []approval.Chased {
		t.Helper()
		list, err := b.store.Chased(t.Context(), horizon)
		must(t, err)
		return list
	}
	if d.Deadline.IsZero() || len(chased(d.Deadline.Due.Add(-time.Second))) != 0 {
		t.Fatalf("a document due at %s is chased before the horizon has reached it", d.Deadline.Due)
	}
	first := d.Route.Steps[0]
	want := []approval.Chased{{
		Document: d.ID, Due: d.Deadline.Due, Handler: d.Handler, Unit: b.o.Section.ID,
		Hands: []approval.Hand{{Step: first.ID, Person: first.Person, Unit: b.o.Section.ID}},
	}}
	if diff := gocmp.Diff(want, chased(d.Deadline.Due)); diff != "" {
		t.Errorf("chased (-want +got):\n%s", diff)
	}
	// In the chief's hands it is still the handler's; who has left is not asked.
	b.forward(t, d.ID, b.o.Chief.ID)
	_, err := b.pool.Exec(t.Context(), `update person set left_at = $2 where id = $1`, d.Handler, now)
	must(t, err)
	got := chased(d.Deadline.Due)
	if len(got) != 1 || got[0].Handler != "" || len(got[0].Hands) != 1 || got[0].Hands[0].Person != b.o.Chief.ID {
		t.Errorf("chased is %+v, want the chief alone", got)
	}
	_, err = b.pool.Exec(t.Context(), `update document set state = 'decided', decided_at = $2 where id = $1`, d.ID, now)
	must(t, err)
	if got := chased(d.Deadline.Due); len(got) != 0 {
		t.Errorf("a decided document is chased: %+v", got)
	}
}

func TestStaffOfTheStore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.store.CreatePerson(t.Context(), approval.Person{ID: "desk", Name: "登記桌", Unit: b.o.Section.ID, Roles: []approval.Role{approval.RoleRegistry}}, approvaltest.Now()))
	must(t, b.store.CreatePerson(t.Context(), approval.Person{ID: "gone", Name: "登記桌", Unit: b.o.Section.ID, Roles: []approval.Role{approval.RoleRegistry}}, approvaltest.Now()))
	_, err := b.pool.Exec(t.Context(), `update person set left_at = created_at where id = 'gone'`)
	must(t, err)
	s, err := b.store.Staff(t.Context())
	must(t, err)
	if diff := gocmp.Diff([]approval.PersonID{"desk"}, s.Desk(b.o.Section.ID)); diff != "" {
		t.Errorf("desk (-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff([]approval.PersonID{b.o.Director.ID}, s.Head(b.o.Section.ID, b.o.Chief.ID)); diff != "" {
		t.Errorf("head above the chief (-want +got):\n%s", diff)
	}
}
