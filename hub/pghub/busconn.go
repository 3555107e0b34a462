package pghub

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"qianhe/hub"
)

const (
	connectTimeout = 10 * time.Second
	// quiet is how long the listening connection may say nothing before it is
	// asked whether it is still there: a peer that vanished sends no error.
	quiet       = 30 * time.Second
	pingTimeout = 5 * time.Second
	maxBackoff  = 5 * time.Second
	lastWords   = 3 * time.Second // what a stop may wait for the bus
)

// connect opens a connection of the bus's own: one out of the pool would be
// missing there for ever.
func (b *bus) connect(ctx context.Context, name string, params map[string]string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	config := b.config.Copy()
	config.RuntimeParams["application_name"] = name
	maps.Copy(config.RuntimeParams, params)
	return pgx.ConnectConfig(ctx, config)
}

// speak opens the connection that notifies. Its commits hold nothing that must
// be on disk, and the lock that they hold is over without waiting for one.
func (b *bus) speak(ctx context.Context) (*pgx.Conn, error) {
	conn, err := b.connect(ctx, "qianhe bus notify", map[string]string{"synchronous_commit": "off"})
	if err != nil {
		return nil, err
	}
	b.self.Store(conn.PgConn().PID())
	return conn, nil
}

func (b *bus) listen(ctx context.Context) (*pgx.Conn, error) {
	conn, err := b.connect(ctx, "qianhe bus listen", nil)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "listen "+topic); err != nil {
		closeConn(conn)
		return nil, err
	}
	return conn, nil
}

// receive passes on what comes in until ctx ends. After every connection but
// the first it says that something may have been lost in between.
func (b *bus) receive(ctx context.Context, conn *pgx.Conn) {
	for {
		err := b.receiveFrom(ctx, conn)
		closeConn(conn)
		if ctx.Err() != nil {
			return
		}
		b.log.WarnContext(ctx, "bus: listening connection lost", "err", err)
		for wait := 50 * time.Millisecond; ; wait = min(2*wait, maxBackoff) {
			if conn, err = b.listen(ctx); err == nil {
				break
			}
			if !pause(ctx, wait) {
				return
			}
		}
		b.metrics.reconnects.Inc()
		b.Lose()
	}
}

func (b *bus) receiveFrom(ctx context.Context, conn *pgx.Conn) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, quiet)
		n, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			if n.PID != b.self.Load() { // this node has heard what it said itself
				b.Deliver(hub.DecodeChanges(n.Payload)...)
			}
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			asking, cancel := context.WithTimeout(ctx, pingTimeout)
			err := conn.Ping(asking)
			cancel()
			if err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// send notifies of what was published, at once when there was nothing lately,
// else with whatever else comes within the same few milliseconds.
func (b *bus) send(ctx context.Context) {
	var conn *pgx.Conn
	defer func() {
		// What was committed before the stop is still to be told. A call that
		// the stop has cut short has closed its connection.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		if changes, _ := b.outgoing.Take(); len(changes) > 0 {
			if conn == nil || conn.IsClosed() {
				conn, _ = b.speak(last)
			}
			if err := b.notify(last, conn, changes); err != nil {
				b.log.WarnContext(ctx, "bus: last changes were not sent", "err", err)
			}
		}
		closeConn(conn)
	}()
	var lastSent time.Time
	for wait := 50 * time.Millisecond; ; {
		select {
		case <-ctx.Done():
			return
		case <-b.outgoing.Wake():
		}
		if !pause(ctx, coalesce-time.Since(lastSent)) {
			return
		}
		changes, lost := b.outgoing.Take()
		if lost {
			b.log.WarnContext(ctx, "bus: too many sessions have ended to tell of each; the other nodes find out by themselves")
		}
		if len(changes) == 0 {
			continue
		}
		var err error
		if conn == nil {
			conn, err = b.speak(ctx)
		}
		if err == nil {
			err = b.notify(ctx, conn, changes)
		}
		lastSent = time.Now()
		if err == nil {
			wait = 50 * time.Millisecond
			continue
		}
		b.outgoing.Put(changes...)
		if ctx.Err() != nil {
			return
		}
		b.log.WarnContext(ctx, "bus: changes were not sent, trying again", "err", err)
		closeConn(conn)
		conn = nil
		b.self.Store(0)
		b.metrics.reconnects.Inc()
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, maxBackoff)
	}
}

// notify sends changes in one round trip, hence in one transaction.
func (b *bus) notify(ctx context.Context, conn *pgx.Conn, changes []hub.Change) error {
	if conn == nil {
		return errors.New("no connection")
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	batch := &pgx.Batch{}
	payloads := hub.EncodeChanges(changes, maxPayload)
	for _, p := range payloads {
		batch.Queue(`select pg_notify($1, $2)`, topic, p)
	}
	if err := conn.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	b.metrics.published.Add(float64(len(payloads)))
	return nil
}

// pause waits for d, not at all when it is over; false means that ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func closeConn(conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is given up either way
}
