// Command hubbench measures the live connections, and what is published to
// them, against a reference in the same job.
//
//	go run ./cmd/hubbench idle broadcast
//	go run ./cmd/hubbench -n 2000 -runs 3 all
//
// It starts everything it needs and ends it again: a private PostgreSQL with
// fsync on, our server as a process of its own with that many signed-in people
// behind it, and, also as a process of its own, the reference: a hub on
// gorilla/websocket as one writes it when nothing has to be kept, and tuned.
// Servers take turns, each run with a new process; the table shows medians with
// the least and the most, and how many times the reference's that is. Nothing
// listens beyond this machine.
//
// Load and server share the processors, so absolute times say as much of the
// machine as of the server: compare ratios, and only of one job.
package main
