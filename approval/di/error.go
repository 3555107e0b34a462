package di

import "fmt"

// SyntaxError says where a DI or SW was refused and why.
type SyntaxError struct {
	Line    int    // from 1; 0 when the whole file is meant
	Element string // the element, or DOCTYPE; "" outside of both
	Reason  string
}

func (e *SyntaxError) Error() string { return place(e.Line, e.Element) + e.Reason }

// place is the beginning of every message about a spot of a file.
func place(line int, element string) string {
	switch {
	case line > 0 && element != "":
		return fmt.Sprintf("line %d, %s: ", line, element)
	case line > 0:
		return fmt.Sprintf("line %d: ", line)
	case element != "":
		return element + ": "
	}
	return ""
}
