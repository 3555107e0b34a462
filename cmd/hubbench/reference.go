package main

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// The reference is what a good engineer makes of gorilla/websocket when there
// is nothing to keep: everybody in memory, sequence numbers that end with the
// process, nothing committed. It is tuned: a small read buffer, pooled write
// buffers, a frame prepared once for everybody, one goroutine per connection,
// started after the handler has returned, a writer only while there is
// something to write, one pinger, a registry in parts.

const (
	refShards = 64
	refQueue  = 1024
	refPing   = 25 * time.Second
	refWait   = 70 * time.Second
	refWrite  = 10 * time.Second
)

type refHub struct {
	seed   maphash.Seed
	shards [refShards]refShard
	seq    atomic.Int64
	up     websocket.Upgrader
}

type refShard struct {
	mu    sync.Mutex
	conns map[string][]*refConn // by user
}

type refConn struct {
	ws *websocket.Conn

	mu      sync.Mutex
	queue   []*websocket.PreparedMessage
	writing bool
	closed  bool
}

func newRefHub() *refHub {
	h := &refHub{seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].conns = map[string][]*refConn{}
	}
	h.up = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}, CheckOrigin: func(*http.Request) bool { return true }}
	return h
}

func (h *refHub) shard(user string) *refShard {
	return &h.shards[maphash.String(h.seed, user)%refShards]
}

// ServeHTTP takes the user from a cookie, as our server takes the session.
func (h *refHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie("user")
	if err != nil {
		http.Error(w, "who?", http.StatusUnauthorized) // pNNNNN
		return
	}
	ws, err := h.up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	go h.read(&refConn{ws: ws}, cookie.Value)
}

func (h *refHub) read(c *refConn, user string) {
	s := h.shard(user)
	defer func() {
		s.mu.Lock()
		if i := slices.Index(s.conns[user], c); i >= 0 {
			s.conns[user] = slices.Delete(s.conns[user], i, i+1)
		}
		if len(s.conns[user]) == 0 {
			delete(s.conns, user)
		}
		s.mu.Unlock()
		c.ws.Close()
	}()
	c.ws.SetReadLimit(4 << 10)
	c.ws.SetPongHandler(func(string) error { return c.ws.SetReadDeadline(time.Now().Add(refWait)) })
	_ = c.ws.SetReadDeadline(time.Now().Add(refWait))
	for joined := false; ; {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if !joined && strings.Contains(string(data), "hello") {
			joined = true
			s.mu.Lock()
			s.conns[user] = append(s.conns[user], c)
			welcome, err := websocket.NewPreparedMessage(websocket.TextMessage,
				[]byte(`{"type":"welcome","epoch":"r","seq":`+strconv.FormatInt(h.seq.Load(), 10)+`,"counts":{"pending":0,"highest":0,"overdue":0,"due_today":0}}`))
			if err == nil {
				c.send(welcome)
			}
			s.mu.Unlock()
		}
		_ = c.ws.SetReadDeadline(time.Now().Add(refWait))
	}
}

func (c *refConn) send(m *websocket.PreparedMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if len(c.queue) >= refQueue {
		c.closed = true
		c.ws.Close()
		return
	}
	c.queue = append(c.queue, m)
	if !c.writing {
		c.writing = true
		go c.write()
	}
}

func (c *refConn) write() {
	for {
		c.mu.Lock()
		queue := c.queue
		c.queue = nil
		if len(queue) == 0 || c.closed {
			c.writing = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		_ = c.ws.SetWriteDeadline(time.Now().Add(refWrite))
		for _, m := range queue {
			if c.ws.WritePreparedMessage(m) != nil {
				c.ws.Close()
				return
			}
		}
	}
}

// event prepares a frame of the size and shape of ours.
func (h *refHub) event(seq int64) (*websocket.PreparedMessage, error) {
	return websocket.NewPreparedMessage(websocket.TextMessage,
		[]byte(`{"type":"event","seq":`+strconv.FormatInt(seq, 10)+`,"kind":"announcement","url":"/n/01JD0000000000000000000000"}`))
}

// broadcast sends to everybody, or to those whose number is below people.
func (h *refHub) broadcast(people int) error {
	m, err := h.event(h.seq.Add(1))
	if err != nil {
		return err
	}
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		for user, conns := range s.conns {
			if n, err := strconv.Atoi(user[1:]); people > 0 && (err != nil || n >= people) {
				continue
			}
			for _, c := range conns {
				c.send(m)
			}
		}
		s.mu.Unlock()
	}
	return nil
}

func (h *refHub) pingAll(ctx context.Context) {
	tick := time.NewTicker(refPing / refShards)
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % refShards {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := &h.shards[i]
		var all []*refConn
		s.mu.Lock()
		for _, conns := range s.conns {
			all = append(all, conns...)
		}
		s.mu.Unlock()
		for _, c := range all {
			_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		}
	}
}

// spread is when a broadcast was asked for and when it was committed, in Unix
// nanoseconds; the reference commits nothing.
type spread struct {
	Began     int64
	Committed int64
}

// runReference serves the reference until its parent has gone.
func runReference(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := newRefHub()
	pages, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go h.pingAll(ctx)
	mux := newControl()
	mux.HandleFunc("POST /broadcast", func(w http.ResponseWriter, r *http.Request) {
		var order broadcastOrder
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out := spread{Began: time.Now().UnixNano()}
		out.Committed = out.Began
		for range max(order.Times, 1) {
			if err := h.broadcast(order.People); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		_ = json.NewEncoder(w).Encode(out)
	})
	for l, handler := range map[net.Listener]http.Handler{pages: h, control: mux} {
		go func() { _ = (&http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}).Serve(l) }()
	}
	announce(ready{Address: pages.Addr().String(), Control: control.Addr().String()})
	return nil
}
