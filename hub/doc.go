// Package hub decides whom to tell what, when, and through which channel.
//
// It holds the types that the parts share ([Notification], [Message],
// [Channel], [Bus]) and the rules that need no store: which plan a kind of
// notification follows ([Policy]), what a [Message] may say ([Compose], the content
// policy) and what the outcome of a send means ([Classify]). Package pghub
// keeps notifications and deliveries in PostgreSQL and runs the plans; package
// live holds this node's WebSocket connections; the channels stand in
// channels/.
package hub
