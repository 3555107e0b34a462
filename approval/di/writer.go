package di

import (
	"bytes"
	"reflect"
	"strings"

	"qianhe/approval"
)

// writer puts XML together: UTF-8 with a byte order mark, CRLF, two spaces a
// level. It keeps the first error and goes on.
type writer struct {
	out   bytes.Buffer
	depth int
	err   error
}

func newWriter() *writer {
	w := new(writer)
	w.out.Write(bom)
	w.line(`<?xml version="1.0" encoding="utf-8"?>`)
	return w
}

func (w *writer) line(s string) {
	w.out.WriteString(strings.Repeat("  ", w.depth))
	w.out.WriteString(s)
	w.out.WriteString("\r\n")
}

// open begins an element; attributes are pairs of name and value.
func (w *writer) open(name string, attributes ...string) {
	w.line("<" + tag(name, attributes) + ">")
	w.depth++
}

func (w *writer) close(name string) {
	w.depth--
	w.line("</" + name + ">")
}

// empty is an element without content.
func (w *writer) empty(name string, attributes ...string) { w.line("<" + tag(name, attributes) + "/>") }

// leaf is an element with text.
func (w *writer) leaf(name, text string, attributes ...string) {
	w.line("<" + tag(name, attributes) + ">" + escapeText.Replace(text) + "</" + name + ">")
}

// text is an element with its text in a 文字.
func (w *writer) text(name, text string) {
	w.open(name)
	w.leaf("文字", text)
	w.close(name)
}

func tag(name string, attributes []string) string {
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i+1 < len(attributes); i += 2 {
		b.WriteString(" " + attributes[i] + `="` + escapeAttribute.Replace(attributes[i+1]) + `"`)
	}
	return b.String()
}

// A carriage return would be read as a line end, and in an attribute every
// white space as a space: they are written as references.
var (
	escapeText      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;", "\n", "\r\n")
	escapeAttribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\r", "&#13;", "\n", "&#10;")
)

func (w *writer) refuse(field, detail string) {
	if w.err == nil {
		w.err = &approval.InvalidError{Field: field, Reason: "document.unwritable", Detail: detail}
	}
}

// finish gives what was written, once reading it again gave the same.
func (w *writer) finish(check func([]byte) (different string, err error)) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	field, err := check(w.out.Bytes())
	switch {
	case err != nil:
		w.refuse("body", err.Error())
	case field != "":
		w.refuse(field, "")
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.out.Bytes(), nil
}

// difference names the first field in which two values differ, "" when none
// does. Nil and empty are the same: XML cannot tell them apart.
func difference(a, b any) string {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.Kind() != reflect.Struct {
		if same(x, y) {
			return ""
		}
		return "roster"
	}
	for i := range x.NumField() {
		if !same(x.Field(i), y.Field(i)) {
			return strings.ToLower(x.Type().Field(i).Name)
		}
	}
	return ""
}

func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !same(a.MapIndex(k), v) {
				return false
			}
		}
		return true
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			zero := reflect.Zero(a.Type().Elem())
			return same(orZero(a, zero), orZero(b, zero))
		}
		return same(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}

func orZero(p, zero reflect.Value) reflect.Value {
	if p.IsNil() {
		return zero
	}
	return p.Elem()
}
