package pghub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/robfig/cron/v3"

	"qianhe/approval"
	"qianhe/hub"
)

// Trays counts what is pending. Package pgapproval implements it.
type Trays interface {
	TrayCounts(ctx context.Context, p approval.PersonID, now time.Time) (approval.TrayCounts, error)
	// TrayCountsOf counts for many at once; who has nothing may be left out.
	TrayCountsOf(ctx context.Context, people []approval.PersonID, now time.Time) (map[approval.PersonID]approval.TrayCounts, error)
	// Waiting gives everybody who has something pending.
	Waiting(ctx context.Context) ([]approval.PersonID, error)
}

// Sealer encrypts what may not stand in the database in the clear. A sealed
// text opens only under the context it was sealed for.
type Sealer interface {
	Seal(plain []byte, context string) []byte
	Open(sealed []byte, context string) ([]byte, error)
}

// Options of a hub. Trays, Sealer and Workdays must be set; the zero value of
// everything else is its default.
type Options struct {
	Channels []hub.Channel // what this process delivers through; none in a process that only writes
	Trays    Trays
	Sealer   Sealer
	BaseURL  string            // of the app, in links
	Agency   string            // who speaks
	Chaser   Chaser            // nobody is chased without
	Policy   hub.Policy        // beneath what the organisation decides
	Webhooks hub.WebhookSender // brings events to the agency's own systems; nil in a process that sends none
	// Bus tells the nodes of each other's changes. Whoever makes it starts it
	// before the hub and stops it after. LISTEN and NOTIFY on the hub's own
	// database by default, which start and stop with the hub.
	Bus      hub.Bus
	Retries  hub.Retries
	Workdays approval.Calendar // on which days there is a digest
	// DigestCron says when the digest is due, as a line of five cron fields in
	// Asia/Taipei; 08:30 by default.
	DigestCron string
	// SendTimeout ends one call of a channel, 25 s by default.
	SendTimeout time.Duration
	Now         func() time.Time      // time.Now by default
	Random      io.Reader             // crypto/rand by default; need not be safe for concurrent use
	Log         *slog.Logger          // discards by default
	Registerer  prometheus.Registerer // none by default
}

// Hub is what the package is about. It implements [hub.Inbox] and pgapproval's
// Enqueuer. Its methods may be called concurrently.
type Hub struct {
	pool        *pgxpool.Pool
	channels    map[hub.ChannelName]hub.Channel
	pumps       map[hub.ChannelName]*pump
	calendar    calendar
	tally       tally
	trays       Trays
	sealer      Sealer
	baseURL     string
	agency      string
	chaser      Chaser
	base        hub.Policy // beneath what the organisation has decided
	policyNow   policyCache
	retries     hub.Retries
	workdays    approval.Calendar
	digestAt    cron.Schedule
	sendTimeout time.Duration
	now         func() time.Time
	log         *slog.Logger
	metrics     *metrics
	webhooks    hub.WebhookSender
	dispatcher  dispatcher
	bus         hub.Bus
	ownBus      *bus                  // the same, or nil when Options had one
	river       *river.Client[pgx.Tx] // works jobs
	jobs        *river.Client[pgx.Tx] // adds them

	randomMu sync.Mutex
	random   io.Reader

	startMu sync.Mutex // orders Start and Stop
	pumping *pumping   // nil while nothing is delivered

	publisher publisher
}

var _ hub.Inbox = (*Hub)(nil)

// New makes a hub on a database that has the current schema. It does not touch
// the database and starts nothing; a hub that was not started can be written
// to, and one that was started elsewhere delivers.
func New(pool *pgxpool.Pool, opt Options) (*Hub, error) {
	if opt.Trays == nil || opt.Sealer == nil || opt.Workdays == nil {
		return nil, errors.New("pghub: Trays, Sealer and Workdays must be set")
	}
	digestAt, err := parseDigest(opt.DigestCron)
	if err != nil {
		return nil, err
	}
	h := &Hub{
		pool:        pool,
		channels:    map[hub.ChannelName]hub.Channel{},
		pumps:       map[hub.ChannelName]*pump{},
		trays:       opt.Trays,
		sealer:      opt.Sealer,
		baseURL:     opt.BaseURL,
		agency:      opt.Agency,
		chaser:      opt.Chaser,
		base:        configured(opt, digestTimes(digestAt)),
		retries:     opt.Retries,
		workdays:    opt.Workdays,
		digestAt:    digestAt,
		sendTimeout: opt.SendTimeout,
		now:         opt.Now,
		random:      opt.Random,
		log:         opt.Log,
		webhooks:    opt.Webhooks,
	}
	for _, c := range opt.Channels {
		if c.Name() == hub.Live || h.channels[c.Name()] != nil {
			return nil, fmt.Errorf("pghub: channel %q is there twice, or has no deliveries", c.Name())
		}
		h.channels[c.Name()], h.pumps[c.Name()] = c, newPump(h, c)
	}
	if h.sendTimeout <= 0 {
		h.sendTimeout = 25 * time.Second
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.random == nil {
		h.random = rand.Reader
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.metrics, err = newMetrics(opt.Registerer); err != nil {
		return nil, err
	}
	if h.bus = opt.Bus; h.bus == nil {
		h.ownBus = newBus(pool.Config().ConnConfig, h.log, h.metrics)
		h.bus = h.ownBus
	}
	if h.river, err = h.newWorkers(); err != nil {
		return nil, err
	}
	if h.jobs, err = newInserter(pool, h.log); err != nil {
		return nil, err
	}
	return h, nil
}

// Start begins to listen and to deliver, and returns. It fails when the
// database cannot be reached. The end of ctx stops the hub as [Hub.Stop] does,
// without waiting for it.
func (h *Hub) Start(ctx context.Context) error {
	h.startMu.Lock()
	defer h.startMu.Unlock()
	if h.ownBus != nil {
		if err := h.ownBus.start(ctx); err != nil {
			return err
		}
	}
	if err := h.river.Start(ctx); err != nil {
		h.stopBus()
		return fmt.Errorf("pghub: start workers: %w", err)
	}
	h.startPumps(ctx)
	if h.webhooks != nil {
		h.dispatcher.start(ctx, h.dispatchEvents)
	}
	return nil
}

// Stop takes no more jobs and makes no more calls, waits for those that run,
// and ends the bus. What runs longer than a few seconds, or beyond ctx, is
// cancelled and taken up again by the next start. A hub that does not run may be stopped.
func (h *Hub) Stop(ctx context.Context) error {
	h.startMu.Lock()
	defer h.startMu.Unlock()
	h.dispatcher.stop()
	var pumps sync.WaitGroup
	pumps.Go(func() { h.stopPumps(ctx) })
	err := h.river.Stop(ctx)
	if err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err = h.river.StopAndCancel(hard); err != nil {
			err = fmt.Errorf("pghub: workers have not stopped: %w", err)
		}
	}
	pumps.Wait()
	h.stopBus()
	return err
}

func (h *Hub) stopBus() {
	if h.ownBus != nil {
		h.ownBus.stop()
	}
}

// Bus tells other parts of this process, and other nodes, whose inbox has
// changed.
func (h *Hub) Bus() hub.Bus { return h.bus }

// newID makes an identifier.
func (h *Hub) newID() string {
	h.randomMu.Lock()
	defer h.randomMu.Unlock()
	return approval.NewID(h.now(), h.random)
}

// jitter draws from [0, 1).
func (h *Hub) jitter() float64 {
	h.randomMu.Lock()
	defer h.randomMu.Unlock()
	var b [8]byte
	if _, err := io.ReadFull(h.random, b[:]); err != nil {
		return 0.5
	}
	return float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
}

// inTx runs fn in a transaction.
func (h *Hub) inTx(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, h.pool, fn)
}

// queryer is a pool or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}
