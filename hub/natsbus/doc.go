// Package natsbus is [hub.Bus] on NATS, for fleets in which PostgreSQL has
// enough to do without carrying what the nodes tell each other.
//
// It uses core NATS: a subject, no stream, nothing kept. What is published
// while NATS cannot be reached waits here, of each person the latest, and goes
// out with the next connection; a node that was cut off says "sweep" when it
// is back. Nothing is lost by a NATS that is down: pages hear of their news by
// the sweep, within seconds.
//
// What goes over it are ids and numbers. Whoever may publish on the subject
// can make nodes read the database in vain and close live connections, so the
// account of the servers should be the only one.
package natsbus
