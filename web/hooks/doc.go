// Package hooks takes the callbacks of providers (LINE, Messenger, SMS):
//
//	POST /hooks/{channel}    events
//	GET  /hooks/{channel}    a provider's question whether this address is ours,
//	                         or events of one that calls by GET
//
// Nothing is believed before the channel has verified the provider's signature
// over the raw body, and nothing is acknowledged before it is durable: 200 says
// that the events are stored. What they do happens later, elsewhere.
//
// LINE gives up after 2 seconds, so a callback that cannot be stored within
// 1.5 is answered 503, which asks for it again. A repetition is harmless:
// whoever stores events knows them by their ids.
//
// An address of a provider is nobody's secret and sending from one is no proof,
// so nothing here looks at addresses. Requests are limited by size alone: a
// provider that is slowed down repeats, or ends the subscription.
package hooks
