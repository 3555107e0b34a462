// Package pgaccess keeps accounts, devices, sessions, API tokens and the keys
// that nodes share in PostgreSQL. The rules, and the security contract, are
// those of package access; the file names are its too.
//
// Nothing is kept in memory: any number of nodes may use one database, a limit
// counts the attempts at all of them, and what is revoked on one is revoked on
// all with the next request.
//
// # What ends with a session
//
// A session that ends takes live connections with it, and the push
// subscriptions made in it. Those belong to the hub. The methods that end
// sessions say which, and the caller passes it on. They name every session of
// a device that is still on record, also those that had ended before: a session
// that ran out (8 hours without use) leaves its push subscription alone, since
// the phone shall buzz in the morning too, so it is when the device is signed
// out that it must be found.
//
// # Audit trail
//
// access_event is append-only by trigger: rows go by age alone, through
// expire_access_events, never younger than six months. What this package does
// is recorded by record, within the transaction that does it. Channel links,
// policies, replays and documents that pass into other hands are recorded by
// triggers: they are changed by a dozen statements elsewhere, and one that
// forgot would never be missed. Who asks and from where travels in the context
// (access.WithOrigin); for triggers sayOrigin puts it into the transaction.
// What is done to documents stays in decision, and [Store.Audit] reads both.
//
// # Administrators
//
// Changes of people and units carry the version that was seen. Those that could
// take an administrator away follow each other under one advisory lock, and
// whether one is left is asked at the end of the transaction: no order of
// changes leaves nobody. Moves of units follow each other too, for two that are
// fine one by one may make a circle together.
//
// # Locks
//
// Whatever changes the sessions of an account locks the row of the account
// first: a sign-in cannot slip between a change of password and the end of the
// sessions that it brings. Passwords are hashed outside of transactions.
package pgaccess
