// Package line brings messages to people's LINE through an official account
// (Messaging API), as a [hub.Channel], and reads the callbacks that LINE sends.
//
// A message becomes one Flex card: the big count, one line for each fact, one
// button that opens the system, and the note that contents are to be read
// there. It holds what [hub.Message] holds and nothing more.
//
// # Sending
//
// Every push carries a retry key that is a function of the delivery's id, so
// LINE itself recognises a repetition, for 24 hours: a send that ended in doubt
// is [*hub.Unknown] with Safe set, and the answer 409 to a repetition is a
// success. LINE answers 200 also for somebody who has blocked the account;
// only the callback "unfollow" tells.
//
// # Answers
//
// What somebody writes or taps is answered by its reply token: free, once,
// within a minute, and without a retry key, which LINE refuses there. An answer
// that may have arrived is not repeated; whoever misses it asks again.
//
// Buttons lead to the phone's own browser (openExternalBrowser=1), where people
// have signed in and where passkeys and push work. Only the page that takes a
// link token stays inside LINE. Other buttons come back as postbacks, which hold
// a verb and the delivery's id, and nothing that anybody believes.
//
// # Callbacks
//
// [Channel.ParseInbound] believes nothing before the signature over the raw
// body holds. A callback may be repeated: [hub.Inbound].ID is the key against
// that.
package line
