package intake

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"qianhe/approval"
	"qianhe/approval/di"
)

// Read groups the files of a folder or an upload into packages, one for each
// DI: its roster, the attachments it names, and, where it is clear whose they
// are, the files that nobody names (which [Prepare] refuses by name). A zip
// archive that no DI names as an attachment is opened: with a DI in it, it is a
// folder of its own; without, its files stand beside the others.
//
// The packages that are right are returned together with an error about the
// rest.
func Read(files []File) ([]Package, error) {
	var r grouping
	own := new(scope)
	var archives []File
	for _, f := range files {
		if isArchive(f) {
			archives = append(archives, f)
		} else {
			r.add(own, "", f)
		}
	}
	r.decode(own)
	scopes := []*scope{own}
	for _, f := range archives {
		if own.names(fold(f.Name)) {
			r.add(own, "", f)
			continue
		}
		inside, err := unpack(f)
		if err != nil {
			r.fail(f.Name, err)
			continue
		}
		s, folder := own, f.Name
		if slices.ContainsFunc(inside, func(f File) bool { return extension(f.Name) == ".di" }) {
			s, folder = new(scope), ""
			scopes = append(scopes, s)
		} else {
			folder, _ = split(folder)
		}
		for _, f := range inside {
			r.add(s, folder, f)
		}
		if s != own {
			r.decode(s)
		}
	}
	for _, s := range scopes {
		r.group(s)
	}
	switch {
	case len(r.packages) == 0 && len(r.errs) == 0:
		r.errs = append(r.errs, problem("files", "package.document.missing", ""))
	case len(r.packages) > 0:
		for _, name := range r.loose {
			r.fail(name, problem("attachments", "attachment.stranger", name))
		}
	}
	return r.packages, errors.Join(r.errs...)
}

// grouping collects what is right and what is wrong.
type grouping struct {
	packages []Package
	errs     []error
	loose    []string // files beside which there is no DI
}

func (r *grouping) fail(name string, err error) {
	r.errs = append(r.errs, fmt.Errorf("%s: %w", baseName(name), err))
}

// scope is a set of files among which names are looked for.
type scope struct {
	files     []*entry
	documents []*document
	broken    bool // a DI could not be read, so what it names is not known
}

// entry is one file of a scope.
type entry struct {
	File
	folder, key string
	used        bool
}

// document is a DI.
type document struct {
	*entry
	roster string   // key
	named  []string // keys of the files that it names
	err    error    // why it cannot be read
}

// add puts a file into a scope; of two with one name in one folder the second
// is refused, unless it is the same.
func (r *grouping) add(s *scope, under string, f File) {
	folder, base := split(f.Name)
	if litter(folder, base) {
		return
	}
	if !acceptable(base) {
		r.errs = append(r.errs, problem("files", "file.name", fmt.Sprintf("%q", base)))
		return
	}
	if under != "" && folder != "" {
		folder = under + "/" + folder
	} else if under != "" {
		folder = under
	}
	e := &entry{File: File{Name: base, Bytes: f.Bytes}, folder: folder, key: fold(base)}
	for _, have := range s.files {
		if have.folder == e.folder && have.key == e.key {
			if !bytes.Equal(have.Bytes, e.Bytes) {
				r.fail(base, problem("files", "file.duplicate", base))
			}
			return
		}
	}
	s.files = append(s.files, e)
}

// decode reads the DIs of a scope for the names in them. A DI that another one
// names is its attachment and no document.
func (r *grouping) decode(s *scope) {
	var all []*document
	for _, e := range s.files {
		if extension(e.Name) != ".di" {
			continue
		}
		doc := &document{entry: e}
		all = append(all, doc)
		var d *di.Document
		if d, doc.err = di.Decode(e.Bytes); doc.err != nil {
			continue
		}
		if d.Roster != "" {
			doc.roster = fold(d.Roster)
		}
		for _, f := range slices.Concat(d.Body.Files, d.Others) {
			doc.named = append(doc.named, fold(f.Name))
		}
		doc.named = append(doc.named, portables(d.Body)...)
	}
	for _, d := range all {
		if slices.ContainsFunc(all, func(by *document) bool { return by.names(d) && !d.names(by) }) {
			continue
		}
		d.used = true
		if d.err != nil {
			s.broken = true
			r.fail(d.Name, d.err)
			continue
		}
		s.documents = append(s.documents, d)
	}
}

// names reports whether d names other as an attachment beside it.
func (d *document) names(other *document) bool {
	return d != other && d.folder == other.folder && slices.Contains(d.named, other.key)
}

func (s *scope) names(key string) bool {
	return slices.ContainsFunc(s.documents, func(d *document) bool { return slices.Contains(d.named, key) })
}

// find gives the file of a name: the one beside the DI, else the only one.
func (s *scope) find(key, folder string) *entry {
	var elsewhere []*entry
	for _, e := range s.files {
		if e.key != key || slices.ContainsFunc(s.documents, func(d *document) bool { return d.entry == e }) {
			continue
		}
		if e.folder == folder {
			return e
		}
		elsewhere = append(elsewhere, e)
	}
	if len(elsewhere) == 1 {
		return elsewhere[0]
	}
	return nil
}

func (r *grouping) group(s *scope) {
	packages := make([]Package, len(s.documents))
	for i, d := range s.documents {
		packages[i] = s.pack(d)
	}
	for _, e := range s.files {
		if e.used {
			continue
		}
		switch i := s.owner(e); {
		case i >= 0:
			packages[i].Attachments = append(packages[i].Attachments, e.File)
		case s.broken: // whose it is cannot be known, and why has been said
		case len(s.documents) == 0:
			r.loose = append(r.loose, e.Name)
		default:
			r.fail(e.Name, problem("attachments", "attachment.stranger", e.Name))
		}
	}
	r.packages = append(r.packages, packages...)
}

// pack collects what a DI names.
func (s *scope) pack(d *document) Package {
	p := Package{DI: d.File}
	roster := s.find(d.roster, d.folder)
	if roster == nil && len(s.documents) == 1 && !s.broken {
		roster = s.onlyRoster()
	}
	if roster != nil {
		roster.used = true
		p.Roster = &roster.File
		if all, err := di.DecodeRoster(roster.Bytes); err == nil {
			d.named = append(d.named, portables(approval.Body{Primary: all})...)
		}
	}
	var taken []string
	for _, key := range d.named {
		if e := s.find(key, d.folder); e != nil && e != roster && !slices.Contains(taken, key) {
			e.used = true
			taken = append(taken, key)
			p.Attachments = append(p.Attachments, e.File)
		}
	}
	return p
}

func (s *scope) onlyRoster() *entry {
	var found *entry
	for _, e := range s.files {
		if extension(e.Name) != ".sw" {
			continue
		}
		if found != nil {
			return nil
		}
		found = e
	}
	return found
}

// owner gives the document to which a file that nobody names is laid: the only
// one of its folder, else the only one of all; -1 when that is not clear.
func (s *scope) owner(e *entry) int {
	if s.broken {
		return -1
	}
	owner := -1
	for i, d := range s.documents {
		if d.folder != e.folder {
			continue
		}
		if owner >= 0 {
			return -1
		}
		owner = i
	}
	if owner < 0 && len(s.documents) == 1 {
		return 0
	}
	return owner
}

// portables are the names of the files that hold a document as a whole
// (內含本文與附件之可攜式文件檔名), as keys.
func portables(b approval.Body) []string {
	var keys []string
	for _, a := range slices.Concat([]approval.Addressee{b.Recipient.Addressee}, b.Primary, b.Copies) {
		if a.Portable != "" {
			keys = append(keys, fold(a.Portable))
		}
	}
	return keys
}
