package hub

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"time"

	"qianhe/approval"
)

// Policy is what an organisation has decided on whom to tell what, when and
// through which channel. A field that is zero is as the policy beneath has it:
// the configuration, and beneath that the house ([HousePolicy]). A person's own
// choices ([Preferences]) come on top, see [Policy.Plan].
type Policy struct {
	// Rules are the kinds for which the organisation departs from the house's
	// table; each takes the place of the whole rule.
	Rules map[Kind]Rule `json:"rules,omitempty"`
	// Unseen is how long a notification waits before it goes to a channel that
	// disturbs, where the house's table says so.
	Unseen time.Duration `json:"unseen,omitempty"`
	Quiet  *Quiet        `json:"quiet,omitempty"`
	// Digests are minutes since midnight, on working days. None at all, but not
	// nil: nobody is told.
	Digests []int `json:"digests,omitzero"`
	// Cap is how many messages a person is sent through one channel within an
	// hour; more are held back and collapse. Security and 最速件 are not counted.
	Cap int `json:"cap,omitempty"`
	// Tier is how much any message may say about a document.
	Tier Tier `json:"tier,omitempty"`
	// NamesInReplies: an answer in a chat may name who has handled a document.
	NamesInReplies *bool `json:"names_in_replies,omitempty"`
	// Refresh: what Web Push shows on other devices is replaced when it has been
	// handled. It costs a push each time.
	Refresh *bool `json:"refresh,omitempty"`
	// QuotaShare of a provider's monthly quota may be used before its channel
	// is only for what is urgent.
	QuotaShare float64          `json:"quota_share,omitempty"`
	Keep       int              `json:"keep,omitempty"` // days for which records are kept
	Chase      *approval.Ladder `json:"chase,omitempty"`
}

// AnyVersion is for who changes a policy without having read it.
const AnyVersion = -1

// ErrPolicyChanged: somebody else has changed the policy meanwhile.
var ErrPolicyChanged = errors.New("policy was changed meanwhile")

// PolicyVersion is a policy as it was put in force.
type PolicyVersion struct {
	Version int64
	Policy  Policy
	By      approval.PersonID
	Name    string // of the person
	At      time.Time
}

// Over gives p with what it leaves open taken from base.
func (p Policy) Over(base Policy) Policy {
	rules := maps.Clone(base.Rules)
	if rules == nil && p.Rules != nil {
		rules = map[Kind]Rule{}
	}
	maps.Copy(rules, p.Rules)
	p.Rules = rules
	p.Unseen = cmp.Or(p.Unseen, base.Unseen)
	p.Quiet = cmp.Or(p.Quiet, base.Quiet)
	if p.Digests == nil {
		p.Digests = base.Digests
	}
	p.Cap = cmp.Or(p.Cap, base.Cap)
	p.Tier = cmp.Or(p.Tier, base.Tier)
	p.NamesInReplies = cmp.Or(p.NamesInReplies, base.NamesInReplies)
	p.Refresh = cmp.Or(p.Refresh, base.Refresh)
	p.QuotaShare = cmp.Or(p.QuotaShare, base.QuotaShare)
	p.Keep = cmp.Or(p.Keep, base.Keep)
	p.Chase = cmp.Or(p.Chase, base.Chase)
	return p
}

// Except gives p without what is as base has it anyway, so that it follows base
// where nobody has decided to depart from it: p is again what [Policy.Over]
// makes of the result. base has every field filled in.
func (p Policy) Except(base Policy) Policy {
	var rules map[Kind]Rule
	anyway := p
	anyway.Rules = base.Rules
	for kind, r := range p.Rules {
		if !reflect.DeepEqual(p.Rule(kind), anyway.Rule(kind)) {
			if rules == nil {
				rules = map[Kind]Rule{}
			}
			rules[kind] = r
		}
	}
	p.Rules = rules
	if p.Unseen == base.Unseen {
		p.Unseen = 0
	}
	if reflect.DeepEqual(p.Quiet, base.Quiet) {
		p.Quiet = nil
	}
	if reflect.DeepEqual(p.Digests, base.Digests) {
		p.Digests = nil
	}
	if p.Cap == base.Cap {
		p.Cap = 0
	}
	if p.Tier == base.Tier {
		p.Tier = ""
	}
	if reflect.DeepEqual(p.NamesInReplies, base.NamesInReplies) {
		p.NamesInReplies = nil
	}
	if reflect.DeepEqual(p.Refresh, base.Refresh) {
		p.Refresh = nil
	}
	if p.QuotaShare == base.QuotaShare {
		p.QuotaShare = 0
	}
	if p.Keep == base.Keep {
		p.Keep = 0
	}
	if reflect.DeepEqual(p.Chase, base.Chase) {
		p.Chase = nil
	}
	return p
}

// Filled gives p with every field filled in.
func (p Policy) Filled() Policy { return p.Over(HousePolicy()) }

// Rule gives how a kind is brought to people: the organisation's rule, or the
// house's. A kind that nobody knows has no steps.
func (p Policy) Rule(kind Kind) Rule {
	r, departs := p.Rules[kind]
	if !departs {
		r = House(kind, cmp.Or(p.Unseen, DefaultUnseen))
	}
	tier := cmp.Or(p.Tier, TierCounts)
	r.Tier = least(cmp.Or(r.Tier, tier), tier)
	if kind.Security() {
		r.Held, r.Quiet = true, QuietThrough
	}
	return r
}

// Kinds gives the kinds of a group.
func (p Policy) Kinds(group string) []Kind {
	var list []Kind
	for _, k := range append(Kinds(), KindRefresh) {
		if p.Rule(k).Group == group {
			list = append(list, k)
		}
	}
	return list
}
