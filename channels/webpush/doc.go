// Package webpush brings messages to browsers through their push services (RFC
// 8030, 8188, 8291, 8292), as a [hub.Channel].
//
// A payload is at once a declarative push message (WebKit, Firefox) and what
// the app's own service worker reads: counts, urgency and one address, nothing
// else. It is encrypted for the browser; the push service sees neither.
//
// # Addresses
//
// A push endpoint is an address that a user gives us and that our server then
// calls. [Channel.CheckSubscription] admits only hosts of known push services,
// https on port 443, and keys that are keys; Send checks again, resolves the
// name itself, refuses every address that is not a public one, connects to
// exactly the address that it looked at, and follows no redirect. Behind a
// proxy ([Config.Proxy]) the proxy resolves names, and is asked for hosts on
// the list only. [Config.Loopback] is the only exception, for the stand-in push
// service of tests and of the demo.
//
// An endpoint is a capability: no error text holds one.
//
// # Keys
//
// A subscription is bound to the application server key that it was made with.
// [Keyring] holds the one that pages subscribe with now and those before it;
// each message is signed with the key of its subscription.
//
// # Outcomes
//
// A 201 means that the push service took the message, not that it arrived: the
// service worker says that. Every message has a topic and a tag, so sending
// one again cannot show it twice; a send that ended in doubt is therefore
// [*hub.Unknown] with Safe set.
package webpush
