package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// policyKindPage is the rule for one kind.
type policyKindPage struct {
	base
	policyForm
	URL      string
	Kind     string
	Text     string
	Security bool // which cannot be turned off, delayed or merged
	Steps    []stepView
	Split    bool // 最速件 has steps of its own
	Highest  []stepView
	Urgency  []choice
	TTL      string // a number, of Unit
	Units    []choice
	Quiet    []choice
	Tier     []choice
	Group    string // of the house: what it merges with; "" for nothing
	Merged   bool
	Held     bool
	Keep     string // days, "" for as many as everything
	House    string // in a line, what the house does
	Departs  bool
}

// stepView is one channel of a rule.
type stepView struct {
	Field string // the beginning of the names of its fields
	Text  string
	On    bool
	After string // minutes
}

// kindOf gives the kind that an address names.
func kindOf(r *http.Request) (hub.Kind, error) {
	k := hub.Kind(r.PathValue("kind"))
	if !slices.Contains(hub.Kinds(), k) {
		return "", errNowhere
	}
	return k, nil
}

func (s *Server) policyKind(w http.ResponseWriter, r *http.Request, v *visit) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	p, version, err := s.current(r.Context())
	if err != nil {
		return err
	}
	page, err := s.policyKindPage(r.Context(), v, p, k, version)
	if err != nil {
		return err
	}
	page.fill(v.words, p.Rule(k), p.Rules[k].Tier, p.Rules[k].Keep)
	return s.render(w, r, http.StatusOK, "policykind", page)
}

func (s *Server) policyKindPage(ctx context.Context, v *visit, p hub.Policy, k hub.Kind, version int) (*policyKindPage, error) {
	b, err := s.counted(ctx, v, v.words.kind(k), "me")
	if err != nil {
		return nil, err
	}
	house := s.Settings.DefaultPolicy()
	rule := house.Rule(k)
	page := &policyKindPage{
		base: b, policyForm: s.policyForm(v, version, string(k)), URL: "/admin/policy/kinds/" + string(k), Kind: string(k),
		Text: v.words.T(kindKey(k) + ".text"), Security: k.Security(), Group: rule.Group, Departs: departs(p, house, k),
	}
	row := v.words.policyRow(house, house, k)
	page.House = row.Steps
	if row.Highest != "" {
		page.House = v.words.T("rule.house.highest", row.Steps, row.Highest)
	}
	return page, nil
}

// fill puts a rule into the fields. own and keep are as they stand in the rule
// itself, which may leave them to the policy.
func (p *policyKindPage) fill(w *words, rule hub.Rule, own hub.Tier, keep int) {
	steps := func(prefix string, list []hub.Step) []stepView {
		var out []stepView
		for _, c := range channels() {
			view := stepView{Field: prefix + string(c), Text: w.T(channelKey(c)), After: "0"}
			for _, st := range list {
				if st.Channel == c {
					view.On, view.After = true, strconv.Itoa(int(st.After/time.Minute))
				}
			}
			out = append(out, view)
		}
		return out
	}
	p.Steps, p.Highest, p.Split = steps("step-", rule.Steps), steps("highest-", rule.Highest), len(rule.Highest) > 0
	for _, u := range []hub.Urgency{hub.UrgencyLow, hub.UrgencyNormal, hub.UrgencyHigh} {
		p.Urgency = append(p.Urgency, choice{Value: string(u), Text: w.T(urgencyKey(u)), Checked: rule.Urgency == u})
	}
	for _, q := range []hub.QuietRule{hub.QuietHold, hub.QuietUrgent, hub.QuietThrough} {
		p.Quiet = append(p.Quiet, choice{Value: string(q), Text: w.T(quietKey(q)), Checked: rule.Quiet == q})
	}
	p.Tier = []choice{{Value: "", Text: w.T("rule.tier.org"), Checked: own == ""}}
	for _, t := range []hub.Tier{hub.TierCounts, hub.TierNumber, hub.TierSubject} {
		p.Tier = append(p.Tier, choice{Value: string(t), Text: w.T(tierKey(t)), Checked: own == t})
	}
	hours := rule.TTL%time.Hour == 0 && rule.TTL > 0
	p.TTL = strconv.Itoa(int(rule.TTL / time.Minute))
	if hours {
		p.TTL = strconv.Itoa(int(rule.TTL / time.Hour))
	}
	p.Units = []choice{{Value: "m", Text: w.T("unit.minutes"), Checked: !hours}, {Value: "h", Text: w.T("unit.hours"), Checked: hours}}
	p.Merged, p.Held = rule.Group != "", rule.Held
	if keep > 0 {
		p.Keep = strconv.Itoa(keep)
	}
}

// setPolicyKind changes the rule for one kind, or gives it back to the house.
func (s *Server) setPolicyKind(w http.ResponseWriter, r *http.Request, v *visit) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	p, err := s.checkPolicyForm(w, r, v, string(k))
	if err != nil {
		return err
	}
	f := r.PostForm
	if p.Rules = maps.Clone(p.Rules); p.Rules == nil {
		p.Rules = map[hub.Kind]hub.Rule{}
	}
	house := s.Settings.DefaultPolicy()
	var rule hub.Rule
	var wrong error
	if f.Get("do") == "reset" {
		delete(p.Rules, k)
		if base, ok := house.Rules[k]; ok {
			p.Rules[k] = base
		}
	} else {
		rule, wrong = readRule(f, k, house.Rule(k).Group)
		p.Rules[k] = rule
	}
	if wrong == nil {
		wrong = s.Settings.SetPolicy(r.Context(), v.session.Person.ID, p, shownVersion(f))
	}
	if wrong == nil {
		http.Redirect(w, r, "/admin/policy?ok=settings", http.StatusSeeOther)
		return nil
	}
	fields := v.words.wrongs(wrong)
	if len(fields) == 0 {
		return wrong
	}
	version, _ := strconv.Atoi(f.Get("version")) // was read before
	page, err := s.policyKindPage(r.Context(), v, p, k, version)
	if err != nil {
		return err
	}
	page.fill(v.words, rule, rule.Tier, rule.Keep)
	for i := range page.Steps {
		page.Steps[i].After = f.Get(page.Steps[i].Field + "-after")
	}
	for i := range page.Highest {
		page.Highest[i].After = f.Get(page.Highest[i].Field + "-after")
	}
	page.Split, page.TTL, page.Keep = f.Get("split") != "", f.Get("ttl"), f.Get("keep")
	for field, text := range fields {
		page.Wrong[strings.TrimPrefix(field, "rules."+string(k)+".")] = text
	}
	page.Error, v.record.err = v.words.T("error.invalid.text"), wrong
	return s.render(w, r, http.StatusUnprocessableEntity, "policykind", page)
}

// readRule reads the rule of a kind from its form.
func readRule(f map[string][]string, k hub.Kind, group string) (hub.Rule, error) {
	get := func(name string) string {
		if len(f[name]) == 0 {
			return ""
		}
		return strings.TrimSpace(f[name][0])
	}
	var bad []*approval.InvalidError
	number := func(field, name, reason, detail string, most int) int {
		n, err := strconv.Atoi(get(name))
		if err != nil || n < 0 || n > most {
			bad = append(bad, &approval.InvalidError{Field: "rules." + string(k) + "." + field, Reason: reason, Detail: detail})
			return 0
		}
		return n
	}
	steps := func(field, prefix string) []hub.Step {
		var list []hub.Step
		for _, c := range channels() {
			if get(prefix+string(c)) != "" {
				list = append(list, hub.Step{Channel: c, After: time.Duration(number(field, prefix+string(c)+"-after", "policy.after", "0-720", 720)) * time.Minute})
			}
		}
		slices.SortStableFunc(list, func(a, b hub.Step) int { return int(a.After - b.After) })
		return list
	}
	rule := hub.Rule{
		Steps: steps("steps", "step-"), Urgency: hub.Urgency(get("urgency")), Quiet: hub.QuietRule(get("quiet")), Tier: hub.Tier(get("tier")),
		Held: get("held") != "",
	}
	if get("split") != "" {
		rule.Highest = steps("highest", "highest-")
	}
	unit := time.Minute
	if get("unit") == "h" {
		unit = time.Hour
	}
	rule.TTL = time.Duration(number("ttl", "ttl", "policy.ttl", "1-1380", 1380)) * unit
	if get("keep") != "" {
		rule.Keep = number("keep", "keep", "policy.keep", "1-3650", 3650)
	}
	if get("merge") != "" {
		rule.Group = group
	}
	if k.Security() { // what the form does not ask
		rule.Quiet, rule.Held, rule.Group = hub.QuietThrough, true, ""
	}
	return rule, joined(bad)
}

// joined makes one error of several, nil of none.
func joined(list []*approval.InvalidError) error {
	if len(list) == 0 {
		return nil
	}
	return invalidList(list)
}

// invalidList is several refused fields as one error.
type invalidList []*approval.InvalidError

func (l invalidList) Error() string { return l[0].Error() }

// Unwrap gives the fields.
func (l invalidList) Unwrap() []error {
	list := make([]error, len(l))
	for i, e := range l {
		list[i] = e
	}
	return list
}
