package si

import (
	"iter"
	"strings"
)

// node is an element, a piece of text, or a processing instruction. What
// canonical XML does not know (comments, the DOCTYPE) is not kept, but parts
// text that stands around it, as it does in the DOM that signers sign.
type node struct {
	kind  kind
	name  string // of an element as written, or the target of an instruction
	text  string // of a text with references resolved, or the data of an instruction
	cdata bool   // the text is a CDATA section: never dropped as white space
	attrs []attr
	kids  []*node
	up    *node
	line  int
	// from and to are where it stands in the bytes that were read; open is where
	// the start tag ends.
	from, open, to int
}

type kind uint8

const (
	element kind = iota
	text
	instruction
)

// attr is an attribute or a declaration of a namespace, as written.
type attr struct{ name, value string }

// local is a name without its prefix.
func local(name string) string {
	_, after, found := strings.Cut(name, ":")
	if found {
		return after
	}
	return name
}

// is reports whether n is an element of this name. Signatures come with the
// namespace of XML Signature and without, under any prefix.
func (n *node) is(name string) bool { return n != nil && n.kind == element && local(n.name) == name }

// get gives the value of an attribute, "" when there is none.
func (n *node) get(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// id is what references point at.
func (n *node) id() string { return n.get("Id") }

// all gives the children of this name.
func (n *node) all(name string) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if n == nil {
			return
		}
		for _, k := range n.kids {
			if k.is(name) && !yield(k) {
				return
			}
		}
	}
}

// child gives the first element at the end of a path of names, nil when there
// is none.
func (n *node) child(path ...string) *node {
	for _, name := range path {
		var found *node
		for k := range n.all(name) {
			found = k
			break
		}
		if found == nil {
			return nil
		}
		n = found
	}
	return n
}

// content is the text of an element and of all in it, white space around it
// left out.
func (n *node) content() string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for d := range n.walk() {
		if d.kind == text {
			b.WriteString(d.text)
		}
	}
	return strings.Trim(b.String(), space)
}

// walk gives n and everything in it in document order.
func (n *node) walk() iter.Seq[*node] {
	return func(yield func(*node) bool) { n.each(yield) }
}

func (n *node) each(yield func(*node) bool) bool {
	if !yield(n) {
		return false
	}
	for _, k := range n.kids {
		if !k.each(yield) {
			return false
		}
	}
	return true
}

// within reports whether n is m or stands in it.
func (n *node) within(m *node) bool {
	for ; n != nil; n = n.up {
		if n == m {
			return true
		}
	}
	return false
}
