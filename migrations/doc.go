// Package migrations holds the schema of qianhe's database and brings a
// database to it.
//
// The SQL files are numbered 0001_*.sql upward and run in that order, once
// each, forward only. A file that has been merged is never edited; a change is
// a new file (a test keeps their checksums). The tables of the job queue come
// from River's own migrations and are raised right after ours.
//
// [Up] may be called by any number of instances at once: it waits for its turn
// under one PostgreSQL advisory lock. [Check] only reads; a server calls it to
// refuse a database it does not know.
//
// PostgreSQL 15 or newer is needed.
package migrations
