package web

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"qianhe/approval"
	"qianhe/hub"
)

// linkLINEPage links LINE: from the chat it comes with a link token and asks for
// a yes; without one it says how to get there.
type linkLINEPage struct {
	linking
	Token  string // of LINE, "" when the page was not opened from the chat
	Login  string
	Waits  bool // for LINE's word: the page looks again by itself
	Friend string
	QR     *qrView
}

// linkToken is what LINE gives out. It means nothing to us and is handed back
// as it came.
var linkToken = regexp.MustCompile(`^[A-Za-z0-9._~+/=-]{1,200}$`)

// linkLINE shows how it stands. It changes nothing, whoever opens it.
func (s *Server) linkLINE(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Linking == nil || s.Linking.LINE == nil {
		return approval.ErrNotFound
	}
	l, err := s.linkingOf(r.Context(), v, hub.LINE, v.words.T("link.line.title"))
	if err != nil {
		return err
	}
	p := &linkLINEPage{linking: l, Login: v.session.Login}
	if token := r.URL.Query().Get("linkToken"); linkToken.MatchString(token) {
		p.Token, p.Outcome, p.State = token, "", ""
	}
	p.Waits = p.State == hub.PairingWaiting
	if p.Token == "" && !p.Waits {
		s.addFriend(r.Context(), v, p)
	}
	s.allowForm(w, s.Linking.LINE.Origin)
	return s.render(w, r, http.StatusOK, "linkline", p)
}

// addFriend says where the account is added; without that the page has words.
func (s *Server) addFriend(ctx context.Context, v *visit, p *linkLINEPage) {
	address, err := s.Linking.LINE.Friend(ctx)
	if err != nil {
		s.warn(ctx, v, "LINE does not say who we are", err)
		return
	}
	p.Friend, p.QR = address, qrOf(address)
}

// beginLINE is the yes: it makes the nonce by which LINE's word will be known
// as being about this person, and goes to LINE's own page.
func (s *Server) beginLINE(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Linking == nil || s.Linking.LINE == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	token := r.PostForm.Get("linkToken")
	if !linkToken.MatchString(token) {
		return errForm
	}
	pairing, err := s.Linking.Pairings.BeginPairing(r.Context(), v.session.Person.ID, v.session.ID, hub.LINE)
	if err != nil {
		return err
	}
	to, err := s.Linking.LINE.Dialog(token, pairing.Secret)
	if err != nil {
		return err
	}
	s.allowForm(w, s.Linking.LINE.Origin)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// allowForm lets the forms of one page end at an origin of others: browsers
// hold the policy against the redirect after a form, too.
func (s *Server) allowForm(w http.ResponseWriter, origin string) {
	w.Header().Set("Content-Security-Policy", strings.Replace(s.policy, "form-action 'self'", "form-action 'self' "+origin, 1))
}
