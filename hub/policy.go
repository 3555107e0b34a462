package hub

import (
	"slices"
	"time"

	"qianhe/approval"
)

// DefaultUnseen is how long a notification may stay unseen before it goes to
// a channel that disturbs and costs.
const DefaultUnseen = 15 * time.Minute

// Policy is what an organisation has decided on whom to tell when. The zero
// value is the house's own.
type Policy struct {
	// Unseen is how long a notification waits before it goes to LINE;
	// [DefaultUnseen] when zero.
	Unseen time.Duration
}

// Leg is one part of a plan: through this link, after this long, unless the
// person has seen it by then.
type Leg struct {
	Channel ChannelName
	Link    string
	After   time.Duration // since the notification; 0: at once
}

// Plan gives the legs of a notification over the links a person has, earliest
// first. It does not name the live connections: those follow the inbox, with
// or without a plan. An unknown kind has no plan.
//
// Web Push is free and silent enough: at once. LINE is billed by message and
// buzzes: at once for what the day begins with ([KindDigest]) and for 最速件,
// else only what was not seen.
func (p Policy) Plan(kind Kind, speed approval.Speed, links []Link) []Leg {
	unseen := p.Unseen
	if unseen <= 0 {
		unseen = DefaultUnseen
	}
	switch kind {
	case KindDigest, KindArrived, KindReturned, KindDecided:
	default:
		return nil
	}
	if kind == KindDigest || speed == approval.SpeedHighest {
		unseen = 0
	}
	var plan []Leg
	for _, l := range links {
		switch l.Channel {
		case WebPush:
			plan = append(plan, Leg{Channel: WebPush, Link: l.ID})
		case LINE:
			plan = append(plan, Leg{Channel: LINE, Link: l.ID, After: unseen})
		}
	}
	slices.SortStableFunc(plan, func(a, b Leg) int { return int(a.After - b.After) })
	return plan
}

// TTL is how long it makes sense to bring a notification to a device. It stays
// below the 24 hours for which LINE remembers a retry key; whatever is older
// is in the next digest.
func (k Kind) TTL() time.Duration {
	if k == KindDigest {
		return 10 * time.Hour // until the end of the working day
	}
	return 20 * time.Hour
}

// Keyed reports whether the provider recognises a repeated delivery by its
// key, so that sending again after a doubt cannot double it: LINE by the retry
// key, Web Push by the topic and the tag.
func (c ChannelName) Keyed() bool { return c == WebPush || c == LINE }
