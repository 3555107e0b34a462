package access

import "time"

// Wait is a waiting session as its own page shows it. It holds no secret but
// the number to match.
type Wait struct {
	Challenge string // its id
	State     ChallengeState
	Number    int // to be picked elsewhere; 0 when there is no device to pick it on
	Locale    string
	ExpiresAt time.Time

	// Phone is the number of the text, all but its end masked; "" when none can
	// be sent.
	Phone     string
	Texts     int       // how often it was sent
	CanText   bool      // it can be sent, or sent again
	CodeGood  bool      // the code can be entered still
	CodeUntil time.Time // zero while no text was sent
	Left      int       // tries

	Replaces []Device // that will be retired for it
}

// Newcomer is a sign-in on a new device, as who answers it is shown it.
type Newcomer struct {
	ID        string // of the challenge
	State     ChallengeState
	By        Answerer
	Device    string // what the browser says it is, "" when nothing is known
	Class     Class
	Network   string // intranet, vpn, outside or ""
	At        time.Time
	ExpiresAt time.Time
	ClosedAt  time.Time
	Choices   []int    // to pick from, on a device that is trusted; empty once answered
	Replaces  []Device // that are retired when it is confirmed
	Undoable  bool     // a text has confirmed it, and that can be taken back

	// Login, Name and Unit say whose it is, to who vouches.
	Login, Name, Unit string
}

// Answered is what an answer has done.
type Answered struct {
	State ChallengeState
	// Ended are the sessions that are over; live connections and push links of
	// theirs are to be ended.
	Ended []string
}
