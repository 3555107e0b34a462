package pghub

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
)

// bulkAtOnce is how many people one transaction tells the same. Their inboxes
// are locked until it commits, so that it must not take long.
const bulkAtOnce = 500

// insertBulk begins after the inboxes are locked, so it sees whatever another
// transaction has written under the same key. There is nothing to plan for
// somebody whom no channel reaches. Each person is looked up by themselves
// (offset 0): joined, everybody who has had the digest would be compared with
// everybody who has not.
const insertBulk = `
	with fresh as (
		select p.person, p.id, exists (select from channel_link l where l.person = p.person and l.disabled_at is null offset 0) as reached
		from unnest(@people::text[], @ids::text[]) as p (person, id)
		where not exists (select from notification n where n.person = p.person and n.dedup = @dedup offset 0)
	), moved as (
		update inbox i
		set seq = i.seq + 1
		from fresh f
		where i.person = f.person
		returning f.id, f.reached, i.person, i.seq
	)
	insert into notification (id, person, seq, kind, dedup, created_at, routed_at)
	select id, person, seq, @kind, @dedup, @at, case when not reached then @at::timestamptz end
	from moved
	returning id, routed_at is null`

// writeBulk is [Hub.write] for one and the same item for many people, of whom
// it.person is left empty. It costs a few round trips however many they are.
func (h *Hub) writeBulk(ctx context.Context, tx pgx.Tx, people []approval.PersonID, it item) (written, error) {
	var done written
	people = slices.Clone(people)
	slices.Sort(people)
	people = slices.Compact(people)
	ids, epochs := make([]string, len(people)), make([]string, len(people))
	for i := range people {
		ids[i], epochs[i] = h.newID(), h.newID()
	}
	var plan toPlan
	b := &pgx.Batch{}
	b.Queue(byIndex)
	b.Queue(moveInboxes, people, epochs).Query(func(rows pgx.Rows) error {
		var err error
		done.changes, err = pgx.CollectRows(rows, scanChange)
		return err
	})
	b.Queue(insertBulk, pgx.NamedArgs{
		"people": people, "ids": ids, "kind": it.kind, "dedup": it.dedup, "at": it.at,
	}).Query(func(rows pgx.Rows) error {
		var (
			id      string
			reached bool
		)
		_, err := pgx.ForEachRow(rows, []any{&id, &reached}, func() error {
			done.kinds = append(done.kinds, it.kind)
			if reached {
				plan.add(laneOf(it.kind, it.speed), id)
			}
			return nil
		})
		return err
	})
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

// tellBulk commits it for people, some hundred at a time, and gives for how
// many there was none yet.
func (h *Hub) tellBulk(ctx context.Context, people []approval.PersonID, it item) (n int, err error) {
	for part := range slices.Chunk(people, bulkAtOnce) {
		var done written
		err := h.inTx(ctx, func(tx pgx.Tx) error {
			done, err = h.writeBulk(ctx, tx, part, it)
			return err
		})
		if err != nil {
			return n, fmt.Errorf("tell many: %w", err)
		}
		h.told(done)
		n += len(done.kinds)
	}
	return n, nil
}
