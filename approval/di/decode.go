package di

import (
	"fmt"
	"slices"
	"strings"

	"qianhe/approval"
)

// maxWarnings bounds what is said about one file.
const maxWarnings = 50

// Document is what a DI says.
type Document struct {
	Body       approval.Body
	Generation string // 91, 93, 97, 99, 104; "" when the DTD does not say
	Encoding   string // UTF8 or Big5
	Roster     string // file name of the SW (交換表單), "" when none is declared
	// Others are files that are declared but neither an attachment nor the
	// roster, such as a 文書訊息表單.
	Others   []approval.FileRef
	Warnings []string // what was mended, left out or not understood
}

// Decode reads a DI of any generation from 91 to 104. Elements may stand in any
// order; those that the type does not have are left out with a warning. Returns
// a [*SyntaxError] for what is not a DI of a known type, is unsafe, or says a
// thing twice that may be said once only.
func Decode(b []byte) (*Document, error) {
	src, err := parse(b)
	if err != nil {
		return nil, err
	}
	root := src.root
	t := approval.DocumentType(root.name)
	if !t.Valid() {
		return nil, &SyntaxError{Line: root.line, Element: root.name, Reason: "not a type of document that is handled here"}
	}
	r := &reader{body: approval.Body{Type: t}, doctype: &src.doctype, warnings: src.warnings[:min(len(src.warnings), maxWarnings)]}
	generation := r.generation(root)
	r.root(root)
	d := &Document{Generation: generation, Encoding: src.encoding, Roster: r.roster()}
	d.Others = r.others(d.Roster)
	if r.err != nil {
		return nil, r.err
	}
	d.Body, d.Warnings = r.body, r.notes()
	return d, nil
}

// reader fills a body from a tree. It keeps the first error and goes on.
type reader struct {
	body     approval.Body
	doctype  *doctype
	warnings []string
	more     int // warnings beyond maxWarnings
	err      error
	// unclassified is set when the document says so in a word (普通).
	unclassified bool
}

func (r *reader) root(root *node) {
	elements := model(r.body.Type)
	seen := make([]bool, len(elements))
	r.stray(root)
	for n := range root.elements() {
		i := slices.IndexFunc(elements, func(e element) bool { return slices.Contains(e.names, n.name) })
		if i < 0 {
			r.unknown(n, root.name)
			continue
		}
		if seen[i] && !elements[i].many {
			r.fail(n, "stands more than once")
			return
		}
		seen[i] = true
		elements[i].read(r, n)
	}
	r.defaults()
}

// defaults fills in what older generations leave unsaid.
func (r *reader) defaults() {
	b := &r.body
	switch b.Type {
	case approval.TypeLetter, approval.TypeOrder:
		if b.Category == "" {
			b.Category = string(b.Type)
		}
	case approval.TypeMeeting, approval.TypeInspection:
		r.meeting()
	case approval.TypeReview:
		b.Reviews = slices.DeleteFunc(b.Reviews, func(v approval.Review) bool {
			return v.Unit == approval.Organization{IsUnit: v.Unit.IsUnit} && v.Opinions == nil && v.Received == "" && v.Finished == ""
		})
		if len(b.Reviews) == 0 {
			b.Reviews = nil
		}
	}
	if b.Grade == approval.GradeNone && b.Release != "" && !r.unclassified {
		// Somebody wrote when it may be declassified, but not what it is now.
		b.Grade = approval.GradeConfidential
		r.note("密等 is missing although 解密條件或保密期限 is given: the document is treated as 密")
	}
}

func (r *reader) generation(root *node) string {
	g := r.doctype.generation()
	switch {
	case r.doctype.root == "":
		r.warn(root, "no DOCTYPE")
	case r.doctype.root != root.name:
		r.warn(root, "DOCTYPE says %s", r.doctype.root)
	}
	if g != "" && !slices.Contains([]string{"91", "93", "97", "99", "104"}, g) || g == "" && r.doctype.root != "" {
		r.warn(root, "unknown DTD %q", r.doctype.dtd)
	}
	return g
}

// roster finds the SW among the declared files: the one that 受文者 refers to,
// else the one called 表單 (91: 名單), else the only one of notation DI.
func (r *reader) roster() string {
	name := r.body.Recipient.Roster
	if name != "" {
		if e, _, ok := r.doctype.file(name); ok {
			return e.file
		}
		r.note("受文者 refers to %q, which is not declared", name)
	}
	for _, e := range r.doctype.entities {
		if e.name == rosterEntity || e.name == "名單" {
			return e.file
		}
	}
	var found []string
	for _, e := range r.doctype.entities {
		if e.notation == "DI" && !r.attached(e.name) {
			found = append(found, e.file)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

func (r *reader) attached(entity string) bool {
	return slices.ContainsFunc(r.body.Files, func(f approval.FileRef) bool { return f.Entity == entity })
}

func (r *reader) others(roster string) []approval.FileRef {
	var others []approval.FileRef
	for _, e := range r.doctype.entities {
		if e.file == roster || r.attached(e.name) {
			continue
		}
		others = append(others, approval.FileRef{Entity: e.name, Name: e.file})
		r.note("%q (%s) is declared but not named in 附件檔名", e.name, e.file)
	}
	return others
}

func (r *reader) fail(n *node, reason string, args ...any) {
	if r.err == nil {
		r.err = &SyntaxError{Line: n.line, Element: n.name, Reason: fmt.Sprintf(reason, args...)}
	}
}

func (r *reader) warn(n *node, text string, args ...any) {
	r.note("%s%s", place(n.line, n.name), fmt.Sprintf(text, args...))
}

func (r *reader) note(text string, args ...any) {
	if len(r.warnings) >= maxWarnings {
		r.more++
		return
	}
	r.warnings = append(r.warnings, fmt.Sprintf(text, args...))
}

func (r *reader) notes() []string {
	if r.more > 0 {
		return append(r.warnings, fmt.Sprintf("and %d more", r.more))
	}
	return r.warnings
}

func (r *reader) unknown(n *node, in string) { r.warn(n, "not an element of %s; it was left out", in) }

// stray warns of text beside elements, where only elements are read.
func (r *reader) stray(n *node) {
	if s := n.own(); s != "" {
		r.warn(n, "text beside its elements was left out: %q", short(s))
	}
}

// leaf is the text of an element that should hold nothing else.
func (r *reader) leaf(n *node) string {
	for k := range n.elements() {
		r.warn(k, "not expected inside %s; only its text was kept", n.name)
	}
	return n.all()
}

// content is the text of an element that holds a 文字, or the text itself.
func (r *reader) content(n *node) string {
	var texts []string
	found := false
	for k := range n.elements() {
		if k.name == "文字" {
			found = true
			if s := r.leaf(k); s != "" {
				texts = append(texts, s)
			}
		}
	}
	if !found {
		return n.own()
	}
	r.stray(n)
	return strings.Join(texts, "\n")
}

// plain is content where nothing but a 文字 may stand.
func (r *reader) plain(n *node) string {
	for k := range n.elements() {
		if k.name != "文字" {
			return r.leaf(n)
		}
	}
	return r.content(n)
}

// code is the value of an element whose attribute 代碼 says it. Some senders
// write it as text.
func (r *reader) code(n *node) string {
	if n.has("代碼") {
		return n.attr("代碼")
	}
	return r.leaf(n)
}

func short(s string) string {
	if runes := []rune(s); len(runes) > 30 {
		return string(runes[:30]) + "…"
	}
	return s
}
