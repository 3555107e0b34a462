package pgapproval

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// Update locks a document, has fn change it, and stores what has changed: the
// document, its route, the record (Document.Decisions) and the events. When fn
// returns an error nothing is stored and Update returns that error; when fn
// changes nothing, nothing is written. Returns [approval.ErrNotFound] when
// there is no such document.
//
// fn runs once, inside the transaction: it must neither wait for anything nor
// use the store.
func (s *Store) Update(ctx context.Context, id approval.DocumentID, fn func(*approval.Document) ([]approval.Event, error)) error {
	return s.update(ctx, id, fn, func(*pgx.Batch) {})
}

// UpdateOnce is [Store.Update] for a form that may be sent once: token is the
// digest of its one-time token, at the time at which it was used. Returns
// [approval.ErrReplayed] when the token was used before. A form that was
// refused may be sent again.
func (s *Store) UpdateOnce(ctx context.Context, id approval.DocumentID, token [32]byte, at time.Time, fn func(*approval.Document) ([]approval.Event, error)) error {
	return s.update(ctx, id, fn, func(b *pgx.Batch) { useToken(b, token, at) })
}

func (s *Store) update(ctx context.Context, id approval.DocumentID, fn func(*approval.Document) ([]approval.Event, error), first func(*pgx.Batch)) error {
	var d approval.Document
	var after func()
	var refused error
	err := s.inTx(ctx, pgx.TxOptions{}, func(b *pgx.Batch) {
		first(b)
		b.Queue(selectDocument+`where id = $1 for update`, string(id)).QueryRow(func(row pgx.Row) error { return scanDocument(row, &d) })
		queueSteps(b, id, &d.Route) // sees what was committed until the lock was got
	}, func(tx pgx.Tx) error {
		before := clone(d)
		var events []approval.Event
		if events, refused = fn(&d); refused != nil {
			return refused
		}
		if err := write(ctx, tx, &before, &d, events); err != nil {
			return err
		}
		var err error
		after, err = s.enqueue(ctx, tx, events)
		return err
	})
	switch {
	case refused != nil:
		return refused // in fn's own words
	case err != nil:
		return fail("change document "+string(id), err)
	}
	if after != nil {
		after()
	}
	return nil
}

// write stores the difference between two states of one document.
func write(ctx context.Context, tx pgx.Tx, before, d *approval.Document, events []approval.Event) error {
	switch {
	case d.ID != before.ID || d.Revision != before.Revision:
		return fmt.Errorf("the identity of the document was changed")
	case d.Version != before.Version:
		return fmt.Errorf("version %d of the text has no content", d.Version)
	case len(d.Route.Steps) < len(before.Route.Steps):
		return fmt.Errorf("steps were taken out of the route")
	}
	var b pgx.Batch
	for i, s := range d.Route.Steps {
		switch {
		case i >= len(before.Route.Steps):
			insertStep(&b, d.ID, i, s)
		case !reflect.DeepEqual(s, before.Route.Steps[i]):
			updateStep(&b, d.ID, i, s, func() error { return fmt.Errorf("step %d of the route was closed and has changed", i) })
		}
	}
	for _, e := range d.Decisions {
		insertDecision(&b, d.ID, e)
	}
	if b.Len() == 0 && equal(*before, *d) {
		return nil
	}
	d.Revision++
	updateDocument(&b, d, changedAt(d, events))
	return tx.SendBatch(ctx, &b).Close()
}

// changedAt is the time of a change: that of what was done, in the actor's
// words. A change that nobody is told of keeps the time of the one before.
func changedAt(d *approval.Document, events []approval.Event) time.Time {
	at := d.ReceivedAt
	for _, e := range d.Decisions {
		at = later(at, e.At)
	}
	for _, e := range events {
		at = later(at, e.At)
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// clone copies a document with all that fn could change in place.
func clone(d approval.Document) approval.Document {
	d.Route.Steps = slices.Clone(d.Route.Steps)
	for i := range d.Route.Steps {
		d.Route.Steps[i].After = slices.Clone(d.Route.Steps[i].After)
	}
	return d
}

// equal compares all but the route and the record, which have their own rows.
func equal(a, b approval.Document) bool {
	a.Route, b.Route = approval.Route{}, approval.Route{}
	a.Decisions, b.Decisions = nil, nil
	return reflect.DeepEqual(a, b)
}
