package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"qianhe/approval"
	"qianhe/approval/di"
)

// Prepare checks a package and its order, computes the deadline from the speed
// (速別) and the time of receipt, and puts the document on its way at the time
// given. newID names the document, its steps and its files.
//
// Returns everything that is wrong with the document at once, wrapped with the
// name of the DI; an error of people is returned as it is.
func Prepare(ctx context.Context, p Package, o Order, people People, cal approval.Calendar, at time.Time, newID func() string) (*Result, error) {
	name := baseName(p.DI.Name)
	source, err := di.Decode(p.DI.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := &preparation{p: p, source: source}
	draft, err := r.draft(ctx, o, people, cal, at)
	if err != nil {
		return nil, err
	}
	if source.Body.Grade.Classified() {
		r.warn("%s: classified (%s): only the flow is carried; text, subject, roster and attachments are left out", name, source.Body.Grade)
	} else {
		for _, w := range source.Warnings { // they may cite the text
			r.warn("%s: %s", name, w)
		}
		r.attach()
	}
	document, events := r.start(draft, at, newID)
	if len(r.problems) > 0 {
		return nil, fmt.Errorf("%s: %w", name, errors.Join(r.problems...))
	}
	result := &Result{
		Document: document, Events: events, Body: source.Body, Blobs: map[[32]byte][]byte{},
		Source: sha256.Sum256(p.DI.Bytes), Warnings: r.warnings,
	}
	if source.Body.Grade.Classified() {
		result.flowOnly()
		return result, nil
	}
	result.add(approval.FileSource, 0, name, p.DI.Bytes, newID)
	if p.Roster != nil {
		result.add(approval.FileRoster, 0, baseName(p.Roster.Name), p.Roster.Bytes, newID)
	}
	for i, f := range r.attachments {
		result.add(approval.FileAttachment, i, f.Name, f.Bytes, newID)
	}
	return result, nil
}

// preparation is one document while it is checked.
type preparation struct {
	p           Package
	source      *di.Document
	attachments []File
	problems    []error
	warnings    []string
}

func (r *preparation) refuse(err error) { r.problems = append(r.problems, err) }

func (r *preparation) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// draft collects what the order and the DI say of the way.
func (r *preparation) draft(ctx context.Context, o Order, people People, cal approval.Calendar, at time.Time) (approval.Draft, error) {
	d := approval.Draft{Body: r.source.Body}
	roster := r.source.Roster
	if r.p.Roster != nil {
		roster = r.p.Roster.Name
	}
	var err error
	if d.Number, err = number(o, r.source.Body, roster); err != nil {
		r.refuse(err)
	}
	var problems []error
	if d.Handler, d.Route, problems, err = resolve(ctx, o, people); err != nil {
		return d, err
	}
	r.problems = append(r.problems, problems...)
	if d.ReceivedAt, err = received(o, at); err != nil {
		r.refuse(err)
		return d, nil
	}
	speed := r.source.Body.Speed
	if speed == "" {
		speed = approval.SpeedNormal
	}
	d.Deadline = cal.DueDate(d.ReceivedAt, speed)
	if d.Deadline.Uncertain {
		r.warn("the deadline is counted without an official calendar: %s", d.Deadline.Calendar)
	}
	return d, nil
}

// start runs the domain's own checks. It stops at the first, so it is asked
// only where nothing else stands in its way, or with a stand-in for it.
func (r *preparation) start(d approval.Draft, at time.Time, newID func() string) (*approval.Document, []approval.Event) {
	if len(r.problems) > 0 {
		if d.Number == "" {
			d.Number = "-"
		}
		if d.Handler == "" {
			d.Handler = "-"
		}
		if d.ReceivedAt.IsZero() {
			d.ReceivedAt = at
		}
		for i := range d.Route {
			if d.Route[i].Person == "" {
				d.Route[i].Person = "-"
			}
		}
	}
	document, events, err := approval.Start(d, at, newID)
	if err != nil {
		r.refuse(err)
	}
	return document, events
}

// add puts a file into the result, its bytes once per content.
func (r *Result) add(role approval.FileRole, position int, name string, b []byte, newID func() string) {
	sum := sha256.Sum256(b)
	r.Blobs[sum] = b
	r.Files = append(r.Files, approval.File{
		ID: approval.FileID(newID()), Name: name, MediaType: mediaType(b), Size: int64(len(b)), SHA256: sum, Role: role, Position: position,
	})
}

// flowOnly takes everything from a classified document that is not needed to
// route it (文書處理手冊: the system carries the flow, the content stays in the
// office).
func (r *Result) flowOnly() {
	b := r.Body
	r.Body = approval.Body{Type: b.Type, Category: b.Category, Speed: b.Speed, Grade: b.Grade, Release: b.Release}
	r.Document.Subject, r.Document.Reference = "", ""
}
