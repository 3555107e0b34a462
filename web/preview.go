package web

import (
	"html"
	"net/http"
	"strings"

	"qianhe/approval/access"
)

// This file is about requests behind which nobody looks: previews of chats,
// scanners of mail, pages that a browser fetches in case they are wanted. A GET
// changes nothing, whoever sends it; that is what protects. Those that say what
// they are get, besides, nothing that they could keep.

// noRobots is the X-Robots-Tag of every answer.
const noRobots = "noindex, nofollow, noarchive, nosnippet"

// unlooked answers what asks with nobody looking, and reports whether it did. A
// program gets a page with the name of the product, the same bytes at every
// address, before it is looked up who asks: with a stolen or a borrowed session
// it learns no more. A browser that fetches a page ahead is told to wait for the
// tap, because a page fetched ahead may be old when it is read, and counts as
// looked at by nobody. Files that everybody gets are given to both.
func (s *Server) unlooked(w http.ResponseWriter, r *http.Request, rt route) bool {
	if rt.rule == public && rt.data {
		return false
	}
	switch {
	case access.Robot(r.UserAgent()):
		status := http.StatusOK
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			status = http.StatusForbidden
		}
		s.writeNeutral(w, r, status)
	case ahead(r):
		w.WriteHeader(http.StatusServiceUnavailable) // browsers then load the page when it is asked for
	default:
		return false
	}
	return true
}

// ahead reports that a browser fetches what may be wanted later (Sec-Purpose, and
// the names that it had before), or a picture of it (X-Purpose, of Safari).
func ahead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		v := strings.ToLower(r.Header.Get(name))
		if strings.HasPrefix(v, "prefetch") || strings.HasPrefix(v, "prerender") || strings.HasPrefix(v, "preview") {
			return true
		}
	}
	return false
}

// looking reports whether a person looks at what is asked for: a page that is
// opened as one. What browsers fetch ahead, put into a frame or an image, what
// another site opens without a tap, and what a script of ours asks for is not.
// Browsers without Sec-Fetch headers are believed.
func looking(r *http.Request) bool {
	site, mode, dest := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	switch {
	case r.Method != http.MethodGet, ahead(r), access.Robot(r.UserAgent()):
		return false
	case mode != "" && mode != "navigate", dest != "" && dest != "document" && dest != "empty": // a service worker has no destination
		return false
	case (site == "cross-site" || site == "same-site") && mode != "" && r.Header.Get("Sec-Fetch-User") == "" && sendsUser(r.UserAgent()):
		return false
	}
	return true
}

// sendsUser reports whether a browser that sends Sec-Fetch headers also says
// that somebody has tapped. Safari does not.
func sendsUser(userAgent string) bool {
	return strings.Contains(userAgent, "Chrome/") || strings.Contains(userAgent, "Firefox/")
}

// writeNeutral writes the page that says nothing but what it is.
func (s *Server) writeNeutral(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(neutralPage(s.words.in(Chinese).T("app.title"))) // the line is gone then
}

// neutralPage has no address, no picture and no text of any document.
func neutralPage(product string) []byte {
	name := html.EscapeString(product)
	return []byte(`<!doctype html>
<html lang="zh-Hant-TW"><head><meta charset="utf-8"><title>` + name + `</title><meta name="robots" content="` + noRobots + `">
<meta property="og:type" content="website"><meta property="og:title" content="` + name + `"><meta property="og:site_name" content="` + name + `">
</head><body><p>` + name + `</p></body></html>
`)
}
