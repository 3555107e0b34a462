package pghub

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// announced is how long an announcement (公告) stays on its recipients' first
// page. A form stays until it is handled.
const announced = 14 * 24 * time.Hour

const selectPosted = `
	select ` + notificationColumns + `, t.title, k.name, t.url, n.cancelled_at
	from notification n
	join notice t on t.id = n.notice
	join api_token k on k.id = t.token`

func scanPosted(row pgx.CollectableRow) (hub.Posted, error) {
	var (
		p      hub.Posted
		closed *time.Time
		err    error
	)
	p.Notification, err = scanNotification(row, &p.Title, &p.From, &p.URL, &closed)
	p.Closed = orZero(closed)
	return p, err
}

// Posted gives the notice that a notification of p is about. Returns
// [approval.ErrNotFound] for one that is about no notice, or not p's.
func (h *Hub) Posted(ctx context.Context, p approval.PersonID, notification string) (hub.Posted, error) {
	rows, _ := h.pool.Query(ctx, selectPosted+` where n.id = $1 and n.person = $2`, notification, p)
	posted, err := pgx.CollectExactlyOneRow(rows, scanPosted)
	return posted, translate("pghub: notice", err)
}

// Board gives what other systems have to say to p: the forms that wait for
// them, the earliest deadline first, then the announcements of late, latest
// first; of each at most limit.
func (h *Hub) Board(ctx context.Context, p approval.PersonID, limit int) (forms, announcements []hub.Posted, err error) {
	b := &pgx.Batch{}
	collect := func(into *[]hub.Posted) func(pgx.Rows) error {
		return func(rows pgx.Rows) (err error) {
			*into, err = pgx.CollectRows(rows, scanPosted)
			return err
		}
	}
	b.Queue(selectPosted+`
		where n.person = $1 and n.kind = 'form.pending' and n.cancelled_at is null
		order by n.due nulls last, n.seq
		limit $2`, p, limit).Query(collect(&forms))
	b.Queue(selectPosted+`
		where n.person = $1 and n.kind = 'announcement' and n.cancelled_at is null and n.created_at > $3
		order by n.seq desc
		limit $2`, p, limit, h.now().Add(-announced)).Query(collect(&announcements))
	if err := h.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, nil, translate("pghub: board", err)
	}
	return forms, announcements, nil
}

const seenNotification = `
	with mine as (
		select n.id
		from notification n
		where n.person = @person and n.id = @notification and n.seen_at is null
	)` + markMine

// SeenNotification records that p has seen one notification, because its page
// was opened, and cancels what was still to be sent about it.
func (h *Hub) SeenNotification(ctx context.Context, p approval.PersonID, notification string, via hub.ChannelName) error {
	return h.seen(ctx, seenNotification, pgx.NamedArgs{"person": p, "notification": notification, "via": string(via)})
}

// The notifications of a notice are found by what makes them the same: dedup is
// 'notice:' and its id, and has an index.

// closePosted ends notifications of a notice that are open: what was still to
// be sent about them is not sent, whether they were seen or not.
const closePosted = `
	with mine as (
		select n.id
		from notification n
		where n.dedup = 'notice:' || @notice::text and n.cancelled_at is null and n.person = any(@people)
	)` + cancelMine + `, marked as (
		update notification n
		set cancelled_at = @now, cancel_reason = @reason
		from touched t
		where n.id = t.id and t.mine
	)
	select id from freed`

// Done closes a notice of a token, because it was handled in the system that
// it came from, or withdrawn there: for some of its recipients, for all with
// none named. It gives for how many it is still open. Done twice is done.
// Returns [approval.ErrNotFound] for a notice that is not the token's.
func (h *Hub) Done(ctx context.Context, token, notice string, accounts []string) (open int, err error) {
	return h.closeNotice(ctx, token, notice, "handled or withdrawn by its sender", `
		select n.person
		from notification n
		left join account a on a.person = n.person
		where n.dedup = 'notice:' || $1::text and n.cancelled_at is null and (cardinality($2::text[]) = 0 or a.login = any($2))
		order by n.person`, accounts)
}

// CloseNotice closes a notice for p, who says that it is handled. Returns
// [approval.ErrNotFound] for a notification that is about no notice, or not
// p's.
func (h *Hub) CloseNotice(ctx context.Context, p approval.PersonID, notification string) error {
	var token, notice string
	err := h.pool.QueryRow(ctx, `
		select t.token, t.id
		from notification n
		join notice t on t.id = n.notice
		where n.id = $1 and n.person = $2`, notification, p).Scan(&token, &notice)
	if err != nil {
		return translate("pghub: close notice", err)
	}
	_, err = h.closeNotice(ctx, token, notice, "handled, says its recipient", `
		select n.person
		from notification n
		where n.dedup = 'notice:' || $1::text and n.cancelled_at is null and n.person = any($2)`, []string{string(p)})
	return err
}

// closeNotice closes a notice for those whom a query of its id and of among
// names. Their inboxes move, so that open pages show the lower count.
func (h *Hub) closeNotice(ctx context.Context, token, notice, reason, whom string, among []string) (open int, err error) {
	now := h.now()
	var changes []hub.Change
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select id from notice where id = $1 and token = $2 for update`, notice, token).Scan(&notice)
		if err != nil {
			return err
		}
		if among == nil {
			among = []string{}
		}
		rows, _ := tx.Query(ctx, whom, notice, among)
		people, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if len(people) > 0 {
			if changes, err = h.moveInboxes(ctx, tx, people); err != nil {
				return err
			}
			rows, _ := tx.Query(ctx, closePosted, pgx.NamedArgs{"notice": notice, "people": people, "now": now, "reason": reason})
			freed, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return err
			}
			if err := h.addRoute(ctx, tx, freed); err != nil {
				return err
			}
		}
		err = tx.QueryRow(ctx, `select count(*) from notification where dedup = 'notice:' || $1::text and cancelled_at is null`, notice).Scan(&open)
		if err != nil || open > 0 {
			return err
		}
		_, err = tx.Exec(ctx, `update notice set done_at = $2 where id = $1 and done_at is null`, notice, now)
		return err
	})
	if err != nil {
		return 0, translate("pghub: close notice", err)
	}
	h.bus.Publish(changes...)
	return open, nil
}

// moveInboxes says that something has changed for these people, and locks
// their inboxes.
func (h *Hub) moveInboxes(ctx context.Context, tx pgx.Tx, people []string) ([]hub.Change, error) {
	epochs := make([]string, len(people))
	for i := range epochs {
		epochs[i] = h.newID()
	}
	rows, _ := tx.Query(ctx, moveInboxes, people, epochs)
	changes, err := pgx.CollectRows(rows, scanChange)
	if err == nil && h.silent() {
		err = h.ownBus.notifyTx(ctx, tx, changes)
	}
	return changes, err
}

// NoticeReport tells the sender of a notice what became of it. Returns
// [approval.ErrNotFound] for a notice that is not the token's.
func (h *Hub) NoticeReport(ctx context.Context, token, notice string) (hub.NoticeReport, error) {
	r := hub.NoticeReport{ID: notice}
	var (
		done    *time.Time
		refused map[string]hub.Refusal
	)
	err := h.pool.QueryRow(ctx, `
		select case key when id then '' else key end, kind, created_at, done_at, refused
		from notice
		where id = $1 and token = $2`, notice, token).Scan(&r.Key, &r.Kind, &r.Created, &done, &refused)
	if err != nil {
		return r, translate("pghub: notice", err)
	}
	r.Done = orZero(done)
	if r.To, err = h.noticeRecipients(ctx, notice); err == nil && r.Created.Before(h.now().Add(-hotFor)) {
		var archived []hub.NoticeRecipient
		archived, err = h.archivedRecipients(ctx, notice)
		r.To = append(r.To, archived...)
	}
	if err != nil {
		return r, fmt.Errorf("pghub: notice: %w", err)
	}
	for login, why := range refused {
		r.To = append(r.To, hub.NoticeRecipient{Account: login, Refused: why})
	}
	return r, nil
}

func (h *Hub) noticeRecipients(ctx context.Context, notice string) ([]hub.NoticeRecipient, error) {
	rows, _ := h.pool.Query(ctx, `
		select coalesce(a.login, ''), n.id, n.created_at, n.delivered_at, n.seen_at, n.cancelled_at, d.channel, d.state, d.delivered_at
		from notification n
		left join account a on a.person = n.person
		left join delivery d on d.notification = n.id
		where n.dedup = 'notice:' || $1::text
		order by a.login, n.id, d.created_at, d.id`, notice)
	var (
		list                       []hub.NoticeRecipient
		to                         hub.NoticeRecipient
		delivered, seen, closed, d *time.Time
		channel                    *hub.ChannelName
		state                      *hub.State
	)
	_, err := pgx.ForEachRow(rows, []any{&to.Account, &to.Notification, &to.Written, &delivered, &seen, &closed, &channel, &state, &d}, func() error {
		if n := len(list); n == 0 || list[n-1].Notification != to.Notification {
			to.Delivered, to.Seen, to.Closed, to.Channels = orZero(delivered), orZero(seen), orZero(closed), nil
			list = append(list, to)
		}
		if channel != nil && state != nil {
			last := &list[len(list)-1]
			last.Channels = append(last.Channels, hub.NoticeChannel{Channel: *channel, State: *state, Delivered: orZero(d)})
		}
		return nil
	})
	return list, err
}

// archivedRecipients are those whose notifications have moved into the ledger.
func (h *Hub) archivedRecipients(ctx context.Context, notice string) ([]hub.NoticeRecipient, error) {
	rows, _ := h.pool.Query(ctx, `
		select coalesce(a.login, ''), n.id, n.created_at, n.delivered_at, n.seen_at, n.cancelled_at, n.deliveries
		from ledger n
		left join account a on a.person = n.person
		where n.keys @> array[$1]`, notice)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (to hub.NoticeRecipient, err error) {
		var delivered, seen, closed *time.Time
		var deliveries []hub.LedgerDelivery
		err = row.Scan(&to.Account, &to.Notification, &to.Written, &delivered, &seen, &closed, &deliveries)
		to.Delivered, to.Seen, to.Closed = orZero(delivered), orZero(seen), orZero(closed)
		for _, d := range deliveries {
			to.Channels = append(to.Channels, hub.NoticeChannel{Channel: d.Channel, State: d.State, Delivered: d.Delivered})
		}
		return to, err
	})
}

// noticesOf gives the notices of notifications that are of one: an entry of the
// ledger is found by it.
func noticesOf(ctx context.Context, tx pgx.Tx, ids []string) (map[string][]string, error) {
	rows, _ := tx.Query(ctx, `select id, notice from notification where id = any($1) and notice is not null`, ids)
	notices := map[string][]string{}
	var id, notice string
	_, err := pgx.ForEachRow(rows, []any{&id, &notice}, func() error {
		notices[id] = []string{notice}
		return nil
	})
	return notices, err
}

// purgeNotices forgets notices that nothing is kept of any more, and with them
// their keys.
func (h *Hub) purgeNotices(ctx context.Context, last time.Time) error {
	for {
		tag, err := h.pool.Exec(ctx, `
			delete from notice
			where id in (
				select t.id
				from notice t
				where t.created_at < $1 and not exists (select from notification n where n.dedup = 'notice:' || t.id)
				limit $2)`, last, 10*moveAtOnce)
		if err != nil {
			return fmt.Errorf("pghub: purge of notices: %w", err)
		}
		if tag.RowsAffected() < 10*moveAtOnce {
			return nil
		}
	}
}
