package pghub

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// A button of a chat brings back a verb and a key (hub.Message.Postback). The
// callback was signed by the provider and came from a chat of one person with
// us; both was checked where it was parsed. What it says is a key and no
// statement, so everything else is looked up here, in the transaction that has
// the effect: the address is linked and the person not suspended, the delivery
// is of this link, this channel and this person, what it told of was not
// withdrawn and is still in the person's hands. An event has its effect once,
// by its id, and what has been done already is not done again.
//
// Nothing is decided here that is a document's: that is for the web.

// verb does what a button stands for. Low-risk forms will bring their own.
type verb func(t *turn, ctx context.Context, key string) (saying, error)

func verbs() map[string]verb {
	return map[string]verb{
		hub.VerbSeen:   (*turn).tapSeen,
		hub.VerbUnlink: (*turn).tapUnlink,
	}
}

// postback: somebody has tapped a button.
func (t *turn) postback(ctx context.Context) (saying, error) {
	if t.sender.link == "" {
		return t.say(hub.AnswerHow), nil
	}
	name, key, ok := hub.ParsePostback(t.event.Data)
	do := verbs()[name]
	if !ok || do == nil {
		return t.say(hub.AnswerDead), nil
	}
	return do(t, ctx, key)
}

// tapped is the delivery whose button was tapped, with all that decides on it.
type tapped struct {
	notification hub.Notification
	cancelled    time.Time // withdrawn, or no longer in these hands
	closed       time.Time // its step was
	by           string    // who did
}

// delivery finds the delivery that a button is of. Returns pgx.ErrNoRows unless
// it is one of the sender's own, to the very link that the tap came through.
func (t *turn) delivery(ctx context.Context, id string) (tapped, error) {
	rows, _ := t.tx.Query(ctx, `
		select `+notificationColumns+`, n.cancelled_at, st.closed_at, coalesce(p.name, '')
		from delivery d
		join notification n on n.id = d.notification
		left join step st on st.id = n.step
		left join person p on p.id = st.acted_by
		where d.id = @id and d.link = @link and d.channel = @channel and n.person = @person`,
		pgx.NamedArgs{"id": id, "link": t.sender.link, "channel": t.event.Channel, "person": t.sender.person})
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (tapped, error) {
		var (
			d                 tapped
			cancelled, closed *time.Time
			err               error
		)
		d.notification, err = scanNotification(row, &cancelled, &closed, &d.by)
		d.cancelled, d.closed = orZero(cancelled), orZero(closed)
		return d, err
	})
}

// handled reports when the task that a notification told of was done with;
// zero while it waits, and for one that asks for nothing.
func (d tapped) handled() time.Time {
	if d.notification.Kind == hub.KindDecided {
		return time.Time{}
	}
	if !d.closed.IsZero() {
		return d.closed
	}
	return d.cancelled
}

// tapSeen: 已讀. It ends what was still to be sent of this; every open page is
// told to look again.
func (t *turn) tapSeen(ctx context.Context, key string) (saying, error) {
	d, err := t.delivery(ctx, key)
	if errors.Is(err, pgx.ErrNoRows) {
		return t.say(hub.AnswerDead), nil
	}
	if err != nil {
		return saying{}, err
	}
	if at := d.handled(); !at.IsZero() {
		a := t.say(hub.AnswerHandled)
		a.At = at
		if d.by != "" && !d.notification.Grade.Classified() && t.names {
			a.By = hub.MaskName(d.by)
		}
		return a, nil
	}
	if err := t.touch(ctx, t.sender.person); err != nil {
		return saying{}, err
	}
	err = t.seenTx(ctx, t.tx, seenByTap, pgx.NamedArgs{
		"person": t.sender.person, "id": d.notification.ID, "delivery": key, "via": string(t.event.Channel),
	})
	return t.say(hub.AnswerSeen), err
}

// A message speaks for those that were given up for it.
const seenByTap = `
	with mine as (
		select n.id
		from notification n
		where n.person = @person and n.seen_at is null and (
			n.id = @id or n.id in (select notification from delivery where superseded_by = @delivery)
		)
	)` + markMine

// touch moves inboxes forward without a notification: pages look again.
func (t *turn) touch(ctx context.Context, people ...approval.PersonID) error {
	done, err := t.write(ctx, t.tx, writing{people: people})
	t.done.changes = append(t.done.changes, done.changes...)
	return err
}

// tapUnlink: 解除綁定, asked for and confirmed in the chat. The button is good
// for the link that it was shown for.
func (t *turn) tapUnlink(ctx context.Context, key string) (saying, error) {
	if key != t.sender.link {
		return t.say(hub.AnswerDead), nil
	}
	if err := t.notify(ctx, notice(hub.KindUnlinked, t.sender.person, t.event.Channel, key, t.now)); err != nil {
		return saying{}, err
	}
	_, err := t.tx.Exec(ctx, `
		update channel_link
		set disabled_at = $2, reason = 'unlinked in the chat'
		where id = $1 and disabled_at is null`, key, t.now)
	if err != nil {
		return saying{}, err
	}
	return t.say(hub.AnswerUnlinked), t.giveUp(ctx, key)
}
