package web

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"qianhe/approval"
	"qianhe/hub"
)

// policyPage is what the organisation has decided on whom to tell what, when
// and through which channel: a table by kind, what holds for all, and who has
// changed what.
type policyPage struct {
	base
	Rows    []policyRow
	General []fact
	History []policyChange
	Departs bool // something is not as the house has it
}

// policyRow is one kind of the table.
type policyRow struct {
	URL     string
	Kind    string
	Steps   string
	Highest string // of 最速件, "" for the same
	Quiet   string
	TTL     string
	Rest    []string // what else is to be said
	Departs bool
}

// policyChange is one line of the history.
type policyChange struct {
	Who  string
	When string
	What string
}

// policyChanges is how many changes the page of the policy shows.
const policyChanges = 20

func (s *Server) policyTable(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, words := r.Context(), v.words
	b, err := s.counted(ctx, v, words.T("policy.title"), "me")
	if err != nil {
		return err
	}
	history, err := s.Settings.PolicyHistory(ctx, policyChanges+1)
	if err != nil {
		return err
	}
	house := s.Settings.DefaultPolicy()
	now := house
	if len(history) > 0 {
		now = history[0].Policy
	}
	p := &policyPage{base: b, General: words.general(now), Departs: !reflect.DeepEqual(now, house)}
	p.Note = saved(v, r)
	for _, k := range hub.Kinds() {
		p.Rows = append(p.Rows, words.policyRow(now, house, k))
	}
	for i, h := range history[:min(policyChanges, len(history))] {
		before := house
		if i+1 < len(history) {
			before = history[i+1].Policy
		}
		p.History = append(p.History, policyChange{Who: h.Name, When: words.Moment(h.At, v.now), What: words.changes(h.Policy, before)})
	}
	return s.render(w, r, http.StatusOK, "policy", p)
}

func (w *words) policyRow(p, house hub.Policy, k hub.Kind) policyRow {
	rule := p.Rule(k)
	row := policyRow{
		URL: "/admin/policy/kinds/" + string(k), Kind: w.kind(k), Steps: w.T("steps.none"), Quiet: w.T(quietKey(rule.Quiet)), TTL: w.span(rule.TTL),
		Departs: departs(p, house, k),
	}
	if len(rule.Steps) > 0 {
		row.Steps = w.steps(rule.Steps)
	}
	if len(rule.Highest) > 0 {
		row.Highest = w.steps(rule.Highest)
	}
	if rule.Urgency != hub.UrgencyNormal {
		row.Rest = append(row.Rest, w.T("policy.urgency.is", w.T(urgencyKey(rule.Urgency))))
	}
	if rule.Tier != hub.TierCounts && rule.Tier != "" {
		row.Rest = append(row.Rest, w.T(tierKey(rule.Tier)))
	}
	if rule.Group != "" {
		row.Rest = append(row.Rest, w.T("policy.merged"))
	}
	if rule.Held {
		row.Rest = append(row.Rest, w.T("policy.held"))
	}
	if rule.Keep > 0 {
		row.Rest = append(row.Rest, w.T("policy.kept", w.N("span.days", rule.Keep)))
	}
	return row
}

// departs reports whether an organisation has a rule of its own for a kind.
func departs(p, house hub.Policy, k hub.Kind) bool {
	own, ok := p.Rules[k]
	base, also := house.Rules[k]
	return ok != also || ok && !reflect.DeepEqual(own, base)
}

// general says what holds for all kinds.
func (w *words) general(p hub.Policy) []fact {
	onOff := func(on bool) string {
		if on {
			return w.T("general.yes")
		}
		return w.T("general.no")
	}
	return []fact{
		{Label: w.T("general.unseen"), Value: w.span(p.Unseen)},
		{Label: w.T("general.quiet"), Value: w.quiet(*p.Quiet)},
		{Label: w.T("general.digests"), Value: cmp.Or(w.clocks(p.Digests), w.T("general.digests.off"))},
		{Label: w.T("general.cap"), Value: w.T("general.cap.value", p.Cap)},
		{Label: w.T("general.tier"), Value: w.T(tierKey(p.Tier))},
		{Label: w.T("general.names"), Value: onOff(*p.NamesInReplies)},
		{Label: w.T("general.refresh"), Value: onOff(*p.Refresh)},
		{Label: w.T("general.share"), Value: percent(p.QuotaShare) + " %"},
		{Label: w.T("general.keep"), Value: w.N("span.days", p.Keep)},
		{Label: w.T("general.chase"), Value: w.ladder(p.Chase)},
	}
}

func percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*10000)/100, 'f', -1, 64)
}

// ladder says when documents are chased.
func (w *words) ladder(l *approval.Ladder) string {
	parts := []string{clock(l.At)}
	for _, rung := range []struct {
		key string
		n   int
	}{{"ladder.soon", l.Soon}, {"ladder.again", l.Again}, {"ladder.desk", l.Desk}, {"ladder.head", l.Head}} {
		if rung.n > 0 {
			parts = append(parts, w.T(rung.key, rung.n))
		}
	}
	if l.Weekly > 0 {
		parts = append(parts, w.T("ladder.weekly", w.T(weekdayKey(l.Weekly))))
	}
	if l.Monthly > 0 {
		parts = append(parts, w.T("ladder.monthly", l.Monthly))
	}
	return strings.Join(parts, w.T("semicolon"))
}

// weekdayKey names a working day: 1 is Monday.
func weekdayKey(n int) string {
	switch n {
	case 1:
		return "weekday.1"
	case 2:
		return "weekday.2"
	case 3:
		return "weekday.3"
	case 4:
		return "weekday.4"
	}
	return "weekday.5"
}

// changes says in what two policies differ.
func (w *words) changes(now, before hub.Policy) string {
	var list []string
	for _, k := range ledgerKinds() {
		if departs(now, before, k) {
			list = append(list, w.kind(k))
		}
	}
	was := w.general(before)
	for i, f := range w.general(now) {
		if f.Value != was[i].Value {
			list = append(list, w.T("policy.change", f.Label, was[i].Value, f.Value))
		}
	}
	if len(list) == 0 {
		return w.T("policy.change.none")
	}
	return strings.Join(list, w.T("comma"))
}

// current gives the policy that is edited, as it stands in the database and not
// as a node has kept it, and its version: 0 while nobody has decided anything.
func (s *Server) current(ctx context.Context) (hub.Policy, int, error) {
	history, err := s.Settings.PolicyHistory(ctx, 1)
	if err != nil || len(history) == 0 {
		return s.Settings.DefaultPolicy(), 0, err
	}
	return history[0].Policy, int(history[0].Version), nil
}

// checkPolicyForm reads a form that changes the policy, shown as of a version.
// It gives the policy as it is now, and hub.ErrPolicyChanged when that is another.
func (s *Server) checkPolicyForm(w http.ResponseWriter, r *http.Request, v *visit, part string) (hub.Policy, error) {
	if err := parseForm(w, r); err != nil {
		return hub.Policy{}, err
	}
	version, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return hub.Policy{}, errForm
	}
	if _, err := s.Forms.Check(r.PostForm.Get("token"), v.session.ID, "policy", version, part, v.now); err != nil {
		return hub.Policy{}, formError(err)
	}
	p, now, err := s.current(r.Context())
	if err == nil && now != version {
		err = hub.ErrPolicyChanged
	}
	return p, err
}

// shownVersion is the version that a form was shown with, once it was checked. It
// is compared again when the change is written: another administrator may come in
// between.
func shownVersion(f url.Values) int64 {
	version, _ := strconv.ParseInt(f.Get("version"), 10, 64)
	return version
}

// policyForm is what every form that changes the policy has.
type policyForm struct {
	Version int
	Token   string
	Error   string
	Wrong   map[string]string // by field
}

func (s *Server) policyForm(v *visit, version int, part string) policyForm {
	return policyForm{Version: version, Token: s.Forms.Issue(v.session.ID, "policy", version, part, v.now, s.Random), Wrong: map[string]string{}}
}

// policyResetPage asks before everything is as the house has it again.
type policyResetPage struct {
	base
	policyForm
	Kinds []string // with a rule of their own
}

func (s *Server) policyReset(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, version, err := s.current(r.Context())
	if err != nil {
		return err
	}
	b, err := s.counted(r.Context(), v, v.words.T("reset.title"), "me")
	if err != nil {
		return err
	}
	page := &policyResetPage{base: b, policyForm: s.policyForm(v, version, "reset")}
	for _, k := range hub.Kinds() {
		if departs(p, s.Settings.DefaultPolicy(), k) {
			page.Kinds = append(page.Kinds, v.words.kind(k))
		}
	}
	return s.render(w, r, http.StatusOK, "policyreset", page)
}

func (s *Server) resetPolicy(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := s.checkPolicyForm(w, r, v, "reset"); err != nil {
		return err
	}
	if err := s.Settings.SetPolicy(r.Context(), v.session.Person.ID, hub.Policy{}, shownVersion(r.PostForm)); err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/policy?ok=settings", http.StatusSeeOther)
	return nil
}
