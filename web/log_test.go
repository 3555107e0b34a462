package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// Of calls that come by the thousand only what went wrong is logged, unless
// somebody looks closely.
func TestFrequentRequestsAreQuiet(t *testing.T) {
	t.Parallel()
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		var log bytes.Buffer
		o := newOffice(t, func(opt *Options) {
			opt.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
			opt.Frequent = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/often") }
			opt.Mount = map[string]http.Handler{"/api/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("no") {
					w.WriteHeader(http.StatusConflict)
				}
			})}
		})
		o.get(t, "", "/api/often")
		o.get(t, "", "/api/seldom")
		o.get(t, "", "/api/often?no")
		if got, want := strings.Count(log.String(), "msg=request"), map[slog.Level]int{slog.LevelInfo: 2, slog.LevelDebug: 3}[level]; got != want {
			t.Errorf("at %s: %d lines, want %d:\n%s", level, got, want, log.String())
		}
	}
}
