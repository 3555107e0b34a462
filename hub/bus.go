package hub

import (
	"context"

	"qianhe/approval"
)

// Change says that a person's inbox stands at Rev now: events were added, or
// counts have changed. Or it says that a session has ended. What goes from node
// to node carries no content; whoever cares reads the inbox.
type Change struct {
	Person approval.PersonID
	Rev    int64

	// Ended is a session that lets nobody in any more (登出、撤銷裝置): its
	// pages fall silent at once, on whatever node. Person and Rev are then empty.
	Ended string
}

// Bus brings changes to every node. It may lose, repeat and reorder: a node
// sweeps the inboxes of those who are connected to it as well.
type Bus interface {
	// Publish tells every node, this one too. It never blocks, and holds of
	// what cannot be told yet the latest of each person.
	Publish(changes ...Change)
	// Subscribe calls fn, one call at a time, with each person at most once a
	// call, and returns when ctx has ended. A call without changes says that
	// some may have been lost: sweep. Who is slow gets less often more, and
	// nobody else waits.
	Subscribe(ctx context.Context, fn func([]Change)) error
}

// Inbox is what a live connection needs to know of a person's inbox.
type Inbox interface {
	// Head gives where the inbox stands and the counts of that moment.
	Head(ctx context.Context, p approval.PersonID) (Head, error)
	// Since gives notifications after seq in order, at most limit. complete is
	// false when older ones than kept were asked for.
	Since(ctx context.Context, p approval.PersonID, seq int64, limit int) (list []Notification, complete bool, err error)
	// Revs gives the revisions of many inboxes at once, for the sweep.
	Revs(ctx context.Context, people []approval.PersonID) (map[approval.PersonID]int64, error)
	// Acked records that everything up to seq was delivered to a page of p.
	Acked(ctx context.Context, p approval.PersonID, seq int64) error
	// SeenUpTo records that p has seen everything up to seq, and cancels what
	// was still to be sent about it.
	SeenUpTo(ctx context.Context, p approval.PersonID, seq int64, via ChannelName) error
}

// Head is a position in a person's inbox. A new Epoch means that sequence
// numbers have begun anew and old positions mean nothing.
type Head struct {
	Epoch  string
	Seq    int64
	Rev    int64
	Counts Counts
}
