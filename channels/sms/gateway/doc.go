// Package gateway hands texts to a provider with an HTTP interface of its own,
// as an [sms.Sender]. What the interface is like stands in one JSON file
// ([Config]), read strictly: what the file says and nobody knows is an error.
//
//	{
//	  "name": "example",
//	  "phone": "national",
//	  "send": {
//	    "url": "https://sms.example.com/send",
//	    "auth": {"type": "basic", "user": "qingchuan", "password": "{{secret}}"},
//	    "form": {"dst": "{{to}}", "body": "{{text}}", "ref": "{{delivery}}", "receipt": "{{callback}}"}
//	  },
//	  "answer": [
//	    {"status": "200", "pattern": "^OK (?P<id>[0-9]+)", "then": "accepted"},
//	    {"status": "200", "pattern": "^ERR 4", "then": "permanent"}
//	  ],
//	  "receipts": {
//	    "verify": {"type": "query", "name": "key", "secret": "{{secret}}"},
//	    "id": "msgid", "status": "stat",
//	    "statuses": {"DELIVRD": "delivered", "EXPIRED": "undelivered retry", "BADNUM": "failed permanent"}
//	  }
//	}
//
// # Placeholders
//
// {{to}} the number in the form that phone names · {{text}} · {{ref}} A7K2 ·
// {{delivery}} our name of it · {{sender}} · {{last3}} and {{agency}} for a
// provider that writes the beginning · {{ttl}} seconds · {{expires}} and {{time}}
// as 20261123083000 in Taiwan · {{segments}} · {{callback}} where receipts go ·
// {{since}} in a search · {{secret}} from the setting of its own, so that it need
// not stand in the file · and those of "values". They are escaped as their place
// needs: query, form, JSON, XML.
//
// # Answers
//
// The first rule of "answer" that fits decides: accepted, permanent (the number
// is no good), rejected (this message), retry, down (nobody can be reached) or
// unknown (may have been sent). Where none fits, the status does: 429 is retry,
// 401 down, any other 4xx rejected; a 5xx and a 2xx that nobody understands are
// unknown. A time-out is unknown too.
//
// # Receipts
//
// Without "verify" nothing that comes is believed. Secrets are compared in
// constant time.
//
// [Preset] gov111 is the beginning of a file for the government's 111. Its
// interface is not public: the preset is a guess and has never been tried.
package gateway
