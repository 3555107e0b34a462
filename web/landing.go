package web

import (
	"net/http"
	"net/url"
)

// landingPage meets who taps a link and is not in the agency's network. It says
// what to do and keeps where they wanted to go, which the address says; of what
// is there it knows nothing.
type landingPage struct {
	base
	Target string // an address of the app
	Sent   bool   // a form was sent, and nothing done
}

// Public serves what may stand outside of the agency's network: the landing
// page, what providers call, static files. It knows no session and reads no
// document: no handler of the app is in it.
//
// Under the app's own name (BaseURL) name servers or proxies lead here from
// outside; under another (PublicURL) links lead here first.
func (s *Server) Public() http.Handler {
	for _, pattern := range s.PublicMount {
		if h := s.Mount[pattern]; h != nil {
			s.front.Handle(pattern, h)
		}
	}
	s.front.HandleFunc("/", s.landing)
	return s.logged(s.front)
}

// landing answers for everything else, whatever it is and whether it is or not.
func (s *Server) landing(w http.ResponseWriter, r *http.Request) {
	v := &visit{words: s.words.accepted(r.Header.Get("Accept-Language")), now: s.Now(), record: recordOf(r.Context())}
	s.setHeaders(w.Header(), false)
	// The same name leads elsewhere once the VPN is there: a connection that is
	// kept open would not notice.
	w.Header().Set("Connection", "close")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.showLanding(w, r, v, http.StatusForbidden, &landingPage{Target: "/inbox", Sent: true})
		return
	}
	spent(r)
	s.showLanding(w, r, v, http.StatusOK, &landingPage{Target: s.safeNext(r.URL.RequestURI())})
}

func (s *Server) showLanding(w http.ResponseWriter, r *http.Request, v *visit, status int, p *landingPage) {
	if s.PublicURL != nil && s.PublicURL.Host != s.BaseURL.Host {
		app := url.URL{Scheme: s.BaseURL.Scheme, Host: s.BaseURL.Host}
		p.Target = app.String() + p.Target
	}
	p.base = s.base(v, v.words.T("landing.title"), "")
	p.Socket = false
	s.mustRender(w, r, v, status, "landing", p)
}
