package pgapproval

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"qianhe/approval"
)

// Enqueuer writes down, in the transaction of a change, what the change's
// events ask for: notifications, jobs. Package pghub implements it.
type Enqueuer interface {
	// EnqueueTx may return a function, which is called once when the
	// transaction has been committed, and not when it has not.
	EnqueueTx(ctx context.Context, tx pgx.Tx, events []approval.Event) (after func(), err error)
}

// Reader reads. It is safe for concurrent use.
type Reader struct {
	pool *pgxpool.Pool
}

// NewReader makes a reader on a database with the current schema.
func NewReader(pool *pgxpool.Pool) *Reader { return &Reader{pool} }

// Store reads and changes. It is safe for concurrent use.
type Store struct {
	*Reader
	events Enqueuer
}

// New makes a store that hands events to q. With a nil q a change that has
// events is refused: nobody would be told.
func New(pool *pgxpool.Pool, q Enqueuer) *Store { return &Store{NewReader(pool), q} }

// settling is how long a commit or rollback may take after the caller has
// gone.
const settling = 10 * time.Second

// inTx begins a transaction with the statements that first queues, all in one
// round trip, then runs fn and commits. It rolls back when anything fails or
// panics. A caller who goes away during the commit does not undo it.
func (r *Reader) inTx(ctx context.Context, options pgx.TxOptions, first func(*pgx.Batch), fn func(pgx.Tx) error) error {
	var b pgx.Batch
	b.BeginTx(options)
	first(&b)
	results := r.pool.SendBatch(ctx, &b)
	tx := results.Tx()
	defer func() { // after a commit it does nothing
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
		defer cancel()
		_ = tx.Rollback(ctx) // the pool closes a connection that cannot roll back
	}()
	if err := results.Close(); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	return tx.Commit(ctx)
}

// snapshot runs queries that all see the database as it was at one moment.
func (r *Reader) snapshot(ctx context.Context, queries func(*pgx.Batch)) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return r.inTx(ctx, options, queries, func(pgx.Tx) error { return nil })
}

func (s *Store) enqueue(ctx context.Context, tx pgx.Tx, events []approval.Event) (after func(), err error) {
	if len(events) == 0 {
		return nil, nil
	}
	if s.events == nil {
		return nil, fmt.Errorf("%d events and nobody to pass them on", len(events))
	}
	return s.events.EnqueueTx(ctx, tx, events)
}

// taipei is a time of the database as the rules speak of it, and the zero time
// for null.
func taipei(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.In(approval.Zone)
}

// stamp is a time for the database: null for the zero time.
func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// some is a text for the database: null for the empty one.
func some[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	v := string(s)
	return &v
}

// texts is a list for the database, never null.
func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// words is a list of the database: nil when it is empty, as the rules have it.
func words[T ~string](list []string) []T {
	if len(list) == 0 {
		return nil
	}
	out := make([]T, len(list))
	for i, s := range list {
		out[i] = T(s)
	}
	return out
}
