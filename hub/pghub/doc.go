// Package pghub keeps in PostgreSQL what people are told, and tells them.
//
// [Hub.EnqueueTx] runs inside the transaction that decides: it moves the
// inboxes of those concerned forward, writes one notification per person and
// kind, cancels what has lost its point, and adds a job to plan the deliveries.
// When the transaction rolls back, nothing of that has happened; when it
// commits, nothing of it can be lost.
//
// After that, River's workers plan ([hub.Policy]), and a pump for each channel
// delivers: it claims what is due in batches, makes the calls beside each other
// and records in batches what became of them. A delivery is a row of its own, as
// is every attempt at it, written before the call goes out. A process may be
// killed between any two statements: what was begun and not recorded counts as
// "may have been sent". It is repeated under the same key once its lease is
// over; where the provider knows no key it is asked for the message first.
//
// [Hub.Publish] tells people what other systems have to say, committed before it
// returns. Whoever publishes at the same time shares a transaction.
//
// What happens is told to the agency's own systems as well, where they ask for
// it: triggers write events with what they tell of, a dispatcher gives them to
// endpoints, and a job each brings them there.
//
// What providers say afterwards moves a delivery forward, never back. What is
// over and done with moves into the ledger, which is kept by day;
// [Hub.Ledger] reads it and what is still in hand as one.
//
// # Order of locks
//
// document, notice (by token and key), inbox (by person), notification (by id), delivery (by id), channel
// link, tally, channel state; webhook event, endpoint, webhook delivery. Whoever takes several of one kind takes them in
// that order; nobody goes back. A claim locks the rate of its channel before all
// that, and waits for nobody afterwards: it skips what others hold.
//
// # Connections
//
// A started hub holds two connections of its own (LISTEN, NOTIFY) and River
// takes one out of the pool for good. A pump holds one while it claims and while
// it records, and none during a call.
package pghub
