package si

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of what is read. The log of a document with thirty steps and forty
// files has about a megabyte.
const (
	MaxLog   = 32 << 20
	maxDepth = 64
	maxNodes = 1_000_000
)

// space is white space as XML knows it.
const space = " \t\r\n"

var bom = []byte("\xef\xbb\xbf")

// parse reads XML 1.0 without a DTD's help: no entity but the five that XML has
// itself, no default attributes, nothing fetched. Of encoding/xml it cannot be
// made, which neither tells a literal line end in an attribute from a reference
// to one nor where things stand, and lets pass what is not well-formed:
// a signature is over exactly this.
func parse(b []byte) (*node, error) {
	if len(b) > MaxLog {
		return nil, &SyntaxError{Reason: fmt.Sprintf("larger than %d bytes", MaxLog)}
	}
	p := &parser{b: b}
	if bytes.HasPrefix(b, bom) {
		p.i = len(bom)
	}
	if !utf8.Valid(b) {
		i := 0
		for i < len(b) {
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		p.i = i
		return nil, p.fail("not UTF-8")
	}
	for i := p.i; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if !isChar(r) {
			p.i = i
			return nil, p.fail("character %U is none of XML's", r)
		}
		i += n
	}
	return p.document()
}

type parser struct {
	b     []byte
	i     int
	nodes int
	lines int // line ends before counted
	upto  int // counted to here
}

func (p *parser) line() int {
	if p.i >= p.upto {
		p.lines += bytes.Count(p.b[p.upto:p.i], []byte("\n"))
		p.upto = p.i
		return p.lines + 1
	}
	return bytes.Count(p.b[:p.i], []byte("\n")) + 1
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Line: p.line(), Reason: fmt.Sprintf(format, args...)}
}

func (p *parser) at(s string) bool {
	return strings.HasPrefix(string(p.b[p.i:min(len(p.b), p.i+len(s))]), s)
}

func (p *parser) skipSpace() {
	for p.i < len(p.b) && strings.IndexByte(space, p.b[p.i]) >= 0 {
		p.i++
	}
}

// document reads the prolog, the root element and what follows.
func (p *parser) document() (*node, error) {
	if p.at("<?xml") && p.i+5 < len(p.b) && strings.IndexByte(space, p.b[p.i+5]) >= 0 {
		end := bytes.Index(p.b[p.i:], []byte("?>"))
		if end < 0 {
			return nil, p.fail("XML declaration does not end")
		}
		p.i += end + 2
	}
	var root *node
	doctype := false
	for {
		p.skipSpace()
		switch {
		case p.i == len(p.b):
			if root == nil {
				return nil, &SyntaxError{Reason: "no XML document"}
			}
			return root, nil
		case p.at("<!--"):
			if err := p.comment(); err != nil {
				return nil, err
			}
		case p.at("<!DOCTYPE"):
			if doctype || root != nil {
				return nil, p.fail("DOCTYPE out of place")
			}
			doctype = true
			if err := p.doctype(); err != nil {
				return nil, err
			}
		case p.at("<?"):
			if _, err := p.instruction(); err != nil {
				return nil, err
			}
		case p.at("<") && root == nil:
			var err error
			if root, err = p.element(nil, 1); err != nil {
				return nil, err
			}
		default:
			return nil, p.fail("text outside of the root element")
		}
	}
}

// doctype passes over a DOCTYPE. An internal subset may only be empty: what it
// declares would change what the document says.
func (p *parser) doctype() error {
	for p.i < len(p.b) {
		switch c := p.b[p.i]; c {
		case '"', '\'':
			end := bytes.IndexByte(p.b[p.i+1:], c)
			if end < 0 {
				return p.fail("DOCTYPE does not end")
			}
			p.i += end + 2
		case '[':
			p.i++
			p.skipSpace()
			if p.i >= len(p.b) || p.b[p.i] != ']' {
				return p.fail("declarations inside the DOCTYPE are not read")
			}
			p.i++
		case '>':
			p.i++
			return nil
		default:
			p.i++
		}
	}
	return p.fail("DOCTYPE does not end")
}

func (p *parser) comment() error {
	end := bytes.Index(p.b[p.i+4:], []byte("--"))
	if end < 0 || !bytes.HasPrefix(p.b[p.i+4+end:], []byte("-->")) {
		return p.fail("comment does not end, or holds --")
	}
	p.i += 4 + end + 3
	return nil
}

func (p *parser) instruction() (*node, error) {
	n := &node{kind: instruction, from: p.i, line: p.line()}
	p.i += 2
	var err error
	if n.name, err = p.name(); err != nil {
		return nil, err
	}
	if strings.EqualFold(n.name, "xml") {
		return nil, p.fail("XML declaration out of place")
	}
	end := bytes.Index(p.b[p.i:], []byte("?>"))
	if end < 0 {
		return nil, p.fail("instruction does not end")
	}
	data := string(p.b[p.i : p.i+end])
	if data != "" && strings.IndexByte(space, data[0]) < 0 {
		return nil, p.fail("instruction is not well-formed")
	}
	n.text = lineEnds(strings.TrimLeft(data, space))
	p.i += end + 2
	n.to = p.i
	return n, p.count()
}

func (p *parser) count() error {
	if p.nodes++; p.nodes > maxNodes {
		return p.fail("more than %d nodes", maxNodes)
	}
	return nil
}

// element reads one element; p stands at its "<".
func (p *parser) element(up *node, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, p.fail("nested deeper than %d", maxDepth)
	}
	if err := p.count(); err != nil {
		return nil, err
	}
	n := &node{kind: element, up: up, from: p.i, line: p.line()}
	p.i++
	empty, err := p.startTag(n)
	if err != nil {
		return nil, err
	}
	n.open = p.i
	if empty {
		n.to = p.i
		return n, nil
	}
	for {
		switch {
		case p.i >= len(p.b):
			return nil, p.fail("element %s does not end", n.name)
		case p.at("</"):
			p.i += 2
			name, err := p.name()
			if err != nil {
				return nil, err
			}
			p.skipSpace()
			if name != n.name || p.i >= len(p.b) || p.b[p.i] != '>' {
				return nil, p.fail("element %s is not ended by </%s>", n.name, name)
			}
			p.i++
			n.to = p.i
			return n, nil
		case p.at("<!--"):
			if err := p.comment(); err != nil {
				return nil, err
			}
		case p.at("<![CDATA["):
			k := &node{kind: text, cdata: true, up: n, from: p.i, line: p.line()}
			end := bytes.Index(p.b[p.i:], []byte("]]>"))
			if end < 0 {
				return nil, p.fail("CDATA section does not end")
			}
			k.text = lineEnds(string(p.b[p.i+9 : p.i+end]))
			p.i += end + 3
			k.to = p.i
			n.kids = append(n.kids, k)
			if err := p.count(); err != nil {
				return nil, err
			}
		case p.at("<?"):
			k, err := p.instruction()
			if err != nil {
				return nil, err
			}
			k.up = n
			n.kids = append(n.kids, k)
		case p.at("<"):
			k, err := p.element(n, depth+1)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
		default:
			k, err := p.text(n)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
		}
	}
}

func (p *parser) startTag(n *node) (empty bool, err error) {
	if n.name, err = p.name(); err != nil {
		return false, err
	}
	for {
		before := p.i
		p.skipSpace()
		switch {
		case p.at("/>"):
			p.i += 2
			return true, nil
		case p.at(">"):
			p.i++
			return false, nil
		case p.i == before:
			return false, p.fail("element %s is not well-formed", n.name)
		}
		var a attr
		if a.name, err = p.name(); err != nil {
			return false, err
		}
		if slices.ContainsFunc(n.attrs, func(b attr) bool { return b.name == a.name }) {
			return false, p.fail("attribute %s stands twice", a.name)
		}
		p.skipSpace()
		if !p.at("=") {
			return false, p.fail("attribute %s has no value", a.name)
		}
		p.i++
		p.skipSpace()
		if !p.at(`"`) && !p.at(`'`) {
			return false, p.fail("value of %s has no quotes", a.name)
		}
		quote := p.b[p.i]
		p.i++
		end := bytes.IndexByte(p.b[p.i:], quote)
		if end < 0 {
			return false, p.fail("value of %s does not end", a.name)
		}
		raw := string(p.b[p.i : p.i+end])
		if strings.Contains(raw, "<") {
			return false, p.fail("value of %s holds <", a.name)
		}
		// Literal white space becomes spaces, referenced white space stays
		// (XML 1.0 §3.3.3).
		raw = strings.NewReplacer("\t", " ", "\n", " ").Replace(lineEnds(raw))
		if a.value, err = p.resolve(raw); err != nil {
			return false, err
		}
		p.i += end + 1
		n.attrs = append(n.attrs, a)
	}
}

// text reads up to the next markup.
func (p *parser) text(up *node) (*node, error) {
	n := &node{kind: text, up: up, from: p.i, line: p.line()}
	end := bytes.IndexByte(p.b[p.i:], '<')
	if end < 0 {
		end = len(p.b) - p.i
	}
	raw := string(p.b[p.i : p.i+end])
	if strings.Contains(raw, "]]>") {
		return nil, p.fail("]]> outside of a CDATA section")
	}
	var err error
	if n.text, err = p.resolve(lineEnds(raw)); err != nil {
		return nil, err
	}
	p.i += end
	n.to = p.i
	return n, p.count()
}

// lineEnds makes every line end one U+000A (XML 1.0 §2.11).
func lineEnds(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// resolve replaces references.
func (p *parser) resolve(s string) (string, error) {
	if !strings.Contains(s, "&") {
		return s, nil
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "&")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, rest, ended := strings.Cut(after, ";")
		if !ended {
			return "", p.fail("reference does not end")
		}
		s = rest
		switch {
		case name == "lt":
			b.WriteByte('<')
		case name == "gt":
			b.WriteByte('>')
		case name == "amp":
			b.WriteByte('&')
		case name == "quot":
			b.WriteByte('"')
		case name == "apos":
			b.WriteByte('\'')
		case strings.HasPrefix(name, "#"):
			digits, base := name[1:], 10
			if strings.HasPrefix(digits, "x") {
				digits, base = digits[1:], 16
			}
			n, err := strconv.ParseUint(digits, base, 32)
			if err != nil || !isChar(rune(n)) {
				return "", p.fail("&%s; is no character", name)
			}
			b.WriteRune(rune(n))
		default:
			return "", p.fail("entity %q is not read", name)
		}
	}
}

// name reads a name with at most one colon, as namespaces want it.
func (p *parser) name() (string, error) {
	start := p.i
	for p.i < len(p.b) {
		r, n := utf8.DecodeRune(p.b[p.i:])
		if !isNameStart(r) && (p.i == start || !isNameChar(r)) {
			break
		}
		p.i += n
	}
	name := string(p.b[start:p.i])
	prefix, rest, found := strings.Cut(name, ":")
	if name == "" || found && (prefix == "" || rest == "" || strings.Contains(rest, ":")) {
		return "", p.fail("a name was expected")
	}
	if first, _ := utf8.DecodeRuneInString(rest); found && !isNameStart(first) {
		return "", p.fail("a name was expected")
	}
	return name, nil
}

// isChar, isNameStart and isNameChar are productions 2, 4 and 4a of XML 1.0
// (fifth edition).
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

func isNameStart(r rune) bool {
	switch {
	case r == ':' || r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z':
		return true
	case r < 0xC0:
		return false
	case r == 0xD7 || r == 0xF7:
		return false
	}
	return r <= 0x2FF || r >= 0x370 && r <= 0x37D || r >= 0x37F && r <= 0x1FFF || r == 0x200C || r == 0x200D ||
		r >= 0x2070 && r <= 0x218F || r >= 0x2C00 && r <= 0x2FEF || r >= 0x3001 && r <= 0xD7FF ||
		r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD || r >= 0x10000 && r <= 0xEFFFF
}

func isNameChar(r rune) bool {
	return isNameStart(r) || r == '-' || r == '.' || r >= '0' && r <= '9' || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}
