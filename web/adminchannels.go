package web

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// adminChannelsPage says how the channels do.
type adminChannelsPage struct {
	base
	Channels []healthView
	Error    string
}

// healthView is one channel.
type healthView struct {
	Name    string // in addresses
	Text    string
	State   string
	Tone    string // ok, soon, late or ""
	Means   string // why it is down, in plain words, "" where there are none
	Reason  string // as the provider said it
	Out     bool   // this server does not have it
	Used    int64  // of the quota
	Limit   int64  // 0: there is none
	Quota   string
	Low     bool // the quota is nearly used up
	Rows    []fact
	Error   string // the last one, as the provider said it
	ErrorIs string // in plain words
	ErrorAt string
	Trouble string // what the last check has found, as the provider said it
}

// slow is how old the oldest of what waits may be before a page says that the
// channel is slow.
const slow = 2 * time.Minute

func (s *Server) channels(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, err := s.adminChannels(r, v)
	if err != nil {
		return err
	}
	if c := hub.ChannelName(r.URL.Query().Get("tested")); slices.Contains(channels(), c) {
		p.Note = &note{Text: v.words.T("channels.tested", v.words.beside(v.words.T(channelKey(c))))}
	}
	return s.render(w, r, http.StatusOK, "channels", p)
}

func (s *Server) adminChannels(r *http.Request, v *visit) (*adminChannelsPage, error) {
	if s.Ledger == nil {
		return nil, approval.ErrNotFound
	}
	ctx := r.Context()
	health, err := s.Ledger.Health(ctx)
	if err != nil {
		return nil, err
	}
	policy, err := s.Settings.Policy(ctx)
	if err != nil {
		return nil, err
	}
	b, err := s.counted(ctx, v, v.words.T("channels.title"), "me")
	if err != nil {
		return nil, err
	}
	p := &adminChannelsPage{base: b}
	for _, h := range health {
		p.Channels = append(p.Channels, v.health(h, policy.QuotaShare))
	}
	return p, nil
}

func (v *visit) health(h hub.ChannelHealth, share float64) healthView {
	w := v.words
	out := healthView{Name: string(h.Channel), Text: w.T(channelKey(h.Channel)), Out: !h.InService, Error: h.LastError, Trouble: h.ProbeError}
	if h.LastError != "" {
		out.ErrorAt, out.ErrorIs = w.Moment(h.LastErrAt, v.now), w.trouble(h.LastError)
	}
	switch {
	case !h.InService:
		out.State = w.T("channels.out")
	case h.DownUntil.After(v.now):
		out.State, out.Tone, out.Reason = w.T("channels.down", w.Moment(h.DownUntil, v.now)), "late", h.Reason
		out.Means = w.trouble(h.Reason)
	case h.ProbeError != "":
		out.State, out.Tone = w.T("channels.trouble"), "late"
	case h.Waiting > 0 && v.now.Sub(h.Oldest) > slow:
		out.State, out.Tone = w.T("channels.slow"), "soon"
	default:
		out.State, out.Tone = w.T("channels.good"), "ok"
	}
	row := func(key, value string) { out.Rows = append(out.Rows, fact{Label: w.T(key), Value: value}) }
	if h.Waiting > 0 {
		row("channels.waiting", w.T("channels.waiting.value", thousands(int64(h.Waiting)), w.span(max(v.now.Sub(h.Oldest), time.Minute))))
	} else if h.InService {
		row("channels.waiting", w.T("channels.waiting.none"))
	}
	sum := func(list ...hub.Outcome) (n int64) {
		for _, o := range list {
			n += int64(h.Hour[o])
		}
		return n
	}
	sent := sum(hub.OutcomeAccepted, hub.OutcomeDuplicate)
	doubt := sum(hub.OutcomeRetry, hub.OutcomeUnknown)
	failed := sum(hub.OutcomePermanent, hub.OutcomeRejected, hub.OutcomeChannelDown)
	if h.InService {
		row("channels.hour", w.T("channels.hour.value", thousands(sent), thousands(doubt), thousands(failed)))
	}
	if !h.LastSent.IsZero() {
		row("channels.last", w.Moment(h.LastSent, v.now))
	}
	if !h.Probed.IsZero() {
		row("channels.probed", w.Moment(h.Probed, v.now))
	}
	if !h.Heard.IsZero() {
		row("channels.heard", w.Moment(h.Heard, v.now))
	}
	if h.Parked > 0 {
		row("channels.parked", w.T("channels.parked.value", thousands(int64(h.Parked)), h.ParkedError))
	}
	row("channels.links", w.T("channels.links.value", thousands(int64(h.Links))))
	if h.Rate > 0 {
		row("channels.rate", w.T("channels.rate.value", rate(h.Rate)))
	}
	if h.Cost > 0 {
		row("channels.cost", w.messages(h.Cost))
	}
	if h.Quota != (hub.Quota{}) || !h.QuotaAt.IsZero() {
		out.Used, out.Limit = min(h.Quota.Used, max(h.Quota.Limit, 0)), h.Quota.Limit
		switch {
		case h.Quota.Limit <= 0:
			out.Quota = w.T("channels.quota.none", thousands(h.Quota.Used))
		default:
			part := float64(h.Quota.Used) / float64(h.Quota.Limit)
			out.Low = part >= share
			out.Quota = w.T("channels.quota", thousands(h.Quota.Used), thousands(h.Quota.Limit), int(math.Floor(part*100)))
		}
	}
	return out
}

// testChannel has a test message sent to whoever presses the button.
func (s *Server) testChannel(w http.ResponseWriter, r *http.Request, v *visit) error {
	c := hub.ChannelName(r.PathValue("channel"))
	if s.Ledger == nil || !slices.Contains(channels(), c) {
		return approval.ErrNotFound
	}
	switch err := s.Ledger.SendTest(r.Context(), v.session.Person.ID, c); {
	case err == nil:
		http.Redirect(w, r, "/admin/channels?tested="+string(c), http.StatusSeeOther)
		return nil
	case !errors.Is(err, approval.ErrNotFound):
		return err
	}
	p, err := s.adminChannels(r, v)
	if err != nil {
		return err
	}
	p.Error = v.words.T("channels.nolink", v.words.beside(v.words.T(channelKey(c))))
	return s.render(w, r, http.StatusUnprocessableEntity, "channels", p)
}

// rate writes messages a second, with a fraction where there is one.
func rate(perSecond float64) string {
	if perSecond == math.Trunc(perSecond) {
		return thousands(int64(perSecond))
	}
	return strconv.FormatFloat(perSecond, 'f', -1, 64)
}
