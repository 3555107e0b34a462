package di

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// Limits of what is read. Real documents have some kilobytes and some hundred
// elements.
const (
	MaxBytes = 1 << 20
	maxDepth = 32
	maxNodes = 20_000
)

// source is a file that was read but not yet understood.
type source struct {
	root     *node
	doctype  doctype
	encoding string
	warnings []string
}

// node is an element, or, with an empty name, a piece of text.
type node struct {
	name  string
	text  string
	attrs []xml.Attr
	kids  []*node
	line  int
}

// parse reads one file into a tree, within the limits.
func parse(b []byte) (*source, error) {
	if len(b) > MaxBytes {
		return nil, &SyntaxError{Reason: fmt.Sprintf("larger than %d bytes", MaxBytes)}
	}
	text, encoding, warnings, err := toUTF8(b)
	if err != nil {
		return nil, err
	}
	t := &treeParser{text: text, dec: xml.NewDecoder(bytes.NewReader(text)), src: source{encoding: encoding, warnings: warnings}}
	t.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	if err := t.run(); err != nil {
		return nil, err
	}
	return &t.src, nil
}

type treeParser struct {
	text    []byte
	dec     *xml.Decoder
	src     source
	stack   []*node
	nodes   int
	doctype bool
	space   string // namespace of the root element, usually none
}

func (t *treeParser) run() error {
	for {
		from := t.dec.InputOffset()
		line, _ := t.dec.InputPos()
		token, err := t.dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t.translate(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			err = t.start(token, line)
		case xml.EndElement:
			t.stack = t.stack[:len(t.stack)-1]
		case xml.CharData:
			err = t.chars(string(token), line)
		case xml.Directive:
			err = t.directive(from, line)
		}
		if err != nil {
			return err
		}
	}
	if t.src.root == nil {
		return &SyntaxError{Reason: "no XML document"}
	}
	return nil
}

func (t *treeParser) start(token xml.StartElement, line int) error {
	n := &node{name: token.Name.Local, line: line}
	if t.src.root == nil {
		t.space = token.Name.Space
	} else if token.Name.Space != t.space {
		n.name = token.Name.Space + ":" + n.name // a vendor's own, not one of the format
	}
	for _, a := range token.Attr {
		if a.Name.Space != "" || a.Name.Local == "xmlns" {
			continue
		}
		if n.has(a.Name.Local) {
			return &SyntaxError{Line: line, Element: n.name, Reason: fmt.Sprintf("attribute %q stands twice", a.Name.Local)}
		}
		n.attrs = append(n.attrs, a)
	}
	if t.nodes++; t.nodes > maxNodes {
		return &SyntaxError{Line: line, Element: n.name, Reason: fmt.Sprintf("more than %d elements", maxNodes)}
	}
	if len(t.stack) == maxDepth {
		return &SyntaxError{Line: line, Element: n.name, Reason: fmt.Sprintf("nested deeper than %d elements", maxDepth)}
	}
	switch {
	case len(t.stack) > 0:
		top := t.stack[len(t.stack)-1]
		top.kids = append(top.kids, n)
	case t.src.root != nil:
		return &SyntaxError{Line: line, Element: n.name, Reason: "a second root element"}
	default:
		t.src.root = n
	}
	t.stack = append(t.stack, n)
	return nil
}

func (t *treeParser) chars(s string, line int) error {
	if len(t.stack) == 0 {
		if trim(s) != "" {
			return &SyntaxError{Line: line, Reason: "text outside of the root element"}
		}
		return nil
	}
	if t.nodes++; t.nodes > maxNodes {
		return &SyntaxError{Line: line, Element: t.element(), Reason: fmt.Sprintf("more than %d elements", maxNodes)}
	}
	top := t.stack[len(t.stack)-1]
	top.kids = append(top.kids, &node{text: s, line: line})
	return nil
}

func (t *treeParser) directive(from int64, line int) error {
	if t.src.root != nil || t.doctype {
		return &SyntaxError{Line: line, Element: t.element(), Reason: "a declaration where none may stand"}
	}
	t.doctype = true
	d, warnings, err := parseDoctype(string(t.text[from:t.dec.InputOffset()]), line)
	t.src.doctype = d
	t.src.warnings = append(t.src.warnings, warnings...)
	return err
}

// translate says an error of encoding/xml in our terms.
func (t *treeParser) translate(err error) error {
	line, _ := t.dec.InputPos()
	reason := strings.TrimPrefix(err.Error(), "xml: ")
	if se, ok := errors.AsType[*xml.SyntaxError](err); ok {
		line, reason = se.Line, se.Msg
	}
	if name, ok := strings.CutPrefix(reason, "invalid character entity "); ok {
		reason = "reference " + name + " is not allowed: only &amp; &lt; &gt; &apos; &quot; and character references are read"
	}
	return &SyntaxError{Line: line, Element: t.element(), Reason: reason}
}

func (t *treeParser) element() string {
	if len(t.stack) == 0 {
		return ""
	}
	return t.stack[len(t.stack)-1].name
}

// elements are the elements inside n, in order.
func (n *node) elements() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for _, k := range n.kids {
			if k.name != "" && !yield(k) {
				return
			}
		}
	}
}

// own is the text directly inside n.
func (n *node) own() string {
	var b strings.Builder
	for _, k := range n.kids {
		if k.name == "" {
			b.WriteString(k.text)
		}
	}
	return trim(b.String())
}

// all is the text inside n and everything below, in order.
func (n *node) all() string {
	var b strings.Builder
	var walk func(n *node)
	walk = func(n *node) {
		b.WriteString(n.text)
		for _, k := range n.kids {
			walk(k)
		}
	}
	walk(n)
	return trim(b.String())
}

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.Name.Local == name {
			return trim(a.Value)
		}
	}
	return ""
}

func (n *node) has(name string) bool {
	for _, a := range n.attrs {
		if a.Name.Local == name {
			return true
		}
	}
	return false
}

// trim drops what senders pad texts with. The ideographic space (U+3000) stays:
// "請　查照" and "市長　江大川" are written with it on purpose.
func trim(s string) string { return strings.Trim(s, " \t\r\n") }
