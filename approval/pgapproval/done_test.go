package pgapproval_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
)

func TestDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.o.Draft("1")
	d := b.create(t, in)
	b.forward(t, d.ID, b.o.Auditor.ID)
	must(t, b.store.Update(t.Context(), d.ID, func(d *approval.Document) ([]approval.Event, error) {
		return d.Return(b.o.Act(d, b.o.Auditor.ID, d.Active(b.o.Auditor.ID).ID, 9, "請補充經費來源。", b.newID), approval.ReturnToHandler)
	}))
	done := func(p approval.Person) []approval.DoneCard {
		t.Helper()
		page, err := b.store.Done(t.Context(), p.ID, "", 10)
		must(t, err)
		if page.Next != "" {
			t.Errorf("there is a page after the last")
		}
		return page.Cards
	}
	want := []approval.DoneCard{{
		Card: approval.Card{
			Document: d.ID, Step: d.Route.Steps[2].ID, Number: "1", Type: approval.TypeLetter, Category: "函", Reference: d.Reference, Issuer: "青川市政府",
			Subject: d.Subject, Speed: approval.SpeedNormal, Duty: approval.DutyConsult, Origin: approval.OriginPlanned,
			ArrivedAt: minutes(2), Deadline: in.Deadline, FromName: "科長 陳柏宇", Attached: 2,
		},
		Action: approval.ActionReturn, Opinion: "請補充經費來源。", ClosedAt: minutes(9), State: approval.StateCirculating, Now: "科員 林佳穎",
	}}
	if diff := cmp.Diff(want, done(b.o.Auditor)); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	if got := done(b.o.Director); len(got) != 0 {
		t.Errorf("done by one who has done nothing = %v", got)
	}
	must(t, b.store.Update(t.Context(), d.ID, func(d *approval.Document) ([]approval.Event, error) {
		b.o.Forward(d, b.o.Director.ID, b.newID)
		return b.o.Pass(d, d.Active(b.o.Director.ID), 20, b.newID)
	}))
	for _, p := range []approval.Person{b.o.Handler, b.o.Director} {
		for _, c := range done(p) {
			if c.State != approval.StateDecided || c.Now != "" {
				t.Errorf("card of a decided document = %+v", c)
			}
		}
	}
}

func TestDoneInPages(t *testing.T) {
	t.Parallel()
	const n = 200
	b := setup(t)
	b.seedPending(t, b.o.Director.ID, n)
	_, err := b.pool.Exec(t.Context(), `
		update step
		set state = 'closed', closed_at = arrived_at + interval '1 hour', action = 'approve', acted_by = person, acted_name = '局長'
		where state = 'active'`)
	must(t, err)
	seen := map[approval.StepID]bool{}
	cursor := ""
	var last approval.DoneCard
	for {
		page, err := b.store.Done(t.Context(), b.o.Director.ID, cursor, 7)
		must(t, err)
		for _, c := range page.Cards {
			if last.Step != "" && (last.ClosedAt.Before(c.ClosedAt) || last.ClosedAt.Equal(c.ClosedAt) && last.Step < c.Step) {
				t.Errorf("%s at %s comes after %s at %s", c.Step, c.ClosedAt, last.Step, last.ClosedAt)
			}
			last = c
			seen[c.Step] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		refused := &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
		for i, bad := range []string{cursor[1:], cursor + "A", "x"} {
			_, err = b.store.Done(t.Context(), b.o.Director.ID, bad, 7)
			wantError(t, fmt.Sprint("cursor ", i), err, refused)
		}
		_, err = b.store.Done(t.Context(), b.o.Chief.ID, cursor, 7)
		wantError(t, "another's cursor", err, refused)
		_, err = b.store.Tray(t.Context(), b.o.Director.ID, minutes(0), "", cursor, 7)
		wantError(t, "a cursor of another list", err, refused)
	}
	if len(seen) != n {
		t.Errorf("%d different cards, want %d", len(seen), n)
	}
}
