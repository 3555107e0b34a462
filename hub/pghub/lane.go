package pghub

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/approval"
	"qianhe/hub"
)

// lane says how much of a hurry there is to plan a notification. What somebody
// has just done, and 最速件, never waits behind what many are told at once: that
// has a queue of its own, with few workers.
type lane int

const (
	laneNow  lane = iota
	laneSoon      // notices of other systems, which come in crowds
	laneBulk      // digests, announcements
	lanes
)

func laneOf(k hub.Kind, s approval.Speed) lane {
	switch {
	case k.Bulk():
		return laneBulk
	case k == hub.KindForm && s != approval.SpeedHighest:
		return laneSoon
	}
	return laneNow
}

// toPlan are notifications by lane.
type toPlan [lanes][]string

func (p *toPlan) add(l lane, ids ...string) { p[l] = append(p[l], ids...) }

// addRoutes adds the jobs that plan notifications.
func (h *Hub) addRoutes(ctx context.Context, tx pgx.Tx, p toPlan) error {
	var jobs []river.InsertManyParams
	for l, ids := range p {
		opts := &river.InsertOpts{Queue: queueRoute}
		if l := lane(l); l != laneNow {
			opts.Queue, opts.Priority = queueBulk, 1+int(l) // 1 is first, 4 is last
		}
		for part := range slices.Chunk(ids, routeAtOnce) {
			jobs = append(jobs, river.InsertManyParams{Args: routeArgs{Notifications: part}, InsertOpts: opts})
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	if _, err := h.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("add jobs: %w", err)
	}
	return nil
}

// addRoute adds the jobs of notifications that are to be planned now.
func (h *Hub) addRoute(ctx context.Context, tx pgx.Tx, ids []string) error {
	return h.addRoutes(ctx, tx, toPlan{laneNow: ids})
}
