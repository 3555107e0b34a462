package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
	"qianhe/web/pdfview"
)

var (
	// errForm: a form that is none of ours, or not readable.
	errForm = errors.New("form is malformed")
	// errElsewhere: the provider says who it is, and that opens nothing here; or it
	// says that it is nobody.
	errElsewhere = errors.New("nobody that a provider lets in")
	// errPushKey: the subscription was made with a key that is no longer ours.
	errPushKey = errors.New("push subscription is under another key")
	// errNowhere: there is no such address.
	errNowhere = errors.New("no such page")
)

// failure is what becomes of an error: the status, the sentence that says what
// happened, and the one that says what to do.
type failure struct {
	status int
	key    string // error.<key>.title and .text in the catalogues
	title  string
	text   string
	retry  int  // seconds, for Retry-After
	reload bool // the same address may answer on another try
}

func (f failure) setHeaders(h http.Header) {
	if f.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(f.retry))
	}
}

// known is the one table from errors to status and sentence. The first line
// that matches counts; what is not in it is a 500.
var known = [...]struct {
	err    error
	status int
	key    string
}{
	{errNowhere, http.StatusNotFound, "error.nowhere"},
	{approval.ErrNotFound, http.StatusNotFound, "error.notfound"},
	{approval.ErrClassified, http.StatusForbidden, "error.classified"},
	{approval.ErrForbidden, http.StatusForbidden, "error.forbidden"},
	{approval.ErrStale, http.StatusConflict, "error.stale"},
	{approval.ErrReplayed, http.StatusConflict, "error.replayed"},
	{approval.ErrExpired, http.StatusConflict, "error.expired"},
	{access.ErrReplaced, http.StatusUnauthorized, "error.replaced"},
	{access.ErrNoSession, http.StatusUnauthorized, "error.session"},
	{access.ErrCredentials, http.StatusUnauthorized, "error.credentials"},
	{access.ErrFlow, http.StatusConflict, "error.flow"},
	{errElsewhere, http.StatusForbidden, "error.elsewhere"},
	{access.ErrMustChange, http.StatusForbidden, "error.mustchange"},
	{access.ErrWaiting, http.StatusForbidden, "error.waiting"},
	{access.ErrMobile, http.StatusForbidden, "error.mobile"},
	{access.ErrTrusted, http.StatusForbidden, "error.trusted"},
	{errForm, http.StatusBadRequest, "error.form"},
	{access.ErrRole, http.StatusForbidden, "error.notadmin"},
	{access.ErrMemberChanged, http.StatusConflict, "error.memberchanged"},
	{access.ErrLastAdmin, http.StatusConflict, "error.lastadmin"},
	{access.ErrOwnAccess, http.StatusConflict, "error.ownaccess"},
	{hub.ErrEndpointClosed, http.StatusConflict, "error.endpoint"},
	{access.ErrSettingsChanged, http.StatusConflict, "error.policychanged"},
	{hub.ErrPolicyChanged, http.StatusConflict, "error.policychanged"},
	{errPushKey, http.StatusConflict, "error.pushkey"},
	{hub.ErrDeadSubscription, http.StatusConflict, "error.pushkey"},
	{pdfview.ErrBusy, http.StatusServiceUnavailable, "error.pages.busy"},
	{pdfview.ErrTimeout, http.StatusServiceUnavailable, "error.pages.busy"},
	{pdfview.ErrClosed, http.StatusServiceUnavailable, "error.unavailable"},
	{pdfview.ErrEncrypted, http.StatusUnprocessableEntity, "error.pages.encrypted"},
	{pdfview.ErrFonts, http.StatusUnprocessableEntity, "error.pages.fonts"},
	{pdfview.ErrTooLarge, http.StatusUnprocessableEntity, "error.pages.large"},
	{pdfview.ErrBroken, http.StatusUnprocessableEntity, "error.pages.broken"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "error.unavailable"},
}

// classify puts an error into words.
func (s *Server) classify(v *visit, err error) failure {
	w := v.words
	say := func(status int, key string, args ...any) failure {
		return failure{status: status, key: key, title: w.T(key + ".title"), text: w.T(key+".text", args...), reload: status >= 500}
	}
	var decided *approval.DecidedError
	var invalid *approval.InvalidError
	var limited *access.LimitedError
	var busy *access.BusyError
	var provider *access.ProviderError
	var large *http.MaxBytesError
	var network *access.NetworkError
	var reading *access.ReadingError
	var proof *access.ProofError
	var refused *access.RefusedError
	switch {
	case errors.As(err, &refused):
		return say(http.StatusForbidden, "error.refused", w.Moment(refused.Until, v.now))
	case errors.As(err, &decided):
		f := say(http.StatusConflict, "error.decided")
		f.title = w.T("error.decided.title", decided.By, w.T(didKey(decided.Action, "")), w.Moment(decided.At, v.now))
		return f
	case errors.As(err, &invalid):
		f := say(http.StatusUnprocessableEntity, "error.invalid")
		f.text = w.invalid(invalid)
		return f
	case errors.As(err, &limited):
		f := say(http.StatusTooManyRequests, "error.limited", w.N("minutes", max(1, int(limited.RetryAfter.Minutes()+0.999))))
		f.retry = int(limited.RetryAfter.Seconds())
		return f
	case errors.As(err, &busy):
		f := say(http.StatusServiceUnavailable, "error.crowd")
		f.retry = int(busy.RetryAfter.Seconds())
		return f
	case errors.As(err, &provider):
		f := say(http.StatusServiceUnavailable, "error.provider")
		f.retry = 30
		return f
	case errors.As(err, &network) && network.Need == access.ReachIntranet:
		return say(http.StatusForbidden, "error.intranet", w.T(networkKey(network.From)))
	case errors.As(err, &network):
		return say(http.StatusForbidden, "error.network", w.T(networkKey(network.From)))
	case errors.As(err, &reading) && !reading.Until.IsZero():
		return say(http.StatusForbidden, "error.reading", w.Moment(reading.Until, v.now))
	case errors.As(err, &reading):
		return say(http.StatusForbidden, "error.reading.vouch")
	case errors.As(err, &proof) && proof.Second:
		return say(http.StatusForbidden, "error.second")
	case errors.As(err, &proof):
		return say(http.StatusForbidden, "error.fresh")
	case errors.As(err, &large):
		return say(http.StatusRequestEntityTooLarge, "error.large")
	case strings.HasPrefix(err.Error(), "cross-origin request"):
		return say(http.StatusForbidden, "error.origin")
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return say(k.status, k.key)
		}
	}
	return say(http.StatusInternalServerError, "error.internal", v.record.id)
}

// invalid says what is wrong with an input.
func (w *words) invalid(e *approval.InvalidError) string {
	if !w.has(e.Reason) {
		return w.T("invalid.other")
	}
	return w.T(e.Reason, e.Detail)
}

// errorPage says what happened and what to do.
type errorPage struct {
	base
	Status   int
	Headline string
	Text     string
	Back     string // where to go on, with BackText
	BackText string
	Leave    bool   // the person may sign out here
	Again    string // an address that may answer on another try, or ""
	Request  string // for the help desk, where that can help
}

// fail answers with an error. Who has no session is sent to sign in and comes
// back to where they wanted to be.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	f := s.classify(v, err)
	v.record.err = err
	if f.status >= 500 {
		v.record.level = slog.LevelError
	}
	switch out, ok := w.(*response); {
	case ok && out.status != 0:
		return // the answer has begun, nothing can be said any more
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		v.record.level = slog.LevelDebug // nobody waits for the answer any more
		return
	case v.data:
		s.failData(w, f)
		return
	case errors.Is(err, access.ErrReplaced):
		s.replaced(w, r, v)
		return
	case errors.Is(err, access.ErrNoSession) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		v.record.err = nil
		http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	case errors.Is(err, access.ErrNoSession):
		p := s.signInPage(r, v, s.safeNext(documentOf(r.URL.Path)))
		p.Error = f.text
		s.mustRender(w, r, v, f.status, "signin", p)
		return
	case errors.Is(err, access.ErrWaiting) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		v.record.err = nil
		http.Redirect(w, r, waitingAt(r.URL.RequestURI()), http.StatusSeeOther)
		return
	case errors.Is(err, access.ErrWaiting):
		http.Redirect(w, r, waitingAt(documentOf(r.URL.Path)), http.StatusSeeOther)
		return
	case errors.Is(err, access.ErrMustChange):
		to := "/me/password"
		if next := s.safeNext(r.URL.RequestURI()); r.Method == http.MethodGet && next != "/inbox" {
			to += "?next=" + url.QueryEscape(next)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	case f.status == http.StatusNotFound && v.session.ID != "" && forOthers(r.URL.Path):
		s.notYours(w, r, v)
		return
	}
	if _, ok := errors.AsType[*access.ProofError](err); ok && r.Method == http.MethodGet {
		v.record.err = nil
		http.Redirect(w, r, s.proveAgain(r), http.StatusSeeOther)
		return
	}
	f.setHeaders(w.Header())
	p := &errorPage{
		base: s.base(v, f.title, ""), Status: f.status, Headline: f.title, Text: f.text,
		Back: "/inbox", BackText: v.words.T("error.back.inbox"),
	}
	if d := documentOf(r.URL.Path); d != "" && d != r.URL.Path && f.status != http.StatusNotFound {
		p.Back, p.BackText = d, v.words.T("error.back.document")
	}
	s.wayOn(r, p, err)
	if f.reload {
		p.Request = v.record.id
		if r.Method == http.MethodGet {
			p.Again = r.URL.RequestURI()
		}
	}
	s.mustRender(w, r, v, f.status, "error", p)
}

// mustRender renders an error page; when even that fails, plain text.
func (s *Server) mustRender(w http.ResponseWriter, r *http.Request, v *visit, status int, name string, p any) {
	if err := s.render(w, r, status, name, p); err != nil {
		v.record.level = slog.LevelError
		s.Log.LogAttrs(r.Context(), slog.LevelError, "error page cannot be shown", slog.String("request", v.record.id), slog.Any("err", err))
		http.Error(w, v.words.T("error.internal.text", v.record.id), http.StatusInternalServerError)
	}
}

// failData answers a script: the key, and the sentence to show.
func (s *Server) failData(w http.ResponseWriter, f failure) {
	f.setHeaders(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": f.key, "message": f.text}) // the line is gone then
}

// documentOf gives the document's page that an address belongs to:
// /d/{id} of /d/{id}/act, "" when it belongs to none.
func documentOf(path string) string {
	rest, ok := strings.CutPrefix(path, "/d/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	if !approval.ValidID(id) {
		return ""
	}
	return "/d/" + id
}

// nowhere answers for an address that there is not, in the language of whoever
// may have signed in.
func (s *Server) nowhere(_ http.ResponseWriter, r *http.Request, v *visit) error {
	if s.resume(r, v) != nil || v.session.Standing == access.Waiting {
		v.session = access.Session{} // then nobody has
	}
	return errNowhere
}

// warn records something that went wrong beside the answer.
func (s *Server) warn(ctx context.Context, v *visit, msg string, err error) {
	s.Log.LogAttrs(ctx, slog.LevelWarn, "beside the answer: "+msg, slog.String("request", v.record.id), slog.Any("err", err))
}
