package si

import (
	"cmp"
	"io"
	"slices"
	"strings"
)

// The algorithm of every sign-off log: Canonical XML 1.0, inclusive, without
// comments (W3C REC-xml-c14n-20010315).
const c14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

// Form is the tree of which the canonical form was taken.
type Form string

const (
	// Stripped leaves out text of white space only. Systems that sign a DOM
	// which never held any and save it indented have signed this; so has every
	// log of ours.
	Stripped Form = "stripped"
	// AsIs keeps everything.
	AsIs Form = "as is"
)

// canonical writes the canonical form of the subtree of n.
func canonical(w io.Writer, n *node, form Form) error {
	c := canonicalizer{form: form}
	c.element(n, map[string]string{}, scope(n.up))
	_, err := io.WriteString(w, c.b.String())
	return err
}

type canonicalizer struct {
	b    strings.Builder
	form Form
}

// scope gives the namespaces that hold inside n, prefix to URI.
func scope(n *node) map[string]string {
	in := map[string]string{}
	for ; n != nil; n = n.up {
		for _, a := range n.attrs {
			if prefix, ok := declares(a.name); ok {
				if _, nearer := in[prefix]; !nearer {
					in[prefix] = a.value
				}
			}
		}
	}
	return in
}

func declares(name string) (prefix string, ok bool) {
	if name == "xmlns" {
		return "", true
	}
	return strings.CutPrefix(name, "xmlns:")
}

// element writes n. Rendered are the namespaces that elements around it have in
// the output; inherited, for the apex only, those that hold outside of it.
func (c *canonicalizer) element(n *node, rendered, inherited map[string]string) {
	own := map[string]string{}
	var attrs []attr
	for _, a := range n.attrs {
		if prefix, ok := declares(a.name); ok {
			own[prefix] = a.value
		} else {
			attrs = append(attrs, a)
		}
	}
	if inherited != nil {
		for prefix, uri := range inherited {
			if _, again := own[prefix]; !again {
				own[prefix] = uri
			}
		}
		attrs = append(attrs, inheritedXML(n)...)
	}
	now := rendered
	var prefixes []string
	for prefix, uri := range own {
		if prefix == "xml" || rendered[prefix] == uri { // an empty default that nothing has set is not written either
			continue
		}
		prefixes = append(prefixes, prefix)
	}
	if len(prefixes) > 0 {
		now = make(map[string]string, len(rendered)+len(prefixes))
		for prefix, uri := range rendered {
			now[prefix] = uri
		}
		for _, prefix := range prefixes {
			now[prefix] = own[prefix]
		}
	}
	c.b.WriteByte('<')
	c.b.WriteString(n.name)
	slices.Sort(prefixes)
	for _, prefix := range prefixes {
		if prefix == "" {
			c.b.WriteString(` xmlns="`)
		} else {
			c.b.WriteString(` xmlns:` + prefix + `="`)
		}
		c.value(own[prefix])
	}
	if len(attrs) > 1 {
		in := scope(n)
		slices.SortFunc(attrs, func(x, y attr) int {
			return cmp.Or(strings.Compare(space2uri(x.name, in), space2uri(y.name, in)), strings.Compare(local(x.name), local(y.name)))
		})
	}
	for _, a := range attrs {
		c.b.WriteString(" " + a.name + `="`)
		c.value(a.value)
	}
	c.b.WriteByte('>')
	for _, k := range n.kids {
		switch k.kind {
		case element:
			c.element(k, now, nil)
		case text:
			if c.form == Stripped && !k.cdata && strings.Trim(k.text, space) == "" {
				continue
			}
			c.text(k.text)
		case instruction:
			c.b.WriteString("<?" + k.name)
			if k.text != "" {
				c.b.WriteString(" " + k.text)
			}
			c.b.WriteString("?>")
		}
	}
	c.b.WriteString("</" + n.name + ">")
}

// inheritedXML gives the attributes of XML's own namespace that an apex takes
// from the elements around it (§2.4).
func inheritedXML(n *node) []attr {
	var out []attr
	has := func(name string) bool {
		return n.get(name) != "" || slices.ContainsFunc(out, func(a attr) bool { return a.name == name })
	}
	for up := n.up; up != nil; up = up.up {
		for _, a := range up.attrs {
			if strings.HasPrefix(a.name, "xml:") && !has(a.name) {
				out = append(out, a)
			}
		}
	}
	return out
}

// space2uri gives the namespace of an attribute: none without a prefix.
func space2uri(name string, in map[string]string) string {
	prefix, _, found := strings.Cut(name, ":")
	switch {
	case !found:
		return ""
	case prefix == "xml":
		return "http://www.w3.org/XML/1998/namespace"
	}
	return in[prefix]
}

var (
	escapeText  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	escapeValue = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)

func (c *canonicalizer) text(s string) { _, _ = escapeText.WriteString(&c.b, s) } // a Builder takes everything

func (c *canonicalizer) value(s string) {
	_, _ = escapeValue.WriteString(&c.b, s)
	c.b.WriteByte('"')
}
