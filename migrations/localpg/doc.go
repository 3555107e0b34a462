// Package localpg runs a private PostgreSQL server from the binaries that are
// installed on this machine: for the demo, for tests (package pgtest), and for
// a small office that runs qianhe without a database server of its own.
//
// The server belongs to this process. It listens on a Unix socket in a
// directory that only its account can enter, and nowhere else. It ends with
// [Server.Stop]; on Linux the kernel also ends it, in good order for its data,
// when this process is killed.
//
// PostgreSQL refuses to run as root. When this process is root the server runs
// as the account postgres, or nobody where that does not exist; its directory
// is given to that account.
//
// # Data
//
// Without [Options.Durable] the server is fast and forgetful: nothing is
// synced and Stop deletes all. Directories left behind by killed processes are
// deleted by the next Start. With Durable the data directory is kept and used
// again, checksummed, and fsync, full_page_writes and synchronous_commit are
// on whatever its configuration file says.
package localpg
