package access

import "time"

// Policy is what an agency may set. The zero value of a field means its
// default, see [Policy.WithDefaults].
type Policy struct {
	// Idle is how long a session lasts without being used.
	Idle time.Duration
	// Absolute is how long a session lasts at most.
	Absolute time.Duration
	// Device is how long a browser that is not used stays known.
	Device time.Duration
	// Keep is how long a session that has ended stays on record, for inquiries.
	Keep time.Duration
	// Confirming is how a new device is met.
	Confirming Confirming
	// Account limits failures on one login, or of one known device on it.
	Account []Rule
	// Address limits failures from one address, whatever the login.
	Address []Rule
}

// DefaultPolicy gives the numbers of the package comment: a session lasts a
// working day without use and is shorter than the 30 days that NIST
// SP 800-63B §2.1.3 allows for one factor; the limit per account stays below
// its 100 failures in a row.
func DefaultPolicy() Policy {
	return Policy{
		Idle:       8 * time.Hour,
		Absolute:   7 * 24 * time.Hour,
		Device:     180 * 24 * time.Hour,
		Keep:       30 * 24 * time.Hour,
		Confirming: ConfirmOff,
		Account:    []Rule{{Max: 10, Within: 15 * time.Minute}, {Max: 100, Within: 24 * time.Hour}},
		Address:    []Rule{{Max: 100, Within: 15 * time.Minute}, {Max: 1000, Within: 24 * time.Hour}},
	}
}

// WithDefaults fills what is not set. An empty list of rules that is not nil
// stays: no limit.
func (p Policy) WithDefaults() Policy {
	d := DefaultPolicy()
	for _, f := range []struct {
		have *time.Duration
		want time.Duration
	}{{&p.Idle, d.Idle}, {&p.Absolute, d.Absolute}, {&p.Device, d.Device}, {&p.Keep, d.Keep}} {
		if *f.have <= 0 {
			*f.have = f.want
		}
	}
	if p.Confirming == "" {
		p.Confirming = d.Confirming
	}
	if p.Account == nil {
		p.Account = d.Account
	}
	if p.Address == nil {
		p.Address = d.Address
	}
	return p
}

// Longest gives the longest time that a rule looks back: older attempts are of
// no use.
func (p Policy) Longest() time.Duration {
	var longest time.Duration
	for _, rules := range [][]Rule{p.Account, p.Address} {
		for _, r := range rules {
			longest = max(longest, r.Within)
		}
	}
	return longest
}
