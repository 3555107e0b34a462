package pghub

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"

	"qianhe/approval"
	"qianhe/hub"
)

// route plans the deliveries of notifications: policy and links are those of
// this moment. It may be called again with the same; what has been planned
// stays.
func (h *Hub) route(ctx context.Context, ids []string) error {
	now := h.now()
	policy, err := h.Policy(ctx)
	if err != nil {
		return err
	}
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		pending, err := unrouted(ctx, tx, ids)
		if err != nil || len(pending) == 0 {
			return err
		}
		links, err := h.routeLinks(ctx, tx, pending, now)
		if err != nil {
			return err
		}
		var plan []planned
		for _, n := range pending {
			if n.pointless {
				continue
			}
			for _, leg := range policy.Plan(n.Notification, hub.Recipient{Person: n.Person}, links[n.Person], h.workdays.Workday) {
				plan = append(plan, planned{h.newID(), n.ID, leg})
			}
		}
		if err := h.insertDeliveries(ctx, tx, plan, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update notification set routed_at = $2 where id = any($1) and routed_at is null`, ids, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("pghub: route: %w", err)
	}
	return nil
}

// toRoute is a notification without a plan.
type toRoute struct {
	hub.Notification
	pointless bool // seen or cancelled before it was planned
}

// unrouted locks those of ids that have no plan yet.
func unrouted(ctx context.Context, tx pgx.Tx, ids []string) ([]toRoute, error) {
	rows, _ := tx.Query(ctx, `
		select `+notificationColumns+`, n.seen_at is not null or n.cancelled_at is not null
		from notification n
		where n.id = any($1) and n.routed_at is null
		order by n.id
		for update`, ids)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (toRoute, error) {
		var (
			n   toRoute
			err error
		)
		n.Notification, err = scanNotification(row, &n.pointless)
		return n, err
	})
}

// selectRouteLinks and insertDelivery take single values and are sent many at
// a time; see insertNotification.
const selectRouteLinks = `
	select l.id, l.person, l.channel
	from channel_link l
	left join session s on s.id = l.session
	left join account a on a.person = l.person
	where l.person = @person and ` + linkInForce + `
	order by l.created_at, l.id`

const insertDelivery = `
	insert into delivery (id, notification, channel, link, state, priority, not_before, expires_at, ref, created_at)
	values (@id, @notification, @channel, @link, 'pending', @priority, @not_before, @expires, @ref, @now)
	on conflict (notification, link) do nothing`

// routeLinks gives what a plan needs of the links of people, through channels
// that this process has. It opens no address.
func (h *Hub) routeLinks(ctx context.Context, tx pgx.Tx, pending []toRoute, now time.Time) (map[approval.PersonID][]hub.Link, error) {
	links := map[approval.PersonID][]hub.Link{}
	b := &pgx.Batch{}
	for _, n := range pending {
		if _, asked := links[n.Person]; asked {
			continue
		}
		links[n.Person] = nil
		b.Queue(selectRouteLinks, pgx.NamedArgs{"person": n.Person, "now": now}).Query(func(rows pgx.Rows) error {
			var l hub.Link
			_, err := pgx.ForEachRow(rows, []any{&l.ID, &l.Person, &l.Channel}, func() error {
				if h.channels[l.Channel] != nil {
					links[l.Person] = append(links[l.Person], l)
				}
				return nil
			})
			return err
		})
	}
	return links, tx.SendBatch(ctx, b).Close()
}

// planned is a delivery to be.
type planned struct {
	id           string
	notification string
	leg          hub.Leg
}

// insertDeliveries writes the rows that are not there yet and adds their jobs,
// in the same transaction.
func (h *Hub) insertDeliveries(ctx context.Context, tx pgx.Tx, plan []planned, now time.Time) error {
	if len(plan) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	var jobs []river.InsertManyParams
	for _, p := range plan {
		b.Queue(insertDelivery, pgx.NamedArgs{
			"id": p.id, "notification": p.notification, "channel": p.leg.Channel, "link": p.leg.Link,
			"priority": p.leg.Priority, "not_before": p.leg.At, "expires": p.leg.Expires, "ref": hub.RefOf(p.id), "now": now,
		}).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() > 0 {
				jobs = append(jobs, deliverJob(p.id, p.leg.Channel, p.leg.At.Sub(now), false))
			}
			return nil
		})
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil || len(jobs) == 0 {
		return err
	}
	if _, err := h.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("add jobs: %w", err)
	}
	return nil
}
