package web

import (
	"net/http"
	"strings"
)

// notYoursPage answers whoever opens a document or a notice that is not shown to
// them: sent on by a colleague, not arrived yet, or never there. The three look
// the same. It names who is signed in, because the link may be for their other
// account, or for whoever had the device before.
type notYoursPage struct {
	base
	Login string
	Next  string // where the link leads, for somebody else to sign in
	Slip  bool   // it is a notice, not a document
}

// forOthers reports whether an address is that of one document or notice.
func forOthers(path string) bool {
	return strings.HasPrefix(path, "/d/") || strings.HasPrefix(path, "/n/")
}

func (s *Server) notYours(w http.ResponseWriter, r *http.Request, v *visit) {
	next := documentOf(r.URL.Path)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		next = s.safeNext(r.URL.RequestURI())
	}
	if next == "/inbox" {
		next = ""
	}
	s.mustRender(w, r, v, http.StatusNotFound, "notyours", &notYoursPage{
		base: s.base(v, v.words.T("notyours.title"), ""), Login: v.session.Login, Next: next, Slip: strings.HasPrefix(r.URL.Path, "/n/"),
	})
}
