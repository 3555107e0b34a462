package password

import (
	"cmp"
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"qianhe/approval"
)

// maxCharacters is the longest password, in characters (code points).
const maxCharacters = 128

// What must be left of a password when everything guessable is taken out of it.
const (
	leastLeft     = 6 // characters
	leastDistinct = 5 // different ones
)

// Policy says which passwords may be chosen.
type Policy struct {
	// Min is the least length in characters; 0 means 12.
	Min int
	// Words are further words that do not count as part of a password, such as
	// the agency's short name.
	Words []string
}

// common.txt is written for this package: one word a line, of those that stand
// at the head of every list of passwords, keyboard patterns, and what people at
// a Taiwanese agency would try first.
//
//go:embed common.txt
var common string

// Check refuses, with an [*approval.InvalidError], a password that is too short
// or too long, holds control characters, or is little more than words that are
// guessed first: those of the package, of the policy, and the given ones, such
// as the login and the person's name. Words are found in upper and lower case.
// What repeats or counts (aaaa, 1234, qwer) counts as one character.
func (p Policy) Check(password string, words ...string) error {
	refuse := func(reason, detail string) error {
		return &approval.InvalidError{Field: "password", Reason: reason, Detail: detail}
	}
	if len(password) > maxBytes {
		return refuse("password.long", strconv.Itoa(maxCharacters))
	}
	if !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl) {
		return refuse("password.characters", "")
	}
	normal := norm.NFKC.String(password)
	least := cmp.Or(p.Min, 12)
	if utf8.RuneCountInString(normal) < least {
		return refuse("password.short", strconv.Itoa(least))
	}
	if utf8.RuneCountInString(normal) > maxCharacters || len(normal) > maxBytes {
		return refuse("password.long", strconv.Itoa(maxCharacters))
	}
	left := collapse(without(fold(normal), p.words(words)))
	distinct := slices.Clone(left)
	slices.Sort(distinct)
	if len(left) < leastLeft || len(slices.Compact(distinct)) < leastDistinct {
		return refuse("password.common", "")
	}
	return nil
}

// words gives everything that does not count, longest first.
func (p Policy) words(given []string) []string {
	all := strings.Fields(common)
	for _, w := range slices.Concat(p.Words, given) {
		w = fold(norm.NFKC.String(w))
		all = append(all, w)
		// Parts of mei.lin@qingchuan.example are tried as well.
		all = append(all, strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	}
	// Shorter words would be found everywhere by chance; of Chinese, two
	// characters are a word.
	all = slices.DeleteFunc(all, func(w string) bool { return len(w) < 3 || utf8.RuneCountInString(w) < 2 })
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	return slices.Compact(all)
}

func fold(s string) string { return strings.ToLower(s) }

// without takes words out. Each leaves a mark, so that what stood before and
// after it does not become a word.
func without(s string, words []string) string {
	for _, w := range words {
		s = strings.ReplaceAll(s, w, "\x00")
	}
	return s
}

// collapse makes one character of every run that repeats or counts up or down,
// in code points or along a row of the keyboard, and drops the marks.
func collapse(s string) []rune {
	var out []rune
	var last rune
	direction := func(a, b rune) int {
		switch {
		case a == 0 || b == 0:
			return none
		case a == b:
			return 0
		case b-a == 1 || beside(a, b):
			return 1
		case a-b == 1 || beside(b, a):
			return -1
		}
		return none
	}
	going := none
	for _, r := range s {
		d := direction(last, r)
		last = r
		if d != none && (d == going || going == none) {
			going = d
			continue
		}
		going = none
		if r != 0 {
			out = append(out, r)
		}
	}
	return out
}

// none is the direction of two characters that have nothing to do with each
// other.
const none = 2

// beside reports whether b stands to the right of a on a keyboard.
func beside(a, b rune) bool {
	const rows = "`1234567890-= qwertyuiop[]\\ asdfghjkl;' zxcvbnm,./ "
	i := strings.IndexRune(rows, a)
	return a < utf8.RuneSelf && a != ' ' && b != ' ' && i >= 0 && rune(rows[i+1]) == b
}
