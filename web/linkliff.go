package web

import (
	"encoding/json"
	"net/http"

	"qianhe/approval"
	"qianhe/hub"
)

// maxIDToken bounds the body of a LIFF page's request, in bytes.
const maxIDToken = 16 << 10

// proveLINE takes the ID token of a LIFF page: LINE says who looks at it, the
// session says who is signed in. It links the two, or says that they are linked
// already, which is a second proof of who is there. LIFF puts no nonce of ours
// into its tokens, so ours comes beside it: it belongs to the session and is good
// once, like the token. Where a token does carry one, it has to be ours.
func (s *Server) proveLINE(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Linking == nil || s.Linking.LINE == nil || s.Linking.LINE.Verify == nil {
		return approval.ErrNotFound
	}
	var in struct {
		IDToken string `json:"idToken"`
		Nonce   string `json:"nonce"`
	}
	if err := readJSON(w, r, maxIDToken, &in); err != nil {
		return err
	}
	user, err := s.Linking.LINE.Verify(r.Context(), in.IDToken, in.Nonce)
	if err != nil {
		return err
	}
	me, state := v.session.Person.ID, "linked"
	links, err := s.Hub.Links(r.Context(), me)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.Channel == hub.LINE && l.Address.Value == user {
			state = "proved"
		}
	}
	proof := hub.Proof{Session: v.session.ID, Nonce: in.Nonce, Token: in.IDToken}
	if _, err := s.Linking.Pairings.LinkProved(r.Context(), me, hub.LINE, user, proof); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]string{"state": state})
}
