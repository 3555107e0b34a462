package di

import (
	"strings"
	"unicode"
)

// maxFileName is what file systems take, in bytes of UTF-8.
const maxFileName = 255

// fileName gives the name of a declared file without its path. It refuses, with
// a reason, what is not the name of a file beside the DI: a way up, an address,
// control characters and those that turn the direction of writing.
func fileName(s string) (name, refused string) {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return "", "control character in a file name"
	}
	elements := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '\\' })
	for _, e := range elements {
		if e == ".." {
			return "", "file name leads out of the package"
		}
	}
	switch {
	case strings.ContainsRune(s, ':'):
		return "", "file name is an address or holds a colon"
	case len(elements) == 0 || strings.HasSuffix(s, "/") || strings.HasSuffix(s, `\`):
		return "", "file name is empty"
	}
	name = strings.Trim(elements[len(elements)-1], " \t")
	switch {
	case name == "" || name == ".":
		return "", "file name is empty"
	case len(name) > maxFileName:
		return "", "file name is too long"
	}
	return name, ""
}
