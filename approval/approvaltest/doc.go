// Package approvaltest builds samples of the domain for tests: an office with
// its people, drafts and documents on their way, bodies and files of any size.
//
// Everything is made from arguments and always comes out the same: times are
// counted from [Now], identifiers from the seed given to [IDs]. A builder
// panics where a sample cannot be built, as the test is wrong then.
package approvaltest
