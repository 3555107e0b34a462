package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"qianhe/approval"
)

// ChannelName names a channel in rows, settings, metrics and queues.
type ChannelName string

const (
	Live    ChannelName = "live"
	WebPush ChannelName = "webpush"
	LINE    ChannelName = "line"
)

// Message is what one channel is to bring to one address. It has passed the
// content policy ([Compose]): a channel shows nothing else.
type Message struct {
	Delivery string // id of the delivery; the idempotency key wherever there is one
	Person   approval.PersonID
	To       Address
	Kind     Kind
	Lang     string // "zh-TW" or "en"
	Agency   string // who speaks, for channels that have to say so
	Title    string // one line: 待處理公文 5 件
	Text     string // the whole in one sentence, for alt texts and plain channels
	Facts    []Fact // label and value lines of a card
	Counts   Counts
	Button   string        // what the tap does: 立即處理
	URL      string        // absolute; opens by GET and changes nothing
	Urgent   bool          // 最速件, or asks for an answer at once
	Tag      string        // messages with the same tag replace each other where a channel can; [A-Za-z0-9], at most 32
	TTL      time.Duration // after which it need not be delivered any more
	Sent     time.Time
}

// Fact is one line of a card.
type Fact struct {
	Label string
	Value string
	Alarm bool // shown in seal red: late, 最速件
}

// Address is where a channel reaches a person: a LINE user ID, a push
// endpoint. It is a capability: never logged.
type Address struct {
	Link  string // id of the channel link row
	Value string
	Keys  map[string]string // p256dh, auth, vapid ... as the channel needs
}

// Receipt says that a provider took a message. Taken is not delivered.
type Receipt struct {
	ProviderID string
	Duplicate  bool // the provider had taken it before, under the same key
}

// Channel brings a message to an address. Send returns nil only when the
// provider has taken the message; otherwise one of [*Retry], [*Permanent],
// [*Rejected], [*Unknown] or [*ChannelDown]. It honours ctx, sends once per
// call and keeps no reference to the message.
type Channel interface {
	Name() ChannelName
	Send(ctx context.Context, m Message) (Receipt, error)
}

// Prober checks credentials and reachability without sending anything.
type Prober interface {
	// Probe returns lines for the operator, secrets masked.
	Probe(ctx context.Context) ([]string, error)
}

// QuotaReader tells how much of a paid quota is used.
type QuotaReader interface {
	Quota(ctx context.Context) (Quota, error)
}

// Quota of a month. Limit 0 means unlimited.
type Quota struct {
	Limit int64
	Used  int64
}

// InboundParser verifies a provider's callback on the raw body and gives what
// is in it. A signature that does not hold returns an error wrapping
// [ErrSignature].
type InboundParser interface {
	ParseInbound(header http.Header, body []byte) ([]Inbound, error)
}

// ErrSignature: a callback was not signed by the provider.
var ErrSignature = errors.New("signature does not match")

// Inbound is one event that a provider sent.
type Inbound struct {
	Channel ChannelName
	ID      string // provider's event id, the key against replays
	Kind    string // follow, unfollow, postback, message ...
	From    string // address of the sender
	Data    string
	Reply   string // reply token, "" when none
	At      time.Time
}

// Retry: not sent; the same message may be sent again after After (0: the
// engine's own back-off).
type Retry struct {
	After  time.Duration
	Reason string
}

// Permanent: not sent, and this address never will; it is to be disabled.
type Permanent struct{ Reason string }

// Rejected: not sent because of this message or our own set-up; the address is
// good, the message must not be tried again.
type Rejected struct{ Reason string }

// Unknown: may or may not have been sent. With an idempotency key it is sent
// again under the same key, otherwise reconciled first.
type Unknown struct {
	Reason string
	Safe   bool // the provider recognises a repetition: sending again cannot double
}

// ChannelDown: nobody can be reached through this channel until Until (zero:
// until somebody mends it).
type ChannelDown struct {
	Until  time.Time
	Reason string
}

func (e *Retry) Error() string       { return fmt.Sprintf("try again in %s: %s", e.After, e.Reason) }
func (e *Permanent) Error() string   { return "address is dead: " + e.Reason }
func (e *Rejected) Error() string    { return "message was refused: " + e.Reason }
func (e *Unknown) Error() string     { return "may have been sent: " + e.Reason }
func (e *ChannelDown) Error() string { return "channel is down: " + e.Reason }
