package hub

import (
	"time"

	"qianhe/approval"
)

// Notice is something that another system tells people through us: a form that
// waits in it (待審核表單), an announcement. Title and URL are shown on our own
// pages only, never by a third-party channel.
type Notice struct {
	Token string // id of the API token that sends it
	Key   string // sender's own name of it; the same key is the same notice
	Kind  Kind   // form.pending or announcement
	Title string
	URL   string // in the other system; its origin is registered for the token
	Speed approval.Speed
	Due   time.Time
	To    []approval.PersonID
}

// Published is what became of a notice for one recipient.
type Published struct {
	Person       approval.PersonID
	Notification string // "" when nothing was written
	Duplicate    bool   // it had been told before
}
