package hub

import (
	"slices"
	"time"

	"qianhe/approval"
)

// Leg is one part of a plan: through this link, not before At, unless the
// person has seen it by then, and not after Expires.
type Leg struct {
	Channel  ChannelName
	Link     string
	At       time.Time
	Expires  time.Time
	Priority Priority
}

// Priority says who goes first in the queue of a channel.
type Priority int

const (
	PriorityUrgent Priority = 0 // 最速件, security
	PriorityNormal Priority = 1
	PriorityLow    Priority = 2 // what many people are told at once
)

// messengerOpen is how long after its owner's last word a Messenger
// conversation may be written to. Meta's window has 24 hours; the rest is for
// clocks and queues.
const messengerOpen = 23 * time.Hour

// Plan gives the legs of a notification over the links a person has, earliest
// first. It does not name the live connections: those follow the inbox, with
// or without a plan. An unknown kind has no plan, nor has one that the person
// has muted.
//
// Quiet hours move the whole plan to their end, or the part of it that falls
// into them; caps move what is too much to when there is room. Neither touches
// what is urgent, and caps not what makes no sound. worked says which days are worked; nil means all.
func (p Policy) Plan(n Notification, r Recipient, links []Link, worked func(time.Time) bool) []Leg {
	p = p.Filled()
	rule, choice := p.Rule(n.Kind), r.Preferences
	if !rule.Held && slices.Contains(choice.Muted, n.Kind) {
		return nil
	}
	highest := n.Speed == approval.SpeedHighest
	steps := rule.Steps
	if highest && len(rule.Highest) > 0 {
		steps = rule.Highest
	}
	steps = n.Alert.steps(steps)
	var quiet Quiet
	if rule.Quiet == QuietHold || rule.Quiet == QuietUrgent && !highest {
		quiet = *p.Quiet
		if choice.Quiet != nil {
			quiet = *choice.Quiet
		}
	}
	capped := n.Kind != KindRefresh && !rule.Held && !highest && rule.Urgency != UrgencyHigh
	begin := quiet.Until(n.At, worked)
	var plan []Leg
	for _, s := range steps {
		if !rule.Held && slices.Contains(choice.Off, s.Channel) {
			continue
		}
		after := s.After
		if s.Channel == choice.First {
			after = 0
		}
		at := quiet.Until(begin.Add(after), worked)
		for i := 0; capped && i < 3; i++ { // room may be in quiet hours, and their end be full
			at = quiet.Until(room(at, r.Sent[s.Channel], p.Cap), worked)
		}
		leg := Leg{Channel: s.Channel, At: at, Expires: n.At.Add(rule.TTL), Priority: n.priority(rule)}
		if at.After(n.At.Add(after)) { // held back: it is worth as much then
			leg.Expires = at.Add(rule.TTL - min(after, rule.TTL))
		}
		if until := n.Alert.Until; !until.IsZero() {
			leg.Expires = earliest(leg.Expires, until)
		}
		if !leg.At.Before(leg.Expires) {
			continue
		}
		for _, l := range links {
			if n.Kind.Security() && l.CreatedAt.After(n.At) {
				continue
			}
			if l.Channel != s.Channel || l.Channel == Messenger && !at.Before(l.Address.Heard.Add(messengerOpen)) {
				continue
			}
			leg.Link = l.ID
			plan = append(plan, leg)
		}
	}
	slices.SortStableFunc(plan, func(a, b Leg) int { return a.At.Compare(b.At) })
	return plan
}

// priority of a notification under its rule.
func (n Notification) priority(rule Rule) Priority {
	switch {
	case n.Kind.Security(), n.Speed == approval.SpeedHighest && !n.Kind.Bulk(), rule.Urgency == UrgencyHigh:
		return PriorityUrgent
	case n.Kind.Bulk(), rule.Urgency == UrgencyLow:
		return PriorityLow
	}
	return PriorityNormal
}

// room gives the first moment from at on at which one more message leaves no
// hour with more than most. sent, in order, may reach beyond at.
func room(at time.Time, sent []time.Time, most int) time.Time {
	within := func(end time.Time) (n int) {
		for _, s := range sent {
			if s.After(end.Add(-time.Hour)) && !s.After(end) {
				n++
			}
		}
		return n
	}
	fits := func(t time.Time) bool {
		if within(t) >= most {
			return false
		}
		return !slices.ContainsFunc(sent, func(s time.Time) bool {
			return s.After(t) && s.Before(t.Add(time.Hour)) && within(s) >= most
		})
	}
	if fits(at) {
		return at
	}
	for _, s := range sent {
		if t := s.Add(time.Hour); t.After(at) && fits(t) {
			return t
		}
	}
	return at.Add(time.Hour) // not reached: an hour after the last there is room
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
