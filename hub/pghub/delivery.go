package pghub

import (
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

// delivery is a delivery with all that decides on it.
type delivery struct {
	id           string
	channel      hub.ChannelName
	state        hub.State // before it was claimed
	urgent       bool
	due          time.Time // not to be sent earlier
	expires      time.Time // need not arrive any more
	attempts     int
	first, began time.Time // of the first attempt, of the last
	asked        int       // how often the provider was asked whether it has it
	resent       bool      // sent again because it said no
	ref          string
	cost         int
	notification hub.Notification
	cancelled    bool // the notification was
	stepLeft     bool // its step is not active any more
	link         string
	linkEnded    bool
	heard        time.Time // when the link's owner last wrote or tapped
	lang         string

	address, keys, secret []byte // sealed
}

// stepKinds are the kinds that have lost their point when the step they are
// about is left.
const stepKinds = `('document.arrived', 'document.returned')`

// selectDelivery reads what decides on deliveries d. Each row of the other
// tables is looked up by itself: offset 0 keeps the planner from joining whole
// tables because it takes a batch for longer than it is.
const selectDelivery = `
	select ` + notificationColumns + `,
		d.id, d.channel, d.state, d.priority = 0, d.not_before,
		d.expires_at, d.attempts, d.first_at, d.began_at, d.asked, d.resent_at is not null, d.ref, d.cost,
		n.cancelled_at is not null,
		n.kind in ` + stepKinds + ` and exists (select from step st where st.id = n.step and st.state <> 'active'),
		l.id, l.address, l.keys, l.ended, l.last_inbound_at, l.locale, n.secret
	from due d
	cross join lateral (select * from notification n where n.id = d.notification offset 0) n
	cross join lateral (
		select l.id, l.address, l.keys, l.last_inbound_at, coalesce(a.locale, 'zh-TW') as locale, not (` + linkInForce + `) as ended
		from channel_link l
		left join session s on s.id = l.session
		left join account a on a.person = l.person
		where l.id = d.link
		offset 0
	) l`

func scanDelivery(row pgx.CollectableRow) (delivery, error) {
	var (
		d                            delivery
		expires, first, began, heard *time.Time
		err                          error
	)
	d.notification, err = scanNotification(row,
		&d.id, &d.channel, &d.state, &d.urgent, &d.due,
		&expires, &d.attempts, &first, &began, &d.asked, &d.resent, &d.ref, &d.cost,
		&d.cancelled, &d.stepLeft, &d.link, &d.address, &d.keys, &d.linkEnded, &heard, &d.lang, &d.secret)
	d.first, d.began, d.heard = orZero(first), orZero(began), orZero(heard)
	if d.expires = orZero(expires); d.expires.IsZero() {
		d.expires = d.notification.At.Add(d.notification.Kind.TTL())
	}
	return d, err
}

// standing is how a channel stands when deliveries of it are looked at.
type standing struct {
	down   time.Time // until when it is; zero: in service. In the past: to be tried carefully
	scarce bool      // what is left of the month's quota is for what is urgent
	finds  bool      // its provider can be asked whether it has a message
	lease  time.Duration
}

// move is what there is to do about a delivery that is due.
type move struct {
	send        bool
	ask         bool      // ask the provider whether it has it
	interrupted bool      // an attempt was begun and nobody will finish it
	wait        time.Time // look again then
	end         hub.State // write this state: it was the end
	reason      string    // of the end
	over        bool      // the other ways of the notification are to be tried
}

// next decides.
func (d *delivery) next(now time.Time, s standing, retries hub.Retries, jitter float64) move {
	if d.state == hub.StateSending {
		if until := d.began.Add(s.lease); until.After(now) {
			return move{wait: until}
		}
		return move{interrupted: true}
	}
	doubt := d.state == hub.StateUnknown
	switch {
	case !d.notification.Seen.IsZero() && !d.notification.Kind.Security():
		return d.ends(hub.StateCancelled, "seen")
	case d.cancelled, d.stepLeft:
		return d.ends(hub.StateCancelled, "no longer in this person's hands")
	case d.linkEnded:
		m := d.ends(hub.StateCancelled, "link has ended")
		m.over = true
		return m
	case now.After(d.expires):
		return d.ends(hub.StateFailed, "too late")
	case s.down.After(now):
		at := retries.Reopen(s.down, jitter)
		if at.After(d.expires) {
			m := d.ends(hub.StateFailed, "channel is down for longer than it makes sense to wait")
			m.over = true
			return m
		}
		return move{wait: at, over: !doubt}
	case doubt && !d.channel.Keyed():
		if !s.finds {
			m := d.ends(hub.StateUnknown, "nobody can say whether it was sent")
			m.over = true
			return m
		}
		return move{ask: true}
	case doubt && d.keyForgotten(now):
		m := d.ends(hub.StateUnknown, "the provider does not remember its key any more")
		m.over = true
		return m
	case s.scarce && !d.urgent && !doubt:
		m := d.ends(hub.StateFailed, "what is left of the quota is for what is urgent")
		m.over = true
		return m
	}
	return move{send: true}
}

// keyForgotten reports whether sending again at that time could double it.
func (d *delivery) keyForgotten(at time.Time) bool {
	const margin = 5 * time.Minute // clocks, and the call itself
	life := d.channel.KeyLife()
	return life > 0 && !d.first.IsZero() && at.After(d.first.Add(life-margin))
}

// ends gives the move to a final state. What may have been sent stays unknown.
func (d *delivery) ends(s hub.State, reason string) move {
	if d.state == hub.StateUnknown {
		s = hub.StateUnknown
	}
	return move{end: s, reason: reason}
}
