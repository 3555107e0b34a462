// Package pghub keeps in PostgreSQL what people are told, and tells them.
//
// [Hub.EnqueueTx] runs inside the transaction that decides: it moves the
// inboxes of those concerned forward, writes one notification per person and
// kind, cancels what has lost its point, and adds a job to plan the deliveries.
// When the transaction rolls back, nothing of that has happened; when it
// commits, nothing of it can be lost.
//
// After that, River's workers plan ([hub.Policy]) and deliver. A delivery is a
// row of its own, as is every attempt at it, written before the call goes out.
// A process may be killed between any two statements: what was begun and not
// recorded counts as "may have been sent" and is repeated under the same key,
// once its lease is over.
//
// # Order of locks
//
// document, inbox (by person), notification (by id), delivery (by id), channel
// link, channel state. Whoever takes several of one kind takes them in that
// order; nobody goes back.
//
// # Connections
//
// A started hub holds two connections of its own (LISTEN, NOTIFY) and River
// takes one out of the pool for good.
package pghub
