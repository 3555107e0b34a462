package live

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"qianhe/approval"
	"qianhe/hub"
)

// Options of a server. Origins must be set; the zero value of everything else
// is its default.
type Options struct {
	// Origins are where pages come from, such as https://sign.example.gov.tw:
	// the configured address of the app, never what a request says it is. A
	// connection without one of them as its Origin is refused.
	Origins []string
	// Alive says which of these sessions still are; a session that is not in
	// the answer has ended. Without it sessions last as long as connections.
	Alive func(ctx context.Context, sessions []string) (map[string]bool, error)

	MaxConnections int           // of this node, 20000 by default
	MaxPerPerson   int           // pages of one person on this node, 16 by default
	MaxWaiting     int           // handshakes that wait for their turn, 4096 by default
	Workers        int           // questions to the database at a time, whatever happens, 4 by default
	Ping           time.Duration // about how often an idle page is asked for a sign of life, 25 s by default
	Patience       time.Duration // after how long without one it is gone, 70 s by default
	HelloTimeout   time.Duration // 10 s by default
	WriteTimeout   time.Duration // 10 s by default
	AliveEvery     time.Duration // how often sessions are checked, 30 s by default
	SweepEvery     time.Duration // how often inboxes are compared, in case the bus has lost something, 10 s by default
	QueryTimeout   time.Duration // of one look at an inbox, 10 s by default

	Now        func() time.Time // time.Now by default; tells the day, not how long things take
	Random     io.Reader        // crypto/rand by default
	Log        *slog.Logger     // discards by default
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&o.Ping, 25*time.Second)
	set(&o.Patience, 70*time.Second)
	set(&o.HelloTimeout, 10*time.Second)
	set(&o.WriteTimeout, 10*time.Second)
	set(&o.AliveEvery, 30*time.Second)
	set(&o.SweepEvery, 10*time.Second)
	set(&o.QueryTimeout, 10*time.Second)
	if o.MaxConnections <= 0 {
		o.MaxConnections = 20000
	}
	if o.MaxPerPerson <= 0 {
		o.MaxPerPerson = 16
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 4096
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// kernelBuffer is how much of what is written to a page waits in the kernel,
// in bytes. Linux counts what it needs to hold it as well.
const kernelBuffer = 32 << 10

// Server holds the connections of this node. Its methods may be called
// concurrently.
type Server struct {
	inbox    hub.Inbox
	bus      hub.Bus
	opt      Options
	origins  map[string]bool
	upgrader websocket.Upgrader
	registry *registry
	slots    chan struct{}  // one for each question that may be asked at a time
	work     *queue[*entry] // whose pages are to be told
	hellos   *queue[*greeting]
	acks     *acks
	waiting  atomic.Int64 // handshakes
	metrics  *metrics
	sweepNow chan struct{}
	checkNow chan struct{}
	ended    ended
	buffers  buffers
	day      time.Time // of the counts; under Run's sweep alone

	mu     sync.Mutex
	total  int // connections, also those at the handshake
	closed bool
	idle   chan struct{} // closed when the last one has gone after Close
}

var _ hub.Channel = (*Server)(nil)

// New makes a server. It serves nobody news before [Server.Run].
func New(inbox hub.Inbox, bus hub.Bus, opt Options) *Server {
	s := &Server{
		inbox: inbox, bus: bus, opt: opt.withDefaults(), origins: map[string]bool{},
		registry: newRegistry(), work: newQueue[*entry](), hellos: newQueue[*greeting](), acks: newAcks(), sweepNow: make(chan struct{}, 1), checkNow: make(chan struct{}, 1), idle: make(chan struct{}),
	}
	s.slots = make(chan struct{}, s.opt.Workers)
	s.day = approval.Midnight(s.opt.Now())
	for _, o := range opt.Origins {
		if o, ok := origin(o); ok {
			s.origins[o] = true
		}
	}
	s.metrics = newMetrics(opt.Registerer, s.opt.Log)
	s.upgrader = websocket.Upgrader{
		HandshakeTimeout: s.opt.WriteTimeout,
		ReadBufferSize:   256,
		// It writes the handshake and no more. Without New: the package fills
		// the pool with what it needs.
		WriteBufferSize: 1024,
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     s.sameOrigin,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			http.Error(w, http.StatusText(status), status)
		},
	}
	return s
}

// origin brings an origin into the one form in which they are compared.
func origin(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return "", false
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	return u.Scheme + "://" + host, true
}

func (s *Server) sameOrigin(r *http.Request) bool {
	o, ok := origin(r.Header.Get("Origin"))
	return ok && s.origins[o]
}

// Serve makes a request into a connection of a person's session, which the
// caller has checked, and returns; the connection lives on. When it cannot be
// made, the request is answered with the reason: 403 for another origin, 429
// for too many pages, 503 for a full or closing node.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, person approval.PersonID, session string) {
	if !s.enter() {
		w.Header().Set("Retry-After", s.retryAfter(10*time.Second))
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	e := s.registry.reserve(person, s.opt.MaxPerPerson)
	if e == nil {
		s.exit()
		w.Header().Set("Retry-After", "60")
		http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
		return
	}
	ws, err := s.upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil {
		s.registry.release(e)
		s.exit()
		return
	}
	// The package has done its part: what it has read of the connection, which is
	// nothing, and its buffers go with it.
	sock := ws.NetConn()
	c := &conn{server: s, sock: sock, socket: socketOf(sock), person: person, session: session, entry: e}
	c.room(kernelBuffer)
	e.add(c)
	s.metrics.connections.Inc()
	switch {
	case s.isClosed():
		c.closeFor(websocket.CloseGoingAway, s.stayAway(tryAgain))
	case s.ended.has(session): // between the caller's look and ours
		c.close(CloseSignedOut)
	}
	// The handler returns, and with it goes what net/http held for it.
	go c.read()
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.total >= s.opt.MaxConnections {
		return false
	}
	s.total++
	return true
}

func (s *Server) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.closed && s.total == 0 {
		close(s.idle)
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// leave ends a connection whose reader has ended.
func (s *Server) leave(c *conn) {
	c.sock.Close()
	// No writer begins any more; one that runs fails on its next write.
	c.mu.Lock()
	c.writing = true
	if c.code == 0 {
		c.code = websocket.CloseAbnormalClosure
	}
	c.mu.Unlock()
	c.entry.remove(c)
	s.registry.release(c.entry)
	s.metrics.connections.Dec()
	s.exit()
}

// Name is [hub.Live].
func (s *Server) Name() hub.ChannelName { return hub.Live }

// Send has the pages of m.Person on this node look at the inbox. Who has none
// is [*hub.Rejected].
func (s *Server) Send(ctx context.Context, m hub.Message) (hub.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return hub.Receipt{}, &hub.Retry{Reason: hub.TransportWords(err)}
	}
	if !s.mark(m.Person, always, nil) {
		return hub.Receipt{}, &hub.Rejected{Reason: "not connected"}
	}
	return hub.Receipt{ProviderID: "live"}, nil
}

// Close takes no more connections, tells all pages that this node goes away,
// and waits a moment until they have gone.
func (s *Server) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	if first && s.total == 0 {
		close(s.idle)
	}
	s.mu.Unlock()
	pages := s.registry.conns()
	most := min(away, max(time.Second, time.Duration(len(pages))*time.Second/comeBack))
	for _, c := range pages {
		c.closeFor(websocket.CloseGoingAway, s.stayAway(most))
	}
	grace := time.NewTimer(2 * closeGrace)
	defer grace.Stop()
	select {
	case <-s.idle:
	case <-grace.C:
		for _, c := range s.registry.conns() {
			c.sock.Close()
		}
	}
	<-s.idle
}

// jitter draws from [0.5, 1.5).
func (s *Server) jitter() float64 {
	var b [8]byte
	if _, err := io.ReadFull(s.opt.Random, b[:]); err != nil {
		return 1
	}
	return 0.5 + float64(binary.LittleEndian.Uint64(b[:])>>11)/(1<<53)
}
