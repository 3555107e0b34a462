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
// # Locks
//
// Whatever changes the sessions of an account locks the row of the account
// first: a sign-in cannot slip between a change of password and the end of the
// sessions that it brings. Passwords are hashed outside of transactions.
package pgaccess
