package pgaccess_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
)

const write = "documents:write"

func TestAPITokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := b.clock.now().UTC()
	ends := start.Add(30 * 24 * time.Hour)
	first, err := b.IssueToken(t.Context(), " 公文系統 ", []string{write}, ends)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.pass(time.Minute)
	second, err := b.IssueToken(t.Context(), "archive", []string{"documents:read", "people:read"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(first, "qianhe_") || first == second {
		t.Errorf("got tokens %q and %q", first, second)
	}
	body := strings.TrimPrefix(first, "qianhe_")
	id := body[:26]
	for name, token := range map[string]string{
		"nothing":              "",
		"no prefix":            body,
		"prefix twice":         "qianhe_" + first,
		"other prefix":         "Qianhe_" + body,
		"secret of another":    first[:len("qianhe_")+27] + second[len("qianhe_")+27:],
		"id of another":        second[:len("qianhe_")+27] + body[27:],
		"cut":                  first[:len(first)-1],
		"longer":               first + "A",
		"id that there is not": "qianhe_00000000000000000000000000" + body[26:],
		"session cookie":       "qianhe_" + b.signIn(t, "lin").SessionCookie,
	} {
		wantError(t, b.CheckToken(t.Context(), token, write), access.ErrToken, name)
	}
	wantError(t, b.CheckToken(t.Context(), first, write), nil, "the scope that it has")
	wantError(t, b.CheckToken(t.Context(), first, "documents:read"), approval.ErrForbidden, "a scope that it has not")
	wantError(t, b.CheckToken(t.Context(), first, ""), approval.ErrForbidden, "no scope")
	wantError(t, b.CheckToken(t.Context(), second, "people:read"), nil, "the second of two scopes")

	got, err := b.ListTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []access.APIToken{
		{ID: second[7:33], Name: "archive", Scopes: []string{"documents:read", "people:read"}, CreatedAt: start.Add(time.Minute), LastUsedAt: start.Add(time.Minute)},
		{ID: id, Name: "公文系統", Scopes: []string{write}, CreatedAt: start, ExpiresAt: ends, LastUsedAt: start.Add(time.Minute)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}

	b.clock.pass(ends.Sub(b.clock.now()) - time.Second)
	wantError(t, b.CheckToken(t.Context(), first, write), nil, "a second before its end")
	b.clock.pass(time.Second)
	wantError(t, b.CheckToken(t.Context(), first, write), access.ErrToken, "at its end")
	wantError(t, b.CheckToken(t.Context(), second, "people:read"), nil, "one without end")

	wantError(t, b.RevokeToken(t.Context(), second[7:33]), nil, "revoke")
	wantError(t, b.CheckToken(t.Context(), second, "people:read"), access.ErrToken, "revoked")
	for _, id := range []string{second[7:33], "", "nothing", "00000000000000000000000000", "x\x00"} {
		wantError(t, b.RevokeToken(t.Context(), id), approval.ErrNotFound, "revoke "+id)
	}
	if got, err := b.ListTokens(t.Context()); err != nil || len(got) != 1 || got[0].ID != id {
		t.Errorf("list after that: got %+v, %v", got, err)
	}
}

func TestIssueTokenRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tt := range []struct {
		name, field, reason string
		system              string
		scopes              []string
		expires             time.Time
	}{
		{"no name", "name", "token.name", "  ", []string{write}, time.Time{}},
		{"long name", "name", "token.name", strings.Repeat("長", 101), []string{write}, time.Time{}},
		{"name with NUL", "name", "token.name", "a\x00", []string{write}, time.Time{}},
		{"no scopes", "scopes", "scopes.number", "a", nil, time.Time{}},
		{"a scope that is none", "scopes", "scopes.form", "a", []string{"everything"}, time.Time{}},
		{"in the past", "expires", "token.expires", "a", []string{write}, b.clock.now().Add(-time.Hour)},
	} {
		_, err := b.IssueToken(t.Context(), tt.system, tt.scopes, tt.expires)
		wantInvalid(t, err, tt.field, tt.reason, tt.name)
	}
}

func TestTokenUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, err := b.IssueToken(t.Context(), "a", []string{write}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	start := b.clock.now()
	for _, step := range []struct{ pass, used time.Duration }{{0, 0}, {59 * time.Second, 0}, {time.Second, time.Minute}} {
		b.clock.pass(step.pass)
		wantError(t, b.CheckToken(t.Context(), token, write), nil, "use")
		list, err := b.ListTokens(t.Context())
		if err != nil || len(list) != 1 || !list[0].LastUsedAt.Equal(start.Add(step.used)) {
			t.Errorf("at %v: got %+v, %v, want used at %v", b.clock.now(), list, err, start.Add(step.used))
		}
	}
}
