package approval_test

import (
	"testing"

	"qianhe/approval"
)

// Whoever may be reminded of a document on some day is concerned by it on every
// day, and nobody else is.
func TestConcern(t *testing.T) {
	t.Parallel()
	held := func(p, unit string) approval.Hand {
		return approval.Hand{Person: approval.PersonID(p), Unit: approval.UnitID(unit)}
	}
	d := approval.Chased{Document: "d", Handler: "han", Unit: "rivers", Hands: []approval.Hand{held("han", "rivers")}}
	with := func(hands ...approval.Hand) approval.Chased { d := d; d.Hands = hands; return d }
	for _, tt := range []struct {
		p    approval.PersonID
		doc  approval.Chased
		want approval.Concern
	}{
		{"han", d, approval.ConcernOwn},
		{"han", with(held("chief", "rivers")), approval.ConcernOwn},
		{"chief", d, approval.ConcernHead},
		{"chief", with(held("chief", "rivers")), approval.ConcernOwn},
		{"desk", d, approval.ConcernDesk},
		{"clerk", d, ""},
		{"clerk", with(held("zoe", "roads")), approval.ConcernDesk},
		{"director", d, approval.ConcernBelow},
		{"director", with(held("chief", "rivers")), approval.ConcernHead},
		{"deputy", d, ""},
		{"auditor", d, approval.ConcernAll},
		{"mayor", d, ""},
		{"mail", d, ""},
		{"", with(held("", "rivers")), ""},
	} {
		if got := bureau().Concern(tt.p)(tt.doc); got != tt.want {
			t.Errorf("%s and %v: %q, want %q", tt.p, tt.doc.Hands, got, tt.want)
		}
	}
}
