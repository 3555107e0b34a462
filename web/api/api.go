package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"qianhe/approval/intake"
)

// Scope is what a token must allow for a document to be put on its way.
const Scope = "documents:write"

// Importer checks a package and stores it, whole or not at all. Its errors are
// those of packages approval, di and intake; of them
// [*approval.DuplicateError] says that the document is there already.
type Importer interface {
	Import(ctx context.Context, p intake.Package, o intake.Order) (*intake.Result, error)
}

// Tokens knows the tokens of other systems.
type Tokens interface {
	// CheckToken returns [access.ErrToken] for a token that is not valid and
	// [approval.ErrForbidden] for one without the scope.
	CheckToken(ctx context.Context, token, scope string) error
}

// Options of the API. Importer, Tokens, DocumentURL and Log are needed.
type Options struct {
	Importer Importer
	Tokens   Tokens
	// DocumentURL gives the absolute address of a document's page, made from
	// the configuration, never from a request.
	DocumentURL func(id string) string
	Log         *slog.Logger
	Now         func() time.Time // default time.Now

	// MaxBody limits a request, MaxFile one attachment, in bytes. The
	// defaults are the limits of package intake.
	MaxBody, MaxFile int64
	// Uploads is how many requests are read at the same time (default 4): each
	// may hold MaxBody in memory.
	Uploads int
	// PerMinute is how many calls one token may make in a minute (default 120).
	PerMinute int
}

// API answers the requests below /api/.
type API struct {
	opt     Options
	uploads chan struct{}
	limit   *limiter
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
	a := &API{opt: opt, uploads: make(chan struct{}, opt.Uploads), limit: newLimiter(opt.PerMinute, opt.Now), mux: http.NewServeMux()}
	for _, r := range a.routes() {
		a.mux.Handle(r.method+" "+r.path, a.handler(r))
	}
	a.mux.Handle("/", a.handler(route{access: public, serve: func(_ http.ResponseWriter, r *http.Request) error {
		for _, known := range a.routes() {
			if known.path == r.URL.Path {
				return &problem{code: "method_not_allowed", allow: known.method}
			}
		}
		return &problem{code: "not_found"}
	}}))
	return a
}

// ServeHTTP answers a request below /api/.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// route is one operation and who may call it.
type route struct {
	method, path string
	access       string // scope of the token that is needed, or public
	serve        func(http.ResponseWriter, *http.Request) error
}

const public = ""

func (a *API) routes() []route {
	return []route{
		{http.MethodPost, "/api/v1/documents", Scope, a.createDocument},
		{http.MethodGet, "/api/v1/openapi.json", public, a.description},
	}
}

// handler checks the token, runs the route and writes what it refuses.
func (a *API) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		err := a.allow(r, rt.access)
		if err == nil {
			err = rt.serve(w, r)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
}
