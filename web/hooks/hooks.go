package hooks

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"qianhe/hub"
)

// Inbox stores events; pghub.Hub is one. Receive returns when they are durable,
// and takes an event that it has as nothing new.
type Inbox interface {
	Receive(ctx context.Context, events []hub.Inbound) error
}

// Options of [New]. Inbox and Log are needed.
type Options struct {
	Inbox Inbox
	// Channels by name; those that are no [hub.InboundParser] have no address
	// here.
	Channels []hub.Channel
	Log      *slog.Logger
	// Registerer takes the counter of callbacks. Nil: none.
	Registerer prometheus.Registerer
}

const (
	// maxBody bounds a callback, in bytes. LINE's and Meta's hold some hundred
	// events at most, of a few kilobytes at most.
	maxBody = 1 << 20
	// storeWithin is how long a callback may take: LINE counts one as failed
	// after 2 s.
	storeWithin = 1500 * time.Millisecond
	// readWithin is how long a body may take to arrive.
	readWithin = 10 * time.Second
)

// Handler takes callbacks. It is to be mounted at /hooks/.
type Handler struct {
	inbox    Inbox
	channels map[hub.ChannelName]hub.Channel
	log      *slog.Logger
	mux      *http.ServeMux
	count    *prometheus.CounterVec
}

// New makes a handler.
func New(opt Options) (*Handler, error) {
	if opt.Inbox == nil || opt.Log == nil {
		return nil, errors.New("hooks: inbox and log are needed")
	}
	h := &Handler{
		inbox: opt.Inbox, channels: map[hub.ChannelName]hub.Channel{}, log: opt.Log, mux: http.NewServeMux(),
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "qianhe", Subsystem: "hooks", Name: "callbacks_total",
			Help: "Callbacks of providers by channel and result (taken, forged, refused, too large, not stored, challenge, no challenge).",
		}, []string{"channel", "result"}),
	}
	for _, c := range opt.Channels {
		if _, ok := c.(hub.InboundParser); ok {
			h.channels[c.Name()] = c
		}
	}
	if opt.Registerer != nil {
		if err := opt.Registerer.Register(h.count); err != nil {
			return nil, err
		}
	}
	h.mux.HandleFunc("POST /hooks/{channel}", h.receive)
	h.mux.HandleFunc("GET /hooks/{channel}", h.get)
	return h, nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.mux.ServeHTTP(w, r)
}

// receive takes a callback with events. Who is refused is not told why.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request) {
	name := hub.ChannelName(r.PathValue("channel"))
	c, ok := h.channels[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	answer := func(status int, result string, err error) {
		h.count.WithLabelValues(string(name), result).Inc()
		if err != nil {
			h.log.LogAttrs(r.Context(), slog.LevelWarn, "callback was not taken",
				slog.String("channel", string(name)), slog.String("result", result), slog.Any("err", err))
		}
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "5")
		}
		if status == http.StatusOK {
			w.WriteHeader(status)
			return
		}
		http.Error(w, http.StatusText(status), status)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin)) // where the connection knows deadlines
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		answer(http.StatusRequestEntityTooLarge, "too large", err)
		return
	case err != nil:
		answer(http.StatusBadRequest, "refused", errors.New("body did not arrive"))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeWithin)
	defer cancel()
	events, err := c.(hub.InboundParser).ParseInbound(hub.Callback{Header: r.Header, Query: r.URL.RawQuery, Body: body})
	switch {
	case errors.Is(err, hub.ErrSignature):
		answer(http.StatusUnauthorized, "forged", err)
		return
	case err != nil:
		answer(http.StatusBadRequest, "refused", err)
		return
	}
	if err := h.inbox.Receive(ctx, events); err != nil {
		answer(http.StatusServiceUnavailable, "not stored", err)
		return
	}
	answer(http.StatusOK, "taken", nil)
}

// get tells a provider's question from the callbacks of a text message gateway
// that calls by GET. Those have to prove themselves like any other: whoever
// only looks at an address, as chats and scanners do, changes nothing.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	c := h.channels[hub.ChannelName(r.PathValue("channel"))]
	if r.Method != http.MethodGet { // the router takes HEAD for one
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	parser, ok := c.(hub.GetParser)
	takes := ok && parser.ParsesGet()
	if asks, ok := c.(hub.Challenger); ok && (!takes || r.URL.Query().Has("hub.mode")) {
		h.challenge(w, r, asks)
		return
	}
	if !takes {
		http.NotFound(w, r)
		return
	}
	h.receive(w, r)
}

// challenge answers a provider that makes sure that this address is ours.
func (h *Handler) challenge(w http.ResponseWriter, r *http.Request, c hub.Challenger) {
	name := r.PathValue("channel")
	text, ok := c.Challenge(r.URL.Query())
	if !ok {
		h.count.WithLabelValues(name, "no challenge").Inc()
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	h.count.WithLabelValues(name, "challenge").Inc()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // the line is gone then
}
