package web

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"
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
