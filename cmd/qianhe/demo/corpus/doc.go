// Package corpus is what the demonstration runs on: the people of a fictional
// city, 青川市政府, and some official documents on their way through it. The
// documents are real in form (DI files of three generations, rosters, PDF, ODF
// and picture attachments) and made up in content.
//
// orders.json says who handles each document, over whom it goes, when it was
// received and what has been done with it. Times are relative to the moment of
// seeding and counted in working days, so that the same things are urgent, late
// and done on whatever day the demonstration is started: after seeding, 科長 王敏華
// (wang) has five documents pending, one of them 最速件 and that one late.
package corpus
