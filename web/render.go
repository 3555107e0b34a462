package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

//go:embed templates/*.tmpl
var templateFiles embed.FS

// parseTemplates gives one template set for each page: the frame, the parts,
// and the page's own file, whose name it has.
func parseTemplates() (map[string]*template.Template, error) {
	frame, err := template.ParseFS(templateFiles, "templates/base.tmpl", "templates/parts.tmpl")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templateFiles, "templates/*.tmpl")
	if err != nil {
		return nil, err
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".tmpl")
		if page == "base" || page == "parts" {
			continue
		}
		t, err := frame.Clone()
		if err != nil {
			return nil, err
		}
		if all[page], err = t.ParseFS(templateFiles, name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// base is what every page has. Its embedded catalogue lends the templates T, N
// and the dates.
type base struct {
	*words
	assets *assets

	Title   string
	Tab     string // the entry of the navigation that this page is: inbox, done, me
	Who     *who   // nil when nobody has signed in
	Counts  hub.Counts
	Counted bool // Counts are those of this moment
	Note    *note
	Agency  string
	Socket  bool // there are live connections
}

// who is the person who has signed in.
type who struct {
	Name  string
	Title string
	Unit  string
	Greet string // 王科長
}

// note is a sentence on what has just happened.
type note struct {
	Text string
	Seal seal   // of the person who did it, "" for none
	URL  string // where it can be looked at, "" for nowhere; Link is its text
	Link string
}

// base fills in what every page has.
func (s *Server) base(v *visit, title, tab string) base {
	b := base{words: v.words, assets: s.assets, Title: title, Tab: tab, Agency: s.Agency, Socket: s.Live != nil}
	if v.session.ID != "" {
		p := v.session.Person
		b.Who = &who{Name: p.Name, Title: p.Title, Unit: v.session.UnitName, Greet: called(p)}
	}
	return b
}

// withCounts adds the counts of a person's in-tray, for the navigation.
func (b *base) withCounts(c approval.TrayCounts) {
	b.Counted = true
	b.Counts = hub.Counts{Pending: c.All, Highest: c.Highest, Overdue: c.Overdue, DueToday: c.DueToday}
}

// counted is base for a page with the navigation: it has the person's counts.
func (s *Server) counted(ctx context.Context, v *visit, title, tab string) (base, error) {
	b := s.base(v, title, tab)
	c, err := s.Documents.TrayCounts(ctx, v.session.Person.ID, v.now)
	b.withCounts(c)
	return b, err
}

// Asset gives the address of a static file.
func (b base) Asset(name string) string { return b.assets.url(name) }

// greeting is the key of what one says at this time of the day.
func greeting(now time.Time) string {
	switch h := now.In(approval.Zone).Hour(); {
	case h >= 5 && h < 11:
		return "greet.morning"
	case h >= 11 && h < 18:
		return "greet.afternoon"
	}
	return "greet.evening"
}

// render writes a page. It is built completely before the first byte is sent,
// so that an error is still a clean answer.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	return s.renderPart(w, r, status, name, "base", data)
}

// renderPart writes one of the templates of a page.
func (s *Server) renderPart(w http.ResponseWriter, r *http.Request, status int, name, part string, data any) error {
	t := s.templates[name]
	if t == nil {
		return fmt.Errorf("no template %s", name)
	}
	var page bytes.Buffer
	if err := t.ExecuteTemplate(&page, part, data); err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding, Accept-Language, Cookie")
	body := page.Bytes()
	if len(body) > 1000 && acceptsGzip(r) {
		var z bytes.Buffer
		g := gzip.NewWriter(&z)
		if _, err := g.Write(body); err != nil {
			return err
		}
		if err := g.Close(); err != nil {
			return err
		}
		h.Set("Content-Encoding", "gzip")
		body = z.Bytes()
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body)
	return err
}
