package web

import (
	"encoding/json"
	"net/http"
)

// manifest is the web app manifest (W3C), in the language that the page which
// names it has put into the address.
type manifest struct {
	ID              string         `json:"id"`
	Name            string         `json:"name"`
	ShortName       string         `json:"short_name"`
	Description     string         `json:"description"`
	Lang            string         `json:"lang"`
	Dir             string         `json:"dir"`
	StartURL        string         `json:"start_url"`
	Scope           string         `json:"scope"`
	Display         string         `json:"display"`
	BackgroundColor string         `json:"background_color"`
	ThemeColor      string         `json:"theme_color"`
	Icons           []manifestIcon `json:"icons"`
}

type manifestIcon struct {
	Src     string `json:"src"`
	Sizes   string `json:"sizes"`
	Type    string `json:"type"`
	Purpose string `json:"purpose,omitempty"`
}

// paperColor is the background of the light pages, --paper of app.css.
const paperColor = "#f6f3ec"

func (s *Server) manifest(w http.ResponseWriter, r *http.Request, _ *visit) error {
	words := s.words.in(r.URL.Query().Get("lang"))
	name := words.T("app.name")
	if s.Agency != "" {
		name = words.T("app.of", s.Agency)
	}
	icon := func(name, sizes, purpose string) manifestIcon {
		return manifestIcon{Src: s.assets.url(name), Sizes: sizes, Type: "image/png", Purpose: purpose}
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	return json.NewEncoder(w).Encode(manifest{
		ID: "/", Name: name, ShortName: words.T("app.short"), Description: words.T("app.what"), Lang: words.Lang(), Dir: "ltr",
		StartURL: "/inbox", Scope: "/", Display: "standalone", BackgroundColor: paperColor, ThemeColor: paperColor,
		Icons: []manifestIcon{
			icon("icon-192.png", "192x192", ""), icon("icon-512.png", "512x512", ""),
			icon("icon-192.png", "192x192", "maskable"), icon("icon-512.png", "512x512", "maskable"),
		},
	})
}

// offlinePage is what the service worker keeps for when there is no line. It
// says nothing of anybody.
type offlinePage struct{ base }

func (s *Server) offline(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.render(w, r, http.StatusOK, "offline", &offlinePage{s.base(v, v.words.T("offline.title"), "")})
}
