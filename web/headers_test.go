package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self' ws://sign.example.gov.tw; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; " +
		"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types qianhe"
	for _, rt := range o.table {
		method, path := o.address(rt.pattern)
		a := o.ask(t, "wang", method, path, nil)
		h := a.Header
		want := policy
		if rt.data {
			want = dataPolicy
		}
		if got := h.Get("Content-Security-Policy"); got != want && got != filePolicy && rt.pattern != "GET /sw.js" {
			t.Errorf("%s: Content-Security-Policy %q", rt.pattern, got)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", rt.pattern, h)
		}
		if h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS without TLS", rt.pattern)
		}
		if cache := h.Get("Cache-Control"); rt.rule != public && !rt.data && cache != "no-store" {
			t.Errorf("%s: Cache-Control %q, want no-store", rt.pattern, cache)
		}
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(opt *Options) { opt.BaseURL = &url.URL{Scheme: "https", Host: "sign.example.gov.tw"} })
	a := o.send(t, "", "/signin", url.Values{"login": {"wang"}, "password": {password}}).redirects(t, "/inbox")
	if got := a.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("HSTS is %q", got)
	}
	if got := a.Header.Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self' wss://sign.example.gov.tw;") {
		t.Errorf("policy is %q", got)
	}
	for _, c := range a.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %+v", c)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	url := o.assets.url("app.css")
	a := o.get(t, "", url, "Accept-Encoding", "br, gzip").status(t, 200)
	if a.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.Header.Get("Content-Encoding") != "gzip" || a.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers %v", a.Header)
	}
	o.get(t, "", url, "If-None-Match", a.Header.Get("ETag")).status(t, http.StatusNotModified)
	plain := o.get(t, "", url, "Accept-Encoding", "gzip;q=0").status(t, 200)
	if plain.Header.Get("Content-Encoding") != "" || !strings.Contains(plain.text, ":root") {
		t.Errorf("who takes no gzip gets %q", plain.Header.Get("Content-Encoding"))
	}
	// Comments of our scripts stay here, what they say is sent whole.
	if js := o.get(t, "", o.assets.url("live.js")).status(t, 200).text; strings.Contains(js, "\n//") || strings.Contains(js, "\n ") || !strings.Contains(js, "new WebSocket(") {
		t.Errorf("live.js is sent as %.300s", js)
	}
	// A node of another version has given out another hash.
	if a := o.get(t, "", "/static/0123456789/app.css").status(t, 200); a.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("under another hash Cache-Control is %q", a.Header.Get("Cache-Control"))
	}
	for _, path := range []string{"/static/0123456789/sw.js", "/static/0123456789/none.css", "/static/0123456789/..%2fserver.go", "/static/app.css"} {
		o.get(t, "", path).status(t, http.StatusNotFound)
	}
	worker := o.get(t, "", "/sw.js").status(t, 200)
	if worker.Header.Get("Cache-Control") != "no-cache" || strings.Contains(worker.text, "__") || !strings.Contains(worker.text, url) {
		t.Errorf("service worker: %v", worker.Header)
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	zh, en := o.get(t, "", "/manifest.webmanifest").status(t, 200), o.get(t, "", "/manifest.webmanifest?lang=en").status(t, 200)
	for _, want := range []string{`"name":"青川市政府 行動簽核"`, `"display":"standalone"`, `"start_url":"/inbox"`, `"purpose":"maskable"`, `"lang":"zh-Hant-TW"`} {
		if !strings.Contains(zh.text, want) {
			t.Errorf("manifest has no %s: %s", want, zh.text)
		}
	}
	if !strings.Contains(en.text, `"short_name":"Qianhe"`) {
		t.Errorf("English manifest: %s", en.text)
	}
	page := o.get(t, "wang", "/inbox")
	if got := page.attr("link[rel=manifest]", "href"); got != "/manifest.webmanifest" {
		t.Errorf("page names %q", got)
	}
}
