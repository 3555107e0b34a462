package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// Handovers let another browser of the same phone in; pgaccess.Store does. The
// errors are those of package access.
type Handovers interface {
	// Handover and BeginHandover are about the session of a cookie that waits.
	Handover(ctx context.Context, cookie string) (access.HandoverWait, error)
	BeginHandover(ctx context.Context, cookie string) error
	// Handovers and PickHandover are for a session of the same phone that is
	// trusted.
	Handovers(ctx context.Context, s access.Session) ([]access.HandoverAsk, error)
	PickHandover(ctx context.Context, s access.Session, id string, picked int) error
}

// handoverView is a hand-over on the page that waits.
type handoverView struct {
	Can    bool
	Number int
	Until  string // to the second
	Over   bool   // one was begun, and has ended
}

// handoverOf reads how the hand-over of a session that waits stands.
func (s *Server) handoverOf(r *http.Request) (handoverView, error) {
	if s.Handovers == nil {
		return handoverView{}, nil
	}
	h, err := s.Handovers.Handover(r.Context(), cookie(r, s.cookies.session))
	if err != nil {
		return handoverView{}, err
	}
	return handoverView{Can: h.Can, Number: h.Number, Until: clockTime(h.Until), Over: h.Begun && h.Number == 0}, nil
}

// clockTime is to the second: a hand-over has a minute.
func clockTime(t time.Time) string { return t.In(approval.Zone).Format("15:04:05") }

// beginHandover asks to be let in as another browser of the same phone.
func (s *Server) beginHandover(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Handovers == nil {
		return approval.ErrNotFound
	}
	next, err := s.waitingForm(w, r, v)
	if err != nil {
		return err
	}
	err = s.Handovers.BeginHandover(r.Context(), cookie(r, s.cookies.session))
	switch {
	case errors.Is(err, access.ErrOtherPhone):
		return s.showWaiting(w, r, v, next, v.words.T("handover.other"), http.StatusUnprocessableEntity)
	case errors.Is(err, access.ErrContexts):
		return s.showWaiting(w, r, v, next, v.words.T("handover.contexts"), http.StatusUnprocessableEntity)
	}
	return s.answerWaiting(w, r, v, next, err)
}

// handoverAsk is one, with the numbers to pick from.
type handoverAsk struct {
	ID      string
	Device  string
	Choices []int
	Until   string
}

// handoverPage asks on a browser that is trusted which number another one of
// this phone shows.
type handoverPage struct {
	base
	Asks    []handoverAsk
	Outcome string // of an answer
	Bad     bool
}

func (s *Server) handoverAsks(r *http.Request, v *visit) ([]handoverAsk, error) {
	if s.Handovers == nil {
		return nil, nil
	}
	list, err := s.Handovers.Handovers(r.Context(), v.session)
	var out []handoverAsk
	for _, a := range list {
		view := handoverAsk{ID: a.ID, Device: a.Device, Choices: a.Choices, Until: clockTime(a.Until)}
		if view.Device == "" {
			view.Device = v.words.T("devices.unknown")
		}
		out = append(out, view)
	}
	return out, err
}

// handover shows what is asked; it changes nothing.
func (s *Server) handover(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Handovers == nil {
		return approval.ErrNotFound
	}
	switch r.URL.Query().Get("was") {
	case "done":
		return s.showHandover(w, r, v, v.words.T("handover.done"), false, http.StatusOK)
	case "over":
		return s.showHandover(w, r, v, v.words.T("handover.over"), true, http.StatusOK)
	case "wrong":
		return s.showHandover(w, r, v, v.words.T("handover.wrong"), true, http.StatusOK)
	case "full":
		return s.showHandover(w, r, v, v.words.T("handover.contexts"), true, http.StatusOK)
	}
	return s.showHandover(w, r, v, "", false, http.StatusOK)
}

func (s *Server) showHandover(w http.ResponseWriter, r *http.Request, v *visit, outcome string, bad bool, status int) error {
	b, err := s.counted(r.Context(), v, v.words.T("handover.title"), "me")
	if err != nil {
		return err
	}
	p := &handoverPage{base: b, Outcome: outcome, Bad: bad}
	if p.Asks, err = s.handoverAsks(r, v); err != nil {
		return err
	}
	return s.render(w, r, status, "handover", p)
}

// pickHandover takes the number that the new browser shows.
func (s *Server) pickHandover(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Handovers == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	picked, err := strconv.Atoi(r.PostForm.Get("number"))
	if err != nil {
		return errForm
	}
	was := "done"
	switch err := s.Handovers.PickHandover(r.Context(), v.session, r.PathValue("handover"), picked); {
	case err == nil:
	case errors.Is(err, access.ErrHandoverOver):
		was = "over"
	case errors.Is(err, access.ErrWrongNumber):
		was = "wrong"
	case errors.Is(err, access.ErrContexts), errors.Is(err, access.ErrOtherPhone):
		was = "full"
	default:
		return err
	}
	http.Redirect(w, r, "/me/handover?was="+was, http.StatusSeeOther)
	return nil
}

// replacedPage is all that a device shows whose place another has taken.
type replacedPage struct {
	base
	Next string
}

func (s *Server) replaced(w http.ResponseWriter, r *http.Request, v *visit) {
	next := documentOf(r.URL.Path)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		next = r.URL.RequestURI()
	}
	s.mustRender(w, r, v, http.StatusUnauthorized, "replaced", &replacedPage{base: s.base(v, v.words.T("error.replaced.title"), ""), Next: s.safeNext(next)})
}

// replacesView says what will be retired, in words.
func (w *words) replacesView(list []access.Device) []string {
	var out []string
	for _, d := range list {
		label := d.Label
		if label == "" {
			label = w.T("devices.unknown")
		}
		if d.Current {
			label = w.T("replaces.this", label)
		}
		out = append(out, label)
	}
	return out
}
