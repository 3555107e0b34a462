package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"qianhe/approval/access"
	"qianhe/migrations"
)

// listen opens every listener before anything starts, so that a port in use
// is said at once and nothing is half begun.
func listen(addresses ...string) ([]net.Listener, error) {
	var open []net.Listener
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			for _, o := range open {
				o.Close()
			}
			return nil, err
		}
		open = append(open, l)
	}
	return open, nil
}

// endpoint is one HTTP server of the process.
type endpoint struct {
	listener net.Listener
	handler  http.Handler
	close    func() // ends what a shutdown would wait for: sockets and streams
}

// serveUntil runs the endpoints until ctx ends, then shuts down in this order:
// not ready, wait for the load balancer, no new requests, live connections
// closed with "going away", requests in flight finished, deliveries stopped.
func (a *app) serveUntil(ctx context.Context, endpoints ...endpoint) error {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := a.hub.Start(run); err != nil {
		return err
	}
	liveDone := make(chan struct{})
	go func() { defer close(liveDone); a.live.Run(run) }()
	sweepDone := make(chan struct{})
	go func() { defer close(sweepDone); a.sweep(run) }()

	failed := make(chan error, len(endpoints))
	var servers []*http.Server
	for _, e := range endpoints {
		s := &http.Server{
			Handler:           e.handler,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       5 * time.Minute, // an upload over a slow line
			WriteTimeout:      5 * time.Minute,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    32 << 10,
		}
		if e.close != nil {
			s.RegisterOnShutdown(e.close)
		}
		servers = append(servers, s)
		go func() {
			if err := s.Serve(e.listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	a.ready.Store(true)

	var gone <-chan struct{} // stays nil, and silent, with a database of others
	if a.private != nil {
		gone = a.private.Done()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-gone:
		err = errors.New("the private database has ended by itself")
	}
	a.ready.Store(false)
	if ctx.Err() != nil && a.config.Drain > 0 {
		a.log.Info("draining", "for", a.config.Drain)
		time.Sleep(a.config.Drain)
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	}
	err = errors.Join(err, a.hub.Stop(grace))
	stop()
	<-liveDone
	<-sweepDone
	a.log.Info("stopped")
	return err
}

// sweep removes what has expired, once an hour: sessions, attempts, used form
// tokens. Every node does; they do not disturb each other.
func (a *app) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		err := a.accounts.Sweep(ctx)
		if err == nil {
			_, err = a.documents.SweepFormTokens(ctx, time.Now().Add(-access.FormLife))
		}
		if err != nil && ctx.Err() == nil {
			a.log.Error("sweeping expired rows", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// healthz says that the process lives.
func (a *app) healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// readyz says whether the server can do its work; a load balancer asks.
func (a *app) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	switch {
	case !a.ready.Load():
		http.Error(w, "starting or draining", http.StatusServiceUnavailable)
	case migrations.Check(ctx, a.pool) != nil:
		http.Error(w, "database not reachable or of another version", http.StatusServiceUnavailable)
	case a.nats != nil && !a.nats.Connected():
		// Every server would be taken out of service for what the sweep mends.
		fmt.Fprintln(w, "ready, and NATS cannot be reached: pages hear of their news a few seconds late")
	default:
		fmt.Fprintln(w, "ready")
	}
}

// handler serves the web; pages that want a live connection queue up for it.
func (a *app) handler() http.Handler { return a.live.Gate("/live", a.web.Handler()) }

// adminHandler serves metrics, probes and profiles: for the operator's own
// network, never for the public.
func (a *app) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.healthz)
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// poolStats shows the connection pool to Prometheus.
func (a *app) poolStats() []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "qianhe", Subsystem: "db", Name: name, Help: help}, value)
	}
	return []prometheus.Collector{
		gauge("connections", "Open connections.", func() float64 { return float64(a.pool.Stat().TotalConns()) }),
		gauge("connections_busy", "Connections in use.", func() float64 { return float64(a.pool.Stat().AcquiredConns()) }),
		gauge("acquire_seconds_total", "Time spent waiting for a connection.", func() float64 { return a.pool.Stat().AcquireDuration().Seconds() }),
	}
}
