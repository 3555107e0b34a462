package pgaccess

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval/access"
)

// tried is somebody's try at a password.
type tried struct {
	key [32]byte // access.LoginKey, or access.DeviceKey from a known device
	// address is the group under which failures are counted, "" from a known
	// device, which does not count with its neighbours.
	address string
	rules   []access.Rule // of the key; nil: those of an account
}

// count counts an attempt as a failure before the password is looked at, and
// gives the row for [succeed]. When a limit has been reached it counts nothing
// and gives an [*access.LimitedError].
//
// Attempts at one login, or from one address, pass one at a time, on all nodes:
// no number of simultaneous ones exceeds the limit. What is limited anyway is
// turned away before that, so that a flood does not queue up with connections
// in hand.
func (s *Store) count(ctx context.Context, a tried, now time.Time) (id int64, err error) {
	if err := s.limit(ctx, s.pool, a, now, false); err != nil {
		return 0, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.limit(ctx, tx, a, now, true); err != nil {
			return err
		}
		id, err = a.enter(ctx, tx, now)
		return err
	})
	return id, err
}

// enter counts it as a failure, for now.
func (a tried) enter(ctx context.Context, tx pgx.Tx, now time.Time) (id int64, err error) {
	err = tx.QueryRow(ctx, `
		insert into sign_in_attempt (login, address, at, ok)
		values ($1, $2, $3, false)
		returning id`, a.key[:], a.address, now).Scan(&id)
	return id, err
}

// batcher is a pool or a transaction.
type batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// limit gives an [*access.LimitedError] when a rule has been reached. Locked,
// it waits for its turn and keeps it until the transaction has ended.
func (s *Store) limit(ctx context.Context, q batcher, a tried, now time.Time, locked bool) error {
	batch := &pgx.Batch{}
	if locked { // in the same order for everybody
		lock(batch, fmt.Sprintf("login %x", a.key))
		if a.address != "" {
			lock(batch, "address "+a.address)
		}
	}
	rules := a.rules
	if rules == nil {
		rules = s.policy.Account
	}
	var counted []access.Failures
	count := func(query string, key any, rules []access.Rule) {
		for _, r := range rules {
			args := pgx.NamedArgs{"key": key, "since": now.Add(-r.Within), "skip": max(r.Max, 1) - 1}
			batch.Queue(query, args).Query(func(rows pgx.Rows) error {
				times, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
				for _, at := range times {
					counted = append(counted, access.Failures{Rule: r, Decisive: at})
				}
				return err
			})
		}
	}
	count(`
		select f.at
		from   sign_in_attempt f
		where  f.login = @key
		and    not f.ok
		and    f.at > @since
		and    f.id > coalesce((select max(s.id) from sign_in_attempt s where s.login = @key and s.ok and s.at > @since), 0)
		order  by f.at desc
		offset @skip
		limit  1`, a.key[:], rules)
	if a.address != "" {
		count(`
			select f.at
			from   sign_in_attempt f
			where  f.address = @key
			and    not f.ok
			and    f.at > @since
			order  by f.at desc
			offset @skip
			limit  1`, a.address, s.policy.Address)
	}
	if err := q.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return access.Limit(now, counted)
}

func lock(batch *pgx.Batch, name string) {
	batch.Queue(`select pg_advisory_xact_lock(hashtextextended('qianhe sign-in ' || $1, 0))`, name)
}

// succeed makes a success of an attempt; failures on the login before it are
// forgiven.
func succeed(ctx context.Context, tx pgx.Tx, attempt int64) error {
	_, err := tx.Exec(ctx, `update sign_in_attempt set ok = true where id = $1`, attempt)
	return err
}
