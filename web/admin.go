package web

import (
	"net/http"
)

// adminPage leads to what an administrator (管理者) looks after.
type adminPage struct {
	base
	Channels string // in a line, how the channels do
	Trouble  bool   // not all of them do well
	Policy   string // when it was last changed
	Access   string // when it was last changed
	Ledger   bool
	Audit    bool
	People   bool
	Webhooks string // in a line, how they do; "" when there are none to look at
	Failing  bool   // not all of them do well
}

func (s *Server) admin(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	b, err := s.counted(ctx, v, v.words.T("admin.title"), "me")
	if err != nil {
		return err
	}
	p := &adminPage{base: b, Ledger: s.Ledger != nil, Audit: s.Audit != nil, People: s.People != nil, Policy: v.words.T("admin.policy.house")}
	p.Note = saved(v, r)
	history, err := s.Settings.PolicyHistory(ctx, 1)
	if err != nil {
		return err
	}
	if len(history) > 0 {
		p.Policy = v.words.T("admin.policy.changed", history[0].Name, v.words.Moment(history[0].At, v.now))
	}
	versions, err := s.Access.SettingsHistory(ctx, 1)
	if err != nil {
		return err
	}
	p.Access = v.words.T("admin.policy.house")
	if last := versions[0]; last.Version > 0 {
		p.Access = v.words.T("admin.policy.changed", v.words.changer(last), v.words.Moment(last.At, v.now))
	}
	if s.Webhooks != nil {
		list, err := s.Webhooks.Endpoints(ctx)
		if err != nil {
			return err
		}
		p.Webhooks, p.Failing = v.webhookTrouble(list)
	}
	if s.Ledger == nil {
		return s.render(w, r, http.StatusOK, "admin", p)
	}
	health, err := s.Ledger.Health(ctx)
	if err != nil {
		return err
	}
	good, down, trouble := 0, "", ""
	for _, h := range health {
		switch {
		case !h.InService:
		case h.DownUntil.After(v.now):
			down = v.words.T(channelKey(h.Channel))
		case h.ProbeError != "":
			trouble = v.words.T(channelKey(h.Channel))
		default:
			good++
		}
	}
	p.Channels = v.words.N("admin.channels.good", good)
	switch {
	case down != "":
		p.Channels, p.Trouble = v.words.T("admin.channels.down", down), true
	case trouble != "":
		p.Channels, p.Trouble = v.words.T("admin.channels.trouble", trouble), true
	}
	return s.render(w, r, http.StatusOK, "admin", p)
}
