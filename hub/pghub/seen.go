package pghub

import (
	"context"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// Delivered and seen are two things. That a page or a phone has a message
// (acked, delivered) is recorded and ends nothing: a desktop tab in an empty
// office acknowledges too. That the person saw it ends what was still to be
// sent.

const acked = `
	with fresh as (
		select n.id
		from notification n
		where n.id = any (array(
			select n.id
			from unnest($1::text[], $2::bigint[], $3::bigint[]) as a (person, after, seq)
			cross join lateral (
				select n.id
				from notification n
				where n.person = a.person and n.seq > a.after and n.seq <= a.seq and n.delivered_at is null
				order by n.person, n.seq
				limit $5
			) n
		))
		order by n.id
		for update
	)
	update notification n
	set delivered_at = $4
	from fresh
	where n.id = fresh.id`

// Acked records what was delivered to pages, as far back as a page can have
// caught up on.
func (h *Hub) Acked(ctx context.Context, acks []hub.Ack) error {
	people, after, seqs := make([]string, len(acks)), make([]int64, len(acks)), make([]int64, len(acks))
	for i, a := range acks {
		people[i], after[i], seqs[i] = string(a.Person), max(a.After, a.Seq-Kept), a.Seq
	}
	_, err := h.pool.Exec(ctx, acked, people, after, seqs, h.now(), Kept)
	return translate("pghub: acknowledge", err)
}

// Delivered records that a device of p has what a delivery brought: the push
// event of the service worker. It settles a delivery of which nobody knew
// whether it went out. Returns [approval.ErrNotFound] for a delivery that is
// not p's.
func (h *Hub) Delivered(ctx context.Context, delivery string, p approval.PersonID) error {
	now := h.now()
	return h.inTx(ctx, func(tx pgx.Tx) error {
		var notification, link string
		err := tx.QueryRow(ctx, `
			select n.id, d.link
			from delivery d
			join notification n on n.id = d.notification
			where d.id = $1 and n.person = $2
			for update of n`, delivery, p).Scan(&notification, &link)
		if err != nil {
			return translate("pghub: delivered", err)
		}
		b := &pgx.Batch{}
		b.Queue(`update notification set delivered_at = $2 where id = $1 and delivered_at is null`, notification, now)
		b.Queue(`
			update delivery
			set delivered_at = coalesce(delivered_at, $2),
				done_at = case state when 'unknown' then $2 else done_at end,
				state = case state when 'unknown' then 'accepted' else state end
			where id = $1`, delivery, now)
		b.Queue(`update channel_link set confirmed_at = $2 where id = $1 and confirmed_at < $2`, link, now)
		return translate("pghub: delivered", tx.SendBatch(ctx, b).Close())
	})
}

const markMine = cancelMine + `, marked as (
		update notification n
		set seen_at = @now, seen_via = @via, delivered_at = coalesce(n.delivered_at, @now)
		from touched t
		where n.id = t.id and t.mine and n.seen_at is null
	)
	select id from freed`

// A page of the person's is no reason to leave the old count on their phone.
const seenUpTo = `
	with mine as (
		select n.id
		from notification n
		where n.person = @person and n.seq <= @seq and n.seen_at is null
			and (n.kind <> 'tray.refresh' or n.created_at < @now::timestamptz - interval '1 day')
	)` + markMine

const seenDocument = `
	with mine as (
		select n.id
		from notification n
		where n.person = @person and n.document = @document and n.seen_at is null
	)` + markMine

const seenKinds = `
	with mine as (
		select n.id
		from notification n
		where n.person = @person and n.kind = any (@kinds) and n.seen_at is null
	)` + markMine

// seen runs one of them. What the person has not seen, and was to be told of
// by a message that has lost its point now, is planned again.
func (h *Hub) seen(ctx context.Context, sql string, args pgx.NamedArgs) error {
	return h.inTx(ctx, func(tx pgx.Tx) error { return h.seenTx(ctx, tx, sql, args) })
}

func (h *Hub) seenTx(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) error {
	args["now"], args["reason"] = h.now(), "seen"
	rows, _ := tx.Query(ctx, sql, args)
	freed, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return translate("pghub: seen", err)
	}
	return h.addRoute(ctx, tx, freed)
}

// A message speaks for those that were given up for it.
const seenDelivery = `
	with mine as (
		select n.id
		from notification n
		where n.seen_at is null and n.id in (
			select notification from delivery where id = @delivery
			union all
			select notification from delivery where superseded_by = @delivery
		)
	)` + markMine

// SeenUpTo records that p has seen everything up to seq, and cancels what was
// still to be sent about it.
func (h *Hub) SeenUpTo(ctx context.Context, p approval.PersonID, seq int64, via hub.ChannelName) error {
	return h.seen(ctx, seenUpTo, pgx.NamedArgs{"person": p, "seq": seq, "via": string(via)})
}

// SeenDocument records that p has seen what there was to be told of a
// document, because its page was opened or a notification of it was tapped,
// and cancels what was still to be sent about it.
func (h *Hub) SeenDocument(ctx context.Context, p approval.PersonID, doc approval.DocumentID, via hub.ChannelName) error {
	return h.seen(ctx, seenDocument, pgx.NamedArgs{"person": p, "document": doc, "via": string(via)})
}

// SeenKinds records that p has seen everything of these kinds, because a page
// that shows all of it was opened, and cancels what was still to be sent about
// it.
func (h *Hub) SeenKinds(ctx context.Context, p approval.PersonID, kinds []hub.Kind, via hub.ChannelName) error {
	return h.seen(ctx, seenKinds, pgx.NamedArgs{"person": p, "kinds": kinds, "via": string(via)})
}

// SeenDelivery records that p has seen what a delivery told, because it was
// tapped or answered, and cancels what was still to be sent about it. Returns
// [approval.ErrNotFound] for a delivery that is not p's.
func (h *Hub) SeenDelivery(ctx context.Context, delivery string, p approval.PersonID, via hub.ChannelName) error {
	var mine bool
	err := h.pool.QueryRow(ctx, `
		select n.person = $2
		from delivery d
		join notification n on n.id = d.notification
		where d.id = $1`, delivery, p).Scan(&mine)
	if err == nil && !mine {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return translate("pghub: seen", err)
	}
	return h.seen(ctx, seenDelivery, pgx.NamedArgs{"delivery": delivery, "via": string(via)})
}
