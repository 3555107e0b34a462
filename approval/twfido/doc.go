// Package twfido speaks to TW FidO (行動自然人憑證) as a service provider does,
// after 行動自然人憑證應用程式介面規格書 v2.9: it asks for a ticket, hands it to
// the person's phone in one of five modes, asks for what became of it, and
// believes the answer only after its checksum, its signature, its certificate
// and the person have been proven.
//
//	I-SCAN     the ticket as a QR code, scanned by the app
//	PUSH       the app is woken on the person's phones
//	MWEB2APP   a link from a mobile browser into the app
//	APP2APP    a link from another app
//	web        a form that the browser posts to TW FidO's own page
//
// # What is signed
//
// sign_data holds 1,024 characters. A SignedInfo has more from the third file
// on, so what is sent is always of one size: base64 of DigestInfo and the
// SHA-256 of the canonical SignedInfo, with sign_type RAW. What comes back is
// an ordinary rsa-sha256 SignatureValue.
//
// # Safety
//
// The identity number (身分證統一編號) and the key are never logged: values that
// hold them say nothing to slog. The answer to a ticket is looked at only after
// its idp_checksum has been proven; the certificate, which the checksum does
// not cover, only after the signature was; and it has to lead to a configured
// authority and to be the person's own.
//
// # Not certain
//
// The specification is known through its users. What they disagree about is
// configuration, or both ways are taken: see DESIGN.md.
package twfido
