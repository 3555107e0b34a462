package pghub

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// Whatever begins or ends a link, or changes the policy, stands in the audit
// trail: with who did it and from where when somebody did.
func TestLinksAndPoliciesAreRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	asked := access.WithOrigin(t.Context(), access.Origin{Person: "amy", Session: "s1", Address: "203.0.113.7", Network: "intranet"})
	trail := func(name string, want ...string) {
		t.Helper()
		got := query[string](f, `
			select concat_ws(' ', kind, actor, 'about', person, account, nullif(session, ''), nullif(address, ''), nullif(network, ''), detail ->> 'channel', detail ->> 'reason', detail ->> 'version')
			from access_event
			order by id`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
	}
	link := func(p approval.PersonID, address string) string {
		t.Helper()
		id, err := f.AddLink(asked, hub.Link{Person: p, Channel: hub.LINE, Address: hub.Address{Value: address}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := link("amy", "U1")
	link("amy", "U1") // is there already
	linked := "channel.linked amy about amy amy s1 203.0.113.7 intranet line"
	trail("a link", linked)
	if err := f.RemoveLink(asked, "amy", first); err != nil {
		t.Fatal(err)
	}
	removed := "channel.unlinked amy about amy amy s1 203.0.113.7 intranet line removed"
	trail("removed", linked, removed)
	link("amy", "U1")
	f.exec(`update channel_link set disabled_at = now(), reason = 'address is dead' where disabled_at is null`)
	dead := "channel.unlinked about amy amy line address is dead"
	trail("called dead", linked, removed, linked, dead)
	if err := f.SetPolicy(asked, "amy", hub.Policy{Cap: 3}, hub.AnyVersion); err != nil {
		t.Fatal(err)
	}
	policy := "policy.changed amy about s1 203.0.113.7 intranet 1"
	trail("policy", linked, removed, linked, dead, policy)
	// What a transaction has said holds for that one only.
	if _, err := f.Assign(t.Context(), hub.Link{Person: "ben", Channel: hub.SMS, Address: hub.Address{Value: "+886912345678"}}); err != nil {
		t.Fatal(err)
	}
	trail("by nobody", linked, removed, linked, dead, policy, "channel.linked about ben ben sms")
}
