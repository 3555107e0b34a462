package pghub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// EnqueueTx writes what events mean for those concerned, inside the
// transaction that causes them. after is to be called once when it has been
// committed; it does not block.
//
// A step that was left takes the point out of what is still to be sent about
// it, and makes wrong what was sent: unless the organisation has that off, Web Push
// puts that right. Somebody who has decided is not told of their own decision.
func (h *Hub) EnqueueTx(ctx context.Context, tx pgx.Tx, events []approval.Event) (after func(), err error) {
	if len(events) == 0 {
		return func() {}, nil
	}
	var w writing
	for _, e := range events {
		w.people = append(w.people, e.Person)
		n := item{
			person: e.Person, document: e.Document, step: e.Step,
			speed: e.Speed, grade: e.Grade, due: e.Due, at: e.At,
		}
		switch e.Kind {
		case approval.EventArrived:
			n.kind, n.dedup = hub.KindArrived, "arrived:"+string(e.Step)
		case approval.EventReturned:
			n.kind, n.dedup = hub.KindReturned, "returned:"+string(e.Step)
		case approval.EventDecided:
			if e.Person == e.By {
				continue
			}
			n.kind, n.dedup = hub.KindDecided, "decided:"+string(e.Document)
		case approval.EventLeft:
			w.left = append(w.left, e)
			continue
		default:
			return nil, fmt.Errorf("pghub: event of kind %q", e.Kind)
		}
		w.items = append(w.items, n)
	}
	done, err := h.write(ctx, tx, w)
	if err != nil {
		return nil, fmt.Errorf("pghub: %w", err)
	}
	return func() { h.told(done) }, nil
}

// item is a notification that is to be written.
type item struct {
	person   approval.PersonID
	kind     hub.Kind
	dedup    string // what makes it the same for this person
	document approval.DocumentID
	step     approval.StepID
	speed    approval.Speed
	grade    approval.Grade
	due      time.Time
	at       time.Time
	about    hub.ChannelName // of linked and unlinked
	link     string          // that it tells of, and is not told through
	alert    *hub.Alert      // nil for what comes from a document

	secret     *hub.Secret
	secretEnds time.Time
}

// writing is everything that one transaction does to inboxes.
type writing struct {
	people []approval.PersonID // whose inbox has changed, in any order
	items  []item
	left   []approval.Event
}

// written is what came of it.
type written struct {
	changes []hub.Change
	kinds   []hub.Kind
}

// The inbox rows come first and in the order of people, so that two
// transactions over the same people wait for each other and never in a circle.
// They stay locked until commit: hence sequence numbers are given in the order
// in which they become visible, and none is skipped.
const moveInboxes = `
	insert into inbox (person, epoch, rev)
	select person, epoch, 1
	from unnest($1::text[], $2::text[]) as p (person, epoch)
	order by person
	on conflict (person) do update set rev = inbox.rev + 1
	returning person, rev`

// One statement for each item: it begins after the inboxes are locked, so it
// sees whatever another transaction has written under the same key, and with
// single values for parameters PostgreSQL plans it once and not every time,
// which costs several times as much as running it.
const insertNotification = `
	with moved as (
		update inbox
		set seq = seq + 1
		where person = @person
			and not exists (select from notification where person = @person and dedup = @dedup)
		returning seq
	)
	insert into notification (id, person, seq, kind, dedup, document, step, speed, grade, due, created_at, about, link)
	select @id, @person, seq, @kind, @dedup, @document, @step, @speed, @grade, @due, @at, @about, @link
	from moved
	returning id`

// cancelMine ends what was not sent yet of the notifications in the preceding
// "mine", and gives those for which it was to speak as well (see supersede):
// they are planned again. Notifications are locked in one order, whatever the
// reason for it. That somebody has seen it ends nothing of what is about the
// safety of an account: it may have been whoever broke in.
const cancelMine = `, touched as (
		select n.id, n.id in (select id from mine) as mine, @reason::text = 'seen' and n.kind in ` + securityKinds + ` as goes_on
		from notification n
		where n.id in (
			select id from mine
			union all
			select s.notification
			from delivery b
			join delivery s on s.superseded_by = b.id
			where b.notification in (select id from mine) and b.state = 'pending'
		)
		order by n.id
		for update
	), open as (
		select d.id
		from delivery d
		where d.notification in (select id from touched where mine and not goes_on)
			and (d.state = 'pending' or d.state = 'unknown' and d.done_at is null)
		order by d.id
		for update
	), ended as (
		update delivery d
		set state = case d.state when 'pending' then 'cancelled' else d.state end,
			reason = @reason,
			done_at = @now
		from open
		where d.id = open.id
	), freed as (
		update notification n
		set routed_at = null
		from touched t
		where n.id = t.id and not t.mine and n.seen_at is null and n.cancelled_at is null
			and exists (select from delivery s join open on open.id = s.superseded_by where s.notification = n.id)
		returning n.id
	)`

// securityKinds are those of which [hub.Kind.Security] holds.
const securityKinds = `('login.new_device', 'device.replaced', 'account.changed', 'channel.linked', 'channel.unlinked')`

const cancelLeft = `
	with mine as (
		select n.id
		from notification n
		where n.step = @step
			and n.person = @person
			and n.kind <> 'document.decided'
			and n.seen_at is null
			and n.cancelled_at is null
	)` + cancelMine + `, marked as (
		update notification n
		set cancelled_at = @now, cancel_reason = @reason
		from touched t
		where n.id = t.id and t.mine
	)
	select id from freed`

// routeAtOnce is how many notifications one job plans.
const routeAtOnce = 200

// write moves inboxes, writes notifications that are not there yet, cancels
// what was left and adds the job that plans the rest, in two round trips.
func (h *Hub) write(ctx context.Context, tx pgx.Tx, w writing) (written, error) {
	var done written
	people := slices.Clone(w.people)
	slices.Sort(people)
	people = slices.Compact(people)
	epochs := make([]string, len(people))
	for i := range epochs {
		epochs[i] = h.newID()
	}

	b := &pgx.Batch{}
	b.Queue(moveInboxes, people, epochs).Query(func(rows pgx.Rows) error {
		var err error
		done.changes, err = pgx.CollectRows(rows, scanChange)
		return err
	})
	var plan toPlan
	for _, it := range w.items {
		h.queueItem(b, it).Query(func(rows pgx.Rows) error {
			list, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if len(list) > 0 {
				plan.add(laneOf(it.kind, it.speed), list...)
				done.kinds = append(done.kinds, it.kind)
			}
			return err
		})
	}
	for _, e := range w.left {
		args := pgx.NamedArgs{"step": e.Step, "person": e.Person, "now": e.At, "reason": "no longer in this person's hands"}
		b.Queue(cancelLeft, args).Query(func(rows pgx.Rows) error {
			freed, err := pgx.CollectRows(rows, pgx.RowTo[string])
			plan.add(laneNow, freed...)
			return err
		})
	}
	if len(w.left) > 0 {
		policy, err := h.policyFrom(ctx, tx)
		if err != nil {
			return done, err
		}
		for _, e := range w.left {
			if !refreshes(policy) {
				break
			}
			h.queueRefresh(b, policy, e).Query(func(rows pgx.Rows) error {
				list, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if len(list) > 0 {
					plan.add(laneNow, list...)
					done.kinds = append(done.kinds, hub.KindRefresh)
				}
				return err
			})
		}
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return done, translate("write notifications", err)
	}

	if err := h.addRoutes(ctx, tx, plan); err != nil {
		return done, err
	}
	if h.silent() {
		return done, h.ownBus.notifyTx(ctx, tx, done.changes)
	}
	return done, nil
}

// silent reports whether this is a command that writes and ends: the nodes hear
// of what it writes with the commit.
func (h *Hub) silent() bool { return h.ownBus != nil && !h.ownBus.running() }

func (h *Hub) queueItem(b *pgx.Batch, it item) *pgx.QueuedQuery {
	if it.alert != nil {
		return h.queueAlert(b, it)
	}
	return b.Queue(insertNotification, pgx.NamedArgs{
		"id": h.newID(), "person": it.person, "kind": it.kind, "dedup": it.dedup,
		"document": orNull(string(it.document)), "step": orNull(string(it.step)),
		"speed": it.speed, "grade": it.grade, "due": orNullTime(it.due), "at": it.at,
		"about": it.about, "link": it.link,
	})
}

// told counts and passes on what has been committed.
func (h *Hub) told(w written) {
	for _, k := range w.kinds {
		h.metrics.notifications.WithLabelValues(string(k)).Inc()
	}
	h.bus.Publish(w.changes...)
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
