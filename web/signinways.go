package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"qianhe/approval"
	"qianhe/approval/access"
)

// SignIns is what goes beyond a password that is kept here: providers and second
// factors; pgaccess.Store is one. What is under way in a browser is found by its
// flow cookie; when nothing is, it gives access.ErrFlow.
type SignIns interface {
	BeginSignIn(ctx context.Context, way, back, next string, b access.Browser) (redirect, cookie string, err error)
	FinishSignIn(ctx context.Context, way string, values url.Values, cookie string, b access.Browser) (in access.SignedIn, next string, err error)

	Second(ctx context.Context, cookie string) (access.Askable, error)
	FinishSecond(ctx context.Context, cookie string, shown access.Shown, b access.Browser) (in access.SignedIn, next string, err error)

	Provable(ctx context.Context, s access.Session) (access.Askable, error)
	BeginProof(ctx context.Context, s access.Session) (c access.Askable, cookie string, err error)
	Prove(ctx context.Context, s access.Session, cookie string, shown access.Shown, b access.Browser) (sessionCookie string, err error)

	// Keyed reports whether passkeys can be had here.
	Keyed() bool
	Factors(ctx context.Context, account string) (list []access.Factor, codes int, err error)
	BeginTOTP(ctx context.Context, s access.Session) (cookie string, err error)
	// TOTP gives what the app reads from a QR code, and the key to be typed.
	TOTP(ctx context.Context, s access.Session, cookie, issuer string) (address, key string, err error)
	FinishTOTP(ctx context.Context, s access.Session, cookie, digits, label string) (codes []string, err error)
	BeginPasskey(ctx context.Context, s access.Session) (options, cookie string, err error)
	FinishPasskey(ctx context.Context, s access.Session, cookie string, response []byte, label string) (codes []string, err error)
	NewRecoveryCodes(ctx context.Context, s access.Session) (codes []string, err error)
	RemoveFactor(ctx context.Context, s access.Session, id string) error
}

// Way is a provider that people may sign in by.
type Way struct {
	Name  string
	Label map[string]string // by language, zh-TW and en
	Form  bool              // login and password are typed on our own page
}

// wayView is one of them on a page.
type wayView struct {
	Name   string
	Label  string
	Chosen bool
}

// label is what a way is called in a language, or in whichever it has a word for.
func (w Way) label(lang string) string {
	for _, l := range []string{lang, "zh-TW", "en"} {
		if w.Label[l] != "" {
			return w.Label[l]
		}
	}
	return w.Name
}

// showWays puts the ways there are on the page. A choice between accounts is
// shown where there are several at our own page; the agency's come first.
func (s *Server) showWays(v *visit, p *signInPage, chosen string) {
	for _, w := range s.Ways {
		view := wayView{Name: w.Name, Label: w.label(v.words.lang)}
		if w.Form {
			p.Forms = append(p.Forms, view)
		} else {
			p.Others = append(p.Others, view)
		}
	}
	p.Closed = s.NoPassword && len(p.Forms) == 0
	if !s.NoPassword && len(p.Forms) > 0 {
		p.Forms = append(p.Forms, wayView{Name: localWay, Label: v.words.T("signin.local")})
	}
	i := max(slices.IndexFunc(p.Forms, func(w wayView) bool { return w.Name == chosen }), 0)
	if len(p.Forms) > 0 {
		p.Forms[i].Chosen = true
	}
}

// localWay is the password that is kept here, in a form where there are others. No
// provider can have the name.
const localWay = "-"

// way gives what a form has chosen. One that leads elsewhere takes no password.
func (s *Server) way(chosen string) string {
	if chosen == localWay {
		return ""
	}
	return chosen
}

// browser is what a request says of where it comes from.
func (s *Server) browser(r *http.Request) (access.Browser, error) {
	network, err := s.network(r)
	return access.Browser{Address: s.address(r), Network: network, UserAgent: r.UserAgent(), DeviceCookie: cookie(r, s.cookies.device), SessionCookie: cookie(r, s.cookies.session)}, err
}

// elsewherePage leads to a provider's page. It is no redirection: a browser that
// holds forms to our own address would stop it there.
type elsewherePage struct {
	base
	To   string
	Name string
}

// signInElsewhere sends somebody to the page of a provider.
func (s *Server) signInElsewhere(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	s.speak(v, r.PostForm.Get("lang"))
	next := s.safeNext(r.PostForm.Get("next"))
	i := slices.IndexFunc(s.Ways, func(o Way) bool { return o.Name == r.PathValue("way") && !o.Form })
	if s.SignIns == nil || i < 0 {
		return approval.ErrNotFound
	}
	browser, err := s.browser(r)
	if err != nil {
		return err
	}
	back := s.BaseURL.JoinPath("signin", "back", s.Ways[i].Name).String()
	to, value, err := s.SignIns.BeginSignIn(r.Context(), s.Ways[i].Name, back, next, browser)
	if err != nil {
		return s.signInAgain(w, r, v, next, err)
	}
	s.setCookie(w, s.cookies.flow, value, v.now, v.now.Add(access.FlowLife))
	p := &elsewherePage{base: s.base(v, v.words.T("signin.title"), ""), To: to, Name: s.Ways[i].label(v.words.lang)}
	return s.render(w, r, http.StatusOK, "elsewhere", p)
}

// signInBack lets in whoever comes back from there. It is the one GET that
// changes something: what it takes is good once, and only in the browser that
// began.
func (s *Server) signInBack(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	browser, err := s.browser(r)
	if err != nil {
		return err
	}
	in, next, err := s.SignIns.FinishSignIn(r.Context(), r.PathValue("way"), r.URL.Query(), cookie(r, s.cookies.flow), browser)
	next = s.safeNext(next)
	var second *access.SecondError
	switch {
	case err == nil:
		s.endFlow(w, v)
		s.welcome(w, r, v, in, next)
		return nil
	case errors.As(err, &second):
		s.setCookie(w, s.cookies.flow, second.Cookie, v.now, v.now.Add(access.FlowLife))
		http.Redirect(w, r, "/signin/second", http.StatusSeeOther)
		return nil
	case errors.Is(err, access.ErrFlow) && s.enter(r, &visit{record: v.record, now: v.now}, access.Gate{Standing: access.Reading, Changing: true}) == nil:
		http.Redirect(w, r, next, http.StatusSeeOther) // the page of the answer was loaded again
		return nil
	}
	s.endFlow(w, v)
	if errors.Is(err, access.ErrCredentials) {
		err = errElsewhere
	}
	return s.signInAgain(w, r, v, next, err)
}

func (s *Server) endFlow(w http.ResponseWriter, v *visit) {
	s.setCookie(w, s.cookies.flow, "", v.now, v.now)
}

// signInAgain shows the form with what went wrong, or gives an error back that
// has no place there.
func (s *Server) signInAgain(w http.ResponseWriter, r *http.Request, v *visit, next string, err error) error {
	f := s.classify(v, err)
	if f.status == http.StatusInternalServerError || f.status == http.StatusNotFound {
		return err
	}
	f.setHeaders(w.Header())
	p := s.signInPage(r, v, next)
	p.Error, v.record.err = f.text, err
	return s.render(w, r, f.status, "signin", p)
}

// secondPage asks for a second factor.
type secondPage struct {
	base
	access.Askable
	Error string
}

func (s *Server) secondForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showSecond(w, r, v, http.StatusOK, "")
}

func (s *Server) showSecond(w http.ResponseWriter, r *http.Request, v *visit, status int, wrong string) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	c, err := s.SignIns.Second(r.Context(), cookie(r, s.cookies.flow))
	if errors.Is(err, access.ErrFlow) {
		return s.signInAgain(w, r, v, s.safeNext(""), err)
	}
	if err != nil {
		return err
	}
	return s.render(w, r, status, "second", &secondPage{base: s.base(v, v.words.T("second.title"), ""), Askable: c, Error: wrong})
}

// second takes it.
func (s *Server) second(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.SignIns == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	browser, err := s.browser(r)
	if err != nil {
		return err
	}
	in, next, err := s.SignIns.FinishSecond(r.Context(), cookie(r, s.cookies.flow), shownIn(r), browser)
	next = s.safeNext(next)
	var limited *access.LimitedError
	switch {
	case err == nil:
		s.endFlow(w, v)
		s.welcome(w, r, v, in, next)
		return nil
	case errors.Is(err, access.ErrCredentials):
		v.record.err = err
		return s.showSecond(w, r, v, http.StatusUnprocessableEntity, v.words.T("second.wrong"))
	case errors.As(err, &limited):
		f := s.classify(v, err)
		f.setHeaders(w.Header())
		v.record.err = err
		return s.showSecond(w, r, v, f.status, f.text)
	}
	return s.signInAgain(w, r, v, next, err)
}

// shownIn reads what a form shows. The passkey's answer counts when there is one.
func shownIn(r *http.Request) access.Shown {
	if key := strings.TrimSpace(r.PostForm.Get("passkey")); key != "" {
		return access.Shown{Passkey: []byte(key)}
	}
	return access.Shown{Password: r.PostForm.Get("password"), Code: strings.TrimSpace(r.PostForm.Get("code"))}
}
