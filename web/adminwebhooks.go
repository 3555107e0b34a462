package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// webhooksPage is where events for the agency's own systems go, and what became
// of them. Endpoints are added on the command line.
type webhooksPage struct {
	base
	Endpoints []endpointView
	Since     string // default of the form that sends again, as 2026-11-23
	Failed    bool   // only what failed is shown
	All       string // address that shows everything
	Only      string // address that shows what failed
}

// endpointView is one endpoint. The path of its address is not shown: it may be
// the receiver's secret.
type endpointView struct {
	ID     string
	Host   string
	State  string
	Tone   string // ok, soon, late or ""
	Reason string // why it is closed
	Closed bool
	Rows   []fact
	Failed int
	Events []eventView
	Action string // of the forms
}

// eventView is one event to it.
type eventView struct {
	ID    string
	Type  string
	When  string
	State string
	Tone  string
	More  string // attempts, status, what went wrong
	Again bool   // it can be sent again
}

const (
	webhooksShown = 20
	// replayDays is how far back the form goes by itself.
	replayDays = 7
)

func (s *Server) webhooks(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Webhooks == nil {
		return approval.ErrNotFound
	}
	ctx, words := r.Context(), v.words
	q := r.URL.Query()
	state := hub.WebhookState("")
	if q.Get("state") == string(hub.WebhookFailed) {
		state = hub.WebhookFailed
	}
	b, err := s.counted(ctx, v, words.T("webhooks.title"), "me")
	if err != nil {
		return err
	}
	p := &webhooksPage{
		base: b, Since: v.now.In(approval.Zone).AddDate(0, 0, -replayDays).Format(dayLayout),
		Failed: state != "", All: "/admin/webhooks", Only: "/admin/webhooks?state=failed",
	}
	if n, err := strconv.Atoi(q.Get("again")); err == nil && n >= 0 {
		p.Note = &note{Text: words.N("webhooks.again.note", n)}
	}
	list, err := s.Webhooks.Endpoints(ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		view := v.endpoint(e)
		events, err := s.Webhooks.WebhookDeliveries(ctx, e.ID, state, webhooksShown)
		if err != nil {
			return err
		}
		for _, d := range events {
			view.Events = append(view.Events, v.event(d, view.Closed))
		}
		p.Endpoints = append(p.Endpoints, view)
	}
	return s.render(w, r, http.StatusOK, "webhooks", p)
}

func (v *visit) endpoint(e hub.EndpointStatus) endpointView {
	w := v.words
	_, host, _ := strings.Cut(e.Origin(), "://")
	out := endpointView{ID: e.ID, Host: host, Failed: e.Failed, Closed: !e.Disabled.IsZero(), Action: "/admin/webhooks/" + url.PathEscape(e.ID) + "/replay"}
	switch {
	case out.Closed:
		out.State, out.Reason = w.T("webhooks.closed", w.Moment(e.Disabled, v.now)), e.Reason
	case e.Failed > 0:
		out.State, out.Tone = w.N("webhooks.failed", e.Failed), "late"
	case e.Waiting > 0:
		out.State, out.Tone = w.N("webhooks.waiting", e.Waiting), "soon"
	default:
		out.State, out.Tone = w.T("webhooks.good"), "ok"
	}
	var types []string
	for _, t := range e.Events {
		types = append(types, w.T(eventKey(t)))
	}
	out.Rows = append(out.Rows, fact{Label: w.T("webhooks.events"), Value: strings.Join(types, w.T("comma"))})
	if !e.Delivered.IsZero() {
		out.Rows = append(out.Rows, fact{Label: w.T("webhooks.last"), Value: w.Moment(e.Delivered, v.now)})
	}
	out.Rows = append(out.Rows, fact{Label: w.T("webhooks.id"), Value: e.ID, Code: true})
	return out
}

func (v *visit) event(d hub.WebhookDelivery, closed bool) eventView {
	w := v.words
	out := eventView{ID: d.Event.ID, Type: w.T(eventKey(d.Event.Type)), When: w.Moment(d.Event.At, v.now), Again: !closed && d.State != hub.WebhookPending}
	more := []string{}
	if d.Attempts > 0 {
		more = append(more, w.N("webhooks.attempts", d.Attempts))
	}
	switch d.State {
	case hub.WebhookDelivered:
		out.State, out.Tone = w.T("webhooks.delivered"), "ok"
	case hub.WebhookFailed:
		out.State, out.Tone = w.T("webhooks.givenup"), "late"
	default:
		out.State, out.Tone = w.T("webhooks.pending"), "soon"
		if d.Next.After(v.now) {
			more = append(more, w.T("webhooks.next", w.Moment(d.Next, v.now)))
		}
	}
	if d.Error != "" {
		more = append(more, d.Error)
	}
	out.More = strings.Join(more, " · ")
	return out
}

func eventKey(t hub.EventType) string {
	switch t {
	case hub.EventDocumentArrived:
		return "event.arrived"
	case hub.EventDocumentReturned:
		return "event.returned"
	case hub.EventDocumentDecided:
		return "event.decided"
	case hub.EventNoticeDelivered:
		return "event.delivered"
	case hub.EventNoticeSeen:
		return "event.seen"
	case hub.EventNoticeDone:
		return "event.done"
	case hub.EventNoticeUndelivered:
		return "event.failed"
	}
	return "event.other"
}

// replayWebhooks sends again: one event, or all that failed since a day. Who
// did is recorded.
func (s *Server) replayWebhooks(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Webhooks == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	ctx, endpoint, by := r.Context(), r.PathValue("endpoint"), v.session.Actor(s.address(r))
	n := 1
	if event := r.PostForm.Get("event"); event != "" {
		if err := s.Webhooks.ReplayEvent(ctx, by, endpoint, event); err != nil {
			return err
		}
	} else {
		since, err := time.ParseInLocation(dayLayout, r.PostForm.Get("since"), approval.Zone)
		if err != nil {
			return &approval.InvalidError{Field: "since", Reason: "webhooks.since"}
		}
		if n, err = s.Webhooks.ReplayFailed(ctx, by, endpoint, since); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/admin/webhooks?again="+strconv.Itoa(n), http.StatusSeeOther)
	return nil
}

// webhookTrouble says in a line how the endpoints do.
func (v *visit) webhookTrouble(list []hub.EndpointStatus) (text string, trouble bool) {
	list = slices.DeleteFunc(slices.Clone(list), func(e hub.EndpointStatus) bool { return !e.Disabled.IsZero() })
	failed := 0
	for _, e := range list {
		failed += e.Failed
	}
	if failed > 0 {
		return v.words.N("webhooks.failed", failed), true
	}
	return v.words.N("webhooks.endpoints", len(list)), false
}
