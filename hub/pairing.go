package hub

import (
	"time"

	"qianhe/approval"
)

// Pairing is an attempt of a signed-in person to link a channel of theirs:
// LINE's account linking, or Messenger's m.me link with a code typed into our
// page. It has a time-out of its own, because some providers say nothing when
// it fails.
type Pairing struct {
	ID        string
	Person    approval.PersonID
	Session   string
	Channel   ChannelName
	State     PairingState
	Secret    string // nonce or ref, only when it has just been made; stored hashed
	Tries     int    // wrong codes so far
	CreatedAt time.Time
	ExpiresAt time.Time
}

// PairingState is where a pairing stands.
type PairingState string

const (
	PairingWaiting PairingState = "waiting" // for the person to go to the other app
	PairingMet     PairingState = "met"     // somebody came there with the secret and was given a code
	PairingDone    PairingState = "done"
	PairingFailed  PairingState = "failed"
	PairingExpired PairingState = "expired"
)
