package pghub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"qianhe/hub"
)

// Events for the agency's own systems are rows, written by triggers with what
// they tell of. A dispatcher on each node gives them to the endpoints that ask
// for them; a job each brings them there, and the row of the delivery says where
// that stands.

const (
	queueWebhook = "webhook"
	// dispatchEvery is how long an event may lie before it is given to anybody.
	dispatchEvery  = time.Second
	dispatchAtOnce = 500
	// webhookTime is what one attempt may take, all told; after that it may be
	// taken up by somebody else.
	webhookTime = 45 * time.Second
	// eventsKept is how long events can be looked at and sent again.
	eventsKept = 30 * 24 * time.Hour
)

// webhookArgs: bring one event to one endpoint. Replay marks the job of an
// event that is sent again.
type webhookArgs struct {
	Event    string `json:"event"`
	Endpoint string `json:"endpoint"`
	Replay   int64  `json:"replay,omitempty"`
}

func (webhookArgs) Kind() string { return "webhook" }

func (webhookArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueWebhook, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
}

type webhookWorker struct {
	river.WorkerDefaults[webhookArgs]
	hub *Hub
}

func (w *webhookWorker) Work(ctx context.Context, job *river.Job[webhookArgs]) error {
	again, err := w.hub.deliverEvent(ctx, job.Args.Event, job.Args.Endpoint)
	if err != nil {
		return err
	}
	if again > 0 {
		return river.JobSnooze(again)
	}
	return nil
}

func (w *webhookWorker) Timeout(*river.Job[webhookArgs]) time.Duration {
	return webhookTime + 10*time.Second
}

// dispatcher looks for events from start to stop.
type dispatcher struct {
	mu      sync.Mutex
	cancel  context.CancelFunc // nil while it does not run
	stopped chan struct{}
}

func (d *dispatcher) start(ctx context.Context, run func(context.Context)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	d.cancel, d.stopped = cancel, stopped
	go func() {
		defer close(stopped)
		run(ctx)
	}()
}

// stop waits for the end of what it does.
func (d *dispatcher) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel()
		<-d.stopped
		d.cancel = nil
	}
}

// dispatchEvents gives events to endpoints until ctx ends.
func (h *Hub) dispatchEvents(ctx context.Context) {
	for {
		n, err := h.dispatch(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.log.WarnContext(ctx, "webhooks: events were not dispatched, trying again", "err", err)
		case n == dispatchAtOnce:
			continue
		}
		if !pause(ctx, dispatchEvery) {
			return
		}
	}
}

// dispatch gives events that nobody has yet to the endpoints of now, with a job
// each, and says how many there were.
func (h *Hub) dispatch(ctx context.Context) (n int, err error) {
	now := h.now()
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			select id
			from webhook_event
			where dispatched_at is null
			order by created_at
			limit $1
			for update skip locked`, dispatchAtOnce)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		rows, _ = tx.Query(ctx, `
			with done as (
				update webhook_event
				set dispatched_at = $2
				where id = any($1)
			)
			insert into webhook_delivery (event, endpoint, next_at, created_at)
			select e.id, p.id, $2, $2
			from webhook_event e
			join webhook_endpoint p on e.type = any(p.events)
			where e.id = any($1) and p.disabled_at is null
			on conflict do nothing
			returning event, endpoint`, ids, now)
		var args webhookArgs
		var jobs []river.InsertManyParams
		_, err = pgx.ForEachRow(rows, []any{&args.Event, &args.Endpoint}, func() error {
			jobs = append(jobs, river.InsertManyParams{Args: args})
			return nil
		})
		if err != nil || len(jobs) == 0 {
			return err
		}
		_, err = h.jobs.InsertManyTx(ctx, tx, jobs)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("pghub: dispatch events: %w", err)
	}
	return n, nil
}

// deliverEvent makes the next attempt at a delivery if it is due, and says after
// how long to come again, 0 for never. It may be called at any time, any number
// of times and in several processes at once.
func (h *Hub) deliverEvent(ctx context.Context, event, endpoint string) (again time.Duration, err error) {
	if h.webhooks == nil {
		return time.Minute, nil // another process may have them
	}
	now := h.now()
	d, next, err := h.webhookDelivery(ctx, event, endpoint)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("pghub: webhook: %w", err)
	case d.State != hub.WebhookPending:
		return 0, nil
	case next.After(now):
		return next.Sub(now), nil
	}
	e, err := h.endpoint(ctx, endpoint, now)
	if err != nil {
		return 0, fmt.Errorf("pghub: webhook: %w", err)
	}
	tag, err := h.pool.Exec(ctx, `
		update webhook_delivery
		set attempts = attempts + 1, next_at = $4
		where event = $1 and endpoint = $2 and state = 'pending' and attempts = $3 and next_at <= $5`,
		event, endpoint, d.Attempts, now.Add(webhookTime), now)
	if err != nil {
		return 0, fmt.Errorf("pghub: webhook: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return time.Second, nil // somebody else is at it
	}
	d.Attempts++
	if !e.Disabled.IsZero() {
		return 0, h.recordEvent(ctx, d, 0, &hub.Permanent{Reason: "the endpoint is closed"}, false)
	}
	status, sendErr := h.webhooks.SendEvent(ctx, e, d.Event)
	_, gone := errors.AsType[*hub.Permanent](sendErr)
	return 0, h.recordEvent(ctx, d, status, sendErr, gone)
}

// recordEvent writes what became of an attempt and adds what follows. It does
// so even when ctx has ended: the call was made.
func (h *Hub) recordEvent(ctx context.Context, d hub.WebhookDelivery, status int, sendErr error, gone bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	now := h.now()
	state, reason := hub.WebhookDelivered, ""
	var wait time.Duration
	if sendErr != nil {
		state, reason = hub.WebhookFailed, "it was not sent"
		permanent, _ := errors.AsType[*hub.Permanent](sendErr)
		retry, _ := errors.AsType[*hub.Retry](sendErr)
		switch {
		case permanent != nil:
			reason = permanent.Reason
		case retry != nil:
			reason = retry.Reason
		}
		if again, more := hub.WebhookWait(d.Attempts); permanent == nil && more {
			state, wait = hub.WebhookPending, again+time.Duration(h.jitter()*float64(again)/10)
			if retry != nil {
				wait = max(wait, retry.After)
			}
		}
	}
	err := h.inTx(ctx, func(tx pgx.Tx) error {
		if gone { // the endpoint is locked before its deliveries, by everybody
			if _, err := tx.Exec(ctx, `select from webhook_endpoint where id = $1 for update`, d.Endpoint); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, `
			update webhook_delivery
			set state = @state, status = @status, error = @error, next_at = @next,
				done_at = case when @state = 'pending' then null else @now::timestamptz end
			where event = @event and endpoint = @endpoint and state = 'pending' and attempts = @attempts`,
			pgx.NamedArgs{
				"event": d.Event.ID, "endpoint": d.Endpoint, "attempts": d.Attempts, "state": string(state), "status": status,
				"error": hub.Clip(reason, 512), "next": now.Add(wait), "now": now,
			})
		if err != nil || tag.RowsAffected() == 0 {
			return err // somebody else has taken it over
		}
		if gone {
			if err := closeEndpoint(ctx, tx, d.Endpoint, reason, now); err != nil {
				return err
			}
		}
		if state != hub.WebhookPending {
			return nil
		}
		// A job of its own for each attempt: what it was is over.
		opts := &river.InsertOpts{Queue: queueWebhook, ScheduledAt: time.Now().Add(wait)}
		_, err = h.jobs.InsertManyTx(ctx, tx, []river.InsertManyParams{{
			Args: webhookArgs{Event: d.Event.ID, Endpoint: d.Endpoint, Replay: now.UnixNano()}, InsertOpts: opts,
		}})
		return err
	})
	if err != nil {
		return fmt.Errorf("pghub: record webhook: %w", err)
	}
	h.metrics.webhooks.WithLabelValues(string(state)).Inc()
	if sendErr != nil {
		h.log.WarnContext(ctx, "webhook was not taken", "endpoint", d.Endpoint, "event", d.Event.ID, "type", d.Event.Type,
			"attempt", d.Attempts, "status", status, "reason", reason, "state", state)
	}
	return nil
}

const webhookColumns = `d.event, e.type, e.created_at, e.data, d.endpoint, d.state, d.attempts, d.status, d.error, d.next_at, d.done_at`

func scanWebhook(row pgx.CollectableRow) (d hub.WebhookDelivery, err error) {
	var done *time.Time
	err = row.Scan(&d.Event.ID, &d.Event.Type, &d.Event.At, &d.Event.Data, &d.Endpoint, &d.State, &d.Attempts, &d.Status, &d.Error, &d.Next, &done)
	d.Done = orZero(done)
	if d.State != hub.WebhookPending {
		d.Next = time.Time{}
	}
	return d, err
}

func (h *Hub) webhookDelivery(ctx context.Context, event, endpoint string) (hub.WebhookDelivery, time.Time, error) {
	rows, _ := h.pool.Query(ctx, `
		select `+webhookColumns+`
		from webhook_delivery d
		join webhook_event e on e.id = d.event
		where d.event = $1 and d.endpoint = $2`, event, endpoint)
	d, err := pgx.CollectExactlyOneRow(rows, scanWebhook)
	return d, d.Next, err
}

// sweepWebhooks adds the job of what should have been tried and has none, and
// drops what was kept long enough.
func (h *Hub) sweepWebhooks(ctx context.Context, now time.Time) error {
	rows, _ := h.pool.Query(ctx, `
		select event, endpoint
		from webhook_delivery
		where state = 'pending' and next_at < $1
		order by next_at
		limit $2`, now.Add(-2*time.Minute), sweepAtOnce)
	var args webhookArgs
	var jobs []river.InsertManyParams
	_, err := pgx.ForEachRow(rows, []any{&args.Event, &args.Endpoint}, func() error {
		jobs = append(jobs, river.InsertManyParams{Args: args})
		return nil
	})
	if err == nil && len(jobs) > 0 {
		_, err = h.jobs.InsertMany(ctx, jobs)
	}
	if err == nil {
		_, err = h.pool.Exec(ctx, `
			delete from webhook_event
			where id in (
				select e.id
				from webhook_event e
				where e.created_at < $1 and e.dispatched_at is not null
					and not exists (select from webhook_delivery d where d.event = e.id and d.state = 'pending')
				limit $2)`, now.Add(-eventsKept), sweepAtOnce)
	}
	if err != nil {
		return fmt.Errorf("pghub: sweep webhooks: %w", err)
	}
	return nil
}
