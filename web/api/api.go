package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"qianhe/approval/access"
	"qianhe/approval/intake"
)

// Scopes of tokens.
const (
	documentsScope = "documents:write"     // to put documents on their way
	noticesScope   = "notifications:write" // to tell people of forms and announcements, and to ask what became of it
)

// Frequent reports whether a request is one of those of which thousands may
// come in a second: about notices. Metrics count them, and a refusal is logged.
func Frequent(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/v1/notifications") }

// Scopes are all that there are.
func Scopes() []string { return []string{documentsScope, noticesScope} }

// Importer checks a package and stores it, whole or not at all. Its errors are
// those of packages approval, di and intake; of them
// [*approval.DuplicateError] says that the document is there already.
type Importer interface {
	Import(ctx context.Context, p intake.Package, o intake.Order) (*intake.Result, error)
}

// Tokens knows the tokens of other systems.
type Tokens interface {
	// CheckToken returns [access.ErrToken] for a token that is not valid.
	CheckToken(ctx context.Context, token string) (access.APIToken, error)
}

// Options of the API. Importer, Notices, Tokens, DocumentURL and Log are
// needed.
type Options struct {
	Importer Importer
	Notices  Notices
	Tokens   Tokens
	// DocumentURL gives the absolute address of a document's page, made from
	// the configuration, never from a request.
	DocumentURL func(id string) string
	Log         *slog.Logger
	// Suits says whether the API may be called from where a request comes; nil
	// for from anywhere.
	Suits func(r *http.Request) (bool, error)
	Now   func() time.Time // default time.Now

	// MaxBody limits a request, MaxFile one attachment, in bytes. The
	// defaults are the limits of package intake.
	MaxBody, MaxFile int64
	// Uploads is how many requests are read at the same time (default 4): each
	// may hold MaxBody in memory.
	Uploads int
	// PerMinute is how many calls about documents one token may make in a minute
	// (default 120).
	PerMinute int
	// NoticesPerMinute is how many recipients the notices of a token may have in
	// a minute that has no number of its own (default 600,000); a question about
	// one counts as a recipient.
	NoticesPerMinute int
}

// API answers the requests below /api/.
type API struct {
	opt     Options
	uploads chan struct{}
	limit   *limiter
	tokens  *tokens
	mux     *http.ServeMux
}

// New makes the API.
func New(opt Options) *API {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.MaxBody == 0 {
		opt.MaxBody = intake.MaxPackage + 1<<20 // what is around the files
	}
	if opt.MaxFile == 0 {
		opt.MaxFile = intake.MaxFile
	}
	if opt.Uploads == 0 {
		opt.Uploads = 4
	}
	if opt.PerMinute == 0 {
		opt.PerMinute = 120
	}
	if opt.NoticesPerMinute == 0 {
		opt.NoticesPerMinute = 600_000
	}
	a := &API{
		opt: opt, uploads: make(chan struct{}, opt.Uploads), mux: http.NewServeMux(),
		limit: newLimiter(opt.Now), tokens: newTokens(opt.Tokens, opt.Now),
	}
	for _, r := range a.routes() {
		a.mux.Handle(r.method+" "+r.path, a.handler(r))
	}
	a.mux.Handle("/", a.handler(route{access: public, serve: a.nowhere}))
	return a
}

// ServeHTTP answers a request below /api/.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// nowhere answers for what no route does: of another method, or nothing at all.
func (a *API) nowhere(_ http.ResponseWriter, r *http.Request, _ access.APIToken) error {
	for _, known := range a.routes() {
		if _, pattern := a.mux.Handler(&http.Request{Method: known.method, URL: r.URL}); pattern == known.method+" "+known.path {
			return &problem{code: "method_not_allowed", allow: known.method}
		}
	}
	return &problem{code: "not_found"}
}

// route is one operation and who may call it.
type route struct {
	method, path string
	access       string // scope of the token that is needed, or public
	serve        func(http.ResponseWriter, *http.Request, access.APIToken) error
}

const public = ""

func (a *API) routes() []route {
	return []route{
		{http.MethodPost, "/api/v1/documents", documentsScope, a.createDocument},
		{http.MethodPost, "/api/v1/notifications", noticesScope, a.notify},
		{http.MethodGet, "/api/v1/notifications/{id}", noticesScope, a.report},
		{http.MethodPost, "/api/v1/notifications/{id}/done", noticesScope, a.done},
		{http.MethodGet, "/api/v1/openapi.json", public, a.description},
	}
}

// handler checks the token, runs the route and writes what it refuses.
func (a *API) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		token, err := a.allow(r, rt.access)
		if err == nil {
			err = rt.serve(w, r, token)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
}
