// Package web is the mobile web interface: pages on which an official signs
// in, reads what waits, decides, and sets up what reaches them.
//
// Pages are rendered here and work with links and forms alone. Four small
// scripts add what needs one: live counts, phrases in place, push
// notifications, a page for when there is no line. Where no connection stays up
// an open page asks every minute, and says so.
//
// # Who may do what
//
// Every address stands in routes.go with the rule that applies to it. A page
// is public, has a session, or has one of an administrator (管理者); there is no
// other list. What a person may see of
// a document is asked of the store each time, with the person as argument.
//
//   - The session is a cookie, see package access. Whoever has none is sent to
//     sign in and comes back to the page they wanted, which has to be one of
//     ours.
//   - GET changes nothing. POST is refused when it comes from another origin
//     (http.CrossOriginProtection). A decision also carries the version that was
//     read and a one-time token; sending it twice gives the first answer twice.
//   - Nothing of a classified document (密等) is shown, on any page.
//   - Files that came from outside are downloaded, never opened as pages of
//     ours. Pages of a PDF are shown as images.
//   - Nothing private is kept by a browser, but for pictures, about which it has
//     to ask each time.
//
// # Errors
//
// A handler returns an error. One table (errors.go) gives the status and the
// sentence; what is not in it is a 500 whose cause only the log has. A request
// is one line in the log: the route's pattern, status, duration, person, and a
// request ID that error pages show too. Neither queries nor forms are logged.
package web
