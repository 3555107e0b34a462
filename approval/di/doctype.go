package di

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"qianhe/approval"
)

const (
	maxEntities   = approval.MaxAttachments + 56 // attachments, and the forms that go with them
	maxEntityName = 64                           // characters
)

// doctype is what a document says of itself before its root element.
type doctype struct {
	root     string
	dtd      string // file name of the DTD, such as 104_2_utf8.dtd; never loaded
	entities []entity
}

// entity is the declaration of an unparsed entity: a name for a file.
type entity struct {
	name, file, notation string
}

var dtdName = regexp.MustCompile(`^([0-9]{2,3})_[0-9A-Za-z]+(?:_[0-9A-Za-z]+)?\.dtd$`)

// generation is the number before the DTD's name: 91, 93, 97, 99, 104.
func (d *doctype) generation() string {
	if m := dtdName.FindStringSubmatch(strings.ToLower(d.dtd)); m != nil {
		return m[1]
	}
	return ""
}

// file finds the file of an entity. Names that differ only in case are taken
// for the same where no other is meant.
func (d *doctype) file(name string) (e entity, exact, ok bool) {
	var found []entity
	for _, e := range d.entities {
		if e.name == name {
			return e, true, true
		}
		if strings.EqualFold(e.name, name) {
			found = append(found, e)
		}
	}
	if len(found) == 1 {
		return found[0], false, true
	}
	return entity{}, false, false
}

// declarations reads a DOCTYPE. It is written for this format: spaces may be
// missing, and every declaration that could change what the document says is
// refused.
type declarations struct {
	s        string
	pos      int
	line     int // of the DOCTYPE in the file
	warnings []string
	err      error
}

// parseDoctype reads raw, which begins with "<!" on the given line.
func parseDoctype(raw string, line int) (doctype, []string, error) {
	p := &declarations{s: raw, line: line}
	var d doctype
	if !p.take("<!DOCTYPE") {
		p.fail("a declaration that is not DOCTYPE")
		return d, nil, p.err
	}
	p.space()
	d.root = p.name()
	p.space()
	if system, _, ok := p.external(); ok {
		d.dtd = path.Base(strings.ReplaceAll(system, `\`, "/"))
	}
	p.space()
	if p.take("[") {
		for p.err == nil && !p.take("]") {
			p.declaration(&d)
			p.space()
		}
		p.space()
	}
	if !p.take(">") || p.pos != len(p.s) {
		p.fail("DOCTYPE cannot be read")
	}
	return d, p.warnings, p.err
}

func (p *declarations) declaration(d *doctype) {
	p.space()
	switch rest := p.s[p.pos:]; {
	case strings.HasPrefix(rest, "]"):
	case strings.HasPrefix(rest, "<!--"):
		p.skip("-->")
	case strings.HasPrefix(rest, "<?"):
		p.skip("?>")
	case strings.HasPrefix(rest, "<!ENTITY"):
		p.entity(d)
	case strings.HasPrefix(rest, "<!NOTATION"):
		p.take("<!NOTATION")
		p.space()
		p.name()
		p.space()
		if _, _, ok := p.external(); !ok {
			p.fail("NOTATION without SYSTEM or PUBLIC")
		}
		p.end()
	case strings.HasPrefix(rest, "<!ELEMENT"):
		p.warnings = append(p.warnings, place(p.here(), "DOCTYPE")+"ELEMENT declaration was ignored")
		p.skip(">")
	case strings.HasPrefix(rest, "<!ATTLIST"):
		p.fail("ATTLIST declaration is not allowed: it could change what the document says")
	case strings.HasPrefix(rest, "%"):
		p.fail("reference to a parameter entity is not allowed")
	default:
		p.fail("DOCTYPE cannot be read")
	}
}

func (p *declarations) entity(d *doctype) {
	p.take("<!ENTITY")
	p.space()
	if p.take("%") {
		p.fail("parameter entity is not allowed")
		return
	}
	e := entity{name: p.name()}
	p.space()
	if q := p.peek(); q == '"' || q == '\'' {
		p.fail(fmt.Sprintf("entity %q is declared with a text of its own, which is not allowed; only files (SYSTEM … NDATA) are declared in a DI", e.name))
		return
	}
	system, public, ok := p.external()
	if !ok || public && system == "" {
		p.fail(fmt.Sprintf("entity %q names no file", e.name))
		return
	}
	p.space()
	if !p.take("NDATA") {
		p.fail(fmt.Sprintf("entity %q is an external text (no NDATA), which is never read", e.name))
		return
	}
	p.space()
	e.notation = p.name()
	name, refused := fileName(system)
	switch {
	case refused != "":
		p.fail(fmt.Sprintf("entity %q: %s", e.name, refused))
	case name != system:
		p.warnings = append(p.warnings, place(p.here(), "DOCTYPE")+fmt.Sprintf("entity %q: the path before %q was dropped", e.name, name))
	}
	e.file = name
	p.end()
	if have, exact, ok := d.file(e.name); ok && exact {
		if have != e {
			p.fail(fmt.Sprintf("entity %q is declared twice, with different files", e.name))
		}
		return
	}
	if len(d.entities) == maxEntities {
		p.fail(fmt.Sprintf("more than %d entities", maxEntities))
		return
	}
	d.entities = append(d.entities, e)
}

// external reads SYSTEM "x" or PUBLIC "p" "x".
func (p *declarations) external() (system string, public, ok bool) {
	switch {
	case p.take("SYSTEM"):
		p.space()
		return p.literal(), false, p.err == nil
	case p.take("PUBLIC"):
		p.space()
		p.literal()
		p.space()
		if q := p.peek(); q == '"' || q == '\'' {
			system = p.literal()
		}
		return system, true, p.err == nil
	}
	return "", false, false
}

func (p *declarations) literal() string {
	q := p.peek()
	if q != '"' && q != '\'' {
		p.fail("a quoted text is missing in DOCTYPE")
		return ""
	}
	end := strings.IndexByte(p.s[p.pos+1:], q)
	if end < 0 {
		p.fail("a quoted text does not end in DOCTYPE")
		return ""
	}
	s := p.s[p.pos+1 : p.pos+1+end]
	p.pos += end + 2
	return s
}

// name reads an XML name.
func (p *declarations) name() string {
	start := p.pos
	for p.pos < len(p.s) {
		r, n := utf8.DecodeRuneInString(p.s[p.pos:])
		if !nameRune(r, p.pos == start) {
			break
		}
		p.pos += n
	}
	name := p.s[start:p.pos]
	switch {
	case name == "":
		p.fail("a name is missing in DOCTYPE")
	case utf8.RuneCountInString(name) > maxEntityName:
		p.fail(fmt.Sprintf("a name in DOCTYPE is longer than %d characters", maxEntityName))
	}
	return name
}

func nameRune(r rune, first bool) bool {
	if r == '_' || unicode.IsLetter(r) {
		return true
	}
	return !first && (r == '-' || r == '.' || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r))
}

// validName reports whether s may name an entity.
func validName(s string) bool {
	for i, r := range s {
		if !nameRune(r, i == 0) || r == utf8.RuneError {
			return false
		}
	}
	return s != "" && utf8.RuneCountInString(s) <= maxEntityName
}

func (p *declarations) space() {
	for p.pos < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *declarations) end() {
	p.space()
	if p.err == nil && !p.take(">") {
		p.fail("a declaration in DOCTYPE does not end where it should")
	}
}

func (p *declarations) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *declarations) take(s string) bool {
	if !strings.HasPrefix(p.s[p.pos:], s) {
		return false
	}
	p.pos += len(s)
	return true
}

func (p *declarations) skip(end string) {
	i := strings.Index(p.s[p.pos:], end)
	if i < 0 {
		p.fail("DOCTYPE cannot be read")
		return
	}
	p.pos += i + len(end)
}

func (p *declarations) here() int { return p.line + strings.Count(p.s[:p.pos], "\n") }

// fail keeps the first error and moves to the end, so that every loop ends.
func (p *declarations) fail(reason string) {
	if p.err == nil {
		p.err = &SyntaxError{Line: p.here(), Element: "DOCTYPE", Reason: reason}
	}
	p.pos = len(p.s)
}
