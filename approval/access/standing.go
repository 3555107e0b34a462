package access

import "time"

// Standing is how far a session lets in.
type Standing string

const (
	// Waiting: its person has proved who they are, on a device that nobody has
	// confirmed. It sees nothing but the page that says so.
	Waiting Standing = "waiting"
	// Reading: it may look and not decide.
	Reading Standing = "reading"
	// Full: it may do what its person may do.
	Full Standing = "full"
)

// At gives how far a session of this standing lets in now. A reading one whose
// time to read is over is full; one without an end stays what it is.
func (s Standing) At(now, readingUntil time.Time) Standing {
	if s == Reading && !readingUntil.IsZero() && !now.Before(readingUntil) {
		return Full
	}
	return s
}

// Confirming says how an agency meets a browser that an account has not signed
// in on.
type Confirming string

const (
	// ConfirmOff: any new device is trusted at once.
	ConfirmOff Confirming = "off"
	// ConfirmLater: the first device of an account is trusted at once, later
	// ones are confirmed.
	ConfirmLater Confirming = "later"
	// ConfirmNumber: the first one is confirmed too where a telephone number is
	// on record to do it with.
	ConfirmNumber Confirming = "number"
	// ConfirmAlways: without a number somebody has to vouch for the first one.
	ConfirmAlways Confirming = "always"
)

// Valid reports whether c is one of the above.
func (c Confirming) Valid() bool {
	switch c {
	case ConfirmOff, ConfirmLater, ConfirmNumber, ConfirmAlways:
		return true
	}
	return false
}

// Arrival is what is known when somebody has proved who they are.
type Arrival struct {
	// Trusted: this device is one that its owner has confirmed.
	Trusted bool
	// ReadingUntil is until when sessions of this device may only read, zero for
	// never.
	ReadingUntil time.Time
	// First: the account has never had a trusted device.
	First bool
	// Number: a telephone number is on record.
	Number bool
}

// Admit gives how far the session of this arrival lets in at first.
func (c Confirming) Admit(a Arrival, now time.Time) Standing {
	switch {
	case a.Trusted && now.Before(a.ReadingUntil):
		return Reading
	case a.Trusted, c == ConfirmOff:
		return Full
	case a.First && (c == ConfirmLater || c == ConfirmNumber && !a.Number):
		return Full
	}
	return Waiting
}
