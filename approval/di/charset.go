package di

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/traditionalchinese"
)

// Encodings as [Document.Encoding] names them.
const (
	UTF8 = "UTF-8"
	Big5 = "Big5" // with the extensions of cp950 and ETEN
)

var (
	bom      = []byte("\xef\xbb\xbf")
	declared = regexp.MustCompile(`^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)
)

// toUTF8 gives the text of a file without its byte order mark, and the encoding
// in which it came.
func toUTF8(b []byte) (text []byte, encoding string, warnings []string, err error) {
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return nil, "", nil, &SyntaxError{Line: 1, Reason: "encoded in UTF-16; only UTF-8 and Big5 are read"}
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, "", nil, &SyntaxError{Line: lineAt(b, i), Reason: "NUL character"}
	}
	head := b[:min(len(b), 512)]
	marked := bytes.HasPrefix(b, bom)
	name := ""
	if m := declared.FindSubmatch(bytes.TrimPrefix(head, bom)); m != nil {
		name = strings.ToLower(string(m[1]))
	}
	switch name {
	case "":
		// Without a declaration XML is UTF-8; the DTD may say otherwise.
		if !marked && !utf8.Valid(b) && bytes.Contains(head, []byte("_big5.dtd")) {
			name = "big5"
		}
	case "utf-8", "utf8", "us-ascii", "ascii":
	case "big5", "big-5", "cp950", "ms950", "windows-950", "x-windows-950", "big5-eten", "x-x-big5", "csbig5":
		name = "big5"
	default:
		return nil, "", nil, &SyntaxError{Line: 1, Reason: fmt.Sprintf("encoded in %q; only UTF-8 and Big5 are read", name)}
	}
	if name == "big5" && !marked {
		text, warnings, err := fromBig5(b)
		if err == nil {
			return text, Big5, warnings, nil
		}
		if !utf8.Valid(b) {
			return nil, "", nil, err
		}
		return b, UTF8, []string{"line 1: declared as Big5, but the text is UTF-8 and was read as such"}, nil
	}
	if name == "big5" {
		warnings = append(warnings, "line 1: declared as Big5, but marked as UTF-8 and read as such")
	}
	b = bytes.TrimPrefix(b, bom)
	if i := invalidUTF8(b); i >= 0 {
		return nil, "", nil, &SyntaxError{Line: lineAt(b, i), Reason: "invalid UTF-8"}
	}
	return b, UTF8, warnings, nil
}

// fromBig5 decodes Big5. Characters of an agency's own making (造字) have no
// meaning outside of it: they become U+FFFD with a warning, never one of the
// Hong Kong characters that the web's Big5 puts on the same codes.
func fromBig5(b []byte) (text []byte, warnings []string, err error) {
	var out bytes.Buffer
	out.Grow(len(b) * 3 / 2)
	decoder := traditionalchinese.Big5.NewDecoder()
	from := 0
	flush := func(to int) error {
		run, err := decoder.Bytes(b[from:to])
		if i := bytes.IndexRune(run, utf8.RuneError); err == nil && i < 0 {
			out.Write(run)
			return nil
		}
		return &SyntaxError{Line: lineAt(b, from) + bytes.Count(run[:max(0, bytes.IndexRune(run, utf8.RuneError))], []byte("\n")), Reason: "invalid Big5"}
	}
	for i := 0; i < len(b); i++ {
		if b[i] < 0x80 {
			continue
		}
		if i+1 < len(b) && userDefined(b[i], b[i+1]) {
			if err := flush(i); err != nil {
				return nil, nil, err
			}
			if len(warnings) < maxWarnings {
				warnings = append(warnings, fmt.Sprintf("line %d: a character of the sender's own making (造字, Big5 %X) cannot be shown", lineAt(b, i), b[i:i+2]))
			}
			out.WriteRune(utf8.RuneError)
			from = i + 2
		}
		i++ // the second byte
	}
	if err := flush(len(b)); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), warnings, nil
}

// userDefined reports whether a code lies in the areas that cp950 leaves to the
// user. The ETEN extension C6A1 to C7F2 (circled numbers, kana) is not one: it
// is in common use.
func userDefined(lead, trail byte) bool {
	code := uint16(lead)<<8 | uint16(trail)
	return code >= 0x8140 && code <= 0xA0FE || code > 0xC7F2 && code <= 0xC8FE || code >= 0xFA40 && code <= 0xFEFE
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// lineAt is the line, from 1, of the byte at i.
func lineAt(b []byte, i int) int { return bytes.Count(b[:i], []byte("\n")) + 1 }
