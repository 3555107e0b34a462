package pghub

import (
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// The breaker of a channel is a row that all nodes see: while it is open,
// deliveries wait and nobody is called. After that a few of them try, and when
// one is accepted the channel is in service again.

const (
	// silentAfter calls in a row without an answer, of at least silentPeople
	// people and with nothing accepted in between, open the breaker for
	// silentFor: it is the provider, and every further call would burn its
	// time-out before the next channel gets its turn.
	silentAfter  = 10
	silentPeople = 3
	silentFor    = 30 * time.Second
)

// streak counts calls without an answer. It is of one node: each finds out by
// itself, and all of them follow the one that does so first.
type streak struct {
	calls  int
	people map[approval.PersonID]bool
}

// note takes in results and reports whether the provider has fallen silent.
func (p *pump) note(list []result) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.streak.note(list, p.careful)
}

// note with careful set is of a channel that only just comes back: the few
// calls that try it are enough.
func (s *streak) note(list []result, careful bool) bool {
	for _, r := range list {
		if r.returned.IsZero() {
			continue // of a process before this one
		}
		if !r.verdict.NoAnswer() {
			*s = streak{}
			continue
		}
		if s.people == nil {
			s.people = map[approval.PersonID]bool{}
		}
		s.calls++
		if len(s.people) < silentPeople {
			s.people[r.d.notification.Person] = true
		}
	}
	if (s.calls < silentAfter || len(s.people) < silentPeople) && (!careful || s.calls < tryCalls) {
		return false
	}
	*s = streak{}
	return true
}

// queueBreaker opens or closes the breaker as results say.
func (h *Hub) queueBreaker(b *pgx.Batch, name hub.ChannelName, list []result, next []hub.Next, silent bool, now time.Time) {
	var (
		until    time.Time
		why      string
		accepted bool
	)
	for i, r := range list {
		if next[i].Down.After(until) {
			until, why = next[i].Down, r.verdict.Reason
		}
		accepted = accepted || next[i].State == hub.StateAccepted
		if r.verdict.Slow {
			slow(b, name, r.verdict.After, now)
		}
	}
	switch {
	case !until.IsZero():
		openBreaker(b, name, until, why, now)
	case silent:
		openBreaker(b, name, now.Add(silentFor), "no answer, again and again", now)
	case accepted:
		closeBreaker(b, name, now)
	}
}

// openBreaker never shortens the time for which a channel is down.
func openBreaker(b *pgx.Batch, c hub.ChannelName, until time.Time, reason string, now time.Time) {
	b.Queue(`
		insert into channel_state (channel, down_until, reason, changed_at)
		values ($1, $2, $3, $4)
		on conflict (channel) do update
		set down_until = excluded.down_until, reason = excluded.reason, changed_at = excluded.changed_at
		where channel_state.down_until is null or channel_state.down_until < excluded.down_until`,
		c, until, hub.Clip(reason, 512), now)
}

func closeBreaker(b *pgx.Batch, c hub.ChannelName, now time.Time) {
	b.Queue(`
		update channel_state
		set down_until = null, reason = '', changed_at = $2
		where channel = $1 and down_until <= $2`, c, now)
}
