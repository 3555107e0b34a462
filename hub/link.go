package hub

import (
	"time"

	"qianhe/approval"
)

// Link is an address at which a channel reaches a person.
type Link struct {
	ID        string
	Person    approval.PersonID
	Channel   ChannelName
	Address   Address
	Session   string // session that made it (Web Push): its end ends the link
	Label     string
	CreatedAt time.Time
	Confirmed time.Time
}
