package intake

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// split cuts a name as it came into folder and file. Both kinds of slashes
// count, whatever system the sender has.
func split(name string) (folder, base string) {
	name = strings.ReplaceAll(name, `\`, "/")
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

func baseName(name string) string {
	_, base := split(name)
	return base
}

// fold gives the form in which names are compared: without regard to case and
// to how accents are composed (macOS takes them apart).
func fold(name string) string {
	return strings.ToLower(norm.NFC.String(strings.TrimSpace(baseName(name))))
}

// extension is the lower-case ending of a name, with its dot.
func extension(name string) string {
	name = fold(name)
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return name[i:]
	}
	return ""
}

// acceptable reports whether a file name can be stored and shown: no control
// characters and none that turn the direction of writing.
func acceptable(base string) bool {
	return strings.TrimSpace(base) != "" && base != "." && base != ".." && len(base) <= 255 &&
		!strings.ContainsFunc(base, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
}

// litter reports whether a file is what systems leave behind in folders and
// archives.
func litter(folder, base string) bool {
	switch strings.ToLower(base) {
	case "", ".ds_store", "thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(base, "._") || strings.Contains("/"+folder+"/", "/__MACOSX/")
}
