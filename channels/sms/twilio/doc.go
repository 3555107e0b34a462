// Package twilio hands texts to Twilio (Programmable Messaging), as an
// [sms.Sender].
//
// Twilio takes a message (201, queued) and tells by status callbacks what
// became of it; each carries the delivery in its own address, which the
// signature covers. It knows no idempotency keys: a time-out and every 5xx is
// in doubt ([*hub.Unknown]), and [Sender.Find] looks for the reference among the
// messages to the number.
//
// Of twilio-go only client and rest/api/v2010 are used, with a client.BaseClient
// of our own: the library's has no context, no base URL and no limit to what it
// reads, and takes its region from the environment. The messages are not
// created with ContentRetention=discard, which would leave nothing to find.
package twilio
