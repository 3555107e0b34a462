package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"qianhe/approval"
)

// ChannelName names a channel in rows, settings, metrics and queues.
type ChannelName string

const (
	Live      ChannelName = "live"
	WebPush   ChannelName = "webpush"
	LINE      ChannelName = "line"
	Messenger ChannelName = "messenger"
	SMS       ChannelName = "sms"
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
	Urgency  Urgency       // what providers are told of a message that is not; "" is normal
	Tag      string        // messages with the same tag replace each other where a channel can; [A-Za-z0-9], at most 32
	TTL      time.Duration // after which it need not be delivered any more
	Sent     time.Time
	Ref      string // four characters that a person can read out: 〔A7K2〕; finds the message at a provider again
	Acts     []Act  // what can be answered in the chat itself, where there is one
	Whole    bool   // Title, and Text, say everything: where to go as well, and an address
}

// Act is a button of a chat that comes back as a postback. Nothing is decided
// by one: a document is read and decided on the web.
type Act struct {
	Label string
	Verb  string // "seen"
}

// Postback is what the button brings back: the verb and the delivery, at most
// 300 characters. It is a key, not a statement: whoever reads it looks
// everything up again.
func (m Message) Postback(a Act) string { return a.Verb + ":" + m.Delivery }

// ParsePostback takes apart what [Message.Postback] made.
func ParsePostback(data string) (verb, delivery string, ok bool) {
	verb, delivery, ok = strings.Cut(data, ":")
	return verb, delivery, ok && verb != "" && approval.ValidID(delivery)
}

// RefOf gives the reference of a delivery: four characters that people do not
// confuse, the same whenever it is sent.
func RefOf(delivery string) string {
	const letters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	sum := sha256.Sum256([]byte("ref\x00" + delivery))
	var ref [4]byte
	for i := range ref {
		ref[i] = letters[int(sum[i])%len(letters)]
	}
	return string(ref[:])
}

// Fact is one line of a card.
type Fact struct {
	Label string
	Value string
	Alarm bool // shown in seal red: late, 最速件
}

// DeadSubscription begins the reason of a [*Permanent] that a browser can mend
// by subscribing anew: the same subscription must not be linked again.
const DeadSubscription = "subscription is dead"

// ErrDeadSubscription: this push subscription was found dead before; the browser
// has to make another.
var ErrDeadSubscription = errors.New("push subscription is dead")

// Resubscribable reports whether the reason of an ended link is such a one.
func Resubscribable(reason string) bool { return strings.HasPrefix(reason, DeadSubscription) }

// Address is where a channel reaches a person: a LINE user ID, a push
// endpoint. It is a capability: never logged.
type Address struct {
	Link  string // id of the channel link row
	Value string
	Keys  map[string]string // p256dh, auth, vapid ... as the channel needs
	Heard time.Time         // when its owner last wrote or tapped there; zero: never, or the channel does not say
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

// Callback is a provider's request to us, as it came.
type Callback struct {
	Header http.Header
	Query  string // raw, without the question mark
	Body   []byte
}

// InboundParser verifies a provider's callback on the raw body and gives what
// is in it. A signature that does not hold returns an error wrapping
// [ErrSignature].
type InboundParser interface {
	ParseInbound(c Callback) ([]Inbound, error)
}

// GetParser is an [InboundParser] whose provider may call by GET, with
// everything it says in the address.
type GetParser interface {
	InboundParser
	// ParsesGet reports whether it does so.
	ParsesGet() bool
}

// Challenger answers the GET by which a provider makes sure that a callback
// address is ours (Meta). ok is false when the verify token does not hold.
type Challenger interface {
	Challenge(query url.Values) (answer string, ok bool)
}

// ErrCannotAsk: a provider does not say which messages it has.
var ErrCannotAsk = errors.New("provider cannot be asked for a message")

// ErrSignature: a callback was not signed by the provider.
var ErrSignature = errors.New("signature does not match")

// InboundKind says what a callback tells.
type InboundKind string

const (
	InFollow     InboundKind = "follow"      // the account was added or unblocked
	InUnfollow   InboundKind = "unfollow"    // it was blocked or removed: messages no longer arrive
	InMessage    InboundKind = "message"     // Data is the text, "" for anything but text
	InPostback   InboundKind = "postback"    // Data is the button's, see [ParsePostback]
	InReferral   InboundKind = "referral"    // Data is the ref of the link that led here (m.me)
	InTouch      InboundKind = "touch"       // a sign of life that asks for nothing: a reaction, the chat opened again
	InLinked     InboundKind = "linked"      // Data is the nonce; From is who holds it now
	InLinkFailed InboundKind = "link.failed" // Data is the nonce; From is empty
	InDelivered  InboundKind = "delivered"   // Provider or Until: these have reached the device
	InRead       InboundKind = "read"        // Until: what was sent up to then was read
	InStatus     InboundKind = "status"      // Data is where the message Provider stands: accepted, queued, sending, sent, delivered, undelivered or failed; Code says why
)

// Heard reports whether the event is something that its sender did, which opens
// Messenger's window: [Address].Heard is the time of the latest of these.
func (k InboundKind) Heard() bool {
	switch k {
	case InFollow, InMessage, InPostback, InReferral, InTouch, InLinked:
		return true
	default:
		return false
	}
}

// Inbound is one event that a provider sent.
type Inbound struct {
	Channel  ChannelName
	ID       string // provider's event id, or one derived from the event: the key against replays
	Kind     InboundKind
	From     string // address of the sender
	Data     string
	Reply    string    // reply token, "" when none
	Provider []string  // provider ids of the messages that it is about
	Delivery string    // the delivery, where the callback's own address names it
	Until    time.Time // watermark
	Code     string    // provider's error code
	Outcome  Outcome   // of a status that says that a message failed: permanent, rejected, channel_down or retry
	At       time.Time
}

// Replier answers an inbound event where the provider lets us do so for
// nothing: LINE's reply token, Messenger's open window. The answer is not a
// delivery: it is sent at most once and may be lost.
type Replier interface {
	Reply(ctx context.Context, to Inbound, m Message) error
}

// Finder asks a provider that knows no idempotency key whether it has a
// message: the one with m.Ref to m.To that was sent since then. found is false
// only when the provider said so; when it could not be asked, err says why, and
// wraps [ErrCannotAsk] when it never can be. Of a message that the provider has
// and that has failed, found is true and err is one of [Channel].Send's.
type Finder interface {
	Find(ctx context.Context, m Message, since time.Time) (r Receipt, found bool, err error)
}

// Linker begins the provider's own account linking from its chat: it gives the
// address of our page, on baseURL, that carries the provider's one-time token
// for this user.
type Linker interface {
	LinkPage(ctx context.Context, user, baseURL string) (string, error)
}

// Reacher asks a provider whether an address still takes messages, without
// sending one: some take every message and show it to nobody.
type Reacher interface {
	Reachable(ctx context.Context, to Address) (bool, error)
}

// Limited is a channel whose provider takes no more than so many messages a
// second, from all nodes together, and so many at once.
type Limited interface {
	Rate() (perSecond float64, burst int)
}

// Costed tells what a message costs in the provider's own units (SMS
// segments), before it is sent.
type Costed interface {
	Cost(m Message) int
}

// Retry: not sent; the same message may be sent again after After (0: the
// engine's own back-off).
type Retry struct {
	After  time.Duration
	Reason string
	Slow   bool // the provider wants less of everything, not of this person: the channel slows down
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
