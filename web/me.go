package web

import (
	"errors"
	"net/http"

	"qianhe/approval"
	"qianhe/approval/access"
)

// mePage is the person's own page (我的).
type mePage struct {
	base
	Seal     seal
	Login    string
	Language string // the one in force
	Told     bool   // this browser has a push subscription
	CanTell  bool
	Admin    bool // may look after the system
	Vouches  bool // may confirm others' new devices
	Factors  bool // second factors can be had
	Watches  bool // may answer for documents that are late in others' hands
}

func (s *Server) me(w http.ResponseWriter, r *http.Request, v *visit) error {
	b, err := s.counted(r.Context(), v, v.words.T("me.title"), "me")
	if err != nil {
		return err
	}
	p := &mePage{
		base: b, Seal: sealed(v.session.Person.Name), Login: v.session.Login, Language: v.words.lang,
		CanTell: s.Push != nil, Factors: s.SignIns != nil, Admin: v.session.Person.Has(approval.RoleAdmin),
	}
	for _, r := range []approval.Role{approval.RoleOfficial, approval.RoleRegistry, approval.RoleAuditor} {
		p.Watches = p.Watches || v.session.Person.Has(r)
	}
	p.Vouches = s.NewDevices != nil && vouches(v.session.Person)
	p.Told = p.CanTell && s.toldHere(r.Context(), v)
	p.Note = saved(v, r)
	return s.render(w, r, http.StatusOK, "me", p)
}

// saved says what a form has just done, one of the sentences that there are.
func saved(v *visit, r *http.Request) *note {
	switch r.URL.Query().Get("ok") {
	case "language":
		return &note{Text: v.words.T("saved.language")}
	case "password":
		return &note{Text: v.words.T("saved.password")}
	case "device":
		return &note{Text: v.words.T("saved.device")}
	case "factor":
		return &note{Text: v.words.T("saved.factor")}
	case "settings":
		return &note{Text: v.words.T("saved.settings")}
	case "link":
		return &note{Text: v.words.T("saved.link")}
	case "locked":
		return &note{Text: v.words.T("saved.member.locked")}
	case "unlocked":
		return &note{Text: v.words.T("saved.member.unlocked")}
	case "signedout":
		return &note{Text: v.words.T("saved.member.signedout")}
	case "form":
		return &note{Text: v.words.T("saved.form")}
	}
	return nil
}

// language sets the language of the account.
func (s *Server) language(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	locale, err := access.CheckLocale(r.PostForm.Get("locale"))
	if err != nil {
		return err
	}
	if err := s.Accounts.SetLocale(r.Context(), v.session.Account, locale); err != nil {
		return err
	}
	http.Redirect(w, r, "/me?ok=language", http.StatusSeeOther)
	return nil
}

// passwordPage changes the password.
type passwordPage struct {
	base
	Login string
	First bool   // it was set by somebody else
	Next  string // where the person wanted to go when it had to be changed
	Field string // what is wrong: old, new, again
	Error string
}

func (s *Server) passwordForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.render(w, r, http.StatusOK, "password", s.passwordPage(v, r.URL.Query().Get("next")))
}

func (s *Server) passwordPage(v *visit, next string) *passwordPage {
	return &passwordPage{base: s.base(v, v.words.T("password.title"), "me"), Login: v.session.Login, First: v.session.MustChange, Next: s.safeNext(next)}
}

// password changes it; the sessions on other devices end.
func (s *Server) password(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	f := r.PostForm
	p := s.passwordPage(v, f.Get("next"))
	again := func(field string, fl failure, err error) error {
		fl.setHeaders(w.Header())
		p.Field, p.Error, v.record.err = field, fl.text, err
		return s.render(w, r, fl.status, "password", p)
	}
	if f.Get("new") != f.Get("again") {
		return again("again", failure{status: http.StatusUnprocessableEntity, text: v.words.T("password.differ")}, nil)
	}
	changed, err := s.Accounts.ChangePassword(r.Context(), v.session, f.Get("old"), f.Get("new"))
	var invalid *approval.InvalidError
	var limited *access.LimitedError
	switch {
	case err == nil:
	case errors.Is(err, access.ErrCredentials):
		return again("old", failure{status: http.StatusUnprocessableEntity, text: v.words.T("password.wrong")}, err)
	case errors.As(err, &limited):
		return again("old", s.classify(v, err), err)
	case errors.As(err, &invalid):
		return again("new", s.classify(v, err), err)
	default:
		return err
	}
	s.setCookie(w, s.cookies.session, changed.SessionCookie, v.now, v.session.ExpiresAt)
	s.endSessions(r.Context(), v, changed.Ended)
	to := "/me?ok=password"
	if v.session.MustChange {
		to = p.Next
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
