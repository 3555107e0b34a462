package hub

import (
	"errors"
	"time"
)

// Outcome says what became of one send, as it stands in the record.
type Outcome string

const (
	OutcomeAccepted    Outcome = "accepted"
	OutcomeDuplicate   Outcome = "duplicate"
	OutcomeRetry       Outcome = "retry"
	OutcomePermanent   Outcome = "permanent"
	OutcomeRejected    Outcome = "rejected"
	OutcomeUnknown     Outcome = "unknown"
	OutcomeChannelDown Outcome = "channel_down"
)

// Verdict is an outcome with what the channel said about it.
type Verdict struct {
	Outcome    Outcome
	ProviderID string        // of accepted and duplicate
	Reason     string        // of everything else
	After      time.Duration // of retry
	Slow       bool          // of retry: the provider wants less of everything
	Safe       bool          // of unknown: sending again cannot double
	Until      time.Time     // of channel_down; zero: not known
}

// Classify reads what [Channel].Send of ch returned. An error of no known type
// says nothing of whether the message went out: it is unknown, and safe to
// repeat only where the provider recognises a repetition.
func Classify(ch ChannelName, r Receipt, err error) Verdict {
	v := classify(ch, r, err)
	v.Reason, v.ProviderID = Storable(v.Reason), Storable(v.ProviderID)
	return v
}

func classify(ch ChannelName, r Receipt, err error) Verdict {
	var (
		retry     *Retry
		permanent *Permanent
		rejected  *Rejected
		unknown   *Unknown
		down      *ChannelDown
	)
	switch {
	case err == nil && r.Duplicate:
		return Verdict{Outcome: OutcomeDuplicate, ProviderID: r.ProviderID}
	case err == nil:
		return Verdict{Outcome: OutcomeAccepted, ProviderID: r.ProviderID}
	case errors.As(err, &retry):
		return Verdict{Outcome: OutcomeRetry, Reason: retry.Reason, After: max(retry.After, 0), Slow: retry.Slow}
	case errors.As(err, &permanent):
		return Verdict{Outcome: OutcomePermanent, Reason: permanent.Reason}
	case errors.As(err, &rejected):
		return Verdict{Outcome: OutcomeRejected, Reason: rejected.Reason}
	case errors.As(err, &unknown):
		return Verdict{Outcome: OutcomeUnknown, Reason: unknown.Reason, Safe: unknown.Safe}
	case errors.As(err, &down):
		return Verdict{Outcome: OutcomeChannelDown, Reason: down.Reason, Until: down.Until}
	default:
		return Verdict{Outcome: OutcomeUnknown, Reason: TransportWords(err), Safe: ch.Keyed()}
	}
}

// State is where a delivery stands.
type State string

const (
	StatePending   State = "pending"   // to be sent, or sent again
	StateSending   State = "sending"   // a send was begun and its end is not recorded yet
	StateAccepted  State = "accepted"  // the provider has it
	StateFailed    State = "failed"    // it was not sent and will not be
	StateCancelled State = "cancelled" // it lost its point before it was sent
	StateUnknown   State = "unknown"   // it may have been sent; to be repeated where that is safe
)

// KeyLife is for how long, from the first attempt, a provider recognises a
// repetition by its key; 0: for as long as the message matters.
func (c ChannelName) KeyLife() time.Duration {
	if c == LINE {
		return 24 * time.Hour
	}
	return 0
}

// NoAnswer reports whether an attempt ended without the provider saying
// anything that helps: no connection, no answer, an error of its own. Many in a
// row, of many people, mean that it is the provider and not the message.
func (v Verdict) NoAnswer() bool {
	return v.Outcome == OutcomeUnknown || v.Outcome == OutcomeRetry && v.After == 0 && !v.Slow
}

// Retries says how often and how far apart a delivery is tried. The zero value
// is the house's own.
type Retries struct {
	Attempts int           // at most; 8 when zero
	Base     time.Duration // the first back-off, doubled each time; 2 s when zero
	Max      time.Duration // the longest back-off; 10 min when zero
	Probe    time.Duration // after how long a channel is tried again that went down for nobody knows how long; 15 min when zero
	Ask      time.Duration // how long a message in doubt is left alone before its provider is asked for it; 1 min when zero
}

// AskAfter is how long a message in doubt is left alone, at least, before a
// provider that knows no key is asked for it: by then one that took it knows
// it, and its own callback will mostly have said so.
func (r Retries) AskAfter() time.Duration { return orDuration(r.Ask, time.Minute) }

// Next is what follows from an attempt.
type Next struct {
	State State
	At    time.Time // when to try again; zero when that was the end
	// DisableLink: the address is dead.
	DisableLink bool
	// Down: nobody can be reached through the channel until this; zero when it
	// is in service.
	Down time.Time
}

// Next decides on attempt number n (from 1) that ended at now with verdict v,
// for a message that need not arrive after deadline. jitter in [0, 1) spreads
// those who have to come back at the same time.
func (r Retries) Next(v Verdict, n int, now, deadline time.Time, jitter float64) Next {
	switch v.Outcome {
	case OutcomeAccepted, OutcomeDuplicate:
		return Next{State: StateAccepted}
	case OutcomePermanent:
		return Next{State: StateFailed, DisableLink: true}
	case OutcomeRetry:
		return r.again(StatePending, StateFailed, n, now, deadline, v.After, jitter)
	case OutcomeUnknown:
		if !v.Safe {
			return Next{State: StateUnknown}
		}
		return r.again(StateUnknown, StateUnknown, n, now, deadline, 0, jitter)
	case OutcomeChannelDown:
		until := v.Until
		if !until.After(now) {
			until = now.Add(orDuration(r.Probe, 15*time.Minute))
		}
		next := Next{State: StatePending, Down: until, At: r.Reopen(until, jitter)}
		if next.At.After(deadline) {
			next.State, next.At = StateFailed, time.Time{}
		}
		return next
	default:
		return Next{State: StateFailed}
	}
}

// Reopen is when a delivery tries a channel that is down until then: not all at
// the same moment.
func (r Retries) Reopen(until time.Time, jitter float64) time.Time {
	return until.Add(time.Duration(jitter * float64(10*time.Second)))
}

// again gives the state while waiting, or the last one when there is no other
// attempt to be had in time. It never comes back before the provider wants it.
func (r Retries) again(waiting, last State, n int, now, deadline time.Time, after time.Duration, jitter float64) Next {
	attempts := r.Attempts
	if attempts <= 0 {
		attempts = 8
	}
	most := orDuration(r.Max, 10*time.Minute)
	wait := orDuration(r.Base, 2*time.Second) << min(max(n-1, 0), 20)
	wait = min(wait, most)
	wait = wait/2 + time.Duration(jitter*float64(wait/2))
	at := now.Add(max(wait, after+time.Duration(jitter*float64(min(after/4, 30*time.Second)))))
	if n >= attempts || at.After(deadline) {
		return Next{State: last}
	}
	return Next{State: waiting, At: at}
}

func orDuration(d, other time.Duration) time.Duration {
	if d <= 0 {
		return other
	}
	return d
}
