package pgapproval_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
)

// The store is a document in memory that survives: the same acts on both give
// the same document, the same record and the same events.
func TestUpdateConforms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	memory := b.load(t, d.ID)
	b.queue.take()
	var record []approval.Decision
	script := []struct {
		by  approval.Person
		how string
	}{
		{b.o.Handler, "pass"}, {b.o.Chief, "pass"}, {b.o.Auditor, "previous"}, {b.o.Chief, "handler"}, {b.o.Handler, "pass"}, {b.o.Chief, "pass"},
		{b.o.Auditor, "pass"}, {b.o.Deputy, "handler"}, {b.o.Handler, "pass"}, {b.o.Chief, "pass"}, {b.o.Auditor, "pass"}, {b.o.Deputy, "pass"},
		{b.o.Director, "previous"}, {b.o.Deputy, "pass"}, {b.o.Director, "pass"},
	}
	for n, move := range script {
		seed := uint64(100 + n)
		act := func(d *approval.Document) ([]approval.Event, error) {
			newID := approvaltest.IDs(seed)
			s := d.Active(move.by.ID)
			if s == nil {
				return nil, fmt.Errorf("%s has nothing to do", move.by.Title)
			}
			a := b.o.Act(d, s.Person, s.ID, n, "請查照。\n如擬。", newID)
			if move.how == "pass" {
				return b.o.Pass(d, s, n, newID)
			}
			return d.Return(a, approval.ReturnTo(move.how))
		}
		want, err := act(&memory)
		must(t, err)
		must(t, b.store.UpdateOnce(t.Context(), d.ID, token(fmt.Sprint(n)), minutes(n), act))
		if diff := cmp.Diff(want, b.queue.take()); diff != "" {
			t.Fatalf("move %d: events (-memory +told):\n%s", n, diff)
		}
		record = append(record, memory.Decisions...)
		memory.Decisions = nil
		memory.Revision++
		if diff := cmp.Diff(memory, b.load(t, d.ID)); diff != "" {
			t.Fatalf("move %d: document (-memory +stored):\n%s", n, diff)
		}
	}
	if memory.State != approval.StateDecided {
		t.Errorf("state = %s at the end of the script", memory.State)
	}
	var got []approval.Decision
	rows, err := b.pool.Query(t.Context(), `
		select step, action, person, coalesce(on_behalf_of, ''), name, title, unit, session, address, at, version, opinion
		from decision where document = $1 order by id`, string(d.ID))
	must(t, err)
	for rows.Next() {
		var e approval.Decision
		must(t, rows.Scan(&e.Step, &e.Action, &e.By.Person, &e.By.OnBehalfOf, &e.By.Name, &e.By.Title, &e.By.Unit, &e.By.Session, &e.By.Address, &e.At, &e.Version, &e.Opinion))
		e.By.Roles = b.o.Person(e.By.Person).Roles // not of the record
		got = append(got, e)
	}
	must(t, rows.Err())
	if diff := cmp.Diff(record, got); diff != "" {
		t.Errorf("record (-memory +stored):\n%s", diff)
	}
}

// A deputy, a principal, steps added and a deadline moved: all of it comes back.
func TestUpdateStoresAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	var want approval.Document
	must(t, b.store.Update(t.Context(), d.ID, func(d *approval.Document) ([]approval.Event, error) {
		d.Handler, d.Speed, d.Subject = b.o.Chief.ID, approval.SpeedHighest, "更正主旨"
		d.Deadline = approval.Deadline{}
		s := &d.Route.Steps[1]
		s.Person, s.Principal = b.o.Stranger.ID, b.o.Chief.ID
		added := approval.Step{ID: approval.StepID(b.newID()), After: []approval.StepID{d.Route.Steps[0].ID, s.ID}, Duty: approval.DutyConsult, Person: b.o.Auditor.ID,
			State: approval.StepWaiting, Origin: approval.OriginAdded, From: s.ID}
		d.Route.Steps = append(d.Route.Steps, added)
		d.Route.Steps[2].After = []approval.StepID{added.ID}
		want = *d
		return nil, nil
	}))
	want.Revision++
	if diff := cmp.Diff(want, b.load(t, d.ID)); diff != "" {
		t.Errorf("document (-changed +stored):\n%s", diff)
	}
}

// stamps tells whether any row of a document was written.
func (b *bundle) stamps(t testing.TB, id approval.DocumentID) string {
	t.Helper()
	return fmt.Sprint(column[string](t, b.pool, `
		select xmin::text from document where id = $1
		union all select string_agg(xmin::text, ' ' order by position) from step where document = $1`, string(id)))
}

func TestUpdateWritesWhatChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	before := b.stamps(t, d.ID)
	b.load(t, d.ID)
	if got := b.stamps(t, d.ID); got != before {
		t.Errorf("a look has written rows: %s, before %s", got, before)
	}
	must(t, b.store.Update(t.Context(), d.ID, func(d *approval.Document) ([]approval.Event, error) {
		return b.o.Pass(d, d.Active(b.o.Handler.ID), 7, b.newID)
	}))
	changed := column[int](t, b.pool, `
		select s.position from step s join document d on d.id = s.document where d.id = $1 and s.xmin = d.xmin order by 1`, string(d.ID))
	if diff := cmp.Diff([]int{0, 1}, changed); diff != "" {
		t.Errorf("steps written (-want +got):\n%s", diff)
	}
	if got := column[time.Time](t, b.pool, `select updated_at from document where id = $1`, string(d.ID))[0]; !got.Equal(minutes(7)) {
		t.Errorf("updated at %s, want %s", got, minutes(7))
	}
	// Events are passed on even when nothing was changed.
	b.queue.take()
	e := approval.Event{Kind: approval.EventArrived, Document: d.ID, Step: "x", Person: b.o.Chief.ID}
	must(t, b.store.Update(t.Context(), d.ID, func(*approval.Document) ([]approval.Event, error) { return []approval.Event{e}, nil }))
	if diff := cmp.Diff([]approval.Event{e}, b.queue.take()); diff != "" {
		t.Errorf("events (-want +told):\n%s", diff)
	}
}

func TestUpdateFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	b.forward(t, d.ID, b.o.Chief.ID)
	b.queue.take()
	before, document := b.rows(t), b.load(t, d.ID)
	broken := errors.New("broken")
	submit := func(d *approval.Document) ([]approval.Event, error) {
		return b.o.Pass(d, d.Active(b.o.Chief.ID), 3, b.newID)
	}
	tests := []struct {
		name string
		fn   func(*approval.Document) ([]approval.Event, error)
		want error // nil: any
	}{
		{"refused", func(d *approval.Document) ([]approval.Event, error) {
			if _, err := submit(d); err != nil {
				return nil, err
			}
			return nil, approval.ErrForbidden
		}, approval.ErrForbidden},
		{"the queue fails", func(d *approval.Document) ([]approval.Event, error) {
			b.queue.err = broken
			return submit(d)
		}, broken},
		{"a step of somebody whom nobody knows", func(d *approval.Document) ([]approval.Event, error) {
			d.Route.Steps[3].Person = "nobody"
			return submit(d)
		}, &approval.InvalidError{Field: "route", Reason: "route.person.unknown"}},
		{"NUL in an opinion", func(d *approval.Document) ([]approval.Event, error) {
			events, err := submit(d)
			d.Route.Steps[1].Opinion = "\x00"
			return events, err
		}, &approval.InvalidError{Field: "text", Reason: "text.characters"}},
		{"a closed step has changed", func(d *approval.Document) ([]approval.Event, error) {
			d.Route.Steps[0].Opinion = "其實不同意"
			return nil, nil
		}, nil},
		{"a closed step was opened", func(d *approval.Document) ([]approval.Event, error) {
			s := &d.Route.Steps[0]
			s.State, s.ClosedAt, s.Action, s.ActedBy = approval.StepActive, time.Time{}, "", ""
			return nil, nil
		}, nil},
		{"a step was taken out", func(d *approval.Document) ([]approval.Event, error) {
			d.Route.Steps = d.Route.Steps[:4]
			return nil, nil
		}, nil},
		{"steps have changed places", func(d *approval.Document) ([]approval.Event, error) {
			d.Route.Steps[3], d.Route.Steps[4] = d.Route.Steps[4], d.Route.Steps[3]
			return nil, nil
		}, nil},
		{"another document", func(d *approval.Document) ([]approval.Event, error) { d.ID = "x"; return nil, nil }, nil},
		{"a version without content", func(d *approval.Document) ([]approval.Event, error) { d.Version++; return nil, nil }, nil},
	}
	for i, tt := range tests {
		err := b.store.UpdateOnce(t.Context(), d.ID, token(fmt.Sprint("fails", i)), minutes(3), tt.fn)
		b.queue.err = nil
		wantError(t, tt.name, err, tt.want)
		if got := b.rows(t); got != before {
			t.Errorf("%s: left behind %s, before %s", tt.name, got, before)
		}
		if diff := cmp.Diff(document, b.load(t, d.ID)); diff != "" {
			t.Errorf("%s: the document has changed (-before +after):\n%s", tt.name, diff)
		}
	}
	if told := b.queue.take(); told != nil {
		t.Errorf("told of what was not stored: %v", told)
	}
	err := b.store.Update(t.Context(), "none", func(*approval.Document) ([]approval.Event, error) {
		t.Error("fn was called without a document")
		return nil, nil
	})
	wantError(t, "no such document", err, approval.ErrNotFound)
	// A form that was refused can be sent again.
	must(t, b.store.UpdateOnce(t.Context(), d.ID, token("fails0"), minutes(3), submit))
}

func TestUpdatePanics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	before := b.rows(t)
	func() {
		defer func() {
			if got := recover(); got != "bug" {
				t.Errorf("recovered %v, want the panic of fn", got)
			}
		}()
		_ = b.store.UpdateOnce(t.Context(), d.ID, token("1"), minutes(1), func(d *approval.Document) ([]approval.Event, error) {
			d.Subject = "改"
			panic("bug")
		})
	}()
	if got := b.rows(t); got != before {
		t.Errorf("left behind %s, before %s", got, before)
	}
	if got := b.pool.Stat().AcquiredConns(); got != 0 {
		t.Errorf("%d connections are held after a panic", got)
	}
	b.load(t, d.ID) // and the lock is gone
}

// Whoever is told after the commit finds it done, and can use the store.
func TestUpdateTellsAfterCommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	b.queue.take()
	calls, revision := 0, int64(0)
	b.queue.after = func() {
		calls++
		revision = b.load(t, d.ID).Revision
	}
	must(t, b.store.Update(t.Context(), d.ID, func(d *approval.Document) ([]approval.Event, error) {
		return b.o.Pass(d, d.Active(b.o.Handler.ID), 1, b.newID)
	}))
	if calls != 1 || revision != d.Revision+1 {
		t.Errorf("told %d times, then at revision %d; want once, at %d", calls, revision, d.Revision+1)
	}
}

// A caller who has gone before the change leaves nothing; one who goes during
// the commit does not undo it.
func TestUpdateCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.create(t, b.o.Draft("1"))
	b.queue.take()
	pass := func(d *approval.Document) ([]approval.Event, error) {
		return b.o.Pass(d, d.Active(b.o.Handler.ID), 1, b.newID)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.store.Update(ctx, d.ID, pass); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	store := pgapproval.New(b.pool, cancelling{b.queue, cancel})
	if err := store.Update(ctx, d.ID, pass); err != nil {
		t.Errorf("error = %v after the last statement", err)
	}
	if got := b.load(t, d.ID); got.Active(b.o.Chief.ID) == nil {
		t.Error("the change was undone")
	}
	if told := b.queue.take(); len(told) != 2 {
		t.Errorf("told %v, want two events", told)
	}
}
