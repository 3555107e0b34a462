package pghub

import (
	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// insertRefresh says to a person that what Web Push shows of the in-tray is
// wrong by now: nothing unless such a message was sent, may still be on a
// screen and was not tapped (only there does seeing take it away), and nothing
// while another refresh is still to be sent, because it will have the counts of
// then. The lock on that one holds up who would claim it and read the counts
// before this is committed. Like everything that is caught up on, it looks no
// further back than a page.
const insertRefresh = `
	with lately as materialized (
		select n.id, n.seq, n.kind, n.seen_at is not null and n.seen_via = 'webpush' as tapped, n.routed_at
		from notification n
		where n.person = @person and n.kind = any (@kinds)
			and n.seq > (select i.seq - @kept::bigint from inbox i where i.person = @person)
	), waits as materialized (
		select d.id
		from lately l
		join delivery d on d.notification = l.id
		where l.kind = @kind and d.state = 'pending' and d.done_at is null
		order by d.id
		for share of d
	), shown as (
		select
			coalesce(max(l.seq) filter (where not l.tapped and d.expires_at > @at), 0) as stale,
			coalesce(max(l.seq) filter (where l.tapped), 0) as tapped
		from lately l
		join delivery d on d.notification = l.id
		where d.channel = 'webpush' and d.state in ('sending', 'accepted', 'unknown')
	), moved as (
		update inbox
		set seq = seq + 1
		where person = @person
			and (select stale > tapped from shown)
			and not exists (select from waits)
			and not exists (select from lately where kind = @kind and routed_at is null)
		returning seq
	)
	insert into notification (id, person, seq, kind, dedup, speed, grade, created_at)
	select @id::text, @person, seq, @kind, 'refresh:' || @id::text, '', '', @at
	from moved
	returning id`

func (h *Hub) queueRefresh(b *pgx.Batch, policy hub.Policy, e approval.Event) *pgx.QueuedQuery {
	return b.Queue(insertRefresh, pgx.NamedArgs{
		"id": h.newID(), "person": e.Person, "kind": hub.KindRefresh, "at": e.At, "kept": Kept,
		"kinds": policy.Kinds(policy.Rule(hub.KindRefresh).Group),
	})
}

// refreshes reports whether p is to have them.
func refreshes(p hub.Policy) bool { return *p.Refresh && p.Rule(hub.KindRefresh).Group != "" }
