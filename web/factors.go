package web

import (
	"errors"
	"net/http"
	"strings"

	"qianhe/approval"
	"qianhe/approval/access"
)

// factorsPage lists a person's second factors.
type factorsPage struct {
	base
	Factors []factorView
	Codes   int // on paper that are good
	Keyed   bool
	Error   string
}

type factorView struct {
	ID    string
	Key   bool // a passkey; else an app
	Name  string
	Label string
	Since string
	Used  string // "" for never
}

func (s *Server) factors(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showFactors(w, r, v, http.StatusOK, "")
}

func (s *Server) showFactors(w http.ResponseWriter, r *http.Request, v *visit, status int, wrong string) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	list, codes, err := s.SignIns.Factors(r.Context(), v.session.Account)
	if err != nil {
		return err
	}
	b, err := s.counted(r.Context(), v, v.words.T("factors.title"), "me")
	if err != nil {
		return err
	}
	p := &factorsPage{base: b, Codes: codes, Keyed: s.SignIns.Keyed(), Error: wrong}
	p.Note = saved(v, r)
	for _, f := range list {
		view := factorView{ID: f.ID, Key: f.Method == access.ByPasskey, Name: v.words.T("factors.totp"), Label: f.Label, Since: v.words.ShortDay(f.CreatedAt)}
		if view.Key {
			view.Name = v.words.T("factors.passkey")
		}
		if !f.LastUsedAt.IsZero() {
			view.Used = v.words.Moment(f.LastUsedAt, v.now)
		}
		p.Factors = append(p.Factors, view)
	}
	return s.render(w, r, status, "factors", p)
}

// totpPage adds an authenticator app.
type totpPage struct {
	base
	QR     *qrView
	Secret string // in groups of four, to be typed
	Error  string
}

// beginTOTP makes the app's secret.
func (s *Server) beginTOTP(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	value, err := s.SignIns.BeginTOTP(r.Context(), v.session)
	if err != nil {
		return err
	}
	s.setCookie(w, s.cookies.flow, value, v.now, v.now.Add(access.FlowLife))
	http.Redirect(w, r, "/me/factors/totp", http.StatusSeeOther)
	return nil
}

func (s *Server) showTOTP(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.totp(w, r, v, http.StatusOK, "")
}

func (s *Server) totp(w http.ResponseWriter, r *http.Request, v *visit, status int, wrong string) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	issuer := s.Agency
	if issuer == "" {
		issuer = s.BaseURL.Hostname()
	}
	address, key, err := s.SignIns.TOTP(r.Context(), v.session, cookie(r, s.cookies.flow), issuer)
	if errors.Is(err, access.ErrFlow) {
		http.Redirect(w, r, "/me/factors", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	p := &totpPage{base: s.base(v, v.words.T("factors.totp"), "me"), QR: qrOf(address), Secret: grouped(key), Error: wrong}
	return s.render(w, r, status, "totp", p)
}

func (s *Server) finishTOTP(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	codes, err := s.SignIns.FinishTOTP(r.Context(), v.session, cookie(r, s.cookies.flow), r.PostForm.Get("code"), browserLabel(r))
	if errors.Is(err, access.ErrCredentials) {
		return s.totp(w, r, v, http.StatusUnprocessableEntity, v.words.T("factors.totp.wrong"))
	}
	return s.factorAdded(w, r, v, codes, err)
}

// browserLabel says on which browser a factor was added.
func browserLabel(r *http.Request) string {
	label, _ := access.DescribeBrowser(r.UserAgent())
	return label
}

// passkeyPage has the browser make a passkey.
type passkeyPage struct {
	base
	Options string
}

func (s *Server) beginPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	options, value, err := s.SignIns.BeginPasskey(r.Context(), v.session)
	if err != nil {
		return err
	}
	s.setCookie(w, s.cookies.flow, value, v.now, v.now.Add(access.FlowLife))
	return s.render(w, r, http.StatusOK, "passkey", &passkeyPage{base: s.base(v, v.words.T("factors.passkey"), "me"), Options: options})
}

func (s *Server) finishPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	codes, err := s.SignIns.FinishPasskey(r.Context(), v.session, cookie(r, s.cookies.flow), []byte(r.PostForm.Get("passkey")), browserLabel(r))
	return s.factorAdded(w, r, v, codes, err)
}

// factorAdded shows the codes for paper, once, or goes back to the list.
func (s *Server) factorAdded(w http.ResponseWriter, r *http.Request, v *visit, codes []string, err error) error {
	var invalid *approval.InvalidError
	switch {
	case errors.Is(err, access.ErrFlow), errors.Is(err, access.ErrCredentials):
		v.record.err = err
		return s.showFactors(w, r, v, http.StatusUnprocessableEntity, v.words.T("factors.failed"))
	case errors.As(err, &invalid):
		return s.showFactors(w, r, v, http.StatusUnprocessableEntity, v.words.invalid(invalid))
	case err != nil:
		return err
	}
	s.endFlow(w, v)
	if len(codes) == 0 {
		http.Redirect(w, r, "/me/factors?ok=factor", http.StatusSeeOther)
		return nil
	}
	return s.showCodes(w, r, v, codes)
}

// codesPage shows codes for paper. They are shown once.
type codesPage struct {
	base
	Codes []string
}

func (s *Server) showCodes(w http.ResponseWriter, r *http.Request, v *visit, codes []string) error {
	return s.render(w, r, http.StatusOK, "codes", &codesPage{base: s.base(v, v.words.T("codes.title"), "me"), Codes: codes})
}

func (s *Server) newCodes(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	codes, err := s.SignIns.NewRecoveryCodes(r.Context(), v.session)
	if err != nil {
		return err
	}
	return s.showCodes(w, r, v, codes)
}

func (s *Server) removeFactor(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	if err := s.SignIns.RemoveFactor(r.Context(), v.session, r.PathValue("factor")); err != nil {
		return err
	}
	http.Redirect(w, r, "/me/factors?ok=factor", http.StatusSeeOther)
	return nil
}

// grouped writes a key as it is typed: in groups of four.
func grouped(key string) string {
	var b strings.Builder
	for i, r := range key {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
