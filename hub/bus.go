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

	// Added is what happened up to Rev, on the node where it was committed and
	// where that is known. Those pages are told without reading the inbox.
	Added *Added

	// Ended is a session that lets nobody in any more (登出、撤銷裝置): its
	// pages fall silent at once, on whatever node. Person and Rev are then empty.
	Ended string
}

// Added is all that happened to an inbox from one revision to another, when
// that was notifications and the counts have stayed as they were.
type Added struct {
	Epoch         string
	From          int64          // revision before
	Notifications []Notification // in order; as much of each as [News] has
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

// Inbox is what live connections need to know of people's inboxes. A call is
// about many at once: ten thousand pages that come back together are forty
// questions.
type Inbox interface {
	// News gives, for each mark and in their order, where that inbox stands and
	// what came after the mark.
	News(ctx context.Context, marks []Mark) ([]News, error)
	// Revs gives the revisions of those who have an inbox, for the sweep.
	Revs(ctx context.Context, people []approval.PersonID) (map[approval.PersonID]int64, error)
	// Acked records what was delivered to pages.
	Acked(ctx context.Context, acks []Ack) error
	// SeenUpTo records that p has seen everything up to seq, and cancels what
	// was still to be sent about it.
	SeenUpTo(ctx context.Context, p approval.PersonID, seq int64, via ChannelName) error
}

// Mark is how far a person's inbox is known. Without an epoch nothing of it is,
// and nothing was missed.
type Mark struct {
	Person approval.PersonID
	Epoch  string
	Seq    int64
}

// News is a person's inbox as seen from a [Mark]. Missed may reach beyond the
// head by what has come while it was read, and of each holds what its event
// says: ID, Seq, Kind, Document, Grade.
type News struct {
	Head                  // without an epoch when there is no such person
	Missed []Notification // after the mark, in order, none left out
	Gap    bool           // they are not all there: another epoch, or older than what is kept
}

// Ack says that what comes after After, up to Seq, was delivered to a page.
type Ack struct {
	Person     approval.PersonID
	After, Seq int64
}

// Head is a position in a person's inbox. A new Epoch means that sequence
// numbers have begun anew and old positions mean nothing.
type Head struct {
	Epoch  string
	Seq    int64
	Rev    int64
	Counts Counts
}
