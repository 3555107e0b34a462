package hub

import (
	"slices"
	"time"

	"qianhe/approval"
)

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
	// Sent are the times of messages within the last hour through each channel,
	// and of those that are planned, in order.
	Sent map[ChannelName][]time.Time
}

// WantsDigest reports whether the person takes the digest at this minute of the
// day. Who has chosen only times that the organisation does not have any more
// takes all.
func (c Preferences) WantsDigest(minute int, times []int) bool {
	if slices.Contains(c.Muted, KindDigest) {
		return false
	}
	chosen := slices.ContainsFunc(c.Digest, func(m int) bool { return slices.Contains(times, m) })
	return !chosen || slices.Contains(c.Digest, minute)
}
