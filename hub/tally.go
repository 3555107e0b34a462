package hub

import (
	"strings"
	"unicode"
)

// Tally counts what one message of 稽催 speaks for, as it stands when it is
// sent.
type Tally struct {
	Soon   int // in the person's hands or theirs to handle, due on the next working day
	Today  int // of these due today
	Late   int // of these late
	Others int // late in the hands of others, whom the person answers for
}

// Sum is how many documents that is; none means that all have moved.
func (t Tally) Sum() int { return t.Soon + t.Today + t.Late + t.Others }

// Detail is what a message may tell about a document beyond counts, where the
// organisation opted in. Whoever has it hands it over with the [Rule]; only
// [Compose] decides what of it is shown.
type Detail struct {
	Number  string // 文號
	Subject string // 主旨
}

// shown gives what of a detail a tier allows, "" when nothing.
func (d Detail) shown(t Tier) (number, subject string) {
	if t.rank() >= TierNumber.rank() {
		number = plainLine(d.Number, 40)
	}
	if t.rank() >= TierSubject.rank() {
		subject = MaskSubject(d.Subject)
	}
	return number, subject
}

// maskedLength is how much of a subject is enough to know one's own document
// by.
const maskedLength = 16

// MaskSubject hides every second character of a 主旨, as names are masked in public
// lists (王○明), and all digits and Latin letters, and cuts what is long.
// Punctuation stays.
func MaskSubject(subject string) string {
	var b strings.Builder
	n, hidden := 0, false
	for _, r := range plainLine(subject, 4*maskedLength) {
		if n++; n > maskedLength {
			b.WriteRune('…')
			break
		}
		switch {
		case r < 0x2e80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune('○')
		case unicode.IsLetter(r):
			if hidden {
				r = '○'
			}
			hidden = !hidden
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plainLine makes one line of a text, without what a chat would make more of
// than text, and at most max characters long.
func plainLine(s string, max int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(s); len(runes) > max {
		return string(runes[:max]) + "…"
	}
	return s
}
