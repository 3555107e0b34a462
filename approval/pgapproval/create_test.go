package pgapproval_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgapproval"
)

// What is created comes back exactly as it was.
func TestCreate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.o.Draft("1150012345")
	in.Body = approvaltest.Body(40)
	in.Deadline.Uncertain = true
	n := b.new(in)
	must(t, b.store.Create(t.Context(), n))
	if diff := cmp.Diff(n.Events, b.queue.take()); diff != "" {
		t.Errorf("events (-made +told):\n%s", diff)
	}
	want := *n.Document
	got := b.load(t, want.ID)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-made +loaded):\n%s", diff)
	}
	r, err := b.store.Open(t.Context(), want.ID, b.o.Handler.ID)
	must(t, err)
	if diff := cmp.Diff(approval.Content{Document: want.ID, Version: 1, Body: in.Body, Files: n.Files}, r.Content); diff != "" {
		t.Errorf("content (-made +loaded):\n%s", diff)
	}
	for _, f := range n.Files {
		got, content, err := b.store.File(t.Context(), f.ID, b.o.Handler.ID)
		must(t, err)
		if diff := cmp.Diff(f, got); diff != "" {
			t.Errorf("file (-made +loaded):\n%s", diff)
		}
		if string(content) != string(n.Blobs[f.SHA256]) {
			t.Errorf("file %s comes back with %d other bytes", f.Name, len(content))
		}
	}
}

func TestCreateDuplicate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.new(b.o.Draft("1"))
	must(t, b.store.Create(t.Context(), first))
	b.queue.take()
	before := b.rows(t)
	again := b.new(b.o.Draft("1"))
	tests := []struct {
		name   string
		change func(*pgapproval.NewDocument)
		same   bool
	}{
		{"the same file", func(n *pgapproval.NewDocument) { n.Source = first.Source }, true},
		{"the same file under another number", func(n *pgapproval.NewDocument) { n.Source = first.Source; n.Document.Number = "2" }, true},
		{"the same number", func(*pgapproval.NewDocument) {}, false},
	}
	for _, tt := range tests {
		n := again
		d := *again.Document
		n.Document = &d
		tt.change(&n)
		err := b.store.Create(t.Context(), n)
		got, ok := errors.AsType[*approval.DuplicateError](err)
		if !ok {
			t.Errorf("%s: error = %v, want a DuplicateError", tt.name, err)
			continue
		}
		if diff := cmp.Diff(&approval.DuplicateError{Existing: first.Document.ID, SameFile: tt.same}, got); diff != "" {
			t.Errorf("%s: error (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := b.rows(t); got != before {
		t.Errorf("left behind: %s, before %s", got, before)
	}
	if told := b.queue.take(); told != nil {
		t.Errorf("told of what was not stored: %v", told)
	}
	other := again
	other.Document.Issuer = "青川市議會" // the same number of another issuer is another document
	must(t, b.store.Create(t.Context(), other))
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.rows(t)
	broken := errors.New("queue is broken")
	invalid := func(field, reason string) error { return &approval.InvalidError{Field: field, Reason: reason} }
	tests := []struct {
		name   string
		change func(*pgapproval.NewDocument)
		want   error // nil: any
	}{
		{"a handler whom nobody knows", func(n *pgapproval.NewDocument) { n.Document.Handler = "nobody" }, invalid("handler", "route.person.unknown")},
		{"a station whom nobody knows", func(n *pgapproval.NewDocument) { n.Document.Route.Steps[2].Person = "nobody" }, invalid("route", "route.person.unknown")},
		{"NUL in the subject", func(n *pgapproval.NewDocument) { n.Document.Subject = "主\x00旨" }, invalid("text", "text.characters")},
		{"NUL in the body", func(n *pgapproval.NewDocument) { n.Body.Sections[0].Items[0].Text = "第\x00點" }, invalid("text", "text.characters")},
		{"bytes that are no text in the body", func(n *pgapproval.NewDocument) { n.Body.Subject = "主\xff旨" }, invalid("body", "text.characters")},
		{"a speed that is none", func(n *pgapproval.NewDocument) { n.Document.Speed = "特急件" }, invalid("document", "value.refused")},
		{"a file without bytes", func(n *pgapproval.NewDocument) { delete(n.Blobs, n.Files[1].SHA256) }, nil},
		{"bytes that are others", func(n *pgapproval.NewDocument) { n.Blobs[n.Files[1].SHA256] = []byte("other") }, nil},
		{"a queue that fails", func(*pgapproval.NewDocument) { b.queue.err = broken }, broken},
	}
	for i, tt := range tests {
		n := b.new(b.o.Draft(fmt.Sprint(i)))
		tt.change(&n)
		err := b.store.Create(t.Context(), n)
		b.queue.err = nil
		wantError(t, tt.name, err, tt.want)
		if got := b.rows(t); got != before {
			t.Errorf("%s: left behind %s, before %s", tt.name, got, before)
		}
	}
	if told := b.queue.take(); told != nil {
		t.Errorf("told of what was not stored: %v", told)
	}
	if err := pgapproval.New(b.pool, nil).Create(t.Context(), b.new(b.o.Draft("x"))); err == nil {
		t.Error("a store that can tell nobody has taken a document")
	}
}

// wantError compares an InvalidError by field and reason, others with Is.
func wantError(t testing.TB, name string, err, want error) {
	t.Helper()
	if w, ok := errors.AsType[*approval.InvalidError](want); ok {
		if got, ok := errors.AsType[*approval.InvalidError](err); !ok || got.Field != w.Field || got.Reason != w.Reason {
			t.Errorf("%s: error = %v, want %v", name, err, want)
		}
		return
	}
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: error = %v, want %v", name, err, want)
	}
}

// Imports of the same attachments at the same time share the bytes and do not
// lock each other up.
func TestCreateSharesBlobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	files, blobs := approvaltest.Attachments(b.newID, 8, 2000)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		n := b.new(b.o.Draft(fmt.Sprint(i)))
		n.Source, n.Blobs, n.Files = token(fmt.Sprint(i)), blobs, nil
		for _, f := range files {
			f.ID = approval.FileID(b.newID())
			n.Files = append(n.Files, f)
		}
		wg.Go(func() { errs[i] = b.store.Create(t.Context(), n) })
	}
	wg.Wait()
	for _, err := range errs {
		must(t, err)
	}
	if got := column[int](t, b.pool, `select count(*) from blob`)[0]; got != len(blobs) {
		t.Errorf("%d blobs, want %d", got, len(blobs))
	}
}
