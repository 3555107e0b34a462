package pghub

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/approval"
	"qianhe/hub"
)

// route plans the deliveries of notifications: policy and links are those of
// this moment. It may be called again with the same; what has been planned
// stays.
func (h *Hub) route(ctx context.Context, ids []string) error {
	now := h.now()
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		pending, err := unrouted(ctx, tx, ids)
		if err != nil || len(pending) == 0 {
			return err
		}
		var people []approval.PersonID
		for _, n := range pending {
			people = append(people, n.Person)
		}
		links, err := h.routeLinks(ctx, tx, people, now)
		if err != nil {
			return err
		}
		var plan deliveryPlan
		for _, n := range pending {
			if n.pointless {
				continue
			}
			for _, leg := range h.policy.Plan(n.Kind, n.Speed, links[n.Person]) {
				plan.add(h.newID(), n.ID, leg, n.At.Add(leg.After))
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

// routeLinks gives what a plan needs of the links of people, through channels
// that this process has. It opens no address.
func (h *Hub) routeLinks(ctx context.Context, tx pgx.Tx, people []approval.PersonID, now time.Time) (map[approval.PersonID][]hub.Link, error) {
	names := make([]string, 0, len(h.channels))
	for name := range h.channels {
		names = append(names, string(name))
	}
	rows, _ := tx.Query(ctx, `
		select l.id, l.person, l.channel
		from channel_link l
		left join session s on s.id = l.session
		left join account a on a.person = l.person
		where l.person = any(@people) and l.channel = any(@channels) and `+linkInForce+`
		order by l.created_at, l.id`,
		pgx.NamedArgs{"people": people, "channels": names, "now": now})
	links := map[approval.PersonID][]hub.Link{}
	var l hub.Link
	_, err := pgx.ForEachRow(rows, []any{&l.ID, &l.Person, &l.Channel}, func() error {
		links[l.Person] = append(links[l.Person], l)
		return nil
	})
	return links, err
}

// deliveryPlan is what insertDeliveries takes, by column.
type deliveryPlan struct {
	ids, notifications, channels, links []string
	notBefore                           []time.Time
}

func (p *deliveryPlan) add(id, notification string, leg hub.Leg, notBefore time.Time) {
	p.ids = append(p.ids, id)
	p.notifications = append(p.notifications, notification)
	p.channels = append(p.channels, string(leg.Channel))
	p.links = append(p.links, leg.Link)
	p.notBefore = append(p.notBefore, notBefore)
}

// insertDeliveries writes the rows and adds their jobs, in the same
// transaction.
func (h *Hub) insertDeliveries(ctx context.Context, tx pgx.Tx, p deliveryPlan, now time.Time) error {
	if len(p.ids) == 0 {
		return nil
	}
	rows, _ := tx.Query(ctx, `
		insert into delivery (id, notification, channel, link, state, not_before, created_at)
		select id, notification, channel, link, 'pending', not_before, $6
		from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
			as p (id, notification, channel, link, not_before)
		on conflict (notification, link) do nothing
		returning id, channel, not_before`, p.ids, p.notifications, p.channels, p.links, p.notBefore, now)
	var (
		jobs []river.InsertManyParams
		id   string
		name hub.ChannelName
		at   time.Time
	)
	_, err := pgx.ForEachRow(rows, []any{&id, &name, &at}, func() error {
		jobs = append(jobs, deliverJob(id, name, at.Sub(now), false))
		return nil
	})
	if err != nil || len(jobs) == 0 {
		return err
	}
	if _, err := h.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("add jobs: %w", err)
	}
	return nil
}
