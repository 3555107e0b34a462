// Package password keeps and judges passwords.
//
// # Keeping
//
// A password is kept as argon2id (RFC 9106) in PHC string form,
// $argon2id$v=19$m=19456,t=2,p=1$salt$hash. The default cost is the least that
// the OWASP Password Storage Cheat Sheet names; [Hasher.NeedsRehash] says when a
// stored string is of another, so that it can be replaced at the next sign-in.
//
// Before hashing a password is normalised to NFKC (Unicode Standard Annex 15,
// as NIST SP 800-63B asks): a letter typed in full width on one keyboard (全形)
// is the same on another.
//
// A hash takes 19 MiB and tens of milliseconds. A [Hasher] computes no more at
// once than it was told, whatever the number of callers; the others wait, or
// leave with their context. A stored string that asks for more memory or time
// than this package would ever use is refused before it is computed.
//
// # Judging
//
// [Policy] follows NIST SP 800-63B §3.1.1: length and a list of what is guessed
// first, no classes of characters, no periodic change. Rev. 4 asks for 15
// characters where the password is all there is and 8 where it is one of two
// proofs. The default of 12 stands between: passwords are typed on phones, and
// guesses are limited per account. An agency that holds to the letter sets 15.
package password
