package pghub

import (
	"slices"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// router plans notifications one after the other, and lets the latest of a
// group take the place of what still waits of the others.
type router struct {
	policy hub.Policy
	worked func(time.Time) bool
	newID  func() string
	known  map[approval.PersonID]*known

	plan []planned
	gone []gone // rows that are there already and are given up
}

// planned is a delivery to be; by is the one for which it is given up before it
// began.
type planned struct {
	id           string
	notification string
	leg          hub.Leg
	by           string
}

// gone is a delivery that was given up for another.
type gone struct{ id, by string }

// add plans n. Of the messages of one group that wait for the same address,
// the latest stays and goes out when the first of them would have: it says how
// things stand then, and nobody waits longer because more has happened. What is
// urgent is not given up for what is not.
func (r *router) add(n hub.Notification) {
	k := r.known[n.Person]
	group := r.policy.Rule(n.Kind).Group
	urgent := n.Speed == approval.SpeedHighest
	same := func(w waiting) bool {
		return group != "" && w.notification != n.ID && r.policy.Rule(w.kind).Group == group
	}
	for _, leg := range r.policy.Plan(n, k.recipient(same), k.links, r.worked) {
		mine := waiting{id: r.newID(), notification: n.ID, seq: n.Seq, kind: n.Kind, urgent: urgent, channel: leg.Channel, link: leg.Link}
		var by string
		for i := range k.waiting {
			w := &k.waiting[i]
			switch {
			case w.link != leg.Link:
			case w.notification == n.ID:
				mine.id = w.id // it was given up before
			case w.over || !same(*w):
			case n.Kind == hub.KindRefresh && w.kind != hub.KindRefresh:
				by = w.id // it is news, and will have the counts of then as well
			case n.Kind != hub.KindRefresh && w.kind == hub.KindRefresh:
				w.over = true
				r.giveUp(w.id, mine.id)
			case w.seq < n.Seq && (urgent || !w.urgent):
				w.over = true
				leg.At = earlier(leg.At, w.at)
				r.giveUp(w.id, mine.id)
			case w.seq > n.Seq && (w.urgent || !urgent):
				by = w.id
			}
		}
		mine.at, mine.over = leg.At, by != ""
		r.plan = append(r.plan, planned{mine.id, n.ID, leg, by})
		k.waiting = slices.DeleteFunc(k.waiting, func(w waiting) bool { return w.id == mine.id })
		k.waiting = append(k.waiting, mine)
	}
}

// giveUp ends one that waits, whether it is written or was going to be.
func (r *router) giveUp(id, by string) {
	for i := range r.plan {
		switch {
		case r.plan[i].id == id, r.plan[i].by == id:
			r.plan[i].by = by
		}
	}
	for i := range r.gone {
		if r.gone[i].by == id {
			r.gone[i].by = by
		}
	}
	r.gone = append(r.gone, gone{id, by})
}

// recipient is the person as the plan has to know them: what is planned already
// takes room as well, but for what is to be given up.
func (k *known) recipient(givenUp func(waiting) bool) hub.Recipient {
	rec := k.Recipient
	rec.Sent = map[hub.ChannelName][]time.Time{}
	for c, times := range k.Sent {
		rec.Sent[c] = slices.Clone(times)
	}
	type message struct {
		channel      hub.ChannelName
		notification string
	}
	counted := map[message]bool{}
	for _, w := range k.waiting {
		m := message{w.channel, w.notification}
		if w.over || w.kind == hub.KindRefresh || givenUp(w) || counted[m] {
			continue
		}
		counted[m] = true
		rec.Sent[w.channel] = append(rec.Sent[w.channel], w.at)
	}
	for _, times := range rec.Sent {
		slices.SortFunc(times, time.Time.Compare)
	}
	return rec
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
