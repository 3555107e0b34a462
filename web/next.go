package web

import (
	"net/http"

	"qianhe/approval"
)

// next goes to the most urgent document that can be handled here, else to the
// in-tray: the one button of a message that counts.
func (s *Server) next(w http.ResponseWriter, r *http.Request, v *visit) error {
	tray, err := s.Documents.Tray(r.Context(), v.session.Person.ID, v.now, approval.TrayAll, "", trayPage)
	if err != nil {
		return err
	}
	to := "/inbox"
	for _, c := range tray.Cards {
		if !c.Grade.Classified() {
			to = "/d/" + string(c.Document)
			break
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
