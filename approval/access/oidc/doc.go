// Package oidc signs people in at an agency's portal by OpenID Connect Core 1.0:
// authorization code flow, with PKCE (RFC 7636), state, and nonce.
//
// # What holds the two halves together
//
// A sign-in begins in one browser and has to end in the same one. State, nonce
// and code verifier are made anew for each, kept on the server for that browser
// and given out once. So an answer that somebody else began (login CSRF), one
// that comes a second time, and a token that was made for another sign-in are
// worth nothing.
//
// # Several portals
//
// An answer is taken only at the address of the portal that was asked, each has
// its own, and where it names its issuer (RFC 9207) that has to be the one that
// was asked; a portal that says that it always does, has to. Otherwise one
// portal could hand us a code of another's (mix-up).
//
// # What is not trusted
//
// Keys and endpoints come from the issuer's own document, over TLS, without
// following redirections. A token's issuer, audience, time, signature and nonce
// are checked; its signature by an algorithm that the issuer names, never none,
// never one with a shared secret. What the portal says that is not so is never
// shown: error texts of others are not ours.
package oidc
