package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Options of a server. What is not said to be optional is needed.
type Options struct {
	Documents Documents
	Accounts  Accounts
	Access    Access
	Hub       Hub
	Settings  Settings
	Forms     *access.FormTokens
	Workdays  approval.Calendar
	// BaseURL is the address under which people reach the server. With https
	// cookies get the __Host- prefix and HSTS is sent.
	BaseURL *url.URL
	Log     *slog.Logger

	NewDevices     NewDevices // nil: none is ever confirmed
	Handovers      Handovers  // nil: no other browser of a phone is let in by one
	Hotline        string     // service line (服務專線) for who did not sign in, may be empty
	Ledger         Ledger     // nil: nobody can look at it
	Webhooks       Webhooks   // nil: nobody can look at them
	People         People     // nil: nobody can look after people; with Work
	Work           Work
	Audit          Audit          // nil: nobody can look at it, and pages add nothing to it
	Live           Live           // nil: pages are only new when they are loaded
	Pages          PageRenderer   // nil: PDF files can be downloaded only
	Push           *Push          // nil: no Web Push
	SignIns        SignIns        // nil: by password only, and no second factors
	Ways           []Way          // to sign in by beside the password kept here
	NoPassword     bool           // which is none
	Linking        *Linking       // nil: no chat can be linked
	Agency         string         // name on the sign-in page, may be empty
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Now            func() time.Time
	Random         io.Reader
	// Frequent says of which requests thousands come in a second: one that
	// succeeds is logged at the level debug only. None by default.
	Frequent func(*http.Request) bool
	// Mount adds handlers of others by their pattern: the JSON API, callbacks
	// of providers, probes. They check for themselves who calls: neither the
	// session nor the origin of a request is looked at.
	Mount map[string]http.Handler
	// PublicMount names those of Mount that [Server.Public] serves too.
	PublicMount []string
	// PublicURL is under which name Public is reached; nil for the same as
	// BaseURL.
	PublicURL *url.URL
}

// Server is the mobile web interface. Between two requests it keeps nothing of a
// person but how those came in who hold live connections.
type Server struct {
	Options
	words     catalogues
	assets    *assets
	templates map[string]*template.Template
	mux       *http.ServeMux
	front     *http.ServeMux // of Public
	table     []route
	origin    *http.CrossOriginProtection
	policy    string // Content-Security-Policy
	secure    bool   // https
	cookies   cookieNames

	attendance attendance
}

// New checks the options and builds the pages.
func New(opt Options) (*Server, error) {
	switch {
	case opt.Documents == nil || opt.Accounts == nil || opt.Access == nil || opt.Hub == nil || opt.Settings == nil || opt.Forms == nil || opt.Workdays == nil || opt.Log == nil:
		return nil, errors.New("web: documents, accounts, access, hub, settings, forms, workdays and log are needed")
	case opt.BaseURL == nil || opt.BaseURL.Host == "" || opt.BaseURL.Scheme != "http" && opt.BaseURL.Scheme != "https":
		return nil, errors.New("web: the base URL is not one such as https://sign.example.gov.tw")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Random == nil {
		opt.Random = rand.Reader
	}
	s := &Server{Options: opt, mux: http.NewServeMux(), front: http.NewServeMux(), secure: opt.BaseURL.Scheme == "https"}
	var err error
	if s.words, err = loadWords(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.templates, err = parseTemplates(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s.policy = contentPolicy(opt.BaseURL)
	s.cookies = newCookieNames(s.secure)
	s.origin = http.NewCrossOriginProtection()
	if err := s.origin.AddTrustedOrigin(opt.BaseURL.Scheme + "://" + opt.BaseURL.Host); err != nil {
		return nil, fmt.Errorf("web: base URL: %w", err)
	}
	s.routes()
	return s, nil
}

// Routes gives the patterns of all pages and data, in the order of the table.
// What is mounted is not among them.
func (s *Server) Routes() []string {
	list := make([]string, len(s.table))
	for i, rt := range s.table {
		list[i] = rt.pattern
	}
	return list
}

// Handler serves everything: the app.
func (s *Server) Handler() http.Handler { return s.logged(s.mux) }
