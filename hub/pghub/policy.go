package pghub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

// policyAge is how old the policy may be by which this process acts, when
// another has changed it.
const policyAge = 3 * time.Second

// policyCache is the policy in force, as it was read last.
type policyCache struct {
	mu     sync.Mutex
	policy hub.Policy
	readAt time.Time // zero: never
}

// configured is the policy beneath what an organisation decides: what the
// server was started with, on top of the house's own.
func configured(opt Options, times []int) hub.Policy {
	p := opt.Policy
	if p.Digests == nil {
		p.Digests = times
	}
	return p.Filled()
}

// DefaultPolicy gives what is in force where the organisation has not decided:
// the configuration and the house, every field filled in.
func (h *Hub) DefaultPolicy() hub.Policy { return h.base }

// Policy gives the policy in force, every field filled in. A change made by
// another process is known here within seconds.
func (h *Hub) Policy(ctx context.Context) (hub.Policy, error) { return h.policyFrom(ctx, h.pool) }

// policyFrom is Policy, for who holds a connection and must not wait for
// another.
func (h *Hub) policyFrom(ctx context.Context, q queryer) (hub.Policy, error) {
	now := h.now()
	h.policyNow.mu.Lock()
	p, at := h.policyNow.policy, h.policyNow.readAt
	h.policyNow.mu.Unlock()
	if age := now.Sub(at); !at.IsZero() && age >= 0 && age < policyAge {
		return p, nil
	}
	p, err := readPolicy(ctx, q, h.base)
	if err != nil {
		return hub.Policy{}, fmt.Errorf("pghub: policy: %w", err)
	}
	h.keepPolicy(p, now)
	return p, nil
}

func (h *Hub) keepPolicy(p hub.Policy, now time.Time) {
	h.policyNow.mu.Lock()
	defer h.policyNow.mu.Unlock()
	h.policyNow.policy, h.policyNow.readAt = p, now
}

func readPolicy(ctx context.Context, q queryer, base hub.Policy) (hub.Policy, error) {
	rows, _ := q.Query(ctx, `select policy from hub_policy order by version desc limit 1`)
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[hub.Policy])
	if errors.Is(err, pgx.ErrNoRows) {
		return base, nil
	}
	return p.Over(base), err
}

// SetPolicy puts a policy in force in the place of a version, 0 for none, or of
// whichever it is ([hub.AnyVersion]). What is as the configuration or the house
// has it is not stored, so that it goes on following them. Returns the errors of
// [hub.Policy.Validate], [hub.ErrPolicyChanged] when another version is in force
// by now, and [approval.ErrNotFound] when by is nobody.
func (h *Hub) SetPolicy(ctx context.Context, by approval.PersonID, p hub.Policy, version int64) error {
	if err := p.Validate(); err != nil {
		return err
	}
	now := h.now()
	p = p.Over(h.base)
	text, err := json.Marshal(p.Except(h.base))
	if err != nil {
		return fmt.Errorf("pghub: set policy: %w", err)
	}
	err = h.inTx(ctx, func(tx pgx.Tx) error {
		if err := sayOrigin(ctx, tx); err != nil {
			return err
		}
		var inForce int64
		_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('qianhe policy', 0))`)
		if err == nil {
			err = tx.QueryRow(ctx, `select coalesce(max(version), 0) from hub_policy`).Scan(&inForce)
		}
		if err == nil && version != hub.AnyVersion && version != inForce {
			err = hub.ErrPolicyChanged
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into hub_policy (policy, set_by, set_at) values ($1, $2, $3)`, text, by, now)
		return err
	})
	if err != nil {
		return translate("pghub: set policy", err)
	}
	h.keepPolicy(p, now)
	return nil
}

// PolicyHistory gives the policies that were in force, latest first and every
// field filled in, at most limit.
func (h *Hub) PolicyHistory(ctx context.Context, limit int) ([]hub.PolicyVersion, error) {
	rows, _ := h.pool.Query(ctx, `
		select v.version, v.policy, v.set_by, p.name, v.set_at
		from hub_policy v
		join person p on p.id = v.set_by
		order by v.version desc
		limit $1`, limit)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (hub.PolicyVersion, error) {
		var v hub.PolicyVersion
		err := row.Scan(&v.Version, &v.Policy, &v.By, &v.Name, &v.At)
		v.Policy = v.Policy.Over(h.base)
		return v, err
	})
	return list, translate("pghub: policy history", err)
}

// Preferences gives what a person has chosen; the zero value when nothing.
func (h *Hub) Preferences(ctx context.Context, person approval.PersonID) (hub.Preferences, error) {
	rows, _ := h.pool.Query(ctx, `select preferences from person_preferences where person = $1`, person)
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[hub.Preferences])
	if errors.Is(err, pgx.ErrNoRows) {
		return hub.Preferences{}, nil
	}
	return c, translate("pghub: preferences", err)
}

// SetPreferences records what a person has chosen, in the place of what they
// had. Returns the errors of [hub.Preferences.Validate], and
// [approval.ErrNotFound] for nobody.
func (h *Hub) SetPreferences(ctx context.Context, person approval.PersonID, c hub.Preferences) error {
	if err := c.Validate(); err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("pghub: set preferences: %w", err)
	}
	_, err = h.pool.Exec(ctx, `
		insert into person_preferences (person, preferences, set_at)
		values ($1, $2, $3)
		on conflict (person) do update set preferences = excluded.preferences, set_at = excluded.set_at`,
		person, text, h.now())
	return translate("pghub: set preferences", err)
}
