package hub_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/hub"
)

// departing is a policy in which every field departs from the house's.
func departing() hub.Policy {
	rule := hub.House(hub.KindDecided, hub.DefaultUnseen)
	rule.Steps, rule.Keep = []hub.Step{{Channel: hub.WebPush}}, 30
	return hub.Policy{
		Rules:  map[hub.Kind]hub.Rule{hub.KindDecided: rule},
		Unseen: time.Hour, Quiet: &hub.Quiet{From: 21 * 60, To: 7 * 60}, Digests: []int{510, 810}, Cap: 5, Tier: hub.TierNumber,
		NamesInReplies: new(true), Refresh: new(false), QuotaShare: 0.5, Keep: 90, Chase: &approval.Ladder{At: 480},
	}
}

func TestPolicyRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []hub.Policy{{}, hub.HousePolicy(), departing()} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got hub.Policy
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("policy after JSON (-want +got):\n%s", diff)
		}
	}
}

func TestPolicyKeepsOnlyWhatDeparts(t *testing.T) {
	t.Parallel()
	base := hub.Policy{Unseen: 20 * time.Minute, Digests: []int{480}}.Filled()
	if diff := cmp.Diff(hub.Policy{}, base.Except(base)); diff != "" {
		t.Errorf("nothing departs, and yet (-want +got):\n%s", diff)
	}
	want := departing()
	if diff := cmp.Diff(want, want.Over(base).Except(base)); diff != "" {
		t.Errorf("what departs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.Over(base), want.Over(base).Except(base).Over(base)); diff != "" {
		t.Errorf("over, except and over again (-want +got):\n%s", diff)
	}
	// A page gives back every rule as it was shown.
	shown := base
	shown.Rules = map[hub.Kind]hub.Rule{}
	for _, k := range hub.Kinds() {
		shown.Rules[k] = base.Rule(k)
	}
	if diff := cmp.Diff(hub.Policy{}, shown.Except(base)); diff != "" {
		t.Errorf("rules as they were shown (-want +got):\n%s", diff)
	}
	shown.Unseen = time.Hour
	changed := shown.Except(base)
	if got := changed.Over(base).Rule(hub.KindArrived).Steps[1].After; got != 20*time.Minute {
		t.Errorf("a rule that was written out waits %s, want its own 20m", got)
	}
}

func TestPolicyDoesNotShareItsRules(t *testing.T) {
	t.Parallel()
	base := departing().Filled()
	one := hub.Policy{Rules: map[hub.Kind]hub.Rule{hub.KindTest: {}}}.Over(base)
	if len(base.Rules) != 1 || len(one.Rules) != 2 {
		t.Errorf("rules: %d beneath, %d above; want 1 and 2", len(base.Rules), len(one.Rules))
	}
	if got := (hub.Policy{}).Filled().Rules; got != nil {
		t.Errorf("the house's rules are %v, want none written out", got)
	}
}

func TestHouseTable(t *testing.T) {
	t.Parallel()
	p := hub.HousePolicy()
	all := p
	all.Rules = map[hub.Kind]hub.Rule{}
	for _, k := range hub.Kinds() {
		r := p.Rule(k)
		all.Rules[k] = r
		// LINE remembers a retry key for 24 hours; nothing may be repeated after that.
		if r.TTL <= 0 || r.TTL >= 24*time.Hour || k.TTL() != r.TTL {
			t.Errorf("%s: TTL %s, want less than 24 h", k, r.TTL)
		}
		if r.Tier != hub.TierCounts {
			t.Errorf("%s: tier %s, want counts where nobody opted in", k, r.Tier)
		}
		if k.Security() != (r.Held && k != hub.KindTest) || k.Security() && r.Quiet != hub.QuietThrough {
			t.Errorf("%s: held %t, quiet %s", k, r.Held, r.Quiet)
		}
		last := len(r.Steps) - 1
		if k != hub.KindNewDevice && k != hub.KindTest && slices.ContainsFunc(r.Steps[:last], func(s hub.Step) bool { return s.Channel == hub.SMS }) {
			t.Errorf("%s: SMS is not the last: %v", k, r.Steps)
		}
	}
	if err := all.Validate(); err != nil {
		t.Errorf("the house's own table: %v", err)
	}
	first := p.Rule(hub.KindNewDevice).Steps
	if first[0].Channel != hub.SMS || slices.ContainsFunc(first, func(s hub.Step) bool { return s.After != 0 }) || len(first) != 4 {
		t.Errorf("a sign-in on a new device is told by %v, want SMS first and everything at once", first)
	}
	if got := p.Rule("gossip"); len(got.Steps) != 0 {
		t.Errorf("an unknown kind has steps %v", got.Steps)
	}
	want := []hub.Kind{hub.KindArrived, hub.KindReturned, hub.KindRecalled, hub.KindDigest, hub.KindExtension, hub.KindRefresh}
	if diff := cmp.Diff(want, p.Kinds("tray")); diff != "" {
		t.Errorf("kinds that say how the in-tray stands (-want +got):\n%s", diff)
	}
}

func TestRuleIsNotLoosenedForSecurity(t *testing.T) {
	t.Parallel()
	p := hub.Policy{Tier: hub.TierNumber, Rules: map[hub.Kind]hub.Rule{
		hub.KindNewDevice: {Steps: []hub.Step{{Channel: hub.SMS}}, TTL: time.Hour, Quiet: hub.QuietHold},
		hub.KindArrived:   {TTL: time.Hour, Tier: hub.TierSubject},
		hub.KindReturned:  {TTL: time.Hour, Tier: hub.TierCounts},
	}}
	if r := p.Rule(hub.KindNewDevice); !r.Held || r.Quiet != hub.QuietThrough {
		t.Errorf("security is held %t, quiet %s", r.Held, r.Quiet)
	}
	for k, want := range map[hub.Kind]hub.Tier{hub.KindArrived: hub.TierNumber, hub.KindReturned: hub.TierCounts, hub.KindDecided: hub.TierNumber} {
		if got := p.Rule(k).Tier; got != want {
			t.Errorf("%s: tier %s, want %s", k, got, want)
		}
	}
}

func TestValidatePolicy(t *testing.T) {
	t.Parallel()
	rule := func(k hub.Kind, change func(*hub.Rule)) hub.Policy {
		r := hub.House(k, hub.DefaultUnseen)
		change(&r)
		return hub.Policy{Rules: map[hub.Kind]hub.Rule{k: r}}
	}
	tests := []struct {
		name   string
		policy hub.Policy
		want   []string
	}{
		{"nothing", hub.Policy{}, nil},
		{"house", hub.HousePolicy(), nil},
		{"all of its own", departing(), nil},
		{"unseen", hub.Policy{Unseen: 13 * time.Hour}, []string{"unseen policy.after"}},
		{"quiet", hub.Policy{Quiet: &hub.Quiet{From: 1440}}, []string{"quiet policy.time"}},
		{"no quiet hours", hub.Policy{Quiet: &hub.Quiet{}}, nil},
		{"digests in no order", hub.Policy{Digests: []int{600, 540}}, []string{"digests policy.time"}},
		{"digest twice", hub.Policy{Digests: []int{600, 600}}, []string{"digests policy.time"}},
		{"too many digests", hub.Policy{Digests: make([]int, 25)}, []string{"digests policy.times"}},
		{"several", hub.Policy{Cap: -1, Tier: "all", QuotaShare: 1.5, Keep: -1},
			[]string{"cap policy.cap", "tier policy.tier", "quota_share policy.share", "keep policy.keep"}},
		{"chase", hub.Policy{Chase: &approval.Ladder{At: 1440, Weekly: 6, Monthly: 29, Soon: -1}},
			[]string{"chase.at policy.range", "chase.soon policy.range", "chase.weekly policy.range", "chase.monthly policy.range"}},
		{"unknown kind", hub.Policy{Rules: map[hub.Kind]hub.Rule{"gossip": {}}}, []string{"rules policy.kind"}},
		{"kind that nobody decides on", hub.Policy{Rules: map[hub.Kind]hub.Rule{hub.KindRefresh: {}}}, []string{"rules policy.kind"}},
		{"channel", rule(hub.KindArrived, func(r *hub.Rule) { r.Steps = []hub.Step{{Channel: hub.Live}} }),
			[]string{"rules.document.arrived.steps policy.channel"}},
		{"channel twice", rule(hub.KindArrived, func(r *hub.Rule) { r.Highest = append(r.Highest, hub.Step{Channel: hub.SMS}) }),
			[]string{"rules.document.arrived.highest policy.channel.twice"}},
		{"step after the end", rule(hub.KindArrived, func(r *hub.Rule) { r.TTL = 20 * time.Minute }),
			[]string{"rules.document.arrived.highest policy.after"}},
		{"everything about a rule", rule(hub.KindArrived, func(r *hub.Rule) { *r = hub.Rule{Group: "Tray", Tier: "x", Keep: -1} }),
			[]string{"ttl policy.ttl", "urgency policy.urgency", "quiet policy.quiet", "tier policy.tier", "group policy.group", "keep policy.keep"}},
		{"TTL beyond the retry key", rule(hub.KindArrived, func(r *hub.Rule) { r.TTL = 24 * time.Hour }),
			[]string{"rules.document.arrived.ttl policy.ttl"}},
		{"a kind that is only in the in-tray", rule(hub.KindDecided, func(r *hub.Rule) { r.Steps = nil }), nil},
		{"security without a way", rule(hub.KindLinked, func(r *hub.Rule) { r.Steps = nil }),
			[]string{"rules.channel.linked.steps policy.security"}},
		{"security that waits", rule(hub.KindNewDevice, func(r *hub.Rule) {
			r.Quiet, r.Held, r.Group = hub.QuietUrgent, false, "tray"
			r.Steps[0].After = 2 * time.Hour
		}), []string{"steps policy.security", "quiet policy.security", "group policy.security", "held policy.security"}},
	}
	for _, tt := range tests {
		got := fields(tt.policy.Validate())
		if len(got) != len(tt.want) {
			t.Errorf("%s: errors %q, want %q", tt.name, got, tt.want)
			continue
		}
		for i := range got {
			if !hasSuffix(got[i], tt.want[i]) {
				t.Errorf("%s: error %q, want %q", tt.name, got[i], tt.want[i])
			}
		}
	}
}

func TestValidatePreferences(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		c    hub.Preferences
		want []string
	}{
		{"nothing", hub.Preferences{}, nil},
		{"all", hub.Preferences{Off: []hub.ChannelName{hub.SMS}, First: hub.LINE, Muted: []hub.Kind{hub.KindDecided}, Quiet: &hub.Quiet{From: 1, To: 2}, Digest: []int{1, 2}}, nil},
		{"off", hub.Preferences{Off: []hub.ChannelName{hub.Live}}, []string{"off policy.channel"}},
		{"first", hub.Preferences{First: "pigeon"}, []string{"first policy.channel"}},
		{"first and off", hub.Preferences{First: hub.LINE, Off: []hub.ChannelName{hub.LINE}}, []string{"first policy.first.off"}},
		{"muted", hub.Preferences{Muted: []hub.Kind{"gossip", hub.KindNewDevice}}, []string{"muted policy.kind", "muted policy.security"}},
		{"times", hub.Preferences{Quiet: &hub.Quiet{To: -1}, Digest: []int{-1}}, []string{"quiet policy.time", "digest policy.time"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, fields(tt.c.Validate())); diff != "" {
			t.Errorf("%s: errors (-want +got):\n%s", tt.name, diff)
		}
	}
}

// fields gives "field reason" of every refusal in err.
func fields(err error) []string {
	var list []string
	var one *approval.InvalidError
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			list = append(list, fields(err)...)
		}
	default:
		if errors.As(err, &one) {
			list = append(list, one.Field+" "+one.Reason)
		}
	}
	return list
}

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

func TestWantsDigest(t *testing.T) {
	t.Parallel()
	times := []int{510, 810}
	tests := []struct {
		name   string
		c      hub.Preferences
		minute int
		want   bool
	}{
		{"all", hub.Preferences{}, 810, true},
		{"chosen", hub.Preferences{Digest: []int{510}}, 510, true},
		{"not chosen", hub.Preferences{Digest: []int{510}}, 810, false},
		{"chosen one is gone", hub.Preferences{Digest: []int{540}}, 810, true},
		{"one of the chosen is gone", hub.Preferences{Digest: []int{510, 540}}, 810, false},
		{"muted", hub.Preferences{Muted: []hub.Kind{hub.KindDigest}}, 510, false},
	}
	for _, tt := range tests {
		if got := tt.c.WantsDigest(tt.minute, times); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}
