package web

import (
	"errors"
	"net/http"

	"qianhe/approval"
	"qianhe/approval/access"
)

// provePage asks somebody who is in to show once more that it is them.
type provePage struct {
	base
	access.Askable
	Login string
	Next  string
	Error string
}

// proveForm shows by what it can be done. It begins nothing: whoever opens a link
// to it changes nothing.
func (s *Server) proveForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showProve(w, r, v, http.StatusOK, s.safeNext(r.URL.Query().Get("next")), "")
}

func (s *Server) showProve(w http.ResponseWriter, r *http.Request, v *visit, status int, next, wrong string) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	c, err := s.SignIns.Provable(r.Context(), v.session)
	if err != nil {
		return err
	}
	return s.render(w, r, status, "prove", s.provePage(v, c, next, wrong))
}

func (s *Server) provePage(v *visit, c access.Askable, next, wrong string) *provePage {
	return &provePage{base: s.base(v, v.words.T("prove.title"), "me"), Askable: c, Login: v.session.Login, Next: next, Error: wrong}
}

// askPasskey gives the passkeys of the account a challenge.
func (s *Server) askPasskey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	c, value, err := s.SignIns.BeginProof(r.Context(), v.session)
	if err != nil {
		return err
	}
	s.setCookie(w, s.cookies.flow, value, v.now, v.now.Add(access.FlowLife))
	return s.render(w, r, http.StatusOK, "prove", s.provePage(v, c, s.safeNext(r.PostForm.Get("next")), ""))
}

// prove takes what was shown and goes on to where the person wanted.
func (s *Server) prove(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	next, shown, flow := s.safeNext(r.PostForm.Get("next")), shownIn(r), cookie(r, s.cookies.flow)
	if shown.Passkey == nil { // which alone needs something that was begun before
		var err error
		if _, flow, err = s.SignIns.BeginProof(r.Context(), v.session); err != nil {
			return err
		}
	}
	browser, err := s.browser(r)
	if err != nil {
		return err
	}
	value, err := s.SignIns.Prove(r.Context(), v.session, flow, shown, browser)
	switch {
	case err == nil:
	case errors.Is(err, access.ErrNoSession):
		return err
	case errors.Is(err, access.ErrCredentials), errors.Is(err, access.ErrFlow):
		v.record.err = err
		return s.showProve(w, r, v, http.StatusUnprocessableEntity, next, v.words.T("second.wrong"))
	default:
		f := s.classify(v, err)
		if f.status == http.StatusInternalServerError {
			return err
		}
		f.setHeaders(w.Header())
		v.record.err = err
		return s.showProve(w, r, v, f.status, next, f.text)
	}
	s.endFlow(w, v)
	s.setCookie(w, s.cookies.session, value, v.now, v.session.ExpiresAt)
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}
