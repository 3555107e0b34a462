package intake

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"qianhe/approval"
)

var (
	textNumber = regexp.MustCompile(`第\s*([0-9]+)\s*號`)
	digitRuns  = regexp.MustCompile(`[0-9]+`)
)

// minNumber is the fewest digits that pass for a 文號 in a file's name; it has
// three for the year and seven for the serial (113 1000908).
const minNumber = 7

// number gives the 文號: what the order says, else that of the DI (as fields or
// within a 發文字號 that was written as one text), else the digits in the name
// of the roster (M1131000908.sw).
func number(o Order, b approval.Body, roster string) (string, error) {
	n := strings.TrimSpace(o.Number)
	for _, ref := range b.References {
		if n != "" {
			break
		}
		n = ref.Number()
		if m := textNumber.FindStringSubmatch(width.Fold.String(ref.Text)); n == "" && m != nil {
			n = m[1]
		}
	}
	if n == "" {
		for _, run := range digitRuns.FindAllString(strings.TrimSuffix(fold(roster), extension(roster)), -1) {
			if len(run) >= minNumber && len(run) > len(n) {
				n = run
			}
		}
	}
	switch {
	case n == "":
		return "", problem("number", "document.number.missing", "")
	case len(n) > 64 || strings.ContainsFunc(n, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' }):
		return "", problem("number", "document.number.characters", "")
	}
	return n, nil
}
