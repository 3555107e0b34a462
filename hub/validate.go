package hub

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"qianhe/approval"
)

// Bounds of what an organisation can set. No TTL reaches the 24 hours for which
// LINE remembers a retry key: a repetition after that would be a second message.
const (
	maxTTL     = 23 * time.Hour
	maxAfter   = 12 * time.Hour
	maxCap     = 1000
	maxDigests = 24
	maxKeep    = 3650
	dayMinutes = 24 * 60
)

// Validate gives every field that cannot be, each as an
// [*approval.InvalidError] joined into one error. Fields that are zero are as
// the policy beneath has them and are good.
func (p Policy) Validate() error {
	var errs []error
	bad := func(field, reason, detail string) {
		errs = append(errs, &approval.InvalidError{Field: field, Reason: reason, Detail: detail})
	}
	for _, kind := range Kinds() {
		if r, ok := p.Rules[kind]; ok {
			errs = append(errs, r.validate("rules."+string(kind), kind))
		}
	}
	for kind := range p.Rules {
		if !slices.Contains(Kinds(), kind) {
			bad("rules", "policy.kind", string(kind))
		}
	}
	if p.Unseen < 0 || p.Unseen > maxAfter {
		bad("unseen", "policy.after", "0-"+strconv.Itoa(int(maxAfter/time.Minute)))
	}
	errs = append(errs, p.Quiet.validate(), validTimes("digests", p.Digests))
	if p.Cap < 0 || p.Cap > maxCap {
		bad("cap", "policy.cap", "1-"+strconv.Itoa(maxCap))
	}
	if p.Tier != "" && !p.Tier.known() {
		bad("tier", "policy.tier", string(p.Tier))
	}
	if p.QuotaShare < 0 || p.QuotaShare > 1 || p.QuotaShare != p.QuotaShare {
		bad("quota_share", "policy.share", "0-100 %")
	}
	if p.Keep < 0 || p.Keep > maxKeep {
		bad("keep", "policy.keep", "1-"+strconv.Itoa(maxKeep))
	}
	return errors.Join(append(errs, validChase(p.Chase))...)
}

func (r Rule) validate(field string, kind Kind) error {
	var errs []error
	bad := func(part, reason, detail string) {
		errs = append(errs, &approval.InvalidError{Field: field + "." + part, Reason: reason, Detail: detail})
	}
	if kind.Security() && len(r.Steps) == 0 {
		bad("steps", "policy.security", "")
	}
	for part, steps := range map[string][]Step{"steps": r.Steps, "highest": r.Highest} {
		seen := map[ChannelName]bool{}
		for _, s := range steps {
			switch {
			case s.Channel != WebPush && s.Channel != LINE && s.Channel != Messenger && s.Channel != SMS:
				bad(part, "policy.channel", string(s.Channel))
			case seen[s.Channel]:
				bad(part, "policy.channel.twice", string(s.Channel))
			case s.After < 0 || s.After > maxAfter || s.After >= r.TTL:
				bad(part, "policy.after", "0-"+strconv.Itoa(int(min(maxAfter, max(r.TTL-time.Minute, 0))/time.Minute)))
			case kind.Security() && s.After > time.Hour:
				bad(part, "policy.security", "")
			}
			seen[s.Channel] = true
		}
	}
	if r.TTL < time.Minute || r.TTL > maxTTL {
		bad("ttl", "policy.ttl", "1-"+strconv.Itoa(int(maxTTL/time.Minute)))
	}
	if r.Urgency != UrgencyLow && r.Urgency != UrgencyNormal && r.Urgency != UrgencyHigh {
		bad("urgency", "policy.urgency", string(r.Urgency))
	}
	switch r.Quiet {
	case QuietThrough:
	case QuietHold, QuietUrgent:
		if kind.Security() {
			bad("quiet", "policy.security", "")
		}
	default:
		bad("quiet", "policy.quiet", string(r.Quiet))
	}
	if r.Tier != "" && !r.Tier.known() {
		bad("tier", "policy.tier", string(r.Tier))
	}
	if len(r.Group) > 12 || slices.ContainsFunc([]rune(r.Group), func(c rune) bool { return c < 'a' || c > 'z' }) {
		bad("group", "policy.group", r.Group)
	}
	if kind.Security() && r.Group != "" {
		bad("group", "policy.security", "")
	}
	if kind.Security() && !r.Held {
		bad("held", "policy.security", "")
	}
	if r.Keep < 0 || r.Keep > maxKeep {
		bad("keep", "policy.keep", "1-"+strconv.Itoa(maxKeep))
	}
	return errors.Join(errs...)
}

func (t Tier) known() bool { return t == TierCounts || t == TierNumber || t == TierSubject }

func (q *Quiet) validate() error {
	if q != nil && (q.From < 0 || q.From >= dayMinutes || q.To < 0 || q.To >= dayMinutes) {
		return &approval.InvalidError{Field: "quiet", Reason: "policy.time"}
	}
	return nil
}

// validTimes checks minutes of a day: in order, none twice.
func validTimes(field string, times []int) error {
	if len(times) > maxDigests {
		return &approval.InvalidError{Field: field, Reason: "policy.times", Detail: strconv.Itoa(maxDigests)}
	}
	for i, m := range times {
		if m < 0 || m >= dayMinutes || i > 0 && m <= times[i-1] {
			return &approval.InvalidError{Field: field, Reason: "policy.time", Detail: fmt.Sprintf("%02d:%02d", m/60, m%60)}
		}
	}
	return nil
}

func validChase(l *approval.Ladder) error {
	if l == nil {
		return nil
	}
	var errs []error
	for _, f := range []struct {
		name        string
		value, most int
	}{
		{"at", l.At, dayMinutes - 1}, {"soon", l.Soon, 10}, {"again", l.Again, 60}, {"desk", l.Desk, 60},
		{"head", l.Head, 60}, {"weekly", l.Weekly, 5}, {"monthly", l.Monthly, 28},
	} {
		if f.value < 0 || f.value > f.most {
			errs = append(errs, &approval.InvalidError{Field: "chase." + f.name, Reason: "policy.range", Detail: "0-" + strconv.Itoa(f.most)})
		}
	}
	return errors.Join(errs...)
}

// Validate gives every choice that cannot be, as [Policy.Validate] does.
// Nobody can mute what is about the safety of their account.
func (c Preferences) Validate() error {
	var errs []error
	bad := func(field, reason, detail string) {
		errs = append(errs, &approval.InvalidError{Field: field, Reason: reason, Detail: detail})
	}
	for _, ch := range c.Off {
		if ch != WebPush && ch != LINE && ch != Messenger && ch != SMS {
			bad("off", "policy.channel", string(ch))
		}
	}
	switch c.First {
	case "", WebPush, LINE, Messenger, SMS:
	default:
		bad("first", "policy.channel", string(c.First))
	}
	if c.First != "" && slices.Contains(c.Off, c.First) {
		bad("first", "policy.first.off", string(c.First))
	}
	for _, k := range c.Muted {
		switch {
		case !slices.Contains(Kinds(), k):
			bad("muted", "policy.kind", string(k))
		case k.Security():
			bad("muted", "policy.security", "")
		}
	}
	return errors.Join(append(errs, c.Quiet.validate(), validTimes("digest", c.Digest))...)
}
