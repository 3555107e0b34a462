package web

import (
	"encoding/json"
	"net/http"

	"qianhe/approval"
	"qianhe/hub"
)

// live hands the request to the server of live connections, which upgrades it
// and owns it from then on. Who asks and from which origin has been looked at.
func (s *Server) live(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Live == nil {
		return approval.ErrNotFound
	}
	s.attendance.enter(v.from)
	s.Live.Serve(w, r, v.session.Person.ID, v.session.ID)
	return nil
}

// head says where the person's inbox stands: what a page asks every minute that
// no proxy lets have a connection.
func (s *Server) head(w http.ResponseWriter, r *http.Request, v *visit) error {
	h, err := s.Hub.Head(r.Context(), v.session.Person.ID)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(struct {
		Epoch  string     `json:"epoch"`
		Seq    int64      `json:"seq"`
		Rev    int64      `json:"rev"`
		Counts hub.Counts `json:"counts"`
	}{h.Epoch, h.Seq, h.Rev, h.Counts})
}

// seen records what the person has seen on such a page: it was in front and
// touched within a minute, as over a connection. More than there is cannot have
// been seen.
func (s *Server) seen(w http.ResponseWriter, r *http.Request, v *visit) error {
	var in struct {
		Seq int64 `json:"seq"`
	}
	if err := readJSON(w, r, 1<<10, &in); err != nil {
		return err
	}
	ctx, me := r.Context(), v.session.Person.ID
	h, err := s.Hub.Head(ctx, me)
	if err != nil {
		return err
	}
	if in.Seq < 1 || in.Seq > h.Seq {
		return errForm
	}
	if err := s.Hub.SeenUpTo(ctx, me, in.Seq, hub.Live); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
