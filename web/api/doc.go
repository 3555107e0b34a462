// Package api is the JSON API for other systems of an agency: they put official
// documents on their way, and tell officials what waits for them elsewhere
// (待審核表單, 公告). openapi.json describes it, for people and for generators, and is
// served with it.
//
// A call carries the token that the operator made for the calling system
// ('qianhe token create'), which says what it may do and where its links may
// lead. A document is stored whole or not at all. Sending the same DI again
// changes nothing and answers with the document that is there; the same holds
// for a notice under its key. So a caller that lost an answer simply sends
// again. A notice is in its recipients' inboxes before it is answered.
//
// A token that was good is not looked up again for 3 seconds; a revocation is in
// force after that.
//
// A refusal is a problem document (RFC 9457): "code" never changes its meaning
// and is what a program looks at; "detail" is for people, in Chinese or English
// by Accept-Language; "errors" says which file, line and field.
package api
