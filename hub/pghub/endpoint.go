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

// secretsOverlap is for how long events are signed with the secret before, too.
const secretsOverlap = 24 * time.Hour

func secretContext(id string) string { return "webhook_endpoint.secret " + id }

// AddEndpoint adds an endpoint with its first secret and gives its identifier.
// What must not be called is an [*approval.InvalidError].
func (h *Hub) AddEndpoint(ctx context.Context, e hub.Endpoint) (string, error) {
	if err := hub.CheckEndpoint(e); err != nil {
		return "", err
	}
	if len(e.Secrets) != 1 {
		return "", &approval.InvalidError{Field: "secret", Reason: "webhook.secret"}
	}
	id := h.newID()
	_, err := h.pool.Exec(ctx, `
		insert into webhook_endpoint (id, url, events, private, secret, created_at)
		values ($1, $2, $3, $4, $5, $6)`, id, e.URL, e.Events, e.Private, h.sealer.Seal([]byte(e.Secrets[0]), secretContext(id)), h.now())
	return id, translate("pghub: add endpoint", err)
}

// RotateSecret gives an endpoint a new secret; for a day its events carry the
// signature of the old one, too. Returns [approval.ErrNotFound] for one that
// there is not, or is closed.
func (h *Hub) RotateSecret(ctx context.Context, id, secret string) error {
	now := h.now()
	tag, err := h.pool.Exec(ctx, `
		update webhook_endpoint
		set old_secret = secret, old_until = $3, secret = $2
		where id = $1 and disabled_at is null`, id, h.sealer.Seal([]byte(secret), secretContext(id)), now.Add(secretsOverlap))
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return translate("pghub: rotate secret", err)
}

// CloseEndpoint ends an endpoint: what waits for it is given up. Returns
// [approval.ErrNotFound] for one that there is not, or is closed.
func (h *Hub) CloseEndpoint(ctx context.Context, id, reason string) error {
	return translate("pghub: close endpoint", h.inTx(ctx, func(tx pgx.Tx) error {
		var open bool
		err := tx.QueryRow(ctx, `select disabled_at is null from webhook_endpoint where id = $1 for update`, id).Scan(&open)
		if err == nil && !open {
			err = pgx.ErrNoRows
		}
		if err != nil {
			return err
		}
		return closeEndpoint(ctx, tx, id, reason, h.now())
	}))
}

func closeEndpoint(ctx context.Context, tx pgx.Tx, id, reason string, now time.Time) error {
	b := &pgx.Batch{}
	b.Queue(`
		update webhook_endpoint
		set disabled_at = $2, reason = $3
		where id = $1 and disabled_at is null`, id, now, hub.Clip(reason, 512))
	b.Queue(`
		update webhook_delivery
		set state = 'failed', error = 'the endpoint is closed', done_at = $2
		where endpoint = $1 and state = 'pending'`, id, now)
	return tx.SendBatch(ctx, b).Close()
}

// endpoint reads one with the secrets that are in force.
func (h *Hub) endpoint(ctx context.Context, id string, now time.Time) (hub.Endpoint, error) {
	e := hub.Endpoint{ID: id}
	var (
		sealed, old     []byte
		until, disabled *time.Time
	)
	err := h.pool.QueryRow(ctx, `
		select url, events, private, secret, old_secret, old_until, created_at, disabled_at, reason
		from webhook_endpoint
		where id = $1`, id).Scan(&e.URL, &e.Events, &e.Private, &sealed, &old, &until, &e.Created, &disabled, &e.Reason)
	if err != nil {
		return e, err
	}
	e.Disabled = orZero(disabled)
	secrets := [][]byte{sealed}
	if until != nil && until.After(now) {
		secrets = append(secrets, old)
	}
	for _, s := range secrets {
		plain, err := h.sealer.Open(s, secretContext(id))
		if err != nil {
			return e, fmt.Errorf("secret of endpoint %s: %w", id, err)
		}
		e.Secrets = append(e.Secrets, string(plain))
	}
	return e, nil
}

// Endpoint gives one with its secrets, for a test from the command line.
// Returns [approval.ErrNotFound] for one that there is not.
func (h *Hub) Endpoint(ctx context.Context, id string) (hub.Endpoint, error) {
	e, err := h.endpoint(ctx, id, h.now())
	return e, translate("pghub: endpoint", err)
}

// Endpoints gives all that there are, those in use first, the newest first, and
// how they do.
func (h *Hub) Endpoints(ctx context.Context) ([]hub.EndpointStatus, error) {
	rows, _ := h.pool.Query(ctx, `
		select p.id, p.url, p.events, p.private, p.created_at, p.disabled_at, p.reason, d.waiting, d.failed, d.delivered
		from webhook_endpoint p
		cross join lateral (
			select count(*) filter (where state = 'pending') as waiting, count(*) filter (where state = 'failed') as failed,
				max(done_at) filter (where state = 'delivered') as delivered
			from webhook_delivery
			where endpoint = p.id
		) d
		order by p.disabled_at is not null, p.created_at desc, p.id`)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e hub.EndpointStatus, err error) {
		var disabled, delivered *time.Time
		err = row.Scan(&e.ID, &e.URL, &e.Events, &e.Private, &e.Created, &disabled, &e.Reason, &e.Waiting, &e.Failed, &delivered)
		e.Disabled, e.Delivered = orZero(disabled), orZero(delivered)
		return e, err
	})
	return list, translate("pghub: endpoints", err)
}

// WebhookDeliveries gives the latest of an endpoint, in one state or in any
// ("").
func (h *Hub) WebhookDeliveries(ctx context.Context, endpoint string, state hub.WebhookState, limit int) ([]hub.WebhookDelivery, error) {
	rows, _ := h.pool.Query(ctx, `
		select `+webhookColumns+`
		from webhook_delivery d
		join webhook_event e on e.id = d.event
		where d.endpoint = $1 and ($2 = '' or d.state = $2)
		order by d.created_at desc, d.event
		limit $3`, endpoint, string(state), limit)
	list, err := pgx.CollectRows(rows, scanWebhook)
	return list, translate("pghub: webhooks", err)
}

// replayAtOnce is how many events one replay sends again.
const replayAtOnce = 10_000

// ReplayEvent has one event sent again, whatever became of it, and records who
// wanted it. Returns [approval.ErrNotFound] for a delivery that there is not and
// [hub.ErrEndpointClosed] where nothing can be sent.
func (h *Hub) ReplayEvent(ctx context.Context, by approval.Actor, endpoint, event string) error {
	n, err := h.replay(ctx, by, endpoint, &event, nil)
	if err == nil && n == 0 {
		err = fmt.Errorf("pghub: replay: %w", approval.ErrNotFound)
	}
	return err
}

// ReplayFailed has everything sent again that was given up and had begun since
// then, the oldest first, and says how much that is.
func (h *Hub) ReplayFailed(ctx context.Context, by approval.Actor, endpoint string, since time.Time) (n int, err error) {
	return h.replay(ctx, by, endpoint, nil, &since)
}

func (h *Hub) replay(ctx context.Context, by approval.Actor, endpoint string, event *string, since *time.Time) (n int, err error) {
	now := h.now()
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		var closed bool
		err := tx.QueryRow(ctx, `select disabled_at is not null from webhook_endpoint where id = $1 for share`, endpoint).Scan(&closed)
		switch {
		case err != nil:
			return err
		case closed:
			return hub.ErrEndpointClosed
		}
		rows, _ := tx.Query(ctx, `
			with again as (
				select event
				from webhook_delivery
				where endpoint = @endpoint
					and (event = @event or @event::text is null and state = 'failed' and created_at >= @since)
				order by created_at
				limit @limit
				for update
			)
			update webhook_delivery d
			set state = 'pending', attempts = 0, next_at = @now, done_at = null
			from again
			where d.endpoint = @endpoint and d.event = again.event
			returning d.event`,
			pgx.NamedArgs{"endpoint": endpoint, "event": event, "since": since, "limit": replayAtOnce, "now": now})
		events, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(events) == 0 {
			return err
		}
		n = len(events)
		var jobs []river.InsertManyParams
		for _, id := range events {
			jobs = append(jobs, river.InsertManyParams{Args: webhookArgs{Event: id, Endpoint: endpoint, Replay: now.UnixNano()}})
		}
		if _, err := h.jobs.InsertManyTx(ctx, tx, jobs); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into webhook_replay (endpoint, event, since, count, person, session, address, at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`, endpoint, event, since, n, by.Person, by.Session, by.Address, now)
		return err
	})
	return n, translate("pghub: replay", err)
}
