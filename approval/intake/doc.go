// Package intake turns the bytes of an official document into a checked draft:
// a DI with its roster and attachments, and an order that says who handles it
// and whom it passes. The import on the command line and the HTTP API share it.
//
// [Read] groups files into packages, one for each DI, and opens zip archives on
// the way. [Prepare] checks one package against its order and puts the document
// on its way in memory; storing it is the caller's.
//
// Nothing of what comes in is believed: file names are matched, never opened;
// media types are found by looking at the bytes; encrypted files are refused,
// since nobody on the route could read them. An import never carries decisions:
// a sign-off log (SI) is refused, and a route begins with nobody having acted.
//
// Of a classified document (密等) only the flow is taken: the text, the subject,
// the roster and the attachments are left out of the result.
//
// # Errors
//
// What is wrong is said as [*approval.InvalidError] or [*di.SyntaxError], wrapped
// with the name of the file, all problems of one document at once where that can
// be ([errors.Join]). Everything else is a failure of a store.
package intake
