// Package messenger brings messages to people's Facebook Messenger through a
// Page of the agency (Graph API, Send API), as a [hub.Channel], and reads the
// callbacks that Meta sends.
//
// A message becomes one button template: title, one line for each fact, the
// note that contents are to be read in the system, and a button that opens it.
// It holds what [hub.Message] holds and nothing more.
//
// # The window
//
// A Page may write to a person for 24 hours after that person wrote, tapped or
// came through an m.me link. There is nothing else for us: the message tags
// that remain are for people who answer by hand, and templates that may be sent
// at any time do not exist in Taiwan. So this channel serves whoever was heard
// from lately. Send looks at [hub.Address].Heard, allows an hour for clocks and
// queues, and refuses everything else as [*hub.Rejected] without a call, so
// that the next channel of the plan has its turn at once.
//
// # Doubt
//
// The Send API has no idempotency key. A send of which nobody knows how it
// ended is [*hub.Unknown] without Safe: it must not be repeated.
//
// # Callbacks
//
// [Channel.ParseInbound] believes nothing before the signature over the raw
// body holds; Meta signs the bytes that it sent, with \u escapes in them. A
// callback may be repeated for 36 hours: [hub.Inbound].ID is the key against
// that.
package messenger
