// Package si reads, writes and proves sign-off logs (線上簽核, the SI of a 公文),
// as laid down by 文書及檔案管理電腦化作業規範, appendix DTD 104_sign: a chain of
// XML Signatures, one a sign point, over who did what when, over the bytes of
// every file, and over the sign point before.
//
// [Verify] proves or refutes a [Package] of any agency, offline, with nothing
// but the certificates of the authorities that are believed ([Options]). Its
// [Report] says of each sign point who, when (as claimed), what, what the
// signature covers, by what sort of certificate, and what is wrong; and it
// lists what no signature covers, because nobody can vouch for that.
//
// [Prepare] makes a sign point and gives the bytes to be signed, whoever holds
// the key: RSA PKCS #1 v1.5 with SHA-256. [PrepareReSigning] makes a 補簽. Both
// add to a log without changing a byte of what is there.
//
// # Safety
//
// A log comes from outside. No DTD is loaded, no entity is expanded, nothing is
// fetched; size, depth and number of nodes are bounded. An Id that stands twice
// is refused, since a signature could be over either. A file is found by its
// name alone, never by a path.
//
// # Errors
//
// What cannot be read gives a [*SyntaxError] or [*PackageError]; what cannot be
// written an [*approval.InvalidError]. Everything that a verifier finds is in
// the report and no error.
package si
