package hub

import "time"

// Proof is what a page inside another app brings along when it says whose
// address it is looked at with. Each part is good once.
type Proof struct {
	Session string // that the page was made for
	Nonce   string // that was made for it
	Token   string // of the provider, verified already
}

// ProofLife is the longest life of a token that is believed; for as long it is
// remembered which ones were used.
const ProofLife = 24 * time.Hour
