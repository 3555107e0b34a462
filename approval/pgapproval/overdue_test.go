package pgapproval_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
)

func TestOverdue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	now := d.Deadline.Due.Add(time.Hour)
	must(t, b.store.CreatePerson(t.Context(), approval.Person{ID: "audit", Name: "研考", Unit: b.o.Bureau.ID, Roles: []approval.Role{approval.RoleAuditor}}, approvaltest.Now()))
	overdue := func(p approval.PersonID, now, horizon time.Time) approval.OverduePage {
		t.Helper()
		page, err := b.store.Overdue(t.Context(), p, now, horizon, "", 10)
		must(t, err)
		return page
	}
	// Before its last day it is the handler's business alone.
	if got := overdue(d.Handler, d.Deadline.Due.Add(-time.Hour), d.Deadline.Due); got.Due != 1 || got.Late != 0 || len(got.Cards) != 1 {
		t.Errorf("on the last day: %+v", got)
	}
	if got := overdue(b.o.Chief.ID, d.Deadline.Due.Add(-time.Hour), d.Deadline.Due); got.Due != 0 || len(got.Cards) != 0 {
		t.Errorf("on the last day the chief has %+v", got)
	}
	want := approval.OverdueCard{
		Card: approval.Card{
			Document: d.ID, Number: "1", Type: approval.TypeLetter, Category: "函", Reference: d.Reference, Issuer: "青川市政府", Subject: d.Subject,
			Speed: approval.SpeedNormal, Deadline: d.Deadline, Attached: 2,
		},
		Concern: approval.ConcernOwn, Open: true, Handler: "水利科 科員 林佳穎", Now: "科員 林佳穎",
	}
	if diff := gocmp.Diff(approval.OverduePage{Cards: []approval.OverdueCard{want}, Late: 1}, overdue(d.Handler, now, now)); diff != "" {
		t.Errorf("overdue (-want +got):\n%s", diff)
	}
	// Who answers for it sees that it is late, and may not open it before it has
	// reached them.
	want.Open, want.Concern = false, approval.ConcernHead
	want.Subject, want.Issuer, want.Attached = "", "", 0
	if diff := gocmp.Diff(want, overdue(b.o.Chief.ID, now, now).Cards[0]); diff != "" {
		t.Errorf("the chief's (-want +got):\n%s", diff)
	}
	want.Concern = approval.ConcernAll
	if diff := gocmp.Diff(want, overdue("audit", now, now).Cards[0]); diff != "" {
		t.Errorf("研考's (-want +got):\n%s", diff)
	}
	// Its 登記桌 neither, and the chief once it has reached them.
	b.forward(t, d.ID, b.o.Chief.ID)
	if c := overdue(b.o.Chief.ID, now, now).Cards[0]; !c.Open || c.Subject != d.Subject {
		t.Errorf("in the chief's hands: %+v", c)
	}
	if c := overdue("audit", now, now).Cards[0]; c.Open || c.Subject+c.Issuer != "" || c.Number != "1" {
		t.Errorf("in the chief's hands 研考 see %+v", c)
	}
	if got := overdue(b.o.Stranger.ID, now, now); len(got.Cards) != 0 || got.Late != 0 {
		t.Errorf("a stranger has %+v", got)
	}
	// A register of classified documents shows nothing that names them.
	_, err := b.pool.Exec(t.Context(), `update document set grade = '密' where id = $1`, d.ID)
	must(t, err)
	if c := overdue("audit", now, now).Cards[0]; c.Number+c.Reference+c.Issuer+c.Subject != "" || c.Handler == "" || !c.Grade.Classified() {
		t.Errorf("classified: %+v", c)
	}
	_, err = b.pool.Exec(t.Context(), `update document set state = 'decided', decided_at = $2 where id = $1`, d.ID, now)
	must(t, err)
	if got := overdue("audit", now, now); len(got.Cards) != 0 {
		t.Errorf("decided, and still %+v", got)
	}
}

func TestOverdueInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var now time.Time
	for i := range 9 {
		d := b.create(t, b.o.Draft(fmt.Sprint(i)))
		if i%2 == 0 {
			b.forward(t, d.ID, b.o.Chief.ID)
		}
		now = d.Deadline.Due.Add(time.Hour)
	}
	seen := map[approval.DocumentID]bool{}
	var last approval.OverdueCard
	cursor, pages := "", 0
	for {
		page, err := b.store.Overdue(t.Context(), b.o.Chief.ID, now, now, cursor, 2)
		must(t, err)
		if pages++; page.Late != 9 || len(page.Cards) > 2 {
			t.Fatalf("page %d has %d cards of %d", pages, len(page.Cards), page.Late)
		}
		for _, c := range page.Cards {
			if last.Concern == approval.ConcernHead && c.Concern == approval.ConcernOwn {
				t.Errorf("%s of one's own comes after those of others", c.Document)
			}
			last = c
			seen[c.Document] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 9 || pages != 5 {
		t.Errorf("%d documents on %d pages, want 9 on 5", len(seen), pages)
	}
	page, err := b.store.Overdue(t.Context(), b.o.Chief.ID, now, now, "", 2)
	must(t, err)
	for who, cursor := range map[approval.PersonID]string{b.o.Handler.ID: page.Next, b.o.Chief.ID: page.Next[1:]} {
		var invalid *approval.InvalidError
		if _, err := b.store.Overdue(t.Context(), who, now, now, cursor, 2); !errors.As(err, &invalid) || invalid.Field != "cursor" {
			t.Errorf("%s with %q: %v, want a refused cursor", who, cursor, err)
		}
	}
}
