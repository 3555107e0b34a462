package pghub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// What is over and done with moves out of the tables that work is done on, so
// that these stay small, and into the table ledger, which has a partition for
// each day: there it is kept as long as the policy says. Everything here may be
// run at any time, by several nodes, and be cut short anywhere: a batch moves
// as a whole or not at all, and what was moved is not there to be moved again.

const (
	// hotFor is how long everything stays in the working tables: callbacks of
	// providers, answers in a chat and pages that catch up look there.
	hotFor = 14 * 24 * time.Hour
	// moveAtOnce is how many notifications one transaction moves.
	moveAtOnce = 500
	// archiveTime is for how long one run moves; the next goes on.
	archiveTime = 40 * time.Second
	// tallyFor is how long the counts of minutes are kept.
	tallyFor = 25 * time.Hour
)

// retention says from when on notifications of a kind are moved, and from when
// on they are gone.
type retention struct {
	kinds []string
	move  []time.Time // what is older is moved
	keep  []time.Time // what is older is gone
	other retention1  // of kinds that nobody knows any more
	last  time.Time   // the earliest of keep
}

type retention1 struct{ move, keep time.Time }

func retentionOf(p hub.Policy, now time.Time) retention {
	of := func(days int) retention1 {
		keep := now.AddDate(0, 0, -max(days, 1))
		move := now.Add(-hotFor)
		if keep.After(move) {
			move = keep
		}
		return retention1{move: move, keep: keep}
	}
	r := retention{other: of(p.Keep)}
	r.last = r.other.keep
	for _, k := range append(hub.Kinds(), hub.KindRefresh) {
		days := p.Rule(k).Keep
		if days == 0 {
			days = p.Keep
		}
		one := of(days)
		r.kinds, r.move, r.keep = append(r.kinds, string(k)), append(r.move, one.move), append(r.keep, one.keep)
		if one.keep.Before(r.last) {
			r.last = one.keep
		}
	}
	return r
}

// archive moves what is old enough, and drops what was kept long enough.
func (h *Hub) archive(ctx context.Context, now time.Time) error {
	policy, err := h.Policy(ctx)
	if err != nil {
		return err
	}
	r := retentionOf(policy, now)
	err = errors.Join(h.dropDays(ctx, r.last), h.purge(ctx, r), h.purgeNotices(ctx, r.last), h.makeDays(ctx, ahead(now)))
	_, terr := h.pool.Exec(ctx, `delete from channel_tally where minute < $1`, now.Add(-tallyFor))
	return errors.Join(err, terr, h.moveAll(ctx, r))
}

// ahead are the days whose partitions will be wanted next.
func ahead(now time.Time) []time.Time {
	day := approval.Midnight(now.Add(-hotFor))
	return []time.Time{day.AddDate(0, 0, -1), day, day.AddDate(0, 0, 1), day.AddDate(0, 0, 2)}
}

// over are the conditions under which a notification n is over and done with:
// nothing of it is under way, it is no form that still waits, and nothing is to
// come about its document, whose reminders know by it what was told.
const over = `
	(n.routed_at is not null or n.seen_at is not null or n.cancelled_at is not null)
	and not (n.kind = 'form.pending' and n.cancelled_at is null)
	and not exists (select from delivery d where d.notification = n.id and d.done_at is null)
	and not exists (select from document c where c.id = n.document and c.state = 'circulating')`

// From where the last look ended: what stays is looked at once in a run.
const selectOver = `
	select n.id, n.created_at, n.created_at < coalesce(k.keep, @keep)
	from notification n
	left join unnest(@kinds::text[], @moves::timestamptz[], @keeps::timestamptz[]) k (kind, move, keep) on k.kind = n.kind
	where n.created_at < @latest and (n.created_at, n.id) > (@at, @after)
		and n.created_at < coalesce(k.move, @move)
		and ` + over + `
	order by n.created_at, n.id
	limit @limit`

// moveAll moves until nothing is left or the time is over.
func (h *Hub) moveAll(ctx context.Context, r retention) error {
	deadline := time.Now().Add(archiveTime)
	latest := r.other.move
	for _, at := range r.move {
		if at.After(latest) {
			latest = at
		}
	}
	args := pgx.NamedArgs{
		"kinds": r.kinds, "moves": r.move, "keeps": r.keep, "move": r.other.move, "keep": r.other.keep,
		"latest": latest, "at": time.Unix(0, 0), "after": "", "limit": moveAtOnce,
	}
	for time.Now().Before(deadline) {
		var (
			ids, gone []string
			days      []time.Time
			id        string
			at        time.Time
			old       bool
		)
		rows, _ := h.pool.Query(ctx, selectOver, args)
		_, err := pgx.ForEachRow(rows, []any{&id, &at, &old}, func() error {
			args["at"], args["after"] = at, id
			if ids = append(ids, id); old {
				gone = append(gone, id)
			} else if day := approval.Midnight(at); !slices.Contains(days, day) {
				days = append(days, day)
			}
			return nil
		})
		if err == nil {
			err = h.makeDays(ctx, days)
		}
		if err == nil && len(ids) > 0 {
			err = h.move(ctx, ids, gone)
		}
		if err != nil {
			return fmt.Errorf("pghub: archive: %w", err)
		}
		if len(ids) < moveAtOnce {
			return nil
		}
	}
	return nil
}

const insertArchived = `
	insert into ledger (id, person, seq, kind, document, step, about, speed, grade, due, created_at, delivered_at, seen_at, seen_via,
		cancelled_at, cancel_reason, deliveries, keys, marks, alert)
	values (@id, @person, @seq, @kind, @document, @step, @about, @speed, @grade, @due, @at, @delivered, @seen, @via,
		@cancelled, @reason, @deliveries, @keys, @marks, @alert)
	on conflict (created_at, id) do nothing`

// move moves notifications, but for those that are gone: these are deleted.
// What is not over any more, or in somebody else's hands, is left.
func (h *Hub) move(ctx context.Context, ids, gone []string) error {
	return h.inTx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			select n.id
			from notification n
			where n.id = any($1) and `+over+`
			order by n.id
			for update skip locked`, ids)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(ids) == 0 {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(gone, id) })
		list, err := h.readHot(ctx, tx, `n.id = any(@ids)`, pgx.NamedArgs{"ids": kept, "limit": len(kept)})
		if err != nil {
			return err
		}
		notices, err := noticesOf(ctx, tx, kept)
		if err != nil {
			return err
		}
		b := &pgx.Batch{}
		for _, e := range list {
			if err := queueArchived(b, e, notices[e.ID]...); err != nil {
				return err
			}
		}
		b.Queue(`delete from attempt where delivery in (select id from delivery where notification = any($1))`, ids)
		b.Queue(`delete from delivery where notification = any($1)`, ids)
		b.Queue(`delete from notification where id = any($1)`, ids)
		return tx.SendBatch(ctx, b).Close()
	})
}

// queueArchived adds an entry that is found by its own names and by these.
func queueArchived(b *pgx.Batch, e hub.LedgerEntry, names ...string) error {
	deliveries := e.Deliveries
	if deliveries == nil {
		deliveries = []hub.LedgerDelivery{}
	}
	text, err := json.Marshal(deliveries)
	if err != nil {
		return fmt.Errorf("entry %s: %w", e.ID, err)
	}
	keys, marks := append([]string{e.ID}, names...), []string{}
	for _, d := range e.Deliveries {
		for _, key := range []string{d.ID, d.ProviderID, d.Ref} {
			if key != "" {
				keys = append(keys, key)
			}
		}
		marks = append(marks, string(d.Channel), string(d.State), string(d.Channel)+" "+string(d.State))
	}
	slices.Sort(marks)
	b.Queue(insertArchived, pgx.NamedArgs{
		"id": e.ID, "person": e.Person, "seq": e.Seq, "kind": e.Kind, "document": string(e.Document), "step": string(e.Step), "about": string(e.About),
		"speed": string(e.Speed), "grade": string(e.Grade), "due": orNullTime(e.Due), "at": e.At, "delivered": orNullTime(e.Delivered),
		"seen": orNullTime(e.Notification.Seen), "via": e.SeenVia, "cancelled": orNullTime(e.Cancelled), "reason": e.Reason,
		"deliveries": text, "keys": keys, "marks": slices.Compact(marks), "alert": alertOrNull(e.Alert),
	})
	return nil
}

// purge deletes what is kept for less long than its partition.
func (h *Hub) purge(ctx context.Context, r retention) error {
	for i, kind := range r.kinds {
		if !r.keep[i].After(r.last) {
			continue
		}
		for {
			tag, err := h.pool.Exec(ctx, `
				delete from ledger
				where (created_at, id) in (select created_at, id from ledger where kind = $1 and created_at < $2 limit $3)
					and created_at < $2`, kind, r.keep[i], 10*moveAtOnce)
			if err != nil {
				return fmt.Errorf("pghub: purge of %s: %w", kind, err)
			}
			if tag.RowsAffected() == 0 {
				break
			}
		}
	}
	return nil
}

const (
	partitionPrefix = "ledger_"
	partitionDay    = "20060102"
	// Two nodes make and drop partitions one after the other, and nobody waits
	// long for somebody who reads: the next run tries again.
	ledgerLock = `select pg_advisory_xact_lock(hashtextextended('qianhe ledger', 0)), set_config('lock_timeout', '5s', true)`
)

// makeDays makes the partitions of days that have none.
func (h *Hub) makeDays(ctx context.Context, days []time.Time) error {
	have, err := h.days(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		if slices.ContainsFunc(have, day.Equal) {
			continue
		}
		name := pgx.Identifier{partitionPrefix + day.Format(partitionDay)}.Sanitize()
		from, to := day.UTC().Format(time.RFC3339), day.AddDate(0, 0, 1).UTC().Format(time.RFC3339)
		err := h.inTx(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, ledgerLock); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, fmt.Sprintf(`create table if not exists %s partition of ledger for values from ('%s') to ('%s')`, name, from, to))
			return err
		})
		if err != nil {
			return fmt.Errorf("pghub: partition of the ledger: %w", err)
		}
	}
	return nil
}

// dropDays drops the partitions that have nothing younger than last.
func (h *Hub) dropDays(ctx context.Context, last time.Time) error {
	have, err := h.days(ctx)
	if err != nil {
		return err
	}
	for _, day := range have {
		if day.AddDate(0, 0, 1).After(last) {
			continue
		}
		err := h.inTx(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, ledgerLock); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `drop table if exists `+pgx.Identifier{partitionPrefix + day.Format(partitionDay)}.Sanitize())
			return err
		})
		if err != nil {
			return fmt.Errorf("pghub: drop partition of the ledger: %w", err)
		}
		h.log.InfoContext(ctx, "a day of the ledger was kept long enough and is gone", "day", day.Format(time.DateOnly))
	}
	return nil
}

// days gives the days that have a partition.
func (h *Hub) days(ctx context.Context) ([]time.Time, error) {
	rows, _ := h.pool.Query(ctx, `
		select c.relname::text
		from pg_inherits i
		join pg_class c on c.oid = i.inhrelid
		where i.inhparent = 'ledger'::regclass
		order by 1`)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("pghub: partitions of the ledger: %w", err)
	}
	var days []time.Time
	for _, name := range names {
		day, err := time.ParseInLocation(partitionDay, strings.TrimPrefix(name, partitionPrefix), approval.Zone)
		if err == nil {
			days = append(days, day)
		}
	}
	return days, nil
}
