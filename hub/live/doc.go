// Package live holds the WebSocket connections of this node: one page of one
// person each, told what is new in that person's inbox.
//
// # Protocol
//
// JSON text frames, each with a "type". The page says once where it stands, or
// nothing when it has just been rendered:
//
//	{"type":"hello","since":{"epoch":"…","seq":41}}
//
// It is answered with the position of now, and then either with every event it
// has missed, in order, or with the word that it has to read the in-tray anew:
//
//	{"type":"welcome","epoch":"…","seq":43,"counts":{"pending":5,"highest":1,"overdue":1,"due_today":0,"forms":0}}
//	{"type":"event","seq":42,"kind":"document.arrived","url":"/d/…"}
//	{"type":"event","seq":43,"kind":"pending.digest","url":"/next"}
//	{"type":"resync","epoch":"…","seq":43}
//
// From then on there is one event for each notification, in order and without a
// gap, and the counts whenever they have changed, the latest alone:
//
//	{"type":"counts","counts":{"pending":4,"highest":1,"overdue":0,"due_today":0,"forms":0}}
//
// A resync may come at any time; what follows continues from its position. The
// page reports what it has got, and, while it is visible and was touched within
// the last 60 seconds, what has been seen:
//
//	{"type":"ack","seq":43}
//	{"type":"seen","seq":43}
//
// A browser answers our pings by itself and shows a page none of them, so a page
// that wants to know whether anybody is there still asks in a frame of its own:
//
//	{"type":"ping"}
//	{"type":"pong"}
//
// Types that a side does not know are passed over.
//
// # Closing
//
// The page reconnects with its position after every close but one: 4401 (the
// session has ended: sign in), 4400 (it does not speak the protocol: reload),
// 4408 (it did not read fast enough), 1001 (this node goes away), 1013 (try
// again later). With the last two the reason may say how many milliseconds to
// stay away, as "after=1500": those who are sent away together are not to come
// back together. A page too many of one person is refused with status 429, and
// with 503 whoever comes when too many wait already.
//
// # Cost
//
// An idle connection is one goroutine with its smallest stack, and no buffer at
// all. What a connection is owed is bounded; who does not take it is cut off,
// and nobody waits for them. Inboxes are read for many people at once, on nodes
// where they have pages, and not at all where this node knows what it has
// committed itself. However many come, say hello, or are to be told, a few
// questions are with the database at a time ([Options].Workers).
package live
