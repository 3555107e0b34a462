package web

import (
	"errors"
	"net/http"
	"strings"

	"qianhe/approval"
	"qianhe/hub"
)

// linkMessengerPage links Messenger: a link into the chat, and the code that is
// shown there.
type linkMessengerPage struct {
	linking
	Open  string // the link, only on the page that made it
	QR    *qrView
	Code  bool   // there is an attempt that a code would end
	Error string // of the code
}

func (s *Server) linkMessenger(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, err := s.messengerPage(r, v)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "linkmessenger", p)
}

func (s *Server) messengerPage(r *http.Request, v *visit) (*linkMessengerPage, error) {
	if s.Linking == nil || s.Linking.Messenger == nil {
		return nil, approval.ErrNotFound
	}
	l, err := s.linkingOf(r.Context(), v, hub.Messenger, v.words.T("link.messenger.title"))
	if err != nil {
		return nil, err
	}
	return &linkMessengerPage{linking: l, Code: l.State == hub.PairingWaiting || l.State == hub.PairingMet}, nil
}

// beginMessenger makes the link into the chat and shows it. The secret in it is
// kept as a hash only, so that this is the one page that has it.
func (s *Server) beginMessenger(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Linking == nil || s.Linking.Messenger == nil {
		return approval.ErrNotFound
	}
	pairing, err := s.Linking.Pairings.BeginPairing(r.Context(), v.session.Person.ID, v.session.ID, hub.Messenger)
	if err != nil {
		return err
	}
	p, err := s.messengerPage(r, v)
	if err != nil {
		return err
	}
	p.Open = s.Linking.Messenger.Open(pairing.Secret)
	p.QR = qrOf(p.Open)
	return s.render(w, r, http.StatusOK, "linkmessenger", p)
}

// enterCode takes the code that the chat has shown.
func (s *Server) enterCode(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Linking == nil || s.Linking.Messenger == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	pairing, err := s.Linking.Pairings.EnterCode(r.Context(), v.session.Person.ID, v.session.ID, hub.Messenger, digits(r.PostForm.Get("code")))
	wrong := ""
	switch {
	case errors.Is(err, approval.ErrNotFound):
		wrong = v.words.T("link.code.none")
	case err != nil:
		return err
	case pairing.State == hub.PairingDone:
		http.Redirect(w, r, "/link/messenger", http.StatusSeeOther)
		return nil
	case pairing.State == hub.PairingMet:
		wrong = v.words.N("link.code.wrong", codeTries-pairing.Tries)
	}
	p, err := s.messengerPage(r, v)
	if err != nil {
		return err
	}
	p.Error = wrong
	return s.render(w, r, http.StatusUnprocessableEntity, "linkmessenger", p)
}

// codeTries is how many wrong codes end an attempt.
const codeTries = 5

// digits gives the digits of what was typed, also those of full width, up to a
// length that no code has.
func digits(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= '０' && r <= '９' {
			r -= '０' - '0'
		}
		if r >= '0' && r <= '9' && b.Len() < 20 {
			b.WriteRune(r)
		}
	}
	return b.String()
}
