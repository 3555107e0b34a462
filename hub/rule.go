package hub

import "time"

// Rule says how one kind of notification is brought to people.
type Rule struct {
	Steps []Step `json:"steps"` // in which order the channels are tried
	// Highest are the steps of a 最速件; those of everything else when empty.
	Highest []Step        `json:"highest,omitempty"`
	Urgency Urgency       `json:"urgency"` // what providers are told
	TTL     time.Duration `json:"ttl"`     // after which it need not be delivered any more
	// Group: of the notifications of a person in the same group the latest
	// replaces the others, on the phone, at the provider and in our own queue.
	// "" for one that stands for itself.
	Group string    `json:"group,omitempty"`
	Quiet QuietRule `json:"quiet"`
	// Tier is how much it may say at most; the policy's own when empty.
	Tier Tier `json:"tier,omitempty"`
	// Held is true for a kind that the person may not turn off: security.
	Held bool `json:"held,omitempty"`
	// Keep is for how many days the record is kept; the policy's own when zero.
	Keep int `json:"keep,omitempty"`
}

// Step is one channel of a plan, so long after the notification, or, for
// channels that disturb, after it was not seen.
type Step struct {
	Channel ChannelName   `json:"channel"`
	After   time.Duration `json:"after"`
}

// Urgency of a message.
type Urgency string

const (
	UrgencyLow    Urgency = "low"
	UrgencyNormal Urgency = "normal"
	UrgencyHigh   Urgency = "high"
)

// QuietRule says what quiet hours (勿擾時段) do to a kind.
type QuietRule string

const (
	QuietHold    QuietRule = "hold"    // waits until they end
	QuietThrough QuietRule = "through" // goes through: security
	QuietUrgent  QuietRule = "urgent"  // goes through when it is 最速件, waits otherwise
)

// Tier is how much a message may tell (content policy: 行政院及所屬各機關 do not
// discuss official business through foreign messengers).
type Tier string

const (
	TierCounts  Tier = "counts"  // counts, urgency, due bucket and a link
	TierNumber  Tier = "number"  // and the 文號, where the organisation opted in
	TierSubject Tier = "subject" // and a masked 主旨
)

// rank orders tiers; what is unknown tells least.
func (t Tier) rank() int {
	switch t {
	case TierNumber:
		return 1
	case TierSubject:
		return 2
	}
	return 0
}

// least gives the one of two that tells less.
func least(a, b Tier) Tier {
	if b.rank() < a.rank() {
		return b
	}
	return a
}

// Disturbs reports whether a channel costs or buzzes enough to wait for what a
// quieter one does first.
func (c ChannelName) Disturbs() bool { return c == LINE || c == Messenger || c == SMS }

// Keyed reports whether the provider recognises a repeated delivery by its
// key, so that sending again after a doubt cannot double it: LINE by the retry
// key, Web Push by the topic and the tag.
func (c ChannelName) Keyed() bool { return c == WebPush || c == LINE }

// Security reports whether a kind is about the safety of an account. It goes
// through quiet hours, past caps, and nobody can turn it off. That it was seen
// ends nothing of it: whoever sees it first may be who has broken in. Nor is it
// told through what was linked after it happened.
func (k Kind) Security() bool {
	switch k {
	case KindNewDevice, KindReplaced, KindAccount, KindLinked, KindUnlinked:
		return true
	}
	return false
}

// Bulk reports whether many people are told at the same time: it goes behind
// everything else in a queue.
func (k Kind) Bulk() bool {
	switch k {
	case KindDigest, KindAnnouncement, KindOverdueSoon, KindOverdue, KindEscalation, KindRefresh:
		return true
	}
	return false
}
