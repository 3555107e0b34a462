package access_test

import (
	"slices"
	"testing"

	"qianhe/approval"
	"qianhe/approval/access"
)

func TestSourceGivesAndTakesRoles(t *testing.T) {
	t.Parallel()
	s := access.Source{Roles: map[string][]approval.Role{
		"cn=chiefs,dc=example": {approval.RoleOfficial}, "cn=desk,dc=example": {approval.RoleRegistry, approval.RoleHandler},
	}}
	for _, tt := range []struct {
		name         string
		have, groups []string
		want         []approval.Role
	}{
		{"new", nil, []string{"CN=Chiefs,DC=example"}, []approval.Role{approval.RoleOfficial}},
		{"taken away", []string{"official"}, nil, nil},
		{"left alone", []string{"admin", "official"}, []string{"cn=others,dc=example"}, []approval.Role{approval.RoleAdmin}},
		{"both", []string{"admin"}, []string{"cn=desk,dc=example", "cn=chiefs,dc=example"}, []approval.Role{approval.RoleHandler, approval.RoleOfficial, approval.RoleRegistry, approval.RoleAdmin}},
	} {
		var have []approval.Role
		for _, r := range tt.have {
			have = append(have, approval.Role(r))
		}
		got := s.RolesOf(have, access.Identity{Groups: tt.groups})
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
