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

// issue makes a token of this name.
func issue(t *testing.T, b *bundle, name string, scopes []string, expires time.Time) string {
	t.Helper()
	token, err := b.IssueToken(t.Context(), access.NewAPIToken{Name: name, Scopes: scopes, Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := b.clock.now().UTC()
	ends := start.Add(30 * 24 * time.Hour)
	first := issue(t, b, " 公文系統 ", []string{write}, ends)
	b.clock.pass(time.Minute)
	second, err := b.IssueToken(t.Context(), access.NewAPIToken{
		Name: "archive", Scopes: []string{"documents:read", "notifications:write"}, Origins: []string{"https://archive.example.gov.tw"}, PerMinute: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(token string) error {
		_, err := b.CheckToken(t.Context(), token)
		return err
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
		wantError(t, check(token), access.ErrToken, name)
	}
	got1, err := b.CheckToken(t.Context(), first)
	if err != nil || !got1.May(write) || got1.May("documents:read") || got1.May("") {
		t.Errorf("got %+v, %v", got1, err)
	}
	got2, err := b.CheckToken(t.Context(), second)
	if err != nil || !got2.May("notifications:write") || got2.May(write) {
		t.Errorf("got %+v, %v", got2, err)
	}

	got, err := b.ListTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []access.APIToken{
		{ID: second[7:33], Name: "archive", Scopes: []string{"documents:read", "notifications:write"}, Origins: []string{"https://archive.example.gov.tw"}, PerMinute: 100, CreatedAt: start.Add(time.Minute), LastUsedAt: start.Add(time.Minute)},
		{ID: id, Name: "公文系統", Scopes: []string{write}, Origins: []string{}, CreatedAt: start, ExpiresAt: ends, LastUsedAt: start.Add(time.Minute)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, []access.APIToken{got2, got1}); diff != "" {
		t.Errorf("checked (-want +got):\n%s", diff)
	}

	b.clock.pass(ends.Sub(b.clock.now()) - time.Second)
	wantError(t, check(first), nil, "a second before its end")
	b.clock.pass(time.Second)
	wantError(t, check(first), access.ErrToken, "at its end")
	wantError(t, check(second), nil, "one without end")

	wantError(t, b.RevokeToken(t.Context(), second[7:33]), nil, "revoke")
	wantError(t, check(second), access.ErrToken, "revoked")
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
		_, err := b.IssueToken(t.Context(), access.NewAPIToken{Name: tt.system, Scopes: tt.scopes, Expires: tt.expires})
		wantInvalid(t, err, tt.field, tt.reason, tt.name)
	}
	_, err := b.IssueToken(t.Context(), access.NewAPIToken{Name: "a", Scopes: []string{write}, Origins: make([]string, 33)})
	wantInvalid(t, err, "origins", "token.origins", "too many origins")
}

func TestTokenUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := issue(t, b, "a", []string{write}, time.Time{})
	start := b.clock.now()
	for _, step := range []struct{ pass, used time.Duration }{{0, 0}, {59 * time.Second, 0}, {time.Second, time.Minute}} {
		b.clock.pass(step.pass)
		if _, err := b.CheckToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		list, err := b.ListTokens(t.Context())
		if err != nil || len(list) != 1 || !list[0].LastUsedAt.Equal(start.Add(step.used)) {
			t.Errorf("at %v: got %+v, %v, want used at %v", b.clock.now(), list, err, start.Add(step.used))
		}
	}
}
