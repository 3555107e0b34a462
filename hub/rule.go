package hub

import (
	"time"

	"qianhe/approval"
)

// Rule says how one kind of notification is brought to people.
type Rule struct {
	Steps   []Step        // in which order the channels are tried
	Urgency Urgency       // what providers are told, and who goes first in a queue
	TTL     time.Duration // after which it need not be delivered any more
	// Group: of the notifications of a person in the same group the latest
	// replaces the others, on the phone, at the provider and in our own queue.
	// "" for one that stands for itself.
	Group string
	Quiet QuietRule
	Tier  Tier
	// Held is true for a kind that the person may not turn off: security.
	Held bool
	// Keep is how long the record is kept; the policy's own when zero.
	Keep time.Duration
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

// Tier is how much a channel of others may be told (documents.md §5).
type Tier string

const (
	TierCounts  Tier = "counts"  // counts, urgency, due bucket and a link
	TierNumber  Tier = "number"  // and the 文號, where the organisation opted in
	TierSubject Tier = "subject" // and a masked 主旨
)

// Quiet are hours of a day in Asia/Taipei in which people are not disturbed.
// From and To are minutes since midnight; From > To spans midnight; From == To
// means none. DaysOff makes every day that is not worked quiet as a whole.
type Quiet struct {
	From    int  `json:"from"`
	To      int  `json:"to"`
	DaysOff bool `json:"days_off"`
}

// Preferences are a person's own choices. The zero value takes everything as
// the organisation has set it.
type Preferences struct {
	// Off are channels through which the person wants nothing but what cannot
	// be turned off.
	Off []ChannelName `json:"off,omitempty"`
	// First is the channel that the person looks at: it is told at once.
	First ChannelName `json:"first,omitempty"`
	// Muted are kinds the person does not want to be disturbed for; they are in
	// the in-tray all the same.
	Muted []Kind `json:"muted,omitempty"`
	Quiet *Quiet `json:"quiet,omitempty"` // nil: the organisation's
	// Digest are the times of the organisation's digests, as minutes since
	// midnight, that the person takes; nil: all.
	Digest []int `json:"digest,omitempty"`
}

// Recipient is what routing knows of the person besides their links.
type Recipient struct {
	Person      approval.PersonID
	Preferences Preferences
	Sent        int // messages in the last hour on channels that disturb
}
