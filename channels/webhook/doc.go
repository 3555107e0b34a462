// Package webhook tells an agency's own systems what happens here, in the format
// of Standard Webhooks (standardwebhooks.com): a POST of JSON with the headers
// webhook-id, webhook-timestamp and webhook-signature.
//
// A receiver checks the signature ([Verify]) over the bytes that came, refuses
// what is older or newer than five minutes, and keeps the ids that it has seen:
// an event comes at least once, in any order. It answers with any status of the
// 200s within [Timeout]; everything else is tried again ([hub.WebhookWait]),
// 410 closes the endpoint, Retry-After is honoured.
//
// # Where it calls
//
// Endpoints are named by the operator on the command line. Still, one that was
// not added as private is called at public addresses only: the name is resolved
// here and the connection goes to the very address that was judged. Redirects
// are not followed, no proxy is asked, answers are read to a limit.
package webhook
