package hub

import (
	"time"

	"qianhe/approval"
)

// The ledger is the record of who was told what, when and through which
// channel, and what became of it.

// LedgerFilter narrows the ledger. The zero value is everything, latest first.
type LedgerFilter struct {
	Person  approval.PersonID
	Kind    Kind
	Channel ChannelName
	State   State
	From    time.Time // of the notification
	To      time.Time // exclusive
	// Find matches a delivery id, a provider id, a reference code or an account
	// name, whole.
	Find string
}

// LedgerEntry is a notification with everything that was done about it.
type LedgerEntry struct {
	Notification
	Name       string // of the person
	Cancelled  time.Time
	Reason     string // of the cancelling
	SeenVia    string
	Delivered  time.Time
	Deliveries []LedgerDelivery
}

// LedgerDelivery is one delivery of it. Address and ProviderID are masked
// unless they are the reader's own.
type LedgerDelivery struct {
	ID         string          `json:"id"`
	Channel    ChannelName     `json:"channel"`
	Label      string          `json:"label,omitempty"` // of the link
	State      State           `json:"state"`
	Reason     string          `json:"reason,omitempty"`
	ProviderID string          `json:"provider,omitempty"`
	Ref        string          `json:"ref,omitempty"`
	Cost       int             `json:"cost,omitempty"` // in the provider's units: SMS segments, LINE messages
	NotBefore  time.Time       `json:"not_before"`
	Done       time.Time       `json:"done,omitzero"`
	Delivered  time.Time       `json:"delivered,omitzero"` // the device has it
	Attempts   []LedgerAttempt `json:"attempts,omitempty"`
}

// Mask gives a delivery as others than its recipient may read it: what a person
// could be reached or recognised by is left out but for its end.
func (d LedgerDelivery) Mask() LedgerDelivery {
	if d.Channel != WebPush { // the label of a device is "iPhone · Safari"
		d.Label = mask(d.Label)
	}
	d.ProviderID = mask(d.ProviderID)
	return d
}

// mask leaves the last three characters of a long text, for comparing, and
// nothing of a short one.
func mask(s string) string {
	const shown, dots = 3, "•••"
	if s == "" {
		return ""
	}
	r := []rune(s)
	if len(r) < 3*shown {
		return dots
	}
	return dots + string(r[len(r)-shown:])
}

// LedgerAttempt is one call.
type LedgerAttempt struct {
	Number   int       `json:"number"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"` // zero when the process died in between
	Outcome  Outcome   `json:"outcome"`
	Detail   string    `json:"detail,omitempty"`
}

// LedgerPage is a part of the ledger. Next is "" at its end.
type LedgerPage struct {
	Entries []LedgerEntry
	Next    string
}

// ChannelHealth is how a channel does, for the administrator's page.
type ChannelHealth struct {
	Channel     ChannelName
	Heard       time.Time // when its provider last sent us an event; zero: not for a week, or it sends none
	Parked      int       // events of it that were given up: somebody has to look at them
	ParkedError string    // of the latest
	InService   bool      // this server has it
	DownUntil   time.Time // breaker; zero when in service
	Reason      string    // of that, in the provider's words
	LastError   string
	LastErrAt   time.Time
	LastSent    time.Time // when something was last accepted
	Waiting     int       // deliveries that are due and not sent
	Oldest      time.Time // the oldest of them; zero when none
	Hour        map[Outcome]int
	Links       int   // addresses in use
	Quota       Quota // of this month; zero when there is none
	QuotaAt     time.Time
	Probed      time.Time // when credentials and callbacks were last checked; zero when they never were
	// ProbeError is what was not in order then, in words: a subscription that
	// the provider has ended shows in nothing else.
	ProbeError string
	Rate       float64 // messages a second that the provider allows; 0: as many as go
	Cost       int     // of this month, in the provider's units
}
