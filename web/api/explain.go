package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/di"
	"qianhe/approval/intake"
	"qianhe/hub"
)

// explain is the one place where an error becomes a code.
func explain(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if d, ok := errors.AsType[*approval.DuplicateError](err); ok {
		return &problem{code: "number_taken", existing: string(d.Existing), cause: err}
	}
	switch {
	case errors.Is(err, access.ErrToken):
		return &problem{code: "token_invalid", cause: err}
	case errors.Is(err, hub.ErrBusy):
		return &problem{code: "unavailable", retryAfter: time.Second, cause: err}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{code: "unavailable", cause: err}
	}
	return &problem{code: "internal", cause: err}
}

// within turns what intake found wrong with a package into a problem that
// names the files. An error that is not about the package is returned as it
// is: it weighs more.
func within(p intake.Package, err error) error {
	f := finder{code: "invalid", pkg: p}
	if !f.find(err, p.DI.Name) {
		return err
	}
	return &problem{code: f.code, errors: f.faults, cause: err}
}

// finder collects the faults in a tree of errors.
type finder struct {
	pkg    intake.Package
	code   string
	faults []fault
}

// find reports whether err is about the package, and nothing else. file is the
// one that err is about unless something below says better.
func (f *finder) find(err error, file string) bool {
	if r := f.pkg.Roster; r != nil && strings.HasPrefix(err.Error(), r.Name+": ") {
		file = r.Name
	}
	switch e := err.(type) { //nolint:errorlint // every layer is looked at by itself
	case *di.SyntaxError:
		f.code = "di_invalid"
		f.faults = append(f.faults, fault{File: file, Line: e.Line, Field: e.Element, Reason: e.Reason})
		return true
	case *approval.InvalidError:
		f.faults = append(f.faults, invalid(e))
		return true
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if !f.find(inner, file) {
				return false
			}
		}
		return len(e.Unwrap()) > 0
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && f.find(inner, file)
	}
	return false
}

// invalid gives the fault of a field. Where the offending value is the name of
// a file, it says so.
func invalid(e *approval.InvalidError) fault {
	about, _, _ := strings.Cut(e.Reason, ".")
	if about == "attachment" || about == "file" {
		return fault{File: e.Detail, Field: e.Field, Reason: e.Reason}
	}
	return fault{Field: e.Field, Reason: e.Reason, Detail: e.Detail}
}
