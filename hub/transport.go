package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// This file is what every channel over HTTP needs in order to say what became
// of a send, and to say it without addresses and secrets.

// Traced gives a context for one request, and a function that reports whether
// the request can have begun to reach the other side. Until then a failure
// leaves no doubt: nothing was sent ([*Retry]); after that it does ([*Unknown]).
//
// It begins with a connection, not with the first byte: net/http writes in
// another goroutine, and may do so after the caller has been told of a failure.
func Traced(ctx context.Context) (context.Context, func() bool) {
	var began atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { began.Store(true) },
	}), began.Load
}

// RetryAfter reads a Retry-After header, seconds or a date (RFC 9110 §10.2.3).
// It gives 0 when there is none, and never more than a day.
func RetryAfter(value string, now time.Time) time.Duration {
	const most = 24 * time.Hour
	if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		return min(max(time.Duration(n), 0), most/time.Second) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(t.Sub(now), 0), most)
	}
	return 0
}

// TransportWords says why there was no answer. The errors of net/http hold the
// address that was called, which may be a capability; these words do not.
func TransportWords(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &dns):
		return "its name cannot be resolved"
	case errors.As(err, &cert):
		return "its certificate is not trusted"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut"
	default:
		return "no connection"
	}
}

var longToken = regexp.MustCompile(`[A-Za-z0-9_%:.+/=~-]{20,}`)

// ProviderWords makes what a provider answered fit for rows and logs: one line,
// at most max bytes, and nothing in it that could be an address, an ID or a
// token. Long words of letters, and paths of such words, stay.
func ProviderWords(text string, max int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`"{}<>`, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	text = longToken.ReplaceAllStringFunc(text, func(s string) string {
		if strings.ContainsFunc(s, func(r rune) bool { return r != '/' && !unicode.IsLetter(r) }) {
			return "…"
		}
		return s
	})
	return Clip(strings.Join(strings.Fields(text), " "), max)
}

// Storable leaves out of a provider's words what PostgreSQL takes in no text: a
// record that cannot be written would have its message sent again.
func Storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// Clip shortens s to at most n bytes, at a character, with an ellipsis where
// there is room for one.
func Clip(s string, n int) string {
	const more = "…"
	if len(s) <= n {
		return s
	}
	if n < len(more) {
		return ""
	}
	return strings.ToValidUTF8(s[:n-len(more)], "") + more
}
