package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"

	"qianhe/approval/access"
)

// errNoOrigin: a form that says neither where it comes from nor where it was.
// Its text begins as those of net/http do.
var errNoOrigin = errors.New("cross-origin request not ruled out: no Sec-Fetch-Site, Origin or Referer of ours")

// sameOrigin refuses what a page of another site has a browser send. Browsers
// say so themselves in Sec-Fetch-Site or Origin. net/http takes what has neither
// for no browser; but no program signs in here, and a very old browser has
// neither as well: it must have been on a page of ours.
func (s *Server) sameOrigin(r *http.Request) error {
	if err := s.origin.Check(r); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != "" {
		return nil
	}
	if from, err := url.Parse(r.Referer()); err == nil && from.User == nil && from.Host != "" && (from.Host == r.Host || from.Host == s.BaseURL.Host) {
		return nil
	}
	return errNoOrigin
}

// proveAgain is where to show once more who one is, and to go on from. A form
// that was sent goes on where it was filled in.
func (s *Server) proveAgain(r *http.Request) string {
	next := r.URL.RequestURI()
	if r.Method != http.MethodGet {
		next = documentOf(r.URL.Path)
		if ref, err := url.Parse(r.Referer()); err == nil && ref.Host == s.BaseURL.Host {
			next = ref.RequestURI()
		}
	}
	if s.SignIns != nil {
		return "/me/prove?next=" + url.QueryEscape(s.safeNext(next))
	}
	return "/signin?again=1&next=" + url.QueryEscape(s.safeNext(next))
}

// wayOn puts on the page of an error what can be done about it.
func (s *Server) wayOn(r *http.Request, p *errorPage, err error) {
	var network *access.NetworkError
	var proof *access.ProofError
	switch {
	case errors.As(err, &proof):
		p.Back, p.BackText = s.proveAgain(r), p.T("error.prove")
	case errors.As(err, &network), errors.Is(err, access.ErrMobile):
		p.Back, p.Leave = "", true
		if r.Method == http.MethodGet {
			p.Again = r.URL.RequestURI()
		}
	}
}

func networkKey(n access.Network) string {
	switch n {
	case access.InIntranet:
		return "network.intranet"
	case access.InVPN:
		return "network.vpn"
	}
	return "network.outside"
}

// attendance is who holds live connections here, and how they came in: what
// suited then may not any more once the agency has decided otherwise. Beyond
// its bound it forgets somebody; they are looked at when they come again.
type attendance struct {
	mu  sync.Mutex
	who map[string]access.Visitor // by session
}

// maxAttendance is twice what a node holds at most.
const maxAttendance = 40_000

func (a *attendance) enter(v access.Visitor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.who == nil {
		a.who = map[string]access.Visitor{}
	}
	for id := range a.who {
		if len(a.who) < maxAttendance {
			break
		}
		delete(a.who, id)
	}
	a.who[v.Session.ID] = v
}

func (a *attendance) of(session string) (access.Visitor, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.who[session]
	return v, ok
}

func (a *attendance) leave(session string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.who, session)
}

// StillSuits takes out of those sessions that are alive the ones whose network,
// device or role has become one that may not, since their live connections
// came in. It is for the hub of live connections, which asks again and again.
func (s *Server) StillSuits(ctx context.Context, alive map[string]bool) error {
	settings, err := s.Access.Settings(ctx)
	if err != nil {
		return err
	}
	for id, ok := range alive {
		v, known := s.attendance.of(id)
		switch {
		case !ok:
			s.attendance.leave(id)
		case known && settings.Allow(signedIn.gate(), v) != nil:
			alive[id] = false
			s.attendance.leave(id)
		}
	}
	return nil
}
