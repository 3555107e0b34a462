package approval_test

import (
	"errors"
	"testing"

	"qianhe/approval"
)

func TestReference(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in             approval.Reference
		number, string string
	}{
		{approval.Reference{Word: "青工水", Year: "115", Serial: "0012345"}, "1150012345", "青工水字第1150012345號"},
		{approval.Reference{Word: "青工水字", Year: "115", Serial: "0012345", Branch: "1"}, "11500123451", "青工水字第11500123451號"},
		{approval.Reference{Serial: "7"}, "7", "7"},
		{approval.Reference{Word: "青工水"}, "", ""},
		{approval.Reference{Word: "青工水", Serial: "7", Text: "青工水字第7號函"}, "7", "青工水字第7號函"},
	}
	for _, tt := range tests {
		if got := tt.in.Number(); got != tt.number {
			t.Errorf("%+v.Number() = %q, want %q", tt.in, got, tt.number)
		}
		if got := tt.in.String(); got != tt.string {
			t.Errorf("%+v.String() = %q, want %q", tt.in, got, tt.string)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for speed, rank := range map[approval.Speed]int{approval.SpeedHighest: 0, approval.SpeedUrgent: 1, approval.SpeedNormal: 2, "": 2, "特急件": 2} {
		if got := speed.Rank(); got != rank {
			t.Errorf("Rank of %q = %d, want %d", speed, got, rank)
		}
		if got, want := speed.Valid(), speed != "特急件"; got != want {
			t.Errorf("Valid of %q = %t, want %t", speed, got, want)
		}
	}
	for grade, want := range map[approval.Grade]bool{approval.GradeNone: false, approval.GradeConfidential: true, approval.GradeAbsolute: true, "限閱": true, " ": true} {
		if got := grade.Classified(); got != want {
			t.Errorf("Classified of %q = %t, want %t", grade, got, want)
		}
	}
	p := approval.Person{Roles: []approval.Role{approval.RoleHandler, approval.RoleRegistry}}
	if !p.Has(approval.RoleRegistry) || p.Has(approval.RoleAdmin) {
		t.Errorf("Has on %v: registry %t, admin %t", p.Roles, p.Has(approval.RoleRegistry), p.Has(approval.RoleAdmin))
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want string
	}{
		{&approval.InvalidError{Field: "subject", Reason: "document.subject.missing"}, "subject: document.subject.missing"},
		{&approval.InvalidError{Field: "type", Reason: "document.type.unknown", Detail: "便簽"}, "type: document.type.unknown (便簽)"},
		{&approval.DuplicateError{Existing: "7", SameFile: true}, "already imported as 7"},
		{&approval.DuplicateError{Existing: "7"}, "issuer and number are those of 7, the content differs"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
	if !errors.Is(tests[2].err, approval.ErrDuplicate) || errors.Is(tests[2].err, approval.ErrStale) {
		t.Error("a DuplicateError is not ErrDuplicate, or is more than that")
	}
}
