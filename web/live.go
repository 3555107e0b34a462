package web

import (
	"net/http"

	"qianhe/approval"
)

// live hands the request to the server of live connections, which upgrades it
// and owns it from then on. Who asks and from which origin has been looked at.
func (s *Server) live(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Live == nil {
		return approval.ErrNotFound
	}
	s.Live.Serve(w, r, v.session.Person.ID, v.session.ID)
	return nil
}
