package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"qianhe/approval/access"
)

// NewDevices confirms sign-ins on new devices; pgaccess.Store does. The errors
// are those of package access.
type NewDevices interface {
	// Waiting, SendText and EnterCode are about the session of a cookie that waits.
	Waiting(ctx context.Context, cookie string) (access.Wait, error)
	SendText(ctx context.Context, cookie, address string) error
	EnterCode(ctx context.Context, cookie, code string) (renewed string, err error)
	RefuseByCode(ctx context.Context, code, address string) (access.Answered, error)
	// Newcomers, Newcomer, PickNumber and RefuseNewcomer are for a session of the
	// same account on a device that is trusted.
	Newcomers(ctx context.Context, s access.Session) ([]access.Newcomer, error)
	Newcomer(ctx context.Context, s access.Session, id string) (access.Newcomer, error)
	PickNumber(ctx context.Context, s access.Session, id string, picked int) (access.Answered, error)
	RefuseNewcomer(ctx context.Context, s access.Session, id string) (access.Answered, error)
	// Desk and Vouch are for the registry desk (登記桌) and administrators.
	Desk(ctx context.Context, s access.Session) ([]access.Newcomer, error)
	Vouch(ctx context.Context, s access.Session, id string) (access.Answered, error)
}

// waitingPage is all that a session sees whose device is not confirmed yet.
type waitingPage struct {
	base
	Next    string
	State   string // open, confirmed, denied or over
	Number  int    // 0 when there is no device to pick it on
	Phone   string // where the text goes, "" when none can
	Texts   int
	CanText bool
	Enter   bool   // the code can be entered
	Until   string // when the code ends
	Ends    string // when all of this does
	Error   string
	Hotline string

	Handover handoverView
	Replaces []string // that will be retired when it is confirmed
	Reloads  bool     // by itself, where there is no script: nothing is being typed
}

// waitState is what the page says in one word.
func waitState(w access.Wait, now time.Time) string {
	if w.State == access.Open && !now.Before(w.ExpiresAt) {
		return "over"
	}
	return string(w.State)
}

// waitingAt gives the waiting page that leads on to next.
func waitingAt(next string) string { return "/waiting?next=" + url.QueryEscape(next) }

// waiting shows how the sign-in stands. Once it is confirmed it leads on to the
// page that was asked for.
func (s *Server) waiting(w http.ResponseWriter, r *http.Request, v *visit) error {
	next := s.safeNext(r.URL.Query().Get("next"))
	value := cookie(r, s.cookies.session)
	switch session, err := s.Accounts.Resume(r.Context(), value); {
	case err == nil:
		s.setCookie(w, s.cookies.session, value, v.now, session.ExpiresAt) // it was to end with the waiting
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	case !errors.Is(err, access.ErrWaiting) && !errors.Is(err, access.ErrNoSession):
		return err
	}
	return s.showWaiting(w, r, v, next, "", http.StatusOK)
}

// waits gives the sign-in of the cookie. It returns access.ErrNoSession when
// there is none.
func (s *Server) waits(r *http.Request, v *visit) (access.Wait, error) {
	value := cookie(r, s.cookies.session)
	if s.NewDevices == nil || value == "" {
		return access.Wait{}, access.ErrNoSession
	}
	wait, err := s.NewDevices.Waiting(r.Context(), value)
	if err == nil {
		v.words = s.words.in(wait.Locale)
	}
	return wait, err
}

func (s *Server) showWaiting(w http.ResponseWriter, r *http.Request, v *visit, next, wrong string, status int) error {
	wait, err := s.waits(r, v)
	if err != nil {
		return err
	}
	p := &waitingPage{
		base: s.base(v, v.words.T("waiting.title"), ""), Next: next, State: waitState(wait, v.now), Number: wait.Number, Phone: wait.Phone,
		Texts: wait.Texts, CanText: wait.CanText, Enter: wait.CodeGood, Ends: v.words.Moment(wait.ExpiresAt, v.now), Error: wrong, Hotline: s.Hotline,
	}
	if !wait.CodeUntil.IsZero() {
		p.Until = v.words.Moment(wait.CodeUntil, v.now)
	}
	if p.State == string(access.Open) {
		if p.Handover, err = s.handoverOf(r); err != nil {
			return err
		}
		p.Replaces = v.words.replacesView(wait.Replaces)
	}
	p.Reloads = p.State == string(access.Open) && !p.Enter
	return s.render(w, r, status, "waiting", p)
}

// waitingState tells the script of the page whether to load it again.
func (s *Server) waitingState(w http.ResponseWriter, r *http.Request, v *visit) error {
	wait, err := s.waits(r, v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	h, err := s.handoverOf(r)
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(map[string]any{"state": waitState(wait, v.now), "texts": wait.Texts, "number": h.Number})
}

// sendText sends the text, or sends it again.
func (s *Server) sendText(w http.ResponseWriter, r *http.Request, v *visit) error {
	next, err := s.waitingForm(w, r, v)
	if err != nil {
		return err
	}
	err = s.NewDevices.SendText(r.Context(), cookie(r, s.cookies.session), s.address(r))
	return s.answerWaiting(w, r, v, next, err)
}

// enterText takes the code of the text.
func (s *Server) enterText(w http.ResponseWriter, r *http.Request, v *visit) error {
	next, err := s.waitingForm(w, r, v)
	if err != nil {
		return err
	}
	renewed, err := s.NewDevices.EnterCode(r.Context(), cookie(r, s.cookies.session), digits(r.PostForm.Get("code")))
	if err != nil {
		return s.answerWaiting(w, r, v, next, err)
	}
	session, err := s.Accounts.Resume(r.Context(), renewed)
	if err != nil {
		return err
	}
	v.record.person = string(session.Person.ID)
	s.setCookie(w, s.cookies.session, renewed, v.now, session.ExpiresAt)
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// waitingForm reads a form of the waiting page.
func (s *Server) waitingForm(w http.ResponseWriter, r *http.Request, v *visit) (next string, err error) {
	if _, err := s.waits(r, v); err != nil {
		return "", err
	}
	if err := parseForm(w, r); err != nil {
		return "", err
	}
	return s.safeNext(r.PostForm.Get("next")), nil
}

// answerWaiting goes on with the page, and says there what was not right.
func (s *Server) answerWaiting(w http.ResponseWriter, r *http.Request, v *visit, next string, err error) error {
	var limited *access.LimitedError
	key, status := "", http.StatusUnprocessableEntity
	switch {
	case err == nil, errors.Is(err, access.ErrAnswered): // the page says which
		http.Redirect(w, r, waitingAt(next), http.StatusSeeOther)
		return nil
	case errors.Is(err, access.ErrCode):
		wait, err := s.waits(r, v)
		if err != nil {
			return err
		}
		return s.showWaiting(w, r, v, next, v.words.N("waiting.code.wrong", wait.Left), status)
	case errors.Is(err, access.ErrCodeSpent):
		key = "waiting.code.spent"
	case errors.Is(err, access.ErrNoNumber):
		key = "waiting.nonumber"
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", seconds(limited.RetryAfter))
		return s.showWaiting(w, r, v, next, v.words.T("waiting.limited", v.words.N("minutes", minutes(limited.RetryAfter))), http.StatusTooManyRequests)
	default:
		return err
	}
	return s.showWaiting(w, r, v, next, v.words.T(key), status)
}

// leaveWaiting gives up.
func (s *Server) leaveWaiting(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := s.waits(r, v); err != nil {
		return err
	}
	id, _, _ := strings.Cut(cookie(r, s.cookies.session), ".")
	if _, err := s.Accounts.SignOut(r.Context(), id); err != nil {
		return err
	}
	s.setCookie(w, s.cookies.session, "", v.now, v.now)
	http.Redirect(w, r, "/signin?out=1", http.StatusSeeOther)
	return nil
}
