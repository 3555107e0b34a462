package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"qianhe/approval/access"
)

// signInPage asks who somebody is.
type signInPage struct {
	base
	Login  string
	Next   string
	Error  string
	Forms  []wayView // where there are several accounts to sign in with, at our own page
	Others []wayView // ways that lead elsewhere
	Closed bool      // there is no way on our own page
	Opened bool      // somebody came for a document
	Left   bool      // somebody has just signed out
	Again  bool      // somebody is signed in, and shows once more who they are

	Tongue  string // the language of the page: zh-TW or en
	Inside  string // the app whose built-in browser this is, "" for none
	Outside string // address that leads out of it into the phone's browser, "" where there is no such way
	Address string // of the same, to be copied

	CanDeny bool // a text may have told of a sign-in
}

// signInForm shows the form, or goes on when there is a session already.
func (s *Server) signInForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	next := s.safeNext(r.URL.Query().Get("next"))
	s.speak(v, r.URL.Query().Get("lang"))
	again := r.URL.Query().Get("again") != "" // who it is has to be shown once more
	who := &visit{record: v.record, now: v.now}
	err := s.enter(r, who, access.Gate{Standing: access.Reading, Changing: true})
	if err == nil && !again {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	p := s.signInPage(r, v, next)
	if err == nil {
		p.Login, p.Again = who.session.Login, true
	}
	if r.URL.Query().Get("out") != "" {
		p.Left, p.Note = true, &note{Text: v.words.T("signin.out")}
	}
	return s.render(w, r, http.StatusOK, "signin", p)
}

func (s *Server) signInPage(r *http.Request, v *visit, next string) *signInPage {
	p := &signInPage{base: s.base(v, v.words.T("signin.title"), ""), Next: next, Opened: forOthers(next), CanDeny: s.NewDevices != nil}
	p.Tongue = v.words.lang
	s.showWays(v, p, r.PostForm.Get("way"))
	if p.Inside = insideApp(r.UserAgent()); staysInside(next) {
		p.Inside = ""
	}
	p.Outside, p.Address = outside(p.Inside, next), s.BaseURL.JoinPath("/").String()
	if u, err := url.Parse(next); err == nil {
		p.Address = s.BaseURL.ResolveReference(u).String()
	}
	return p
}

// speak changes the language of a page that nobody has signed in for.
func (s *Server) speak(v *visit, lang string) {
	if l, err := access.CheckLocale(lang); err == nil && lang != "" {
		v.words = s.words.in(l)
	}
}

// signIn takes login and password and goes on to where the person wanted.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	next := s.safeNext(r.PostForm.Get("next"))
	s.speak(v, r.PostForm.Get("lang"))
	network, err := s.network(r)
	if err != nil {
		return err
	}
	in, err := s.Accounts.SignIn(r.Context(), access.SignIn{
		Login:         r.PostForm.Get("login"),
		Password:      r.PostForm.Get("password"),
		Way:           s.way(r.PostForm.Get("way")),
		Next:          next,
		Address:       s.address(r),
		Network:       network,
		UserAgent:     r.UserAgent(),
		DeviceCookie:  cookie(r, s.cookies.device),
		SessionCookie: cookie(r, s.cookies.session),
	})
	var limited *access.LimitedError
	var busy *access.BusyError
	var provider *access.ProviderError
	var refused *access.RefusedError
	var second *access.SecondError
	switch {
	case err == nil:
	case errors.As(err, &second):
		s.setCookie(w, s.cookies.flow, second.Cookie, v.now, v.now.Add(access.FlowLife))
		http.Redirect(w, r, "/signin/second", http.StatusSeeOther)
		return nil
	case errors.Is(err, access.ErrCredentials), errors.As(err, &limited), errors.As(err, &busy), errors.As(err, &provider), errors.As(err, &refused):
		f := s.classify(v, err)
		f.setHeaders(w.Header())
		p := s.signInPage(r, v, next)
		p.Login, p.Error = r.PostForm.Get("login"), f.text
		v.record.err = err
		return s.render(w, r, f.status, "signin", p)
	default:
		return err
	}
	s.welcome(w, r, v, in, next)
	return nil
}

// welcome sets the cookies of a session that has begun, and goes on.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request, v *visit, in access.SignedIn, next string) {
	v.record.person = string(in.Session.Person.ID)
	s.closeLive(in.Replaced)
	s.endSessions(r.Context(), v, in.Ended)
	s.setCookie(w, s.cookies.session, in.SessionCookie, v.now, in.Session.ExpiresAt)
	s.setCookie(w, s.cookies.device, in.DeviceCookie, v.now, v.now.Add(access.DefaultPolicy().Device))
	if in.Session.Standing == access.Waiting {
		next = waitingAt(next)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// signOut ends the session here, with its live connections and push links. Who
// has opened a link for somebody else says where it leads: it is for the next
// one who signs in.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	ended, err := s.Accounts.SignOut(r.Context(), v.session.ID)
	if err != nil {
		return err
	}
	s.endSessions(r.Context(), v, append(ended, v.session.ID))
	s.setCookie(w, s.cookies.session, "", v.now, v.now)
	to := "/signin?out=1"
	if next := r.PostForm.Get("next"); next != "" {
		to += "&next=" + url.QueryEscape(s.safeNext(next))
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// maxNext bounds the address that a sign-in goes on to, in bytes.
const maxNext = 512

// safeNext gives where to go after the sign-in: a page of ours that a person
// with a session can look at, else the inbox. It never leads elsewhere:
// scheme, host, backslash and control characters are refused, and what is left
// has to be the address of a registered page.
func (s *Server) safeNext(next string) string {
	const home = "/inbox"
	if len(next) > maxNext || !strings.HasPrefix(next, "/") || strings.ContainsFunc(next, func(r rune) bool {
		return r == '\\' || unicode.IsControl(r) || unicode.IsSpace(r)
	}) {
		return home
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return home
	}
	q := u.Query()
	q.Del("openExternalBrowser") // LINE's, spent
	u.RawQuery, u.Fragment, u.RawFragment = q.Encode(), "", ""
	_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, Host: s.BaseURL.Host, URL: &url.URL{Path: u.Path}})
	for _, rt := range s.table {
		if rt.pattern == pattern && rt.rule != public && rt.rule != waits && !rt.data && strings.HasPrefix(pattern, "GET ") {
			return u.RequestURI()
		}
	}
	return home
}
