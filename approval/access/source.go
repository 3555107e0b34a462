package access

import (
	"slices"
	"strings"

	"qianhe/approval"
)

// Source is a provider together with what an agency makes of the people that it
// shows.
type Source struct {
	Provider
	// Create gives somebody who has no account one, at the first sign-in.
	Create bool
	// Adopt gives somebody the account of the same login, when it has neither a
	// password of its own nor an identity: one that was made for them.
	Adopt bool
	// Roles are what groups are worth. Every role that stands here is given and
	// taken by the source at each sign-in; others are left alone.
	Roles map[string][]approval.Role
	// Units are paths of names from the top, by the source's word for a unit. Unit
	// is where others go; without it nobody can be created there.
	Units map[string][]string
	Unit  []string
}

// RolesOf gives the roles of somebody who has these now and is shown as id.
func (s Source) RolesOf(have []approval.Role, id Identity) []approval.Role {
	var given, governed []approval.Role
	for group, roles := range s.Roles {
		governed = append(governed, roles...)
		if slices.ContainsFunc(id.Groups, func(g string) bool { return strings.EqualFold(g, group) }) {
			given = append(given, roles...)
		}
	}
	out := []approval.Role{}
	for _, r := range approval.Roles() {
		if slices.Contains(given, r) || slices.Contains(have, r) && !slices.Contains(governed, r) {
			out = append(out, r)
		}
	}
	return out
}

// UnitOf gives the path of the unit of somebody, nil when the source does not
// say.
func (s Source) UnitOf(id Identity) []string {
	for word, path := range s.Units {
		if id.Unit != "" && strings.EqualFold(strings.TrimSpace(id.Unit), word) {
			return path
		}
	}
	return nil
}
