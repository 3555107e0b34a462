package pgapproval_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
)

// checkPlaces compares places in a tray with all its cards.
func (b *bundle) checkPlaces(t *testing.T, p approval.PersonID, now time.Time, all []approval.Card) {
	t.Helper()
	at := func(i int) approval.DocumentID {
		if i < 0 || i >= len(all) {
			return ""
		}
		return all[i].Document
	}
	for _, i := range []int{0, 1, len(all) / 2, len(all) - 2, len(all) - 1} {
		got, err := b.store.Place(t.Context(), p, now, at(i))
		must(t, err)
		if diff := cmp.Diff(approval.Place{Position: i + 1, Total: len(all), Previous: at(i - 1), Next: at(i + 1)}, got); diff != "" {
			t.Errorf("place of card %d (-want +got):\n%s", i, diff)
		}
	}
	got, err := b.store.Place(t.Context(), p, now, "none")
	must(t, err)
	if diff := cmp.Diff(approval.Place{Total: len(all), Next: at(0)}, got); diff != "" {
		t.Errorf("place of what is not in the tray (-want +got):\n%s", diff)
	}
}

func TestPlaceInSmallTrays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	place := func(p approval.Person, id approval.DocumentID) approval.Place {
		t.Helper()
		got, err := b.store.Place(t.Context(), p.ID, minutes(60), id)
		must(t, err)
		return got
	}
	if got := place(b.o.Handler, "none"); got != (approval.Place{}) {
		t.Errorf("place in an empty tray = %+v", got)
	}
	d := b.create(t, b.o.Draft("1"))
	if got := place(b.o.Handler, d.ID); got != (approval.Place{Position: 1, Total: 1}) {
		t.Errorf("place of the only one = %+v", got)
	}
	if got := place(b.o.Handler, ""); got != (approval.Place{Total: 1, Next: d.ID}) {
		t.Errorf("place of nothing = %+v", got)
	}
	// On two branches back to the handler: in the tray twice, one document.
	newID := b.newID
	twice := b.o.Branches(newID, "2")
	n := b.new(b.o.Draft("2"))
	twice.ID, n.Document = n.Document.ID, twice
	must(t, b.store.Create(t.Context(), n))
	must(t, b.store.Update(t.Context(), twice.ID, func(d *approval.Document) ([]approval.Event, error) {
		b.o.Forward(d, b.o.Chief.ID, newID)
		for i, p := range []approval.Person{b.o.Chief, b.o.Auditor} {
			if _, err := d.Return(b.o.Act(d, p.ID, d.Active(p.ID).ID, 10+i, "請補充。", newID), approval.ReturnToHandler); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}))
	if got := place(b.o.Handler, d.ID); got != (approval.Place{Position: 1, Total: 2, Next: twice.ID}) {
		t.Errorf("place before one that is there twice = %+v", got)
	}
	if got := place(b.o.Handler, twice.ID); got != (approval.Place{Position: 2, Total: 2, Previous: d.ID}) {
		t.Errorf("place of one that is there twice = %+v", got)
	}
	if got := len(b.turn(t, b.o.Handler.ID, minutes(60), "", 1)); got != 3 {
		t.Errorf("%d cards, want both branches and the other document", got)
	}
}
