package access_test

import (
	"slices"
	"testing"

	"qianhe/approval/access"
)

func TestCheckScopes(t *testing.T) {
	t.Parallel()
	for _, good := range [][]string{{"documents:write"}, {"documents:write", "documents:read"}} {
		if err := access.CheckScopes(good); err != nil {
			t.Errorf("CheckScopes(%q): %v", good, err)
		}
	}
	for _, bad := range [][]string{nil, {""}, {"documents"}, {"documents:"}, {":write"}, {"documents:*"}, {"a:b:c"}, {"documents:write", "x"}, slices.Repeat([]string{"a:b"}, 17)} {
		if err := access.CheckScopes(bad); err == nil {
			t.Errorf("CheckScopes(%q) was accepted", bad)
		}
	}
}
