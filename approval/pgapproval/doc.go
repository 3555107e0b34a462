// Package pgapproval keeps the documents of package approval in PostgreSQL.
//
// [Reader] answers what pages ask: trays, one document, files. [Store] changes
// documents, each change in one transaction of its own:
//
//	err := store.UpdateOnce(ctx, id, token, now, func(d *approval.Document) ([]approval.Event, error) {
//		return d.Decide(act)
//	})
//
// The function runs while the document is locked, so of two who decide at the
// same time one wins and the other finds the step closed. What the function
// has changed, the record of it and the events ([Enqueuer]) are committed
// together or not at all; when it returns an error, or panics, nothing is.
//
// # Who sees what
//
// A method that takes a person answers as if what this person may not see were
// not there ([approval.ErrNotFound]). Of classified documents no content
// leaves this package: cards and pages have neither number, reference, issuer,
// subject, opinions nor names of senders, and files are refused with
// [approval.ErrClassified].
//
// # Errors
//
// What PostgreSQL says becomes an error of package approval where it means
// something to the caller; everything else is wrapped as it is.
package pgapproval
