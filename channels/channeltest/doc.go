// Package channeltest holds the suite that every [hub.Channel] passes: what it
// answers on a provider's good and bad days, that it sends nothing twice, leaks
// nothing and forgets nothing.
//
// A channel's test builds a [Harness] on its stand-in provider and calls [Run].
// The suite switches [Fault] values on for an address and looks at the type of
// the error and at what arrived.
package channeltest
