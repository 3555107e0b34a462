package hub

import "time"

// InboundHealth is how the events of a channel do that its provider sends us,
// for the administrator's page.
type InboundHealth struct {
	Channel ChannelName
	// Last is when the latest event came; zero when none did for a week. A
	// provider that has ended the subscription is simply silent.
	Last    time.Time
	Waiting int       // received and not dealt with
	Oldest  time.Time // the oldest of them; zero when none
	// Parked are events that were tried too often and given up: somebody has
	// to look at them.
	Parked    int
	LastError string // of the latest parked one
	ParkedAt  time.Time
}
