package pgapproval_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.o.Draft("1")
	n := b.new(in)
	must(t, b.store.Create(t.Context(), n))
	b.forward(t, n.Document.ID, b.o.Auditor.ID)
	want := approval.Reading{
		Document: b.load(t, n.Document.ID),
		Content:  approval.Content{Document: n.Document.ID, Version: 1, Body: in.Body, Files: n.Files},
		People:   map[approval.PersonID]approval.Person{},
		Units:    map[approval.UnitID]string{b.o.Bureau.ID: "工務局", b.o.Section.ID: "水利科", b.o.Books.ID: "會計室"},
	}
	for _, p := range b.o.People() {
		if p.ID != b.o.Stranger.ID {
			want.People[p.ID] = p
		}
	}
	for _, p := range []approval.Person{b.o.Handler, b.o.Chief, b.o.Auditor} {
		got, err := b.store.Open(t.Context(), n.Document.ID, p.ID)
		must(t, err)
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("reading of %s (-want +got):\n%s", p.Title, diff)
		}
	}
}

// What is not somebody's to see is not there, by every way to it. The rule is
// that of Document.VisibleTo, of which one query has a translation.
func TestVisibility(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := b.new(b.o.Draft("1"))
	must(t, b.store.Create(t.Context(), n))
	id, file := n.Document.ID, n.Files[1].ID
	check := func() {
		t.Helper()
		d := b.load(t, id)
		people := append(b.o.People(), approval.Person{ID: "nobody", Title: "nobody"}, approval.Person{Title: "no name"})
		for _, p := range people {
			var want error
			if !d.VisibleTo(p.ID) {
				want = approval.ErrNotFound
			}
			if _, err := b.store.Open(t.Context(), id, p.ID); !errors.Is(err, want) {
				t.Errorf("Open by %s: %v, want %v", p.Title, err, want)
			}
			if _, content, err := b.store.File(t.Context(), file, p.ID); !errors.Is(err, want) || (err == nil) != (len(content) > 0) {
				t.Errorf("File by %s: %d bytes and %v, want %v", p.Title, len(content), err, want)
			}
			if _, err := b.store.FileInfo(t.Context(), file, p.ID); !errors.Is(err, want) {
				t.Errorf("FileInfo by %s: %v, want %v", p.Title, err, want)
			}
		}
	}
	check()
	for _, p := range []approval.Person{b.o.Chief, b.o.Auditor, b.o.Deputy, b.o.Director} {
		b.forward(t, id, p.ID)
		check()
	}
	// A deputy has taken over the director's step: the director no longer holds it.
	must(t, b.store.Update(t.Context(), id, func(d *approval.Document) ([]approval.Event, error) {
		s := d.Active(b.o.Director.ID)
		s.Person, s.Principal = b.o.Stranger.ID, b.o.Director.ID
		return nil, nil
	}))
	check()
	for _, p := range b.o.People() {
		if _, err := b.store.Open(t.Context(), "none", p.ID); !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("no document: %v", err)
		}
		if _, _, err := b.store.File(t.Context(), "none", p.ID); !errors.Is(err, approval.ErrNotFound) {
			t.Errorf("no file: %v", err)
		}
	}
	wantError(t, "NUL in an identifier", func() error { _, err := b.store.Open(t.Context(), "\x00", b.o.Handler.ID); return err }(),
		&approval.InvalidError{Field: "text", Reason: "text.characters"})
}

// Nothing of what a classified document says leaves the store, by any way.
func TestClassified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, grade := range []approval.Grade{approval.GradeConfidential, approval.GradeAbsolute, "限閱"} {
		in := b.o.Draft("secret-number-" + string(rune('a'+i)))
		in.Body.Grade = grade
		in.Body.Subject = "secret-subject"
		in.Body.Issuers[0].Name = "secret-issuer"
		in.Body.References[0] = approval.Reference{Text: "secret-reference"}
		n := b.new(in)
		must(t, b.store.Create(t.Context(), n))
		id := n.Document.ID
		// No action of the rules leads here: it was handled at the office.
		must(t, b.store.Update(t.Context(), id, func(d *approval.Document) ([]approval.Event, error) {
			grade := d.Grade
			d.Grade = approval.GradeNone
			defer func() { d.Grade = grade }()
			a := b.o.Act(d, b.o.Handler.ID, d.Route.Steps[0].ID, 1, "secret-opinion", b.newID)
			return d.Submit(a)
		}))
		r, err := b.store.Open(t.Context(), id, b.o.Chief.ID)
		must(t, err)
		if diff := cmp.Diff(approval.Content{}, r.Content); diff != "" {
			t.Errorf("content of %s:\n%s", grade, diff)
		}
		if r.Document.Grade != grade || r.Document.Route.Steps[0].ActedName != "科員 林佳穎" || len(r.People) == 0 {
			t.Errorf("the flow of %s is not shown: %+v", grade, r.Document)
		}
		tray, err := b.store.Tray(t.Context(), b.o.Chief.ID, minutes(2), "", "", 10)
		must(t, err)
		done, err := b.store.Done(t.Context(), b.o.Handler.ID, "", 10)
		must(t, err)
		if len(tray.Cards) != i+1 || len(done.Cards) != i+1 || tray.Counts.All != i+1 {
			t.Errorf("%d and %d cards, %d counted, want %d", len(tray.Cards), len(done.Cards), tray.Counts.All, i+1)
		}
		if c := tray.Cards[0]; c.FromName != "" || done.Cards[0].Now != "" {
			t.Errorf("cards of %s name people: %q, %q", grade, c.FromName, done.Cards[0].Now)
		}
		for what, v := range map[string]any{"reading": *r, "tray": tray, "done": done} {
			text, err := json.Marshal(v)
			must(t, err)
			if bytes.Contains(text, []byte("secret")) {
				t.Errorf("the %s of %s tells:\n%s", what, grade, text)
			}
		}
		for _, f := range n.Files {
			if got, content, err := b.store.File(t.Context(), f.ID, b.o.Chief.ID); !errors.Is(err, approval.ErrClassified) || content != nil || got != (approval.File{}) {
				t.Errorf("File: %+v, %d bytes, %v; want only %v", got, len(content), err, approval.ErrClassified)
			}
			if got, err := b.store.FileInfo(t.Context(), f.ID, b.o.Chief.ID); !errors.Is(err, approval.ErrClassified) || got != (approval.File{}) {
				t.Errorf("FileInfo: %+v, %v; want only %v", got, err, approval.ErrClassified)
			}
			// To others it is not there at all.
			if _, _, err := b.store.File(t.Context(), f.ID, b.o.Director.ID); !errors.Is(err, approval.ErrNotFound) {
				t.Errorf("File by one whom it has not reached: %v", err)
			}
		}
	}
}

func TestPageImage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := b.new(b.o.Draft("1"))
	must(t, b.store.Create(t.Context(), n))
	sum := n.Files[1].SHA256
	if _, err := b.store.PageImage(t.Context(), sum, 0, 800); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("an image that was not made: %v", err)
	}
	must(t, b.store.SavePageImage(t.Context(), sum, 0, 800, []byte("jpeg")))
	must(t, b.store.SavePageImage(t.Context(), sum, 0, 800, []byte("made twice")))
	must(t, b.store.SavePageImage(t.Context(), sum, 1, 800, []byte("next")))
	got, err := b.store.PageImage(t.Context(), sum, 0, 800)
	must(t, err)
	if string(got) != "jpeg" {
		t.Errorf("image = %q", got)
	}
	if _, err := b.store.PageImage(t.Context(), sum, 0, 400); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("an image of another width: %v", err)
	}
	wantError(t, "a page that is none", b.store.SavePageImage(t.Context(), sum, -1, 800, []byte("x")), &approval.InvalidError{Field: "page_image", Reason: "value.refused"})
	if err := b.store.SavePageImage(t.Context(), token("none"), 0, 800, []byte("x")); err == nil {
		t.Error("an image of no file was kept")
	}
}
