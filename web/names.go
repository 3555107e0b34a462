package web

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"qianhe/approval"
)

// doubleSurname reports whether a name begins with one of the surnames of two
// characters (複姓) that are met in Taiwan.
func doubleSurname(name string) bool {
	for _, s := range []string{"歐陽", "司馬", "司徒", "上官", "諸葛", "皇甫", "尉遲", "夏侯", "端木", "公孫", "令狐", "東方", "張簡", "范姜", "張廖"} {
		if strings.HasPrefix(name, s) {
			return true
		}
	}
	return false
}

// surname is what stands before a title: 王 of 王敏華. A name that is not
// written in Chinese characters is given as a whole.
func surname(name string) string {
	n := 1
	if doubleSurname(name) {
		n = 2
	}
	runes := []rune(name)
	if len(runes) < n+1 || !unicode.Is(unicode.Han, runes[0]) {
		return name
	}
	return string(runes[:n])
}

// called is how an office speaks of somebody: 王科長; without a title, the
// name.
func called(p approval.Person) string {
	if p.Title == "" || p.Name == "" {
		return p.Name + p.Title
	}
	s := surname(p.Name)
	if s == p.Name && !unicode.Is(unicode.Han, []rune(s)[0]) {
		return s + " " + p.Title
	}
	return s + p.Title
}

// fullName is the title and the name: 科長 王敏華.
func fullName(p approval.Person) string { return strings.TrimSpace(p.Title + " " + p.Name) }

// seal is what stands in a square seal: one character, or two to four in
// columns, read downwards from the right.
type seal string

// Class is the class that sets it.
func (s seal) Class() string {
	if utf8.RuneCountInString(string(s)) < 2 {
		return "one"
	}
	if utf8.RuneCountInString(string(s)) == 2 {
		return "two"
	}
	return "four"
}

// sealed arranges a name for a seal: 王敏華印, 林以之印. A name that does not
// fit is cut to its first character.
func sealed(name string) seal {
	name = strings.Join(strings.Fields(name), "")
	first, _ := utf8.DecodeRuneInString(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return ""
	case !unicode.Is(unicode.Han, first):
		return seal(strings.ToUpper(string(first)))
	case n == 2:
		return seal(name + "之印")
	case n == 3:
		return seal(name + "印")
	case n == 4:
		return seal(name)
	}
	return seal(first)
}

// sealedBriefly is for somebody who has not signed: the surname, which leaves
// no doubt that it is not a seal yet.
func sealedBriefly(name string) seal {
	s := []rune(surname(name))
	if len(s) == 0 {
		return ""
	}
	if !unicode.Is(unicode.Han, s[0]) {
		return seal(unicode.ToUpper(s[0]))
	}
	return seal(s[:min(2, len(s))])
}
