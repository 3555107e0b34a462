package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"qianhe/approval"
	"qianhe/approval/intake"
	"qianhe/approval/pgapproval"
)

// importer puts a package of files on its way: checked by intake, stored whole
// or not at all by pgapproval. The command line and the API share it.
type importer struct {
	store    *pgapproval.Store
	people   intake.People
	calendar func(ctx context.Context) (approval.Calendar, error)
	now      func() time.Time
}

// Import returns the new document, or the existing one with an
// *approval.DuplicateError.
func (im *importer) Import(ctx context.Context, p intake.Package, o intake.Order) (*intake.Result, error) {
	calendar, err := im.calendar(ctx)
	if err != nil {
		return nil, err
	}
	at := im.now()
	r, err := intake.Prepare(ctx, p, o, im.people, calendar, at, newID(at))
	if err != nil {
		return nil, err
	}
	return r, im.create(ctx, r, at)
}

func (im *importer) create(ctx context.Context, r *intake.Result, at time.Time) error {
	return im.store.Create(ctx, pgapproval.NewDocument{
		Document: r.Document,
		Events:   r.Events,
		Body:     r.Body,
		Files:    r.Files,
		Blobs:    r.Blobs,
		Source:   r.Source,
		At:       at,
	})
}

// newID gives identifiers for things that come about at one moment.
func newID(at time.Time) func() string {
	return func() string { return approval.NewID(at, rand.Reader) }
}

// duplicate reports whether err says that a document was imported before.
func duplicate(err error) *approval.DuplicateError {
	d, ok := errors.AsType[*approval.DuplicateError](err)
	if !ok {
		return nil
	}
	return d
}
