package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// asset is one static file, ready to be sent.
type asset struct {
	hash        string // of the content, part of the address
	contentType string
	plain       []byte
	gzipped     []byte // nil when it would not be smaller
}

// assets are the static files by name. They are read-only.
type assets struct {
	files  map[string]*asset
	worker *asset // the service worker, whose address must not change
}

// workerFile is not served under its own name: a service worker has power over
// the paths below its own.
const workerFile = "sw.js"

func loadAssets() (*assets, error) {
	a := &assets{files: map[string]*asset{}}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		b, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		if a.files[e.Name()], err = newAsset(e.Name(), b); err != nil {
			return nil, err
		}
	}
	// The worker keeps the offline page and what that needs; it is another
	// worker whenever one of them is.
	worker := a.files[workerFile]
	delete(a.files, workerFile)
	text := strings.NewReplacer(
		"__STYLE__", a.url("app.css"),
		"__SEAL__", a.url("seal.svg"),
		"__ICON__", a.url("icon-192.png"),
		"__BADGE__", a.url("badge-96.png"),
	).Replace(string(worker.plain))
	if strings.Contains(text, "__") {
		return nil, fmt.Errorf("%s: unknown placeholder", workerFile)
	}
	a.worker, err = newAsset(workerFile, []byte(text))
	return a, err
}

// lean leaves out what a phone on a bad line need not load: lines of comment and
// indentation of our scripts, which have neither texts nor statements that run
// over the end of a line without a bracket.
func lean(name string, b []byte) []byte {
	if path.Ext(name) != ".js" {
		return b
	}
	var out bytes.Buffer
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			out.Write(line)
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

func newAsset(name string, b []byte) (*asset, error) {
	b = lean(name, b)
	sum := sha256.Sum256(b)
	f := &asset{hash: hex.EncodeToString(sum[:5]), plain: b}
	switch path.Ext(name) {
	case ".js":
		f.contentType = "text/javascript; charset=utf-8"
	case ".css":
		f.contentType = "text/css; charset=utf-8"
	case ".svg":
		f.contentType = "image/svg+xml"
	case ".png":
		f.contentType = "image/png"
	default:
		return nil, fmt.Errorf("static file %s has no known type", name)
	}
	var z bytes.Buffer
	g, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := g.Write(b); err != nil {
		return nil, err
	}
	if err := g.Close(); err != nil {
		return nil, err
	}
	if z.Len() < len(b)*9/10 {
		f.gzipped = z.Bytes()
	}
	return f, nil
}

// url gives the address of a static file, with the hash of its content. It
// panics when there is no such file, which the first page of a test shows.
func (a *assets) url(name string) string {
	f := a.files[name]
	if f == nil {
		panic("web: no static file " + name)
	}
	return "/static/" + f.hash + "/" + name
}

// static serves a file for ever under the hash of its content. Under another
// hash, which a node of another version has given out, it is served for now.
func (s *Server) static(w http.ResponseWriter, r *http.Request, _ *visit) error {
	f := s.assets.files[r.PathValue("name")]
	if f == nil {
		return errNowhere
	}
	w.Header().Set("Cache-Control", "no-cache")
	if f.hash == r.PathValue("hash") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	return f.serve(w, r)
}

// favicon answers those who ask for it whatever a page says.
func (s *Server) favicon(w http.ResponseWriter, r *http.Request, _ *visit) error {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	return s.assets.files["seal.svg"].serve(w, r)
}

// serviceWorker serves the worker. Browsers ask for it again at least daily.
func (s *Server) serviceWorker(w http.ResponseWriter, r *http.Request, _ *visit) error {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Security-Policy", s.policy) // a worker fetches under its own
	return s.assets.worker.serve(w, r)
}

func (f *asset) serve(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	tag := `"` + f.hash + `"`
	h.Set("ETag", tag)
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
	}
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", f.contentType)
	b := f.plain
	if f.gzipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		b = f.gzipped
	}
	h.Set("Content-Length", fmt.Sprint(len(b)))
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(b)
	return err
}

// acceptsGzip reads Accept-Encoding as far as browsers write it.
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" {
			q, weighed := strings.CutPrefix(strings.TrimSpace(params), "q=")
			return !weighed || strings.Trim(q, "0.") != ""
		}
	}
	return false
}
