package sms

import (
	"context"
	"time"

	"qianhe/hub"
)

// Sender hands texts to one provider. Its errors are those of [hub.Channel].
type Sender interface {
	// Send hands t over, once. A provider of text messages recognises no
	// repetition: [*hub.Unknown] is never Safe.
	Send(ctx context.Context, t Text) (hub.Receipt, error)
	// Find asks for a text by its reference, as [hub.Finder] does.
	Find(ctx context.Context, t Text, since time.Time) (r hub.Receipt, found bool, err error)
	// ParseInbound verifies and reads a status callback, as
	// [hub.InboundParser] does.
	ParseInbound(cb hub.Callback) ([]hub.Inbound, error)
	// Probe checks credentials without sending, as [hub.Prober] does.
	Probe(ctx context.Context) ([]string, error)
	// Traits say what the provider asks of a text.
	Traits() Traits
	// Close lets go of idle connections.
	Close()
}

// Text is a text message, ready to be sent.
type Text struct {
	Delivery string
	To       Number
	Body     string
	Ref      string // stands in Body as 〔A7K2〕
	Agency   string
	TTL      time.Duration
	Segments int // that it is billed as, with what the provider adds
}

// Traits are what a provider asks of texts.
type Traits struct {
	Links  bool   // it lets texts with an address through
	Prefix Prefix // whose job the beginning is
	// PerSecond and Burst are how fast it takes them, over all nodes; 0 a
	// second is as fast as it goes.
	PerSecond float64
	Burst     int
	Get       bool // its callbacks are GETs: what they say stands in the address
}

// Prefix says who writes the beginning of a text: 末三碼 and 機關名稱.
type Prefix string

const (
	PrefixOurs     Prefix = "ours"     // this package
	PrefixProvider Prefix = "provider" // the provider; room is left for it
)
