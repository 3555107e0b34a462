package pghub

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

const (
	// topic of the notifications between nodes.
	topic = "qianhe_inbox"
	// coalesce is how far apart two NOTIFY of this process are: a transaction
	// that notifies holds a lock of the whole database until it is committed, so
	// there is one for many commits, never one for each.
	coalesce = 5 * time.Millisecond
	// maxPayload keeps below the 8000 bytes that NOTIFY takes.
	maxPayload = 7900
)

// bus is [hub.Bus] on LISTEN and NOTIFY. It has two connections of its own
// while it runs: one listens, one notifies. This node hears of its own changes
// without a detour through the database.
type bus struct {
	config  *pgx.ConnConfig
	log     *slog.Logger
	metrics *metrics

	hub.Subscribers
	outgoing *hub.Mailbox
	self     atomic.Uint32 // backend of the connection that notifies, 0 for none

	mu      sync.Mutex
	cancel  context.CancelFunc // nil while it does not run
	stopped chan struct{}      // closed when it has ended
}

var _ hub.Bus = (*bus)(nil)

func newBus(config *pgx.ConnConfig, log *slog.Logger, m *metrics) *bus {
	return &bus{config: config, log: log, metrics: m, outgoing: hub.NewMailbox()}
}

// Publish tells this node at once and the others within a few milliseconds.
// Before the bus runs it keeps for them what it is given.
func (b *bus) Publish(changes ...hub.Change) {
	b.Deliver(changes...)
	b.outgoing.Put(changes...)
}

// start opens the connections and returns; it fails when that fails. The end
// of ctx stops the bus as stop does.
func (b *bus) start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel != nil {
		return nil
	}
	first, err := b.listen(ctx)
	if err != nil {
		return fmt.Errorf("pghub: listen: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	b.cancel, b.stopped = cancel, stopped
	var both sync.WaitGroup
	both.Go(func() { b.receive(ctx, first) })
	both.Go(func() { b.send(ctx) })
	go func() {
		both.Wait()
		cancel()
		b.mu.Lock()
		b.cancel = nil
		b.mu.Unlock()
		close(stopped)
	}()
	return nil
}

// stop passes on what is left, closes the connections and waits.
func (b *bus) stop() {
	b.mu.Lock()
	cancel, stopped := b.cancel, b.stopped
	b.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-stopped
}

func (b *bus) running() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cancel != nil
}

// notifyTx notifies with the commit of tx.
func (b *bus) notifyTx(ctx context.Context, tx pgx.Tx, changes []hub.Change) error {
	for _, p := range hub.EncodeChanges(changes, maxPayload) {
		if _, err := tx.Exec(ctx, `select pg_notify($1, $2)`, topic, p); err != nil {
			return fmt.Errorf("notify: %w", err)
		}
	}
	return nil
}
