package web

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
)

// record is what a request says about itself in the log. It holds no content
// and nothing secret: the route as a pattern, never the address with its
// query.
type record struct {
	id     string // also on error pages, for the help desk
	person string
	err    error
	level  slog.Level
}

type recordKey struct{}

// recordOf gives the record of the request; one that nobody reads when there
// is none.
func recordOf(ctx context.Context) *record {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		return r
	}
	return &record{}
}

// logged writes one line for each request and turns a panic into an error
// page.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := s.Now()
		rec := &record{id: s.newRequestID()}
		out := &response{ResponseWriter: w}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		w.Header().Set("X-Request-Id", rec.id)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request", rec.id), slog.String("stack", string(debug.Stack())))
				err := fmt.Errorf("panic: %v", p)
				if out.status == 0 {
					s.setHeaders(w.Header(), false)
					v := &visit{words: s.words.accepted(r.Header.Get("Accept-Language")), now: s.Now(), record: rec}
					s.fail(out, r, v, err)
				}
				rec.err, rec.level = err, slog.LevelError
			}
			s.logRequest(r, rec, out, begin.UnixNano())
		}()
		next.ServeHTTP(out, r)
	})
}

func (s *Server) logRequest(r *http.Request, rec *record, out *response, begin int64) {
	if rec.level == slog.LevelInfo && out.status < http.StatusBadRequest && s.Frequent != nil && s.Frequent(r) {
		rec.level = slog.LevelDebug
	}
	if !s.Log.Enabled(r.Context(), rec.level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request", rec.id),
		slog.String("method", method(r)),
		slog.String("route", r.Pattern),
		slog.Int("status", out.status),
		slog.Int64("bytes", out.bytes),
		slog.Float64("ms", float64(s.Now().UnixNano()-begin)/1e6),
	}
	if rec.person != "" {
		attrs = append(attrs, slog.String("person", rec.person))
	}
	if rec.err != nil {
		attrs = append(attrs, slog.Any("err", rec.err))
	}
	s.Log.LogAttrs(r.Context(), rec.level, "request", attrs...)
}

// method keeps a made-up method out of the log.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

func (s *Server) newRequestID() string {
	var b [6]byte
	if _, err := io.ReadFull(s.Random, b[:]); err != nil {
		panic(fmt.Sprintf("web: source of randomness failed: %v", err))
	}
	return hex.EncodeToString(b[:])
}

// response remembers what was answered. It can be hijacked, for the live
// connection.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Hijack serves the WebSocket upgrade.
func (r *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil && r.status == 0 {
		r.status = http.StatusSwitchingProtocols
	}
	return c, rw, err
}

// Unwrap serves http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }
