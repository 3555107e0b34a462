package pghub

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// An alert is a notification like others: numbered in its person's inbox, planned
// by policy, and on record. What is secret in it stands sealed beside it, is
// opened for a text message and for nothing else, and is forgotten when it is
// worth nothing any more: no page, no entry of the ledger and no other channel
// ever has it. Sent again, the message says the same.

// secretFor is how long a secret is kept at most.
const secretFor = 24 * time.Hour

// NotifyTx writes what people are to be told that comes from no document, inside
// the transaction that causes it. after is to be called once when that has been
// committed; it does not block. What was told before, under the same key, is not
// told again. Returns an [*approval.InvalidError] for an alert that is none.
func (h *Hub) NotifyTx(ctx context.Context, tx pgx.Tx, alerts []approval.Alert) (after func(), err error) {
	if len(alerts) == 0 {
		return func() {}, nil
	}
	var w writing
	for _, a := range alerts {
		if err := a.Check(); err != nil {
			return nil, fmt.Errorf("pghub: notify: %w", err)
		}
		kind := hub.Kind(a.Kind)
		if !slices.Contains(hub.Kinds(), kind) {
			return nil, fmt.Errorf("pghub: notify: %w", &approval.InvalidError{Field: "kind", Reason: "alert.invalid"})
		}
		told := hub.AlertOf(a)
		it := item{person: a.Person, kind: kind, dedup: alertDedup(a.Kind, a.Key), at: a.At, alert: &told}
		if secret := (hub.Secret{Code: a.Code, Link: a.Link, Deny: a.Deny}); secret != (hub.Secret{}) {
			it.secret, it.secretEnds = &secret, earlier(a.Until, a.At.Add(secretFor))
		}
		w.people = append(w.people, a.Person)
		w.items = append(w.items, it)
	}
	done, err := h.write(ctx, tx, w)
	if err != nil {
		return nil, fmt.Errorf("pghub: notify: %w", err)
	}
	return func() { h.told(done) }, nil
}

func alertDedup(kind approval.AlertKind, key string) string { return string(kind) + ":" + key }

const insertAlert = `
	with moved as (
		update inbox
		set seq = seq + 1
		where person = @person
			and not exists (select from notification where person = @person and dedup = @dedup)
		returning seq
	)
	insert into notification (id, person, seq, kind, dedup, created_at, alert, secret, secret_ends)
	select @id, @person, seq, @kind, @dedup, @at, @alert, @secret, @ends
	from moved
	returning id`

func (h *Hub) queueAlert(b *pgx.Batch, it item) *pgx.QueuedQuery {
	id := h.newID()
	var sealed []byte
	if it.secret != nil {
		text, _ := json.Marshal(it.secret) // of three strings
		sealed = h.sealer.Seal(text, alertContext(id))
	}
	return b.Queue(insertAlert, pgx.NamedArgs{
		"id": id, "person": it.person, "kind": it.kind, "dedup": it.dedup, "at": it.at,
		"alert": it.alert, "secret": sealed, "ends": orNullTime(it.secretEnds),
	})
}

func alertContext(notification string) string { return "notification.secret " + notification }

// openSecret gives what a text message is to carry.
func (h *Hub) openSecret(notification string, sealed []byte) (s hub.Secret, err error) {
	if len(sealed) == 0 {
		return s, nil
	}
	text, err := h.sealer.Open(sealed, alertContext(notification))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return hub.Secret{}, fmt.Errorf("secret of notification %s cannot be opened", notification) // the cause might quote it
	}
	return s, nil
}

const cancelAlerts = `
	with mine as (
		select n.id
		from unnest(@people::text[], @dedups::text[]) k (person, dedup)
		join notification n on n.dedup = k.dedup and n.person = k.person
		where n.cancelled_at is null and n.alert is not null
	)` + cancelMine + `, marked as (
		update notification n
		set cancelled_at = @now, cancel_reason = @reason, secret = null, secret_ends = null
		from touched t
		where n.id = t.id and t.mine
	)
	select id from freed`

// WithdrawTx ends alerts whose point is gone, because they were answered or have
// come to nothing, inside the transaction that says so: what was not sent yet is
// not sent, and what was secret is forgotten. reason is for the ledger. after is
// as that of [Hub.NotifyTx]. An alert that there is not is withdrawn already.
func (h *Hub) WithdrawTx(ctx context.Context, tx pgx.Tx, alerts []approval.AlertKey, reason string) (after func(), err error) {
	if len(alerts) == 0 {
		return func() {}, nil
	}
	var people, dedups []string
	for _, a := range alerts {
		people, dedups = append(people, string(a.Person)), append(dedups, alertDedup(a.Kind, a.Key))
	}
	if reason == "" || reason == "seen" {
		reason = "withdrawn"
	}
	whom := slices.Compact(slices.Sorted(slices.Values(people)))
	changes, err := h.moveInboxes(ctx, tx, whom)
	if err != nil {
		return nil, translate("pghub: withdraw", err)
	}
	freed, err := texts(ctx, tx, cancelAlerts, pgx.NamedArgs{"people": people, "dedups": dedups, "now": h.now(), "reason": reason})
	if err != nil {
		return nil, translate("pghub: withdraw", err)
	}
	if err := h.addRoute(ctx, tx, freed); err != nil {
		return nil, fmt.Errorf("pghub: withdraw: %w", err)
	}
	return func() { h.bus.Publish(changes...) }, nil
}

// sweepSecrets forgets what is worth nothing any more.
func (h *Hub) sweepSecrets(ctx context.Context, now time.Time) error {
	_, err := h.pool.Exec(ctx, `
		with over as (
			select id
			from notification
			where secret is not null and secret_ends <= $1
			order by id
			limit $2
			for update skip locked
		)
		update notification n
		set secret = null, secret_ends = null
		from over
		where n.id = over.id`, now, sweepAtOnce)
	if err != nil {
		return fmt.Errorf("pghub: sweep: %w", err)
	}
	return nil
}

func alertOrNull(a hub.Alert) *hub.Alert {
	if a == (hub.Alert{}) {
		return nil
	}
	return &a
}
