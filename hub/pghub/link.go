package pghub

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// linkInForce is the condition under which a link l, of session s and account
// a, may be used at $now.
const linkInForce = `l.disabled_at is null
	and (l.session is null or s.revoked_at is null and s.expires_at > @now)
	and a.disabled_at is null`

// AddLink records an address of a person and gives the link's identifier. The
// same address of the same person is one link, which is refreshed; one that was
// somebody else's is theirs no longer. Returns [approval.ErrNotFound] when the
// person or the session does not exist, and [hub.ErrDeadSubscription] for a push
// subscription that its service has called dead: browsers go on to show those
// as good ones. Of a person's browsers the ten that were last seen are told.
func (h *Hub) AddLink(ctx context.Context, l hub.Link) (string, error) {
	if l.Address.Value == "" {
		return "", &approval.InvalidError{Field: "address", Reason: "link.address.missing"}
	}
	for {
		id, forward, err := h.addLink(ctx, l)
		if err == nil {
			h.forward(ctx, forward)
		}
		if hasState(err, uniqueViolation) && ctx.Err() == nil {
			continue // somebody else has just linked it: now it is there to be found
		}
		return id, translate("pghub: add link", err)
	}
}

func (h *Hub) addLink(ctx context.Context, l hub.Link) (id string, forward []string, err error) {
	now, hash := h.now(), sha256.Sum256([]byte(l.Address.Value))
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		var (
			person approval.PersonID
			ended  []string
		)
		if err := sayOrigin(ctx, tx); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			select id, person
			from channel_link
			where channel = $1 and address_hash = $2 and disabled_at is null
			for update`, l.Channel, hash[:]).Scan(&id, &person)
		switch {
		case err == nil && person == l.Person:
			_, keys, err := h.seal(id, l.Address)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `
				update channel_link
				set keys = $2, session = $3, label = $4, confirmed_at = $5
				where id = $1`, id, keys, orNull(l.Session), l.Label, now)
			return err
		case err == nil:
			_, err = tx.Exec(ctx, `
				update channel_link
				set disabled_at = $2, reason = 'linked to somebody else'
				where id = $1`, id, now)
			if err != nil {
				return err
			}
			ended = append(ended, id)
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		}
		if l.Channel == hub.WebPush {
			older, err := makeRoom(ctx, tx, l.Person, hash, now)
			if err != nil {
				return err
			}
			ended = append(ended, older...)
		}
		if single(l.Channel) {
			before, err := texts(ctx, tx, `
				update channel_link
				set disabled_at = $3, reason = $4
				where person = $1 and channel = $2 and disabled_at is null
				returning id`, l.Person, l.Channel, now, replaced)
			if err != nil {
				return err
			}
			ended = append(ended, before...)
		}
		if forward, err = h.giveUp(ctx, tx, ended...); err != nil {
			return err
		}
		id = h.newID()
		address, keys, err := h.seal(id, l.Address)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into channel_link (id, person, channel, address_hash, address, keys, session, label, created_at, confirmed_at)
			values (@id, @person, @channel, @hash, @address, @keys, @session, @label, @now, @now)`,
			pgx.NamedArgs{
				"id": id, "person": l.Person, "channel": l.Channel, "hash": hash[:], "address": address, "keys": keys,
				"session": orNull(l.Session), "label": l.Label, "now": now,
			})
		return err
	})
	return id, forward, err
}

// single reports whether a person has one address on a channel: an account, a
// number. Of browsers they have several.
func single(c hub.ChannelName) bool { return c != hub.WebPush }

// seal encrypts an address and its keys for one row, so that what stands in
// one row opens in no other.
func (h *Hub) seal(id string, a hub.Address) (address, keys []byte, err error) {
	text, err := json.Marshal(a.Keys)
	if err != nil {
		return nil, nil, fmt.Errorf("keys of an address: %w", err)
	}
	return h.sealer.Seal([]byte(a.Value), "channel_link.address "+id), h.sealer.Seal(text, "channel_link.keys "+id), nil
}

func (h *Hub) open(id string, address, keys []byte) (hub.Address, error) {
	a := hub.Address{Link: id}
	value, err := h.sealer.Open(address, "channel_link.address "+id)
	if err != nil {
		return a, fmt.Errorf("address of link %s: %w", id, err)
	}
	text, err := h.sealer.Open(keys, "channel_link.keys "+id)
	if err != nil {
		return a, fmt.Errorf("keys of link %s: %w", id, err)
	}
	if err := json.Unmarshal(text, &a.Keys); err != nil {
		return a, fmt.Errorf("keys of link %s: %w", id, err)
	}
	a.Value = string(value)
	return a, nil
}

const selectLinks = `
	select l.id, l.person, l.channel, l.address, l.keys, coalesce(l.session, ''), l.label, l.created_at, l.confirmed_at
	from channel_link l
	left join session s on s.id = l.session
	left join account a on a.person = l.person
	where ` + linkInForce

func (h *Hub) scanLink(row pgx.CollectableRow) (hub.Link, error) {
	var (
		l             hub.Link
		address, keys []byte
	)
	err := row.Scan(&l.ID, &l.Person, &l.Channel, &address, &keys, &l.Session, &l.Label, &l.CreatedAt, &l.Confirmed)
	if err != nil {
		return l, err
	}
	l.Address, err = h.open(l.ID, address, keys)
	return l, err
}

// Links gives the links of a person that are in force, oldest first.
func (h *Hub) Links(ctx context.Context, p approval.PersonID) ([]hub.Link, error) {
	rows, _ := h.pool.Query(ctx, selectLinks+` and l.person = @person order by l.created_at, l.id`,
		pgx.NamedArgs{"person": p, "now": h.now()})
	list, err := pgx.CollectRows(rows, h.scanLink)
	return list, translate("pghub: links", err)
}

// LinkByAddress finds whose an address is. Returns [approval.ErrNotFound] when
// it is nobody's.
func (h *Hub) LinkByAddress(ctx context.Context, channel hub.ChannelName, address string) (hub.Link, error) {
	hash := sha256.Sum256([]byte(address))
	rows, _ := h.pool.Query(ctx, selectLinks+` and l.channel = @channel and l.address_hash = @hash`,
		pgx.NamedArgs{"channel": channel, "hash": hash[:], "now": h.now()})
	l, err := pgx.CollectExactlyOneRow(rows, h.scanLink)
	return l, translate("pghub: link", err)
}

// RemoveLink ends a link of p. What is still to be sent to it is not sent, and
// of one that is not just this browser's own p is told elsewhere. Returns
// [approval.ErrNotFound] when p has no such link in use.
func (h *Hub) RemoveLink(ctx context.Context, p approval.PersonID, id string) error {
	var (
		done    written
		forward []string
	)
	now := h.now()
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		var c hub.ChannelName
		if err := sayOrigin(ctx, tx); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `select channel from channel_link where id = $1 and person = $2 and disabled_at is null`, id, p).Scan(&c)
		if err != nil {
			return err
		}
		if single(c) {
			w := writing{people: []approval.PersonID{p}, items: []item{notice(hub.KindUnlinked, p, c, id, now)}}
			if done, err = h.write(ctx, tx, w); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, `
			update channel_link
			set disabled_at = $3, reason = 'removed'
			where id = $1 and person = $2 and disabled_at is null`, id, p, now)
		if err == nil && tag.RowsAffected() == 0 {
			err = pgx.ErrNoRows
		}
		if err != nil {
			return err
		}
		forward, err = h.giveUp(ctx, tx, id)
		return err
	})
	if err == nil {
		h.told(done)
		h.forward(ctx, forward)
	}
	return translate("pghub: remove link", err)
}

// RemoveSessionLinks ends the links that a session made. Even where nobody
// calls it, nothing is sent to a link whose session has ended.
func (h *Hub) RemoveSessionLinks(ctx context.Context, session string) error {
	var forward []string
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		if err := sayOrigin(ctx, tx); err != nil {
			return err
		}
		ended, err := texts(ctx, tx, `
			update channel_link
			set disabled_at = $2, reason = 'session ended'
			where session = $1 and disabled_at is null
			returning id`, session, h.now())
		if err != nil {
			return err
		}
		forward, err = h.giveUp(ctx, tx, ended...)
		return err
	})
	if err == nil {
		h.forward(ctx, forward)
	}
	return translate("pghub: remove links of a session", err)
}

// disableLink ends a link that a provider calls dead, unless its owner has
// made it anew since the call began.
func disableLink(b *pgx.Batch, id, reason string, began, now time.Time) {
	b.Queue(`
		update channel_link
		set disabled_at = $2, reason = $3
		where id = $1 and disabled_at is null and confirmed_at <= $4`, id, now, reason, began)
}

// replaced is the reason of a link whose owner has linked another address on the
// same channel, and was told of that.
const replaced = "another was linked"

// sweepEnded tells people, elsewhere, of addresses that have ended without
// their doing: a provider called them dead, somebody else has proved to hold
// them. Who was told already is not told again.
func (h *Hub) sweepEnded(ctx context.Context, now time.Time) error {
	rows, _ := h.pool.Query(ctx, `
		select l.id, l.person, l.channel, l.disabled_at
		from channel_link l
		where l.disabled_at > $1 and l.channel <> 'webpush' and l.reason <> $2
			and not exists (
				select from notification n
				where n.link = l.id and n.link <> '' and n.person = l.person and n.kind = 'channel.unlinked' and n.created_at >= l.disabled_at
			)
		order by l.disabled_at
		limit $3`, now.Add(-24*time.Hour), replaced, sweepAtOnce)
	type ended struct {
		ID      string
		Person  approval.PersonID
		Channel hub.ChannelName
		At      time.Time
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ended])
	if err != nil || len(list) == 0 {
		return translate("pghub: sweep ended links", err)
	}
	var w writing
	for _, l := range list {
		w.people = append(w.people, l.Person)
		w.items = append(w.items, notice(hub.KindUnlinked, l.Person, l.Channel, l.ID, l.At))
	}
	var done written
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		done, err = h.write(ctx, tx, w)
		return err
	})
	if err == nil {
		h.told(done)
	}
	return translate("pghub: sweep ended links", err)
}
