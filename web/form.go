package web

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"qianhe/approval"
)

// maxForm bounds the body of a form, in bytes: an opinion of the longest kind
// takes 24 kB when every character of it is percent-encoded.
const maxForm = 64 << 10

// parseForm reads a form into r.PostForm. Bytes that are no text are refused.
func parseForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return errForm
	}
	for _, values := range r.PostForm {
		for i, v := range values {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return errForm
			}
			values[i] = strings.ReplaceAll(v, "\r\n", "\n") // as browsers send line ends
		}
	}
	return nil
}

// formError is what a form token that does not hold means for a form of
// settings: there is no step that would be somebody else's.
func formError(err error) error {
	if errors.Is(err, approval.ErrForbidden) {
		return errForm
	}
	return err
}

// invalids are the refused fields in an error, of which there may be several.
func invalids(err error) []*approval.InvalidError {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand
	case nil:
		return nil
	case *approval.InvalidError:
		return []*approval.InvalidError{e}
	case interface{ Unwrap() []error }:
		var list []*approval.InvalidError
		for _, one := range e.Unwrap() {
			list = append(list, invalids(one)...)
		}
		return list
	}
	return invalids(errors.Unwrap(err))
}

// wrongs says what is wrong with which field, the first thing of each.
func (w *words) wrongs(err error) map[string]string {
	fields := map[string]string{}
	for _, e := range invalids(err) {
		if fields[e.Field] == "" {
			fields[e.Field] = w.invalid(e)
		}
	}
	return fields
}
