// Package sms brings messages to people's telephones as text messages (簡訊),
// as a [hub.Channel]. Who takes them is a [Sender]: package twilio, or package
// gateway for a provider with an HTTP interface of its own, such as the
// government's 111.
//
// # Texts
//
// A text says who speaks, what waits, how many and how urgent, a reference that
// people can read out (〔A7K2〕), and 「請由平常的網址登入」. The address itself
// stands in it only where the provider takes addresses and the host is the
// agency's own: nobody should learn to tap on addresses in text messages. It
// begins with the last three digits of the recipient's number and the name of
// the agency, which a sender with a stolen number does not know to write.
//
// Every text fits two segments of 67 UTF-16 units. What is too long is cut;
// a character, the reference and an address are never cut in half.
//
// # Doubt
//
// No provider recognises a repeated message. A send that may have gone through
// is [*hub.Unknown] without Safe; [Channel.Find] asks the provider for the
// reference before anything is sent again.
//
// # Numbers
//
// A [Number] is stored in E.164 form and never printed whole: 09xx***678.
package sms
