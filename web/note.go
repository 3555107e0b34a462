package web

import (
	"context"
	"slices"
	"strings"
	"time"

	"qianhe/approval"
)

// fresh is how long what one did is said again on the page that follows.
const fresh = 10 * time.Minute

// noteAfter says what the person has just done with a document, read from the
// record and not from what a form claimed: it is the same sentence for the
// first answer, for a double tap, and for a page that is loaded again.
func (s *Server) noteAfter(ctx context.Context, v *visit, id approval.DocumentID) *note {
	if !approval.ValidID(string(id)) {
		return nil
	}
	rd, err := s.Documents.Open(ctx, id, v.session.Person.ID)
	if err != nil {
		return nil // nothing is lost but a sentence
	}
	step := lastClosed(&rd.Document, v.session.Person.ID)
	if step == nil || v.now.Sub(step.ClosedAt) > fresh {
		return nil
	}
	n := &note{Text: v.words.done(rd, step), Seal: sealed(v.session.Person.Name)}
	if !rd.Document.Grade.Classified() {
		n.URL, n.Link = "/d/"+string(id), documentName(&rd.Document)
	}
	return n
}

// lastClosed gives the step that p closed last, or nil.
func lastClosed(d *approval.Document, p approval.PersonID) *approval.Step {
	var last *approval.Step
	for i := range d.Route.Steps {
		s := &d.Route.Steps[i]
		if s.State == approval.StepClosed && s.ActedBy == p && (last == nil || s.ClosedAt.After(last.ClosedAt)) {
			last = s
		}
	}
	return last
}

// done says what closing a step has done: 已核可，送陳副局長.
func (w *words) done(rd *approval.Reading, step *approval.Step) string {
	did := w.T(didKey(step.Action, step.Duty))
	var to []string
	for _, s := range rd.Document.Route.Steps {
		if s.State != approval.StepWaiting && slices.Contains(s.After, step.ID) {
			to = append(to, called(rd.People[s.Person]))
		}
	}
	switch {
	case step.Action == approval.ActionDecide:
		return w.T("note.decided", did, called(rd.People[rd.Document.Handler]))
	case len(to) == 0:
		return w.T("note.did", did)
	case step.Action == approval.ActionReturn:
		return w.T("note.returned", did, strings.Join(to, w.T("comma")))
	}
	return w.T("note.sent", did, strings.Join(to, w.T("comma")))
}

// documentName is what a document is called in a sentence: its reference, else
// its number.
func documentName(d *approval.Document) string {
	if d.Reference != "" {
		return d.Reference
	}
	return d.Number
}
