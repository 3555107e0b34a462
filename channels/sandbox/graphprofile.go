package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// graphFields are the events of a Page that the sandbox knows.
func graphFields() []string {
	return []string{
		"messages", "messaging_postbacks", "messaging_referrals", "messaging_optins", "message_deliveries", "message_reads",
		"message_reactions", "messaging_account_linking", "messaging_policy_enforcement",
	}
}

// graphSubscribed is GET /{page}/subscribed_apps.
func (s *Sandbox) graphSubscribed(*http.Request, []byte) (any, *graphError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.graph.subscribed) == 0 {
		return map[string]any{"data": []any{}}, nil
	}
	return map[string]any{"data": []any{map[string]any{"id": "17", "name": "qianhe", "subscribed_fields": s.graph.subscribed}}}, nil
}

// graphSubscribe is POST /{page}/subscribed_apps. Events of templates need a
// permission that this app does not have.
func (s *Sandbox) graphSubscribe(r *http.Request, _ []byte) (any, *graphError) {
	fields := strings.Split(r.URL.Query().Get("subscribed_fields"), ",")
	for _, f := range fields {
		if f == "message_template_status_update" {
			return nil, graphErr(http.StatusForbidden, 200, 0, "(#200) To subscribe to the %s field, one of these permissions is needed: page_utility_messaging", f)
		}
		if !slices.Contains(graphFields(), f) {
			return nil, parameter("Param subscribed_fields[0] must be one of {%s} - got %q", strings.Join(graphFields(), ", "), f)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graph.subscribed = fields
	return map[string]any{"success": true}, nil
}

// Unsubscribe ends the subscription to the Page's events, as Meta does after an
// hour of failed callbacks.
func (s *Sandbox) Unsubscribe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.graph.subscribed = nil
}

// graphReadProfile is GET /{page}/messenger_profile.
func (s *Sandbox) graphReadProfile(r *http.Request, _ []byte) (any, *graphError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]json.RawMessage{}
	for f := range strings.SplitSeq(r.URL.Query().Get("fields"), ",") {
		if v, ok := s.graph.profile[f]; ok {
			found[f] = v
		}
	}
	if len(found) == 0 {
		return map[string]any{"data": []any{}}, nil
	}
	return map[string]any{"data": []any{found}}, nil
}

// graphMenu is one language of the persistent menu.
type graphMenu struct {
	Locale string        `json:"locale"`
	Items  []graphButton `json:"call_to_actions"`
}

// graphWriteProfile is POST /{page}/messenger_profile: what is named is set,
// the rest stays.
func (s *Sandbox) graphWriteProfile(_ *http.Request, body []byte) (any, *graphError) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || len(fields) == 0 {
		return nil, parameter("The Messenger profile needs at least one property")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, value := range fields {
		if no := checkProfile(name, value); no != nil {
			return nil, no
		}
	}
	_, started := s.graph.profile["get_started"]
	if _, now := fields["get_started"]; fields["persistent_menu"] != nil && !started && !now {
		return nil, parameter("You must set a Get Started button if you also wish to use persistent menu")
	}
	for name, value := range fields {
		s.graph.profile[name] = value
	}
	s.changeLocked()
	return map[string]any{"result": "success"}, nil
}

func checkProfile(name string, value json.RawMessage) *graphError {
	switch name {
	case "get_started":
		var v struct {
			Payload string `json:"payload"`
		}
		if json.Unmarshal(value, &v) != nil || v.Payload == "" || utf16Len(v.Payload) > 1000 {
			return parameter("Param get_started[payload] must have 1 to 1000 characters")
		}
	case "greeting":
		var v []struct{ Locale, Text string }
		if json.Unmarshal(value, &v) != nil || len(v) == 0 || v[0].Locale != "default" {
			return parameter("Param greeting must begin with the default locale")
		}
		for _, g := range v {
			if n := utf16Len(g.Text); n < 1 || n > 160 {
				return parameter("Length of param greeting[text] must be from 1 to 160")
			}
		}
	case "persistent_menu":
		var v []graphMenu
		if json.Unmarshal(value, &v) != nil || len(v) == 0 || v[0].Locale != "default" {
			return parameter("Param persistent_menu must begin with the default locale")
		}
		for _, m := range v {
			if n := len(m.Items); n < 1 || n > 20 {
				return parameter("Param call_to_actions must have 1 to 20 elements")
			}
			for _, b := range m.Items {
				if no := b.check(30); no != nil {
					return no
				}
			}
		}
	default:
		return parameter("Param %s is not part of the sandbox", name)
	}
	return nil
}
