package pghub

import (
	"errors"
	"testing"

	"qianhe/approval"
	"qianhe/hub"
)

// A number given by somebody in charge: one for each person, of one person, and
// everybody concerned is told.
func TestAssign(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	assign := func(person, number string) string {
		t.Helper()
		id, err := f.Assign(t.Context(), hub.Link{Person: approval.PersonID(person), Channel: hub.SMS, Address: hub.Address{Value: number}, Label: "09xx***678"})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	numbers := func(person string) string {
		t.Helper()
		list, err := f.Links(t.Context(), approval.PersonID(person))
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, l := range list {
			if l.Channel == hub.SMS {
				all += l.Address.Value + " " + l.Label + ";"
			}
		}
		return all
	}
	told := func(person string) string {
		t.Helper()
		return one[string](f, `select coalesce(string_agg(kind, ' ' order by seq), '') from notification where person = $1`, person)
	}
	first := assign("amy", "+886912345678")
	if got := numbers("amy"); got != "+886912345678 09xx***678;" {
		t.Errorf("amy has %q", got)
	}
	if again := assign("amy", "+886912345678"); again != first {
		t.Errorf("the same number again is %s, was %s", again, first)
	}
	if got := told("amy"); got != "channel.linked" {
		t.Errorf("amy was told %q", got)
	}
	if second := assign("amy", "+886912345679"); second == first || numbers("amy") != "+886912345679 09xx***678;" {
		t.Errorf("another number: amy has %q", numbers("amy"))
	}
	assign("ben", "+886912345679")
	if a, b := numbers("amy"), numbers("ben"); a != "" || b != "+886912345679 09xx***678;" {
		t.Errorf("it is ben's now: amy has %q, ben %q", a, b)
	}
	if a, b := told("amy"), told("ben"); a != "channel.linked channel.linked channel.unlinked" || b != "channel.linked" {
		t.Errorf("amy was told %q, ben %q", a, b)
	}
	if _, err := f.Assign(t.Context(), hub.Link{Person: "nobody", Channel: hub.SMS, Address: hub.Address{Value: "+886912345678"}}); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := f.Assign(t.Context(), hub.Link{Person: "amy", Channel: hub.SMS}); err == nil {
		t.Error("no address: accepted")
	}
}
