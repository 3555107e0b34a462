// Package pgtest gives every test a PostgreSQL database of its own, with the
// schema of package migrations in it.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		pool := pgtest.New(t)
//		...
//
// A package's tests share one private server (package localpg), started by the
// first test that asks and stopped by [Main]; the schema is raised once, into a
// template that each test's database is a copy of. A test's database is dropped
// when the test has ended.
//
// Without an installed PostgreSQL the tests fail with one line that says what
// to install. They are never skipped. Set TEST_DATABASE_URL to use a running
// server instead: PostgreSQL 15 or newer, an account that may create databases.
//
// A test that looks for leaked goroutines must ignore the two of the server:
// [Goroutines] names them.
package pgtest
