// Package access holds the rules of who is let in: accounts, sign-in, sessions,
// devices, API tokens, one-time form tokens. It imports the standard library
// and the approval root only. Package password hashes and judges passwords;
// package pgaccess keeps the rest in PostgreSQL.
//
// This comment is the security contract. Numbers are those of [DefaultPolicy].
//
// # Cookies
//
// There are two, named by [CookieNames]. Both are `id.secret` ([Token]): an
// identifier to find the row by and 256 random bits, in base64url. The store
// holds SHA-256 of the secret and compares in constant time, so that a copy of
// the database lets nobody in.
//
//	session  one sign-in. Ends at sign-out, at revocation, when a new sign-in
//	         on the device replaces it, 8 hours after its last use, and 7 days
//	         after sign-in in any case.
//	device   this browser, for 180 days after its last sign-in. Alone it lets
//	         nobody in. It says that the browser is one the account knows.
//
// Both are set with HttpOnly, SameSite=Lax, Path=/, no Domain, and over TLS
// with Secure and the prefix __Host-. Lax and not Strict, because a link tapped
// in LINE is a cross-site navigation and must arrive signed in; therefore no
// GET ever changes anything.
//
// # Sign-in
//
// The secret of a session is new at every sign-in, and again when the password
// is changed: a cookie planted or copied before is worth nothing after.
//
// An attempt is counted as a failure before the password is looked at and
// becomes a success afterwards, so that attempts at the same time on several
// nodes cannot exceed the limit. Limits ([Rule]) slide:
//
//	account  10 failures in 15 minutes, 100 in 24 hours, since its last success
//	address  100 failures in 15 minutes, 1000 in 24 hours; an IPv6 /64 is one
//	         address. An agency's people share one, hence the width.
//
// A browser that the account trusts is counted by itself, under the
// limit of an account, and under no other: strangers who fail at a login do not
// lock its owner out of their own phone, and one infected machine does not lock
// out an agency. (OWASP: Slow Down Online Guessing Attacks with Device Cookies.)
// While a limit holds, the right password is refused too, with [*LimitedError].
// Refused attempts are not counted: the limit ends although somebody keeps
// trying.
//
// Nothing tells whether a login exists: an unknown login, a wrong password, an
// account that is closed or has no password give [ErrCredentials] after the
// same work, and limits count logins that do not exist.
//
// # Sealing
//
// What must be read again (channel addresses, keys shared by the nodes) is
// sealed with AES-256-GCM under the configured secret ([Sealer]), with its
// place authenticated: a sealed value moved to another row does not open.
//
// # Forms
//
// A form that decides something carries a [FormTokens] token, bound to session,
// document, version and step, good for 12 hours and once. It serves against
// double taps and stale pages. Cross-site requests are refused before it, by
// their origin.
//
// # Gates
//
// What a route asks for is a [Gate]; what an agency has decided is [Settings],
// a table that the administrator reads ([SettingTable]). [Settings.Allow] holds
// the one against who comes by the other, and nothing else does. Of several
// roles the strictest counts; that of an administrator counts where things are
// administered. A network is what the two lists say ([Settings.Network]), a
// device what its browser says it is: that one is a rule for the honest.
//
// # Addresses
//
// A client's address is what [ClientAddress] says: the last hop that is not a
// configured proxy. What the client itself writes into X-Forwarded-For is never
// believed.
//
// # Providers and second factors
//
// A [Provider] says who somebody is and nothing more: packages ldap and oidc are
// two, under names of the configuration, and another is added without a change
// to them (TW FidO has its [Method] already). What an agency makes of its people
// is a [Source]. Limits, the account, the second factor, the device and the
// session are the same for all and come after it, so that none is a way round
// them. One that fails says so and nothing else is tried in its place.
//
// An identity is bound to one account by what does not change in the provider.
// By its login it gets an account only that was made for it and that nobody can
// open otherwise, or a new one where the agency wants that.
//
// What is begun in a browser (the way to a portal and back, a second factor) is
// kept on the server for ten minutes, found by a cookie of that browser
// ([FlowCookie]) and used up by being taken: no answer counts in another browser
// or twice.
//
// A second factor is asked for whenever the account has one. An app's digits are
// good once, a passkey's challenge too, and so are the codes on paper, which are
// hashed. Failures are counted by account, and from a device that it trusts apart
// from those of strangers. Showing a factor again makes a session fresh and
// gives it a new secret.
//
// # Many at once
//
// Hashing takes a processor for tens of milliseconds. A [Turnstile] lets few
// through, and whoever finds no place is told when to come again before
// anything of theirs is looked at or counted. One processor is left to those who
// are in.
//
// # New devices
//
// A sign-in is a proof ([Proven]) and an admission. On a device that the account
// trusts it is a [Full] session. On any other it waits ([Waiting]): it sees its
// own page and nothing else, on every route, and ends after an hour.
// [Confirming] says where that holds; the first device of an account without a
// telephone number is trusted at once unless the agency asks for a voucher. The
// waiting session is new, its cookie never stood in an address, and the code
// gives it another secret. A [Challenge] opens it, once, in one of three ways:
//
//	device  The waiting page shows two digits; its owner picks them out of three
//	        on a device that is trusted. A wrong pick denies: who guesses is not
//	        the owner. Approving whatever pops up is wrong two times in
//	        three, and denies then.
//	text    A code of 6 digits, good for 10 minutes, 5 tries and this session.
//	        Tries are counted under the lock of the account, on whatever node.
//	        Sent again it is the same, at most 3 times; it is kept sealed. It goes
//	        out at once where there is no device to confirm on.
//	vouch   The registry desk (登記桌) or an administrator, on record; nobody for
//	        themselves.
//
// A text alone is little: numbers are ported, and texts are read on lock
// screens. Where the account had devices before, it gives [Reading] for 12
// hours; the other devices are told at once and can take it back for 24. Once
// trusted, a device is beyond the reach of any text.
//
// Denying, on a trusted device or with the deny code that the text carries
// besides, ends everything that waits, refuses new devices for 24 hours
// ([RefusedError]) and has the local password changed. An account without one
// takes no text from then on, until a trusted device or a voucher has confirmed.
// The deny code is 8 digits, kept as an HMAC, works once, and is guessed at most
// 10 times in 15 minutes from one address. It cannot confirm, nor touch what is
// trusted: a stolen text evicts nobody.
//
// Texts are limited before they are sent: 5 in an hour and 10 in a day to one
// person and to one number, 30 and 200 from one address. None is sent to who has
// not shown the password, so that it says nothing about accounts. A number that
// took another's place takes none for 24 hours. Whatever was asked, answered or
// sent is in the audit trail, and told to its owner.
package access
