package hub

// Status says where a message stands at its provider, as status callbacks tell
// it: [Inbound].Data of an [InStatus].
type Status string

const (
	StatusTaken       Status = "taken"       // the provider has it and has not passed it on
	StatusSent        Status = "sent"        // it was passed on to the carrier
	StatusDelivered   Status = "delivered"   // the carrier says that it has arrived
	StatusUndelivered Status = "undelivered" // the carrier could not bring it
	StatusFailed      Status = "failed"      // the provider did not pass it on
)

// After reports whether s takes a message further than known. Callbacks
// overtake and repeat each other: one that does not is old news. The last three
// are ends, and none of them follows another.
func (s Status) After(known Status) bool { return s.rank() > known.rank() }

// Failed reports whether s is an end without the message.
func (s Status) Failed() bool { return s == StatusUndelivered || s == StatusFailed }

func (s Status) rank() int {
	switch s {
	case StatusTaken:
		return 1
	case StatusSent:
		return 2
	case StatusDelivered, StatusUndelivered, StatusFailed:
		return 3
	}
	return 0
}
