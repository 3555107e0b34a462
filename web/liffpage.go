package web

import (
	"net/http"
	"strings"

	"qianhe/approval"
)

// LIFF is our app inside LINE: a page of ours that LINE opens, with a script of
// LINE's.
type LIFF struct {
	ID  string
	SDK string // address of the script
	// Open is the address that opens the page inside LINE, "" where there is none.
	Open string
	// Scripts and Calls are what that script may load and call.
	Scripts []string
	Calls   []string
}

// liffPage links LINE when it is opened inside LINE. Elsewhere, and without a
// script, it says what it is for.
type liffPage struct {
	base
	Login string
	ID    string
	SDK   string
	Nonce string
}

// showLIFF changes nothing, whoever opens it.
func (s *Server) showLIFF(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Linking == nil || s.Linking.LINE == nil || s.Linking.LINE.LIFF == nil {
		return approval.ErrNotFound
	}
	b, err := s.counted(r.Context(), v, v.words.T("link.line.title"), "me")
	if err != nil {
		return err
	}
	app := s.Linking.LINE.LIFF
	s.allowLIFF(w, app)
	return s.render(w, r, http.StatusOK, "liff", &liffPage{base: b, Login: v.session.Login, ID: app.ID, SDK: app.SDK, Nonce: s.Linking.Pairings.ProofNonce(v.session.ID)})
}

// allowLIFF makes the one exception of the policy: LINE's script runs on this
// page and on no other. It writes scripts of its own, so that Trusted Types
// cannot be asked for here.
func (s *Server) allowLIFF(w http.ResponseWriter, app *LIFF) {
	policy := strings.NewReplacer(
		"script-src 'self'", "script-src 'self' "+strings.Join(app.Scripts, " "),
		"connect-src 'self'", "connect-src 'self' "+strings.Join(app.Calls, " "),
		"; require-trusted-types-for 'script'", "",
		"; trusted-types qianhe", "",
	).Replace(s.policy)
	w.Header().Set("Content-Security-Policy", policy)
}
