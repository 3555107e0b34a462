package si

import "fmt"

// SyntaxError says where a sign-off log was refused and why.
type SyntaxError struct {
	Line   int // from 1; 0 when the whole file is meant
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return e.Reason
}

// PackageError says which file of a package was refused and why.
type PackageError struct {
	Name   string // "" when the package as a whole is meant
	Reason string
}

func (e *PackageError) Error() string {
	if e.Name != "" {
		return fmt.Sprintf("%s: %s", e.Name, e.Reason)
	}
	return e.Reason
}
