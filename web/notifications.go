package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// notificationsPage sets up what reaches the person, and where.
type notificationsPage struct {
	base
	Push    bool   // Web Push is on
	Key     string // VAPID public key
	Here    bool   // this browser is told
	Inside  string // the app whose browser this is (LINE, Facebook ...), "" for a browser of its own
	Outside string // address that opens this page in the real browser, where there is one
	Address string // of this page, to be copied there
	Apple   bool   // iPhone or iPad: the page has to be on the home screen first
	Old     string // the iOS version, where it is one without Web Push
	Denied  string // how to allow notifications again in this browser
	Links   []linkView
	Chats   []chatView // that can be linked
	Chosen  string     // in a line, how the person is told
	Says    string     // how much messages say about documents
}

// linkView is one address at which messages reach the person.
type linkView struct {
	ID      string
	Channel string
	Label   string
	Since   string
	Here    bool
	Chat    bool // it is a conversation in another app
}

func (s *Server) notifications(w http.ResponseWriter, r *http.Request, v *visit) error {
	links, err := s.Hub.Links(r.Context(), v.session.Person.ID)
	if err != nil {
		return err
	}
	b, err := s.counted(r.Context(), v, v.words.T("notify.title"), "me")
	if err != nil {
		return err
	}
	p := &notificationsPage{base: b, Push: s.Push != nil}
	if p.Push {
		p.Key = s.Push.PublicKey(r.Context())
	}
	p.Note = saved(v, r)
	p.Inside = insideApp(r.UserAgent())
	p.Outside = outside(p.Inside, "/me/notifications")
	p.Address = s.BaseURL.JoinPath("me", "notifications").String()
	_, platform := access.DescribeBrowser(r.UserAgent())
	p.Apple = platform == "ios"
	p.Old = oldApple(r.UserAgent())
	p.Denied = v.words.T(deniedKey(r.UserAgent()))
	for _, l := range links {
		view := linkView{ID: l.ID, Channel: v.words.T(channelKey(l.Channel)), Label: l.Label, Since: v.words.ShortDay(l.CreatedAt)}
		view.Chat = l.Channel != hub.WebPush
		view.Here = l.Channel == hub.WebPush && l.Session == v.session.ID
		p.Here = p.Here || view.Here
		p.Links = append(p.Links, view)
	}
	p.Chats = s.chats(v, links)
	policy, err := s.Settings.Policy(r.Context())
	if err != nil {
		return err
	}
	if p.Chosen, err = s.chosen(r.Context(), v, policy); err != nil {
		return err
	}
	p.Says = v.words.T(saysKey(policy.Tier))
	return s.render(w, r, http.StatusOK, "notifications", p)
}

// saysKey is what people are told about how much messages say.
func saysKey(t hub.Tier) string {
	switch t {
	case hub.TierNumber:
		return "notify.policy.number"
	case hub.TierSubject:
		return "notify.policy.subject"
	}
	return "notify.policy"
}

// maxSubscription bounds a subscription as JSON, in bytes: endpoints have at
// most 2048.
const maxSubscription = 8 << 10

// subscription is what PushSubscription.toJSON gives, with the key that it was
// made with.
type subscription struct {
	Key      string `json:"key"` // "": of a page that does not say
	Endpoint string `json:"endpoint"`
	Keys     struct {
		P256dh string `json:"p256dh"`
		Auth   string `json:"auth"`
	} `json:"keys"`
}

// subscribe keeps this browser's push subscription, under this session.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Push == nil {
		return approval.ErrNotFound
	}
	var sub subscription
	if err := readJSON(w, r, maxSubscription, &sub); err != nil {
		return err
	}
	if sub.Key == "" {
		sub.Key = s.Push.PublicKey(r.Context())
	}
	if !s.Push.KnowsKey(r.Context(), sub.Key) {
		return errPushKey // recorded under the wrong key it would only be refused, message by message
	}
	if err := s.Push.Check(sub.Endpoint, sub.Keys.P256dh, sub.Keys.Auth); err != nil {
		return err
	}
	label, _ := access.DescribeBrowser(r.UserAgent())
	if label == "" {
		label = v.words.T("devices.unknown")
	}
	id, err := s.Hub.AddLink(r.Context(), hub.Link{
		Person: v.session.Person.ID, Channel: hub.WebPush, Session: v.session.ID, Label: label,
		Address: hub.Address{Value: sub.Endpoint, Keys: map[string]string{"p256dh": sub.Keys.P256dh, "auth": sub.Keys.Auth, "vapid": sub.Key}},
	})
	if err != nil {
		return err
	}
	s.onlyLink(r.Context(), v, id)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// onlyLink removes what this session subscribed before: a browser has one
// subscription, so that a session can have no more than one either.
func (s *Server) onlyLink(ctx context.Context, v *visit, id string) {
	me := v.session.Person.ID
	links, err := s.Hub.Links(ctx, me)
	for _, l := range links {
		if l.Channel == hub.WebPush && l.Session == v.session.ID && l.ID != id {
			err = errors.Join(err, s.Hub.RemoveLink(ctx, me, l.ID))
		}
	}
	if err != nil {
		s.warn(ctx, v, "an earlier push link may stay", err)
	}
}

// pushKey gives the key to subscribe with, to a worker whose subscription was
// changed by the browser.
func (s *Server) pushKey(w http.ResponseWriter, r *http.Request, _ *visit) error {
	if s.Push == nil {
		return approval.ErrNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]string{"key": s.Push.PublicKey(r.Context())})
}

// delivered records that the service worker of this browser has shown a
// message. Nobody need have seen it.
func (s *Server) delivered(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.ofDelivery(w, r, func(ctx context.Context, delivery string) error {
		return s.Hub.Delivered(ctx, delivery, v.session.Person.ID)
	})
}

// clicked records that a message was tapped: the person has seen it.
func (s *Server) clicked(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.ofDelivery(w, r, func(ctx context.Context, delivery string) error {
		return s.Hub.SeenDelivery(ctx, delivery, v.session.Person.ID, hub.WebPush)
	})
}

// ofDelivery reads what the service worker says of a delivery.
func (s *Server) ofDelivery(w http.ResponseWriter, r *http.Request, fn func(ctx context.Context, delivery string) error) error {
	var in struct {
		Delivery string `json:"delivery"`
	}
	if err := readJSON(w, r, 1<<10, &in); err != nil {
		return err
	}
	if !approval.ValidID(in.Delivery) {
		return approval.ErrNotFound
	}
	if err := fn(r.Context(), in.Delivery); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// removeLink ends an address of the person's own.
func (s *Server) removeLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := s.Hub.RemoveLink(r.Context(), v.session.Person.ID, r.PathValue("link")); err != nil {
		return err
	}
	http.Redirect(w, r, "/me/notifications?ok=link", http.StatusSeeOther)
	return nil
}

// readJSON reads the body of a script's request. A form cannot send this type
// across origins without being asked for first.
func readJSON(w http.ResponseWriter, r *http.Request, most int64, into any) error {
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(t) != "application/json" {
		return errForm
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return errForm
	}
	if json.Unmarshal(b, into) != nil {
		return errForm
	}
	return nil
}
