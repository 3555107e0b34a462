package bustest

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Gate dials, and breaks what it has dialled when a test wants it to. The zero
// value is open.
type Gate struct {
	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

var errClosed = errors.New("the gate is closed")

// DialContext is that of [net.Dialer].
func (g *Gate) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		c.Close()
		return nil, errClosed
	}
	if g.conns == nil {
		g.conns = map[net.Conn]bool{}
	}
	g.conns[c] = true
	return &gated{c, g}, nil
}

// Dial is DialContext without one.
func (g *Gate) Dial(network, address string) (net.Conn, error) {
	return g.DialContext(context.Background(), network, address)
}

// Cut breaks every connection.
func (g *Gate) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.Close()
	}
}

// Close breaks every connection and lets none come back.
func (g *Gate) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.Cut()
}

// Open lets connections come back.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

type gated struct {
	net.Conn
	gate *Gate
}

func (c *gated) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.conns, c.Conn)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
