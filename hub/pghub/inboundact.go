package pghub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// blocked is the reason of a link whose owner has blocked the account.
const blocked = "blocked"

// comesBack is how long after that unblocking it brings the link back.
const comesBack = 90 * 24 * time.Hour

// turn is one event having its effect, in one transaction.
//
// Order of locks: the event, pairing, and then as everywhere.
type turn struct {
	*Hub
	tx     pgx.Tx
	now    time.Time
	event  received
	sender correspondent
	names  bool // answers may name who has handled something
	done   written
	freed  []string // notifications whose next leg is to be brought forward
}

// correspondent is the person behind an address, as far as one is linked.
type correspondent struct {
	link    string // "" when nobody is
	person  approval.PersonID
	lang    string
	created time.Time
	heard   time.Time
}

// saying is what is said after the transaction has been committed.
type saying struct {
	hub.Answer
	hub.AnswerData
}

// effect brings an event to its effect, once: what it does is committed with
// the mark that it was done.
func (h *Hub) effect(ctx context.Context, e received) (a saying, err error) {
	if err := h.settled(ctx, e.Inbound); err != nil {
		return a, err
	}
	for {
		if a, err = h.effectOnce(ctx, e); !errors.Is(err, errRaced) || ctx.Err() != nil {
			return a, err
		}
	}
}

func (h *Hub) effectOnce(ctx context.Context, e received) (a saying, err error) {
	policy, err := h.Policy(ctx)
	if err != nil {
		return a, err
	}
	t := &turn{Hub: h, now: h.now(), event: e, names: *policy.NamesInReplies}
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		t.tx = tx
		open := false
		err := tx.QueryRow(ctx, `
			select done_at is null and parked_at is null
			from inbound
			where channel = $1 and id = $2
			for update`, e.Channel, e.key).Scan(&open)
		if err != nil || !open {
			return err
		}
		if t.sender, err = t.correspondent(ctx); err != nil {
			return err
		}
		if a, err = t.act(ctx); err != nil {
			return err
		}
		if err := t.allow(ctx, &a); err != nil {
			return err
		}
		return t.close(ctx, a)
	})
	if err != nil {
		return saying{}, err
	}
	t.over(ctx)
	return a, nil
}

// correspondent finds who holds the address that the event came from. Nothing
// is locked yet.
func (t *turn) correspondent(ctx context.Context) (c correspondent, err error) {
	c.lang = "zh-TW"
	if t.event.Kind == hub.InMessage {
		c.lang = hub.SpokenLang(t.event.Data)
	}
	if t.event.From == "" {
		return c, nil
	}
	var heard *time.Time
	hash := sha256.Sum256([]byte(t.event.From))
	err = t.tx.QueryRow(ctx, `
		select l.id, l.person, a.locale, l.created_at, l.last_inbound_at
		from channel_link l
		join account a on a.person = l.person
		left join session s on s.id = l.session
		where l.channel = @channel and l.address_hash = @hash and `+linkInForce,
		pgx.NamedArgs{"channel": t.event.Channel, "hash": hash[:], "now": t.now}).
		Scan(&c.link, &c.person, &c.lang, &c.created, &heard)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, nil
	}
	c.heard = orZero(heard)
	return c, err
}

// close marks the event as done, what it held forgotten, and notes that its
// sender was heard from.
func (t *turn) close(ctx context.Context, a saying) error {
	b := &pgx.Batch{}
	b.Queue(`
		update inbound
		set done_at = @now, claimed_at = null, payload = '', error = '', answer = @answer, answered_at = case when @answer = '' then null else @now::timestamptz end
		where channel = @channel and id = @id`,
		pgx.NamedArgs{"channel": t.event.Channel, "id": t.event.key, "now": t.now, "answer": string(a.Answer)})
	if t.sender.link != "" && t.event.Kind.Heard() {
		b.Queue(`
			update channel_link
			set last_inbound_at = greatest(last_inbound_at, $2), confirmed_at = greatest(confirmed_at, $2)
			where id = $1 and disabled_at is null`, t.sender.link, t.event.At)
	}
	return t.tx.SendBatch(ctx, b).Close()
}

// act is what each kind of event does.
func (t *turn) act(ctx context.Context) (saying, error) {
	switch t.event.Kind {
	case hub.InFollow:
		return t.follow(ctx)
	case hub.InUnfollow:
		return saying{}, t.unfollow(ctx)
	case hub.InMessage:
		return t.message(), nil
	case hub.InPostback:
		return t.postback(ctx)
	case hub.InReferral:
		return t.referral(ctx)
	case hub.InLinked:
		return t.linked(ctx)
	case hub.InLinkFailed:
		return saying{}, t.linkFailed(ctx)
	}
	return saying{}, nil
}

// follow: the account was added, or unblocked. A link that had ended because it
// was blocked comes back, if that is all that has happened: nobody else has the
// address, its owner has linked no other, the account is in use, and it is not
// too long ago. A link that was removed stays removed.
func (t *turn) follow(ctx context.Context) (saying, error) {
	if t.sender.link != "" {
		return t.say(hub.AnswerHelp), nil
	}
	hash := sha256.Sum256([]byte(t.event.From))
	var (
		link   string
		person approval.PersonID
		lang   string
	)
	err := t.tx.QueryRow(ctx, `
		select l.id, l.person, a.locale
		from (
			select *
			from channel_link
			where channel = $1 and address_hash = $2
			order by disabled_at desc nulls first
			limit 1
		) l
		join account a on a.person = l.person and a.disabled_at is null
		where l.reason = $3 and l.disabled_at <= $4 and l.disabled_at > $5
			and not exists (select from channel_link o where o.person = l.person and o.channel = l.channel and o.disabled_at is null)`,
		t.event.Channel, hash[:], blocked, t.event.At, t.now.Add(-comesBack)).Scan(&link, &person, &lang)
	if errors.Is(err, pgx.ErrNoRows) {
		return t.say(hub.AnswerHow), nil
	}
	if err != nil {
		return saying{}, err
	}
	if err := t.notify(ctx, notice(hub.KindLinked, person, t.event.Channel, link, t.event.At)); err != nil {
		return saying{}, err
	}
	tag, err := t.tx.Exec(ctx, `
		update channel_link
		set disabled_at = null, reason = '', confirmed_at = $2, last_inbound_at = $2
		where id = $1 and reason = $3`, link, t.event.At, blocked)
	if err == nil && tag.RowsAffected() == 0 {
		err = errRaced
	}
	t.sender = correspondent{link: link, person: person, lang: lang}
	return t.say(hub.AnswerLinked), err
}

// unfollow: nothing reaches this address any more, and its owner is told so
// elsewhere. A late word of a block that was lifted since, which we have heard
// of by whatever its owner did after it, changes nothing.
func (t *turn) unfollow(ctx context.Context) error {
	s := t.sender
	if s.link == "" || t.event.At.Before(s.heard) || t.event.At.Before(s.created) {
		return nil
	}
	if err := t.notify(ctx, notice(hub.KindUnlinked, s.person, t.event.Channel, s.link, t.event.At)); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, `
		update channel_link
		set disabled_at = $2, reason = $3
		where id = $1 and disabled_at is null`, s.link, t.event.At, blocked)
	if err != nil {
		return err
	}
	return t.giveUp(ctx, s.link)
}

// message: somebody has written.
func (t *turn) message() saying {
	command := hub.ParseCommand(t.event.Data)
	switch {
	case command == hub.CommandNone:
		return saying{}
	case t.sender.link == "":
		return t.say(hub.AnswerHow)
	case command == hub.CommandQuery:
		return t.say(hub.AnswerCounts)
	case command == hub.CommandUnlink:
		a := t.say(hub.AnswerUnlink)
		a.Key = t.sender.link
		return a
	}
	return t.say(hub.AnswerHelp)
}

// say is an answer to whoever sent the event.
func (t *turn) say(a hub.Answer) saying {
	return saying{a, hub.AnswerData{Setting: hub.Setting{Lang: t.sender.lang}, Person: t.sender.person}}
}

// notify writes notifications. Inboxes come before everything else that is
// locked.
func (t *turn) notify(ctx context.Context, items ...item) error {
	w := writing{items: items}
	for _, it := range items {
		w.people = append(w.people, it.person)
	}
	done, err := t.write(ctx, t.tx, w)
	t.done.changes = append(t.done.changes, done.changes...)
	t.done.kinds = append(t.done.kinds, done.kinds...)
	return err
}

// giveUp gives up what waits for a link that was ended.
func (t *turn) giveUp(ctx context.Context, link string) error {
	list, err := t.Hub.giveUp(ctx, t.tx, link)
	t.freed = append(t.freed, list...)
	return err
}

// over is for when it was committed.
func (t *turn) over(ctx context.Context) {
	t.told(t.done)
	t.forward(ctx, t.freed)
}

// notice tells a person, elsewhere, that an address of theirs was linked or
// unlinked. at makes it the same one when it is written again.
func notice(kind hub.Kind, p approval.PersonID, c hub.ChannelName, link string, at time.Time) item {
	return item{
		person: p, kind: kind, dedup: fmt.Sprintf("%s:%s:%d", kind, link, at.UnixMilli()),
		at: at, about: c, link: link,
	}
}

// settled hands on what a provider says of messages that it was given.
func (h *Hub) settled(ctx context.Context, in hub.Inbound) error {
	switch in.Kind {
	case hub.InDelivered, hub.InRead, hub.InStatus:
		return h.settle(ctx, in)
	}
	return nil
}
