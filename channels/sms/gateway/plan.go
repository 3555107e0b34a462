package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"qianhe/channels/sms"
)

// plan is a [Request], checked and taken apart.
type plan struct {
	method  string
	url     *url.URL
	charset string
	auth    func(*http.Request, map[string]string)
	headers []field
	query   []field
	kind    string // of body: "", form, json, xml or text
	form    []field
	json    any // strings are templates
	text    template
	uses    map[string]bool // placeholders
}

// field is a name with its value.
type field struct {
	name  string
	value template
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)

// newPlan checks a request. known are the placeholders that there are; in
// credentials only those of fixed.
func newPlan(r Request, known, fixed func(string) bool) (*plan, error) {
	p := &plan{charset: r.Charset, uses: map[string]bool{}}
	if err := sms.CheckAddress(r.URL); err != nil {
		return nil, fmt.Errorf("url is %w", err)
	}
	u, err := url.Parse(r.URL)
	if err != nil || strings.Contains(r.URL, "{{") {
		return nil, errors.New("url is not an address, or has placeholders, which belong in query")
	}
	p.url = u
	switch p.charset {
	case "":
		p.charset = charsetUTF8
	case charsetUTF8, charsetBig5, charsetUTF16:
	default:
		return nil, fmt.Errorf("charset %q is none of %s, %s, %s", r.Charset, charsetUTF8, charsetBig5, charsetUTF16)
	}
	if err := p.setBody(r, known); err != nil {
		return nil, err
	}
	if p.method = strings.ToUpper(r.Method); p.method == "" {
		p.method = http.MethodPost
		if p.kind == "" {
			p.method = http.MethodGet
		}
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut}, p.method) || p.method == http.MethodGet && p.kind != "" {
		return nil, fmt.Errorf("method %q is none of GET, POST, PUT, or is GET with a body", r.Method)
	}
	if p.headers, err = p.fields("headers", r.Headers, known); err != nil {
		return nil, err
	}
	for _, h := range p.headers {
		if !headerName.MatchString(h.name) {
			return nil, fmt.Errorf("headers: %q is not a header's name", h.name)
		}
	}
	if p.query, err = p.fields("query", r.Query, known); err != nil {
		return nil, err
	}
	if p.auth, err = p.signIn(r.Auth, fixed); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return p, nil
}

func (p *plan) setBody(r Request, known func(string) bool) error {
	for kind, given := range map[string]bool{"form": r.Form != nil, "json": hasJSON(r.JSON), "xml": r.XML != "", "text": r.Text != ""} {
		switch {
		case given && p.kind != "":
			return errors.New("there are two bodies; null takes away that of a preset")
		case given:
			p.kind = kind
		}
	}
	var err error
	switch p.kind {
	case "form":
		p.form, err = p.fields("form", r.Form, known)
	case "json":
		var v any
		if v, err = readJSON(r.JSON); err == nil {
			p.json, err = p.tree(v, known)
		}
	case "xml":
		p.text, err = p.parse(r.XML, known)
	case "text":
		p.text, err = p.parse(r.Text, known)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.kind, err)
	}
	return nil
}

func hasJSON(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

func (p *plan) parse(s string, known func(string) bool) (template, error) {
	t, err := parse(s, known)
	for _, part := range t {
		if part.name != "" {
			p.uses[part.name] = true
		}
	}
	return t, err
}

// fields takes a map apart, sorted, so that a request is the same each time.
func (p *plan) fields(what string, m map[string]string, known func(string) bool) ([]field, error) {
	var list []field
	for _, name := range slices.Sorted(maps.Keys(m)) {
		t, err := p.parse(m[name], known)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", what, name, err)
		}
		list = append(list, field{name, t})
	}
	return list, nil
}

// tree takes the strings of a JSON value apart.
func (p *plan) tree(v any, known func(string) bool) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		return p.parse(v, known)
	case []any:
		for i := range v {
			if v[i], err = p.tree(v[i], known); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range v {
			if v[name], err = p.tree(v[name], known); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return v, nil
}

// filled gives the value of a tree.
func filled(v any, values map[string]string) any {
	switch v := v.(type) {
	case template:
		return v.fill(values, asIs)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = filled(v[i], values)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = filled(v[name], values)
		}
		return object
	}
	return v
}

// signIn checks credentials and gives what puts them on a request.
func (p *plan) signIn(a Auth, fixed func(string) bool) (func(*http.Request, map[string]string), error) {
	var templates [4]template
	for i, s := range []string{a.User, a.Password, a.Token, a.Value} {
		t, err := p.parse(s, fixed)
		if err != nil {
			return nil, err
		}
		templates[i] = t
	}
	user, password, token, value := templates[0], templates[1], templates[2], templates[3]
	switch a.Type {
	case "", "none":
		if a != (Auth{Type: a.Type}) {
			return nil, errors.New("there are credentials, but no type: basic, bearer or header")
		}
		return func(*http.Request, map[string]string) {}, nil
	case "basic":
		if user == nil || strings.Contains(a.User, ":") {
			return nil, errors.New("basic needs a user, without a colon, and a password")
		}
		return func(r *http.Request, v map[string]string) { r.SetBasicAuth(user.fill(v, asIs), password.fill(v, asIs)) }, nil
	case "bearer":
		if token == nil {
			return nil, errors.New("bearer needs a token")
		}
		return func(r *http.Request, v map[string]string) {
			r.Header.Set("Authorization", "Bearer "+token.fill(v, asIs))
		}, nil
	case "header":
		if !headerName.MatchString(a.Header) || value == nil {
			return nil, errors.New("header needs a header and a value")
		}
		return func(r *http.Request, v map[string]string) { r.Header.Set(a.Header, value.fill(v, asIs)) }, nil
	}
	return nil, fmt.Errorf("type %q is none of none, basic, bearer, header", a.Type)
}

// build makes the request. lacks are the characters that its charset has not.
func (p *plan) build(values map[string]string) (req *http.Request, lacks []rune, err error) {
	if p.charset == charsetUTF16 {
		values = maps.Clone(values)
		values["text"] = hexUTF16(values["text"])
	}
	body, lacks, err := p.body(values)
	if err != nil {
		return nil, nil, err
	}
	u := *p.url
	query, more := p.pairs(p.query, values)
	if u.RawQuery != "" && query != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += query
	lacks = append(lacks, more...)
	slices.Sort(lacks)
	var reader io.Reader
	if p.kind != "" {
		reader = bytes.NewReader(body)
	}
	if req, err = http.NewRequest(p.method, u.String(), reader); err != nil {
		return nil, nil, errors.New("the request cannot be made")
	}
	if p.kind != "" {
		req.Header.Set("Content-Type", p.contentType())
	}
	req.Header.Set("User-Agent", "qianhe")
	for _, h := range p.headers {
		req.Header.Set(h.name, h.value.fill(values, asIs))
	}
	p.auth(req, values)
	for name, list := range req.Header {
		if strings.ContainsFunc(list[0], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, nil, fmt.Errorf("header %s would have control characters", name)
		}
	}
	return req, slices.Compact(lacks), nil
}

func (p *plan) contentType() string {
	charset := charsetUTF8
	if p.charset == charsetBig5 {
		charset = charsetBig5
	}
	switch p.kind {
	case "form":
		return "application/x-www-form-urlencoded"
	case "json":
		return "application/json"
	case "xml":
		return "text/xml; charset=" + charset
	}
	return "text/plain; charset=" + charset
}

func (p *plan) body(values map[string]string) (body []byte, lacks []rune, err error) {
	switch p.kind {
	case "form":
		s, lacks := p.pairs(p.form, values)
		return []byte(s), lacks, nil
	case "json":
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(filled(p.json, values)); err != nil {
			return nil, nil, fmt.Errorf("json: %w", err)
		}
		body, lacks = encode(p.charset, strings.TrimSuffix(b.String(), "\n"))
	case "xml":
		body, lacks = encode(p.charset, p.text.fill(values, escapeXML))
	case "text":
		body, lacks = encode(p.charset, p.text.fill(values, asIs))
	}
	return body, lacks, nil
}

// pairs writes fields as a query or a form does, in the charset.
func (p *plan) pairs(list []field, values map[string]string) (string, []rune) {
	var lacks []rune
	var b strings.Builder
	for i, f := range list {
		if i > 0 {
			b.WriteByte('&')
		}
		value, more := encode(p.charset, f.value.fill(values, asIs))
		lacks = append(lacks, more...)
		b.WriteString(url.QueryEscape(f.name) + "=" + url.QueryEscape(string(value)))
	}
	return b.String(), lacks
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
