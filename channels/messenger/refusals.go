package messenger

import (
	"crypto/sha256"
	"sync"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// absences counts, by person, how often Meta said that they do not receive
// messages. One such answer says little: it is also what Meta says of somebody
// whose account is locked for an hour. After several, spread over time and
// without a sign of life between them, the address is dead.
type absences struct {
	mu     sync.Mutex
	people map[[32]byte]absence // by hash of the address
}

type absence struct {
	count int
	last  time.Time // that was counted
	heard time.Time // when the person was last heard from, at that time
}

const (
	absencesUntilDead = 3
	absenceApart      = 10 * time.Minute // refusals closer together count once
	absencesKept      = 10_000           // people; beyond, somebody is forgotten
)

// add counts a refusal at now and reports whether the address is dead.
func (a *absences) add(to hub.Address, now time.Time) (dead bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.people == nil {
		a.people = map[[32]byte]absence{}
	}
	key := sha256.Sum256([]byte(to.Value))
	was, known := a.people[key]
	switch {
	case !known || to.Heard.After(was.heard):
		was = absence{count: 1, last: now, heard: to.Heard}
	case now.Sub(was.last) >= absenceApart:
		was.count, was.last = was.count+1, now
	}
	if was.count >= absencesUntilDead {
		delete(a.people, key)
		return true
	}
	if !known && len(a.people) >= absencesKept {
		for other := range a.people {
			delete(a.people, other)
			break
		}
	}
	a.people[key] = was
	return false
}

func (a *absences) clear(to hub.Address) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.people, sha256.Sum256([]byte(to.Value)))
}

// unavailable: this person does not get what we send.
func (c *Channel) unavailable(to hub.Address, reason string) error {
	if c.absences.add(to, c.now()) {
		return &hub.Permanent{Reason: "does not receive messages, again and again: " + reason}
	}
	return &hub.Rejected{Reason: "does not receive messages at present: " + reason}
}

// denials counts for whom we were refused a permission since the last message
// that was taken. Graph has many reasons that concern one person and only says
// so in a subcode that may be new; when several people are refused and nobody
// is served, it is us.
type denials struct {
	mu     sync.Mutex
	people map[approval.PersonID]bool
}

const (
	denialsUntilDown = 3
	downFor          = 15 * time.Minute
)

func (d *denials) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.people)
}

func (d *denials) add(p approval.PersonID) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.people == nil {
		d.people = map[approval.PersonID]bool{}
	}
	if len(d.people) < denialsUntilDown {
		d.people[p] = true
	}
	return len(d.people)
}

// denied: the app may not do this, for this person or at all.
func (c *Channel) denied(p approval.PersonID, reason string) error {
	if c.denials.add(p) >= denialsUntilDown {
		return &hub.ChannelDown{Until: c.now().Add(downFor), Reason: "Meta refuses this app a permission; last " + reason}
	}
	return &hub.Rejected{Reason: reason}
}
