package pghub

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

func TestPolicyIsReadBySeveralProcesses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *Options) {
		o.Policy, o.DigestCron = hub.Policy{Unseen: 20 * time.Minute}, "30 8,13 * * *"
	})
	other := f.another()
	policy := func(h *Hub) hub.Policy {
		t.Helper()
		p, err := h.Policy(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	base := policy(other)
	if base.Unseen != 20*time.Minute || cmp.Diff([]int{510, 810}, base.Digests) != "" || base.Cap == 0 || base.Quiet == nil {
		t.Errorf("policy beneath is %+v", base)
	}
	changed := base
	changed.Cap, changed.Quiet = 3, &hub.Quiet{}
	if err := f.SetPolicy(t.Context(), "amy", changed, hub.AnyVersion); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(changed, policy(f.Hub)); diff != "" {
		t.Errorf("policy where it was set (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(base, policy(other)); diff != "" {
		t.Errorf("policy elsewhere at once (-want +got):\n%s", diff)
	}
	f.clock.add(policyAge)
	if diff := cmp.Diff(changed, policy(other)); diff != "" {
		t.Errorf("policy elsewhere after a few seconds (-want +got):\n%s", diff)
	}
	if got := one[string](f, `select policy::text from hub_policy`); got != `{"cap": 3, "quiet": {"to": 0, "from": 0, "days_off": false}}` {
		t.Errorf("stored is %s, want only what departs", got)
	}
	// What was not decided follows the configuration.
	f.opt.Policy.Unseen = time.Hour
	if got := policy(f.another()); got.Unseen != time.Hour || got.Cap != 3 {
		t.Errorf("unseen %s, cap %d after a change of the configuration", got.Unseen, got.Cap)
	}
}

func TestPolicyHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	for i, p := range []hub.Policy{{Cap: 3}, {Cap: 4, NamesInReplies: new(true)}} {
		f.clock.set(morning.Add(time.Duration(i) * time.Minute))
		if err := f.SetPolicy(t.Context(), []approval.PersonID{"amy", "ben"}[i], p, hub.AnyVersion); err != nil {
			t.Fatal(err)
		}
	}
	list, err := f.PolicyHistory(t.Context(), 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("history is %v, %v; want two versions", list, err)
	}
	if v := list[0]; v.By != "ben" || v.Name != secretName+"ben" || !v.At.Equal(morning.Add(time.Minute)) || v.Policy.Cap != 4 || v.Policy.Unseen != hub.DefaultUnseen {
		t.Errorf("latest is %+v", v)
	}
	if v := list[1]; v.By != "amy" || v.Policy.Cap != 3 || *v.Policy.NamesInReplies {
		t.Errorf("the one before is %+v", v)
	}
	if _, err := f.pool.Exec(t.Context(), `update hub_policy set policy = '{}'`); err == nil {
		t.Error("what was in force could be changed afterwards")
	}
}

func TestPolicyThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	var invalid *approval.InvalidError
	if err := f.SetPolicy(t.Context(), "amy", hub.Policy{Cap: -1}, hub.AnyVersion); !errors.As(err, &invalid) || invalid.Field != "cap" {
		t.Errorf("a cap of -1 gives %v", err)
	}
	if err := f.SetPolicy(t.Context(), "nobody", hub.Policy{Cap: 5}, hub.AnyVersion); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("a policy of nobody gives %v, want ErrNotFound", err)
	}
	if p, err := f.Policy(t.Context()); err != nil || p.Cap != hub.HousePolicy().Cap {
		t.Errorf("policy is %+v, %v after two refusals", p, err)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	want := hub.Preferences{Off: []hub.ChannelName{hub.SMS}, First: hub.LINE, Muted: []hub.Kind{hub.KindDecided}, Quiet: &hub.Quiet{From: 1, To: 2}, Digest: []int{510}}
	if got, err := f.Preferences(t.Context(), "amy"); err != nil || cmp.Diff(hub.Preferences{}, got) != "" {
		t.Errorf("preferences of somebody without any are %+v, %v", got, err)
	}
	for _, c := range []hub.Preferences{{First: hub.SMS}, want} {
		if err := f.SetPreferences(t.Context(), "amy", c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := f.Preferences(t.Context(), "amy")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("preferences (-want +got), %v:\n%s", err, diff)
	}
	var invalid *approval.InvalidError
	if err := f.SetPreferences(t.Context(), "amy", hub.Preferences{Muted: []hub.Kind{hub.KindNewDevice}}); !errors.As(err, &invalid) || invalid.Reason != "policy.security" {
		t.Errorf("muting security gives %v", err)
	}
	if err := f.SetPreferences(t.Context(), "nobody", want); !errors.Is(err, approval.ErrNotFound) {
		t.Errorf("preferences of nobody give %v, want ErrNotFound", err)
	}
}

// TestPolicyOfTwoAdministrators: the second to write over the same version is
// told so, and nothing of theirs is in force; what the house has on stays off
// where the organisation turned it off, and no digest is no digest.
func TestPolicyOfTwoAdministrators(t *testing.T) {
	t.Parallel()
	f := newFixture(t, house)
	if p, err := f.Policy(t.Context()); err != nil || !*p.Refresh || *p.NamesInReplies || len(p.Digests) != 1 {
		t.Fatalf("the house's is %+v, %v", p, err)
	}
	off := hub.Policy{Digests: []int{}, Refresh: new(false), NamesInReplies: new(false)}
	if err := f.SetPolicy(t.Context(), "amy", off, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.SetPolicy(t.Context(), "ben", hub.Policy{Cap: 3}, 0); !errors.Is(err, hub.ErrPolicyChanged) {
		t.Errorf("the second: %v", err)
	}
	again := f.another()
	p, err := again.Policy(t.Context())
	if err != nil || *p.Refresh || p.Digests == nil || len(p.Digests) != 0 || p.Cap == 3 {
		t.Errorf("in force is %+v, %v", p, err)
	}
	if at := again.digestSlot(p, f.clock.Now()); !at.IsZero() {
		t.Errorf("a digest at %s", at)
	}
	// At the same time: one of them.
	list, err := f.PolicyHistory(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 8)
	for i := range cap(errs) {
		go func() { errs <- f.SetPolicy(t.Context(), "amy", hub.Policy{Cap: i + 1}, list[0].Version) }()
	}
	won := 0
	for range cap(errs) {
		if err := <-errs; err == nil {
			won++
		} else if !errors.Is(err, hub.ErrPolicyChanged) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of them have changed it, want 1", won)
	}
}
