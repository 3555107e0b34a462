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
	// Confirming is how a new device is met. Where it, Reading or Refuse is not
	// set, what the agency has decided counts ([Settings]).
	Confirming Confirming
	// Waiting is how long a sign-in on a new device waits to be confirmed.
	Waiting time.Duration
	// Code is how long the code of a text is good.
	Code time.Duration
	// Reading is how long a device that a text alone has confirmed may only read.
	Reading time.Duration
	// Undo is how long such a confirmation can be taken back on another device.
	Undo time.Duration
	// Refuse is how long new devices are refused after one was denied.
	Refuse time.Duration
	// CoolOff is how long a number that took another's place confirms nothing.
	CoolOff time.Duration
	// Texts limits texts with a code to one person, and to one number.
	Texts []Rule
	// TextSource limits those that are asked for from one address.
	TextSource []Rule
	// DenyCodes limits wrong deny codes from one address.
	DenyCodes []Rule
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
		Confirming: ConfirmNumber,
		Waiting:    time.Hour,
		Code:       10 * time.Minute,
		Reading:    12 * time.Hour,
		Undo:       24 * time.Hour,
		Refuse:     24 * time.Hour,
		CoolOff:    24 * time.Hour,
		Texts:      []Rule{{Max: 5, Within: time.Hour}, {Max: 10, Within: 24 * time.Hour}},
		TextSource: []Rule{{Max: 30, Within: time.Hour}, {Max: 200, Within: 24 * time.Hour}},
		DenyCodes:  []Rule{{Max: 10, Within: 15 * time.Minute}, {Max: 50, Within: 24 * time.Hour}},
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
	}{
		{&p.Idle, d.Idle}, {&p.Absolute, d.Absolute}, {&p.Device, d.Device}, {&p.Keep, d.Keep},
		{&p.Waiting, d.Waiting}, {&p.Code, d.Code}, {&p.Reading, d.Reading}, {&p.Undo, d.Undo}, {&p.Refuse, d.Refuse}, {&p.CoolOff, d.CoolOff},
	} {
		if *f.have <= 0 {
			*f.have = f.want
		}
	}
	if p.Confirming == "" {
		p.Confirming = d.Confirming
	}
	for _, f := range []struct {
		have *[]Rule
		want []Rule
	}{{&p.Texts, d.Texts}, {&p.TextSource, d.TextSource}, {&p.DenyCodes, d.DenyCodes}, {&p.Account, d.Account}, {&p.Address, d.Address}} {
		if *f.have == nil {
			*f.have = f.want
		}
	}
	return p
}

// Longest gives the longest time that a rule looks back: older attempts are of
// no use.
func (p Policy) Longest() time.Duration {
	var longest time.Duration
	for _, rules := range [][]Rule{p.Account, p.Address, p.Texts, p.TextSource, p.DenyCodes} {
		for _, r := range rules {
			longest = max(longest, r.Within)
		}
	}
	return longest
}
