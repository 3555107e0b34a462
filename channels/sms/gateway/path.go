package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// jsonPath leads to a value: result.messages[0].id. The empty one is the whole.
type jsonPath []any // string: member of an object; int: element of an array

var pathStep = regexp.MustCompile(`^(?:\.?([^.\[\]]+)|\[([0-9]{1,4})\])`)

func parsePath(s string) (jsonPath, error) {
	var p jsonPath
	for rest := s; rest != ""; {
		m := pathStep.FindStringSubmatch(rest)
		if m == nil || rest == s && strings.HasPrefix(rest, ".") {
			return nil, fmt.Errorf("%q is not a path such as result.messages[0].id", s)
		}
		if m[1] != "" {
			p = append(p, m[1])
		} else {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, fmt.Errorf("%q is not a path: %w", s, err)
			}
			p = append(p, n)
		}
		rest = rest[len(m[0]):]
	}
	return p, nil
}

// at gives the value at a path; ok is false where there is none.
func (p jsonPath) at(v any) (any, bool) {
	for _, step := range p {
		switch step := step.(type) {
		case string:
			object, ok := v.(map[string]any)
			if !ok {
				return nil, false
			}
			if v, ok = object[step]; !ok {
				return nil, false
			}
		case int:
			array, ok := v.([]any)
			if !ok || step >= len(array) {
				return nil, false
			}
			v = array[step]
		}
	}
	return v, v != nil
}

// text gives the value at a path as it is written: a string, a number, true or
// false. An object or an array has no text.
func (p jsonPath) text(v any) (string, bool) {
	v, ok := p.at(v)
	if !ok {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// readJSON reads one value, with numbers as they are written.
func readJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}
