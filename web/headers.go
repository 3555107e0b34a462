package web

import (
	"net/http"
	"net/url"
	"strings"
)

// contentPolicy is the Content-Security-Policy of every page: a constant,
// because no page has a script or a style of its own. The address of the live
// connection is named, since Safari before 15.4 does not take 'self' for it.
func contentPolicy(base *url.URL) string {
	socket := "ws://" + base.Host
	if base.Scheme == "https" {
		socket = "wss://" + base.Host
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		"font-src 'self'",
		"connect-src 'self' " + socket,
		"manifest-src 'self'",
		"worker-src 'self'",
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types qianhe",
	}, "; ")
}

// filePolicy is that of bytes that came from outside: whatever they are, they
// run nothing and load nothing.
const filePolicy = "sandbox; default-src 'none'"

// dataPolicy is that of what is no page: opened as one, it is nothing.
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"

// setHeaders sets what every answer has; data is one that is no page. Handlers
// of things that may be kept overwrite Cache-Control.
//
// The referrer policy is same-origin and not no-referrer: under the latter a
// browser writes "Origin: null" on our own forms, and one without
// Sec-Fetch-Site (iOS Safari before 16.4) could not be told from a stranger.
func (s *Server) setHeaders(h http.Header, data bool) {
	if data {
		h.Set("Content-Security-Policy", dataPolicy)
	} else {
		h.Set("Content-Security-Policy", s.policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("X-Robots-Tag", noRobots)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
