package web

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"qianhe/approval/access"
)

// cookieNames are the names of our cookies, see package access.
type cookieNames struct{ session, device, flow string }

func newCookieNames(secure bool) cookieNames {
	session, device := access.CookieNames(secure)
	return cookieNames{session, device, access.FlowCookie(secure)}
}

// maxCookie is more than any cookie of ours has, in bytes.
const maxCookie = 256

// cookie gives the value of a cookie, "" when there is none.
func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie of ours until expires; in the past it removes it.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, now, expires time.Time) {
	age := int(expires.Sub(now) / time.Second)
	if age <= 0 {
		value, age = "", -1
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// resume finds out whose session it is, also one that waits. It returns
// access.ErrNoSession when nobody known asks.
func (s *Server) resume(r *http.Request, v *visit) error {
	value := cookie(r, s.cookies.session)
	if value == "" {
		return access.ErrNoSession
	}
	session, err := s.Accounts.Resume(r.Context(), value)
	if err != nil && !errors.Is(err, access.ErrWaiting) {
		return err
	}
	v.session, v.words = session, s.words.in(session.Locale)
	v.record.person = string(session.Person.ID)
	return nil
}

// enter finds out who asks, and holds them against a gate.
func (s *Server) enter(r *http.Request, v *visit, g access.Gate) error {
	if err := s.resume(r, v); err != nil {
		return err
	}
	_, platform := access.DescribeBrowser(r.UserAgent())
	v.from = access.Visitor{Session: v.session, Class: access.ClassOf(platform), Now: v.now, Sending: r.Method == http.MethodPost}
	v.from.Address, _ = netip.ParseAddr(s.address(r)) // the zero Addr when it is none
	return s.allow(r.Context(), v, g)
}

// allow holds who has entered against a further gate: for what only the content
// of a request tells.
func (s *Server) allow(ctx context.Context, v *visit, g access.Gate) error {
	settings, err := s.Access.Settings(ctx)
	if err != nil {
		return err
	}
	return settings.Allow(g, v.from)
}

// address is that of the client, as far as proxies can be believed.
func (s *Server) address(r *http.Request) string {
	a := access.ClientAddress(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), s.TrustedProxies)
	if a == (netip.Addr{}) {
		return ""
	}
	return a.String()
}

// network says where the client is, as far as the agency has said.
func (s *Server) network(r *http.Request) (string, error) {
	settings, err := s.Access.Settings(r.Context())
	if err != nil {
		return "", err
	}
	a, _ := netip.ParseAddr(s.address(r)) // the zero Addr when it is none
	return string(settings.Network(a)), nil
}

// originOf is who asks and from where, for the audit trail. Which network that
// is does not keep anybody from anything here: where the settings cannot be
// read it is left open.
func (s *Server) originOf(r *http.Request, v *visit) access.Origin {
	o := access.Origin{Person: v.session.Person.ID, Session: v.session.ID, Device: v.session.Device, Address: s.address(r)}
	if a, err := netip.ParseAddr(o.Address); err == nil {
		if settings, err := s.Access.Settings(r.Context()); err == nil {
			o.Network = string(settings.Network(a))
		}
	}
	return o
}

// endSessions ends what hangs on sessions that are over: live connections and
// push subscriptions. The sessions themselves have ended already.
func (s *Server) endSessions(ctx context.Context, v *visit, sessions []string) {
	s.closeLive(sessions)
	for _, id := range sessions {
		if err := s.Hub.RemoveSessionLinks(ctx, id); err != nil {
			s.warn(ctx, v, "push links of an ended session stay", err)
		}
	}
}

func (s *Server) closeLive(sessions []string) {
	if s.Live != nil && len(sessions) > 0 {
		s.Live.CloseSessions(sessions...)
	}
}
