package web

import (
	"errors"
	"net/http"

	"qianhe/approval"
	"qianhe/approval/access"
)

// deskPage is where the registry desk (登記桌) and administrators vouch for who
// stands before them.
type deskPage struct {
	base
	List []newcomerView
}

// vouches reports whether a person may vouch for others.
func vouches(p approval.Person) bool {
	return p.Has(approval.RoleRegistry) || p.Has(approval.RoleAdmin)
}

func (s *Server) desk(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.NewDevices == nil || !vouches(v.session.Person) {
		return errNowhere
	}
	list, err := s.NewDevices.Desk(r.Context(), v.session)
	if err != nil {
		return err
	}
	b, err := s.counted(r.Context(), v, v.words.T("desk.title"), "me")
	if err != nil {
		return err
	}
	p := &deskPage{base: b}
	switch r.URL.Query().Get("ok") {
	case "vouched":
		p.Note = &note{Text: v.words.T("desk.done")}
	case "late":
		p.Note = &note{Text: v.words.T("desk.late")}
	}
	for _, n := range list {
		p.List = append(p.List, v.words.newcomer(n, v.now))
	}
	return s.render(w, r, http.StatusOK, "desk", p)
}

func (s *Server) vouch(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.NewDevices == nil || !vouches(v.session.Person) {
		return errNowhere
	}
	_, err := s.NewDevices.Vouch(r.Context(), v.session, r.PathValue("id"))
	switch {
	case err == nil:
		http.Redirect(w, r, "/desk?ok=vouched", http.StatusSeeOther)
		return nil
	case errors.Is(err, access.ErrAnswered):
		http.Redirect(w, r, "/desk?ok=late", http.StatusSeeOther)
		return nil
	}
	return err
}
