package web

import (
	"net/http"

	"qianhe/approval/access"
)

// devicesPage lists where the account has signed in.
type devicesPage struct {
	base
	Devices []deviceView
	Others  bool // there are others than this one
	Asks    []newcomerView
	Same    []handoverAsk // other browsers of this phone that ask to be let in
	Joins   bool          // this is a phone, and such can be let in
}

// deviceView is one browser.
type deviceView struct {
	ID       string
	Label    string
	Phone    bool
	Current  bool
	SignedIn bool
	Since    string
	LastSeen string
}

func (s *Server) devices(w http.ResponseWriter, r *http.Request, v *visit) error {
	list, err := s.Accounts.Devices(r.Context(), v.session.Account, v.session.Device)
	if err != nil {
		return err
	}
	b, err := s.counted(r.Context(), v, v.words.T("devices.title"), "me")
	if err != nil {
		return err
	}
	p := &devicesPage{base: b}
	p.Note = saved(v, r)
	if s.NewDevices != nil {
		asks, err := s.NewDevices.Newcomers(r.Context(), v.session)
		if err != nil {
			return err
		}
		for _, n := range asks {
			p.Asks = append(p.Asks, v.words.newcomer(n, v.now))
		}
	}
	if p.Same, err = s.handoverAsks(r, v); err != nil {
		return err
	}
	for _, d := range list {
		p.Joins = p.Joins || d.Current && d.Class == access.Mobile && s.Handovers != nil
		p.Devices = append(p.Devices, v.words.device(v, d))
		p.Others = p.Others || !d.Current
	}
	return s.render(w, r, http.StatusOK, "devices", p)
}

func (w *words) device(v *visit, d access.Device) deviceView {
	label := d.Label
	if label == "" {
		label = w.T("devices.unknown")
	}
	return deviceView{
		ID: d.ID, Label: label, Phone: d.Platform == "ios" || d.Platform == "android", Current: d.Current, SignedIn: d.Sessions > 0,
		Since: w.ShortDay(d.CreatedAt), LastSeen: w.Moment(d.LastSeenAt, v.now),
	}
}

// revokeDevice signs a device out and forgets it. One's own is signed out as
// by the button for that.
func (s *Server) revokeDevice(w http.ResponseWriter, r *http.Request, v *visit) error {
	device := r.PathValue("device")
	if device == v.session.Device {
		return s.signOut(w, r, v)
	}
	ended, err := s.Accounts.RevokeDevice(r.Context(), v.session.Account, device)
	if err != nil {
		return err
	}
	s.endSessions(r.Context(), v, ended)
	http.Redirect(w, r, "/me/devices?ok=device", http.StatusSeeOther)
	return nil
}

// revokeOthers signs out everywhere but here.
func (s *Server) revokeOthers(w http.ResponseWriter, r *http.Request, v *visit) error {
	ended, err := s.Accounts.RevokeOthers(r.Context(), v.session.Account, v.session.Device)
	if err != nil {
		return err
	}
	s.endSessions(r.Context(), v, ended)
	http.Redirect(w, r, "/me/devices?ok=device", http.StatusSeeOther)
	return nil
}
