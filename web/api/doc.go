// Package api is the JSON API with which other systems of an agency put
// official documents on their way. openapi.json describes it, for people and
// for generators, and is served with it.
//
// A call carries the token that the operator made for the calling system
// ('qianhe token create'). A document is stored whole or not at all. Sending
// the same DI again changes nothing and answers with the document that is
// there, so a caller that lost an answer simply sends again.
//
// A refusal is a problem document (RFC 9457): "code" never changes its meaning
// and is what a program looks at; "detail" is for people, in Chinese or English
// by Accept-Language; "errors" says which file, line and field.
package api
