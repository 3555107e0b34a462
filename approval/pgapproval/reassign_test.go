package pgapproval_test

import (
	"errors"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/approvaltest"
)

// Somebody leaves with documents in hand, others to come, and some that they
// handle: all of it goes to somebody else, who is told, and it is on record.
func TestReassign(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.create(t, b.o.Draft("1")) // in the handler's hands
	two := b.create(t, b.o.Draft("2"))
	must(t, b.store.Update(t.Context(), two.ID, func(d *approval.Document) ([]approval.Event, error) {
		return b.o.Pass(d, d.Active(b.o.Handler.ID), 1, b.newID)
	}))
	shut := b.create(t, b.o.Draft("3"))
	_, err := b.pool.Exec(t.Context(), `update document set grade = '密' where id = $1`, shut.ID)
	must(t, err)

	h, err := b.store.Held(t.Context(), b.o.Handler.ID, 10)
	if err != nil || h.Waiting != 2 || h.Handled != 3 || h.Coming != 0 || h.Total != 3 || len(h.Items) != 3 || !h.Items[0].Waiting || h.Items[0].Duty != approval.DutyHandle {
		t.Errorf("the handler holds %+v, %v", h, err)
	}
	for _, x := range h.Items {
		if x.Document == shut.ID && x.Number != "" || x.Document == one.ID && x.Number != "1" {
			t.Errorf("listed is %+v", x)
		}
	}
	if h, err := b.store.Held(t.Context(), b.o.Chief.ID, 1); err != nil || h.Waiting != 1 || h.Coming != 2 || h.Handled != 0 || h.Total != 3 || len(h.Items) != 1 {
		t.Errorf("the chief holds %+v, %v", h, err)
	}

	at := approvaltest.Now().Add(time.Hour)
	ctx := access.WithOrigin(t.Context(), access.Origin{Person: b.o.Director.ID, Session: "s", Address: "203.0.113.7"})
	var invalid *approval.InvalidError
	for _, to := range []approval.PersonID{b.o.Stranger.ID, b.o.Handler.ID, "nobody"} { // the stranger has no account yet
		if _, err := b.store.Reassign(ctx, b.o.Handler.ID, to, at); !errors.As(err, &invalid) || invalid.Reason != "reassign.missing" {
			t.Errorf("to %s: %v", to, err)
		}
	}
	_, err = b.pool.Exec(t.Context(), `insert into account (id, person, login, password_hash, created_at) values ('a', $1, 'wu', '', now())`, b.o.Stranger.ID)
	must(t, err)
	n, err := b.store.Reassign(ctx, b.o.Handler.ID, b.o.Stranger.ID, at)
	if n != 3 || err != nil {
		t.Fatalf("reassigned %d, %v", n, err)
	}
	if h, err := b.store.Held(t.Context(), b.o.Handler.ID, 10); err != nil || h.Total != 0 {
		t.Errorf("afterwards the handler holds %+v, %v", h, err)
	}
	if h, err := b.store.Held(t.Context(), b.o.Stranger.ID, 10); err != nil || h.Waiting != 2 || h.Handled != 3 {
		t.Errorf("the other holds %+v, %v", h, err)
	}
	// The new handler sees the document and can go on with it; what the one
	// before has signed stays theirs.
	must(t, b.store.Update(t.Context(), one.ID, func(d *approval.Document) ([]approval.Event, error) {
		return b.o.Pass(d, d.Active(b.o.Stranger.ID), 2, b.newID)
	}))
	reading, err := b.store.Open(t.Context(), two.ID, b.o.Stranger.ID)
	if err != nil || reading.Document.Route.Steps[0].ActedBy != b.o.Handler.ID || reading.Document.Handler != b.o.Stranger.ID {
		t.Errorf("the second document is %+v, %v", reading, err)
	}
	rows, err := b.pool.Query(t.Context(), `
		select concat_ws(' ', kind, actor = $1, person = $2, address, detail ->> 'number', detail ->> 'duty', detail ->> 'to')
		from access_event order by detail ->> 'number' nulls last, detail ->> 'duty'`, b.o.Director.ID, b.o.Handler.ID)
	must(t, err)
	var got []string
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		got = append(got, line)
	}
	must(t, rows.Err())
	head := "work.reassigned t t 203.0.113.7 "
	want := []string{head + "1 handle 吳俊宏", head + "1 handler 吳俊宏", head + "2 handler 吳俊宏", head + "handle 吳俊宏", head + "handler 吳俊宏"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
	if n, err := b.store.Reassign(ctx, b.o.Handler.ID, b.o.Stranger.ID, at); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
}
