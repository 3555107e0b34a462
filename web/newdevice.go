package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// newcomerView is a sign-in on a new device, in words.
type newcomerView struct {
	ID       string
	Device   string
	Phone    bool
	Network  string // from where
	When     string
	State    string // open, confirmed, denied or over
	Undoable bool
	Whose    string // to who vouches
	Login    string
	Reads    bool // a text has confirmed it, it reads only
}

func (w *words) newcomer(n access.Newcomer, now time.Time) newcomerView {
	view := newcomerView{
		ID: n.ID, Device: n.Device, Phone: n.Class == access.Mobile, When: w.Moment(n.At, now), State: string(n.State), Undoable: n.Undoable,
		Login: n.Login, Reads: n.State == access.Confirmed && n.By == access.ByText,
	}
	if n.Name != "" {
		view.Whose = n.Unit + " " + n.Name
	}
	if view.Device == "" {
		view.Device = w.T("devices.unknown")
	}
	if n.State == access.Open && !now.Before(n.ExpiresAt) {
		view.State = "over"
	}
	view.Network = w.T(networkKey(access.Network(n.Network)))
	return view
}

// newDevicePage asks the owner, on a device that is trusted, whether a sign-in
// on a new one is theirs.
type newDevicePage struct {
	base
	newcomerView
	Choices []int
	Local   bool // there is a password of ours to be changed

	Replaces []string // that are retired when it is confirmed
	Same     bool     // another browser of this phone asks to be let in as one
}

func (s *Server) newDevice(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.NewDevices == nil {
		return approval.ErrNotFound
	}
	n, err := s.NewDevices.Newcomer(r.Context(), v.session, r.PathValue("id"))
	if err != nil {
		return err
	}
	b, err := s.counted(r.Context(), v, v.words.T("newdevice.title"), "me")
	if err != nil {
		return err
	}
	p := &newDevicePage{base: b, newcomerView: v.words.newcomer(n, v.now), Choices: n.Choices, Local: v.session.MustChange}
	p.Replaces = v.words.replacesView(n.Replaces)
	asks, err := s.handoverAsks(r, v)
	if err != nil {
		return err
	}
	p.Same = len(asks) > 0 && len(p.Choices) > 0
	return s.render(w, r, http.StatusOK, "newdevice", p)
}

// pickNumber takes the number that the new device shows.
func (s *Server) pickNumber(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.NewDevices == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	picked, err := strconv.Atoi(r.PostForm.Get("number"))
	if err != nil {
		return errForm // none was picked: nothing is denied by that
	}
	out, err := s.NewDevices.PickNumber(r.Context(), v.session, r.PathValue("id"), picked)
	return s.newcomerAnswered(w, r, v, out, err)
}

// refuseNewcomer says that it was not the owner.
func (s *Server) refuseNewcomer(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.NewDevices == nil {
		return approval.ErrNotFound
	}
	out, err := s.NewDevices.RefuseNewcomer(r.Context(), v.session, r.PathValue("id"))
	return s.newcomerAnswered(w, r, v, out, err)
}

// newcomerAnswered ends what is over. The page says what has become of it, also
// when somebody else was faster.
func (s *Server) newcomerAnswered(w http.ResponseWriter, r *http.Request, v *visit, out access.Answered, err error) error {
	if err != nil && !errors.Is(err, access.ErrAnswered) && !errors.Is(err, access.ErrWrongNumber) {
		return err
	}
	s.endSessions(r.Context(), v, out.Ended)
	http.Redirect(w, r, "/newdevice/"+r.PathValue("id"), http.StatusSeeOther)
	return nil
}

// denyPage takes the code of a text that says that somebody has signed in. It
// stands at an address that people know by heart, for texts carry no links.
type denyPage struct {
	base
	Error   string
	Done    bool
	Hotline string
}

func (s *Server) denyForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.NewDevices == nil {
		return errNowhere
	}
	return s.showDeny(w, r, v, http.StatusOK, "", false)
}

func (s *Server) showDeny(w http.ResponseWriter, r *http.Request, v *visit, status int, wrong string, done bool) error {
	return s.render(w, r, status, "deny", &denyPage{base: s.base(v, v.words.T("deny.title"), ""), Error: wrong, Done: done, Hotline: s.Hotline})
}

func (s *Server) deny(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.NewDevices == nil {
		return errNowhere
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	out, err := s.NewDevices.RefuseByCode(r.Context(), digits(r.PostForm.Get("code")), s.address(r))
	var limited *access.LimitedError
	switch {
	case err == nil:
		s.endSessions(r.Context(), v, out.Ended)
		return s.showDeny(w, r, v, http.StatusOK, "", true)
	case errors.Is(err, access.ErrCode):
		return s.showDeny(w, r, v, http.StatusUnprocessableEntity, v.words.T("deny.wrong"), false)
	case errors.Is(err, access.ErrAnswered):
		return s.showDeny(w, r, v, http.StatusConflict, v.words.T("deny.over"), false)
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", seconds(limited.RetryAfter))
		return s.showDeny(w, r, v, http.StatusTooManyRequests, v.words.T("deny.limited", v.words.N("minutes", minutes(limited.RetryAfter))), false)
	}
	return err
}

// seconds is for Retry-After.
func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// minutes are at least one, begun ones whole.
func minutes(d time.Duration) int { return max(1, int((d+time.Minute-1)/time.Minute)) }
