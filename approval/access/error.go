package access

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrCredentials: the login and password do not let in. It is the same for
	// whatever reason.
	ErrCredentials = errors.New("login or password is not right")
	// ErrDisabled: the account is closed or its person has left. It is for
	// logs; whoever signs in gets [ErrCredentials].
	ErrDisabled = errors.New("account is closed")
	// ErrNoSession: the cookie does not belong to a session, or no longer.
	ErrNoSession = errors.New("no session")
	// ErrWaiting: the session waits for its device to be confirmed, and sees
	// nothing until then.
	ErrWaiting = errors.New("device is not confirmed yet")
	// ErrFlow: what is to be ended here was not begun in this browser, took too
	// long, or was ended before.
	ErrFlow = errors.New("nothing of this browser is under way")
	// ErrReplaced: the session was of a device whose place another has taken
	// (單一行動裝置). It is an [ErrNoSession].
	ErrReplaced = fmt.Errorf("device was replaced: %w", ErrNoSession)
	// ErrToken: the API token is unknown, withdrawn or has ended.
	ErrToken = errors.New("API token is not valid")
	// ErrSealed: sealed bytes were changed, are of another place, or were
	// sealed under another secret.
	ErrSealed = errors.New("sealed value cannot be opened with this secret")
)

// LimitedError: too many failures; until RetryAfter has passed the password is
// not looked at.
type LimitedError struct {
	RetryAfter time.Duration // whole seconds, at least one
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("too many failed sign-ins, next attempt in %s", e.RetryAfter)
}

// BusyError: as many are signing in as the server can serve. Nothing was looked
// at and nothing counted.
type BusyError struct {
	RetryAfter time.Duration // whole seconds
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("too many are signing in, come again in %s", e.RetryAfter)
}

// ProviderError: a sign-in provider did not answer, or not with what it should.
// Whoever wants in has done nothing wrong.
type ProviderError struct {
	Provider string // its name
	Err      error
}

func (e *ProviderError) Error() string {
	return fmt.Sprintf("sign-in provider %s: %v", e.Provider, e.Err)
}

func (e *ProviderError) Unwrap() error { return e.Err }

// RefusedError: a new device was denied of late, and others are refused until
// then. It is for who has shown the password.
type RefusedError struct {
	Until time.Time
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("new devices are refused until %s", e.Until.Format(time.RFC3339))
}
