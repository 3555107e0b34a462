package gateway

import (
	"fmt"
	"regexp"
	"strings"
)

// template is a string with placeholders, taken apart.
type template []part

// part is literal, or a placeholder's name.
type part struct {
	literal string
	name    string
}

var placeholder = regexp.MustCompile(`\{\{ *([a-z][a-z0-9_]*) *\}\}`)

// parse takes a string apart. A name that is not known, and braces that are no
// placeholder, are errors.
func parse(s string, known func(name string) bool) (template, error) {
	var t template
	rest := s
	for {
		at := placeholder.FindStringSubmatchIndex(rest)
		literal := rest
		if at != nil {
			literal = rest[:at[0]]
		}
		if strings.Contains(literal, "{{") || strings.Contains(literal, "}}") {
			return nil, fmt.Errorf("%q has braces that are no placeholder such as {{to}}", s)
		}
		if literal != "" {
			t = append(t, part{literal: literal})
		}
		if at == nil {
			return t, nil
		}
		name := rest[at[2]:at[3]]
		if !known(name) {
			return nil, fmt.Errorf("there is no placeholder {{%s}}", name)
		}
		t = append(t, part{name: name})
		rest = rest[at[1]:]
	}
}

// fill puts values in, each through escape.
func (t template) fill(values map[string]string, escape func(string) string) string {
	var b strings.Builder
	for _, p := range t {
		if p.name == "" {
			b.WriteString(p.literal)
		} else {
			b.WriteString(escape(values[p.name]))
		}
	}
	return b.String()
}

func asIs(s string) string { return s }
