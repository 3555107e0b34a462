package access

import (
	"slices"
	"strings"
	"time"

	"qianhe/approval"
)

// APITokenPrefix begins every API token, so that scanners for leaked secrets
// can find them.
const APITokenPrefix = "qianhe_"

// NewAPIToken is a token to be issued.
type NewAPIToken struct {
	Name    string // which system it is given to
	Scopes  []string
	Origins []string  // where links of its notices may lead, such as https://hr.example.gov.tw
	Expires time.Time // zero: never
	// PerMinute is how many recipients its notices may have in a minute; 0 for
	// the server's default.
	PerMinute int
}

// APIToken is what is known of a token given to another system. The secret was
// shown once and is not known.
type APIToken struct {
	ID         string
	Name       string // which system it was given to
	Scopes     []string
	Origins    []string
	PerMinute  int
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // to about a minute; zero: never
}

// May reports whether the token allows what the scope says.
func (t APIToken) May(scope string) bool { return slices.Contains(t.Scopes, scope) }

// CheckScopes refuses, with an [*approval.InvalidError], scopes that are not of
// the form documents:write, and none at all.
func CheckScopes(scopes []string) error {
	valid := func(s string) bool {
		thing, deed, ok := strings.Cut(s, ":")
		letters := func(s string) bool {
			return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
		}
		return ok && len(s) <= 64 && letters(thing) && letters(deed)
	}
	if len(scopes) == 0 || len(scopes) > 16 {
		return &approval.InvalidError{Field: "scopes", Reason: "scopes.number", Detail: "1-16"}
	}
	if i := slices.IndexFunc(scopes, func(s string) bool { return !valid(s) }); i >= 0 {
		return &approval.InvalidError{Field: "scopes", Reason: "scopes.form", Detail: "such as documents:write"}
	}
	return nil
}
