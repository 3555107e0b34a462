// Package approval is the domain of qianhe: official documents (公文), the
// routes on which they are signed off, the decisions taken on the way, and the
// rules that every one of them must keep.
//
// The package holds rules and nothing else. It imports the standard library
// only, and of that neither net/http nor database/sql. Time, identifiers,
// randomness and the acting person are arguments, so that every rule can be
// tested in a table: [Document.Submit], [Document.Approve], [Document.Return]
// and [Document.Decide] change a document in memory and say what happened as
// [Event] values. Package pgapproval runs them inside one transaction.
//
// # Errors
//
// A refused action returns one of the sentinels of this package
// ([ErrNotFound], [ErrForbidden], [ErrStale], ...) or one of the typed errors
// ([*DecidedError], [*InvalidError]) and leaves the document unchanged.
package approval
