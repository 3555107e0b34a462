package approval

import (
	"errors"
	"fmt"
	"time"
)

// Sentinels. Adapters translate what their store says into these; the web has
// one table from them to a status and a sentence.
var (
	// ErrNotFound: no such thing, or none that this actor may know of.
	ErrNotFound = errors.New("not found")
	// ErrForbidden: the thing is known to the actor, the action is not theirs.
	ErrForbidden = errors.New("forbidden")
	// ErrStale: the document has changed since the actor looked at it.
	ErrStale = errors.New("document has changed since it was read")
	// ErrReplayed: the one-time token of this form was used before.
	ErrReplayed = errors.New("form was already submitted")
	// ErrExpired: the form, link or session is older than it may be.
	ErrExpired = errors.New("expired")
	// ErrClassified: the document is classified (密 and above); it is handled
	// at the office, outside this system (文書處理手冊, 機密文書處理).
	ErrClassified = errors.New("classified document is not handled online")
	// ErrDuplicate: this document was imported before.
	ErrDuplicate = errors.New("already imported")
)

// InvalidError says which field of the input was refused and why. Reason is a
// message key of the web catalogues, Detail the offending value or limit in
// words safe to show.
type InvalidError struct {
	Field  string
	Reason string
	Detail string
}

func (e *InvalidError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Field, e.Reason, e.Detail)
}

// DecidedError is what the loser of two simultaneous decisions gets: the step
// was closed by By at At with Action.
type DecidedError struct {
	By     string // the name on the step
	Action Action
	At     time.Time
}

func (e *DecidedError) Error() string {
	return fmt.Sprintf("step was already closed: %s by %s at %s", e.Action, e.By, e.At.Format(time.RFC3339))
}

// DuplicateError says which document an import repeats.
type DuplicateError struct {
	Existing DocumentID
	// SameFile: byte for byte the same DI. Otherwise issuer and number are the
	// same and the content differs, which somebody must look at.
	SameFile bool
}

func (e *DuplicateError) Error() string {
	if e.SameFile {
		return "already imported as " + string(e.Existing)
	}
	return "issuer and number are those of " + string(e.Existing) + ", the content differs"
}

// Is makes errors.Is(err, ErrDuplicate) hold.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }
