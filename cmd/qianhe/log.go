package main

import (
	"io"
	"log/slog"
	"os"
)

// newLogger writes text to a terminal and JSON elsewhere, unless told.
func newLogger(w io.Writer, c *Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.LogLevel}
	text := c.LogFormat == "text"
	if c.LogFormat == "auto" {
		if f, ok := w.(*os.File); ok {
			info, err := f.Stat()
			text = err == nil && info.Mode()&os.ModeCharDevice != 0
		}
	}
	if text {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}
