// Package softcert is the agency's own certificate authority for software
// certificates (軟體憑證): what somebody signs with on a phone that has no card
// reader, until it is signed again with a 自然人憑證 (補簽).
//
// An [Authority] issues certificates for keys that are made here, one after the
// other for each person; it revokes them and says so in a list (RFC 5280). Every
// private key leaves the package only sealed ([access.Sealer]), bound to the
// certificate that it is for; a key opens, signs, and is forgotten.
//
// Such a signature is an electronic signature like others, not the presumed one
// of an approved authority (電子簽章法 §6): whoever shows it says so.
//
// Nothing here keeps anything: certificates, sealed keys and revocations are the
// store's.
package softcert
