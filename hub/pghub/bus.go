package pghub

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/approval"
	"qianhe/hub"
)

const (
	// topic of the notifications between nodes.
	topic = "qianhe_inbox"
	// coalesce is how far apart two NOTIFY of this process are: a transaction
	// that notifies holds a lock of the whole database until it is on disk, so
	// there is one for many commits, never one for each.
	coalesce = 5 * time.Millisecond
	// maxPayload keeps below the 8000 bytes that NOTIFY takes.
	maxPayload = 7900
)

// bus is [hub.Bus] on LISTEN and NOTIFY. It has two connections of its own
// while it runs: one listens, one notifies.
type bus struct {
	config  *pgx.ConnConfig
	log     *slog.Logger
	metrics *metrics

	mu          sync.Mutex
	subscribers map[*mailbox]bool
	cancel      context.CancelFunc // nil while it does not run
	stopped     chan struct{}      // closed when it has ended

	outgoing *mailbox
}

var _ hub.Bus = (*bus)(nil)

func newBus(config *pgx.ConnConfig, log *slog.Logger, m *metrics) *bus {
	return &bus{config: config, log: log, metrics: m, subscribers: map[*mailbox]bool{}, outgoing: newMailbox()}
}

// Publish tells all nodes, this one too, within a few milliseconds. Before the
// bus runs it keeps what it is given.
func (b *bus) Publish(changes ...hub.Change) { b.outgoing.put(changes) }

// Subscribe calls fn with what has changed, a person at most once a call and
// with the latest revision, and with nothing whenever the connection was opened
// anew.
func (b *bus) Subscribe(ctx context.Context, fn func([]hub.Change)) error {
	m := newMailbox()
	b.mu.Lock()
	b.subscribers[m] = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.subscribers, m)
		b.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wake:
		}
		changes, lost := m.take()
		if lost {
			fn(nil)
		}
		if len(changes) > 0 {
			fn(changes)
		}
	}
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

// deliver hands to every subscriber.
func (b *bus) deliver(changes []hub.Change, lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for m := range b.subscribers {
		if lost {
			m.lose()
		}
		m.put(changes)
	}
}

// notifyTx notifies with the commit of tx.
func (b *bus) notifyTx(ctx context.Context, tx pgx.Tx, changes []hub.Change) error {
	for _, p := range encode(changes) {
		if _, err := tx.Exec(ctx, `select pg_notify($1, $2)`, topic, p); err != nil {
			return fmt.Errorf("notify: %w", err)
		}
	}
	return nil
}

// encode writes changes as "person:rev,person:rev", in as many payloads as it
// takes.
func encode(changes []hub.Change) []string {
	var (
		payloads []string
		b        strings.Builder
	)
	for _, c := range changes {
		pair := string(c.Person) + ":" + strconv.FormatInt(c.Rev, 10)
		if b.Len()+1+len(pair) > maxPayload {
			payloads = append(payloads, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(pair)
	}
	if b.Len() > 0 {
		payloads = append(payloads, b.String())
	}
	return payloads
}

// decode reads a payload; what cannot be read is left out, and the sweep of
// live connections makes up for it.
func decode(payload string) []hub.Change {
	var changes []hub.Change
	for pair := range strings.SplitSeq(payload, ",") {
		person, rev, ok := strings.Cut(pair, ":")
		n, err := strconv.ParseInt(rev, 10, 64)
		if !ok || err != nil || person == "" {
			continue
		}
		changes = append(changes, hub.Change{Person: approval.PersonID(person), Rev: n})
	}
	return changes
}

// mailbox holds the latest revision of each person until somebody takes them.
// It grows with the number of people, never with the number of changes.
type mailbox struct {
	wake chan struct{} // has room for one

	mu   sync.Mutex
	revs map[approval.PersonID]int64
	lost bool
}

func newMailbox() *mailbox {
	return &mailbox{wake: make(chan struct{}, 1), revs: map[approval.PersonID]int64{}}
}

func (m *mailbox) put(changes []hub.Change) {
	if len(changes) == 0 {
		return
	}
	m.mu.Lock()
	for _, c := range changes {
		m.revs[c.Person] = max(m.revs[c.Person], c.Rev)
	}
	m.mu.Unlock()
	m.signal()
}

// lose notes that something may have gone missing.
func (m *mailbox) lose() {
	m.mu.Lock()
	m.lost = true
	m.mu.Unlock()
	m.signal()
}

func (m *mailbox) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() (changes []hub.Change, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, rev := range m.revs {
		changes = append(changes, hub.Change{Person: p, Rev: rev})
	}
	clear(m.revs)
	lost, m.lost = m.lost, false
	return changes, lost
}
