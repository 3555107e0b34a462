package twilio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/channels/sms"
	"qianhe/hub"
)

// Class is what an error code of Twilio means for us. Twilio may change which
// code it gives, so the table can be added to (Config.Codes). A code that
// nobody knows is [Rejected]: the next channel has its turn, and nothing is
// tried over and over.
type Class string

const (
	Permanent Class = "permanent" // the number is no good, or its owner has opted out
	Rejected  Class = "rejected"  // this message, not the number
	Down      Class = "down"      // we are refused: nobody can be reached until somebody mends it
	Route     Class = "route"     // no way to this number: our set-up at home, the number's country abroad
	Quota     Class = "quota"     // the account's limit of 24 hours
	Retry     Class = "retry"     // passes
	Doubt     Class = "doubt"     // may have been sent
)

func classes() []Class { return []Class{Permanent, Rejected, Down, Route, Quota, Retry, Doubt} }

func (c Class) valid() bool { return slices.Contains(classes(), c) }

func classNames() string {
	var names []string
	for _, c := range classes() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// known are the codes of https://www.twilio.com/docs/api/errors that a message
// can meet, at once or afterwards.
func known() map[int]Class {
	table := map[int]Class{}
	for class, codes := range map[Class][]int{
		Permanent: {
			21211, // invalid To
			21614, // not a mobile number; not charged
			21610, // opted out (STOP)
			30005, // unknown handset
			30006, // landline, or a carrier that cannot be reached
		},
		Down: {
			20003, // credentials
			20404, // no such account
			21606, // From is not ours, or cannot send there
			21212, // invalid From
			21659, // From is not a number of the account
			21711, // the service has no such sender
			21609, // invalid StatusCallback
			30002, // account suspended
		},
		Route: {
			21408, // the region is not switched on
			21612, // no route from From to To
		},
		Quota: {63038}, // daily limit of the account
		Rejected: {
			30007, // filtered by the carrier; in Taiwan: an address that is not registered
			21617, // too long
			30004, // blocked
		},
		Retry: {
			20429, // too many requests
			63017, // more than the account's rate, all together
			30001, // queue overflow
			30003, // handset is off
			30008, // unknown; the engine tries once more at most
			30036, // validity period over; of more use only where the message still is
		},
		Doubt: {20500},
	} {
		for _, code := range codes {
			table[code] = class
		}
	}
	return table
}

// ParseCodes reads an addition to the table: "30034=down,21635=permanent".
func ParseCodes(s string) (map[int]Class, error) {
	table := map[int]Class{}
	for _, pair := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		number, class, _ := strings.Cut(pair, "=")
		code, err := strconv.Atoi(number)
		if err != nil || code < 10000 || code > 99999 || !Class(class).valid() {
			return nil, fmt.Errorf("%q is not an error code and what it means, such as 30034=down; it may be %s", pair, classNames())
		}
		table[code] = Class(class)
	}
	return table, nil
}

// classOf gives what a code means for a message to the number.
func (s *Sender) classOf(code int, to sms.Number) Class {
	class, ok := s.codes[code]
	switch {
	case !ok:
		return Rejected
	case class == Route && to.Taiwan():
		return Down
	case class == Route: // one colleague abroad must not silence everybody
		return Rejected
	}
	return class
}

// quotaPause: the limit counts the last 24 hours, so room comes back little by
// little.
const quotaPause = time.Hour

// failure is the error of a class. after is what Twilio wants waited, 0 where
// it does not say.
func (s *Sender) failure(class Class, reason string, after time.Duration) error {
	switch class {
	case Permanent:
		return &hub.Permanent{Reason: reason}
	case Down, Route:
		return &hub.ChannelDown{Reason: reason}
	case Quota:
		return &hub.ChannelDown{Until: s.cfg.Now().Add(max(quotaPause, after)), Reason: reason}
	case Retry:
		return &hub.Retry{After: after, Reason: reason}
	case Doubt:
		return &hub.Unknown{Reason: reason}
	}
	return &hub.Rejected{Reason: reason}
}

// outcomeOf is what a class means for a message that Twilio had taken.
func outcomeOf(class Class) hub.Outcome {
	switch class {
	case Permanent:
		return hub.OutcomePermanent
	case Down, Route, Quota:
		return hub.OutcomeChannelDown
	case Retry:
		return hub.OutcomeRetry
	}
	return hub.OutcomeRejected
}
