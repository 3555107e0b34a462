package web

import (
	"context"
	"net/http"
	"slices"

	"qianhe/approval"
	"qianhe/hub"
)

// preferencesPage is how the person wants to be told: everything that they may
// choose, each explained in a line, and what the organisation has fixed.
type preferencesPage struct {
	base
	Token   string
	Linked  bool     // some channel is
	First   []choice // which channel is told first
	On      []choice // which channels are used at all
	Quiet   []choice // org, own or none
	From    string   // of one's own quiet hours
	To      string
	DaysOff bool
	Digests []choice // at which times the person is told how many wait
	Fixed   string   // why digests cannot be chosen, "" when they can
	Kinds   []choiceGroup
	Error   string            // that something is wrong
	Wrong   map[string]string // what, by field
}

// choice is one thing to choose, with what it means.
type choice struct {
	Value   string
	Text    string
	Hint    string
	Checked bool
	Fixed   string // why it cannot be chosen, "" when it can
}

// choiceGroup is several of them under a heading.
type choiceGroup struct {
	Title   string
	Choices []choice
}

// kindGroups is in which order and under which headings people read the kinds.
func kindGroups() []struct {
	key   string
	kinds []hub.Kind
} {
	return []struct {
		key   string
		kinds []hub.Kind
	}{
		{"kinds.documents", []hub.Kind{hub.KindArrived, hub.KindReturned, hub.KindRecalled, hub.KindDecided, hub.KindDigest}},
		{"kinds.deadlines", []hub.Kind{hub.KindOverdueSoon, hub.KindOverdue, hub.KindEscalation, hub.KindExtension}},
		{"kinds.others", []hub.Kind{hub.KindForm, hub.KindAnnouncement, hub.KindSignature, hub.KindSignatureDebt}},
		{"kinds.security", []hub.Kind{hub.KindNewDevice, hub.KindReplaced, hub.KindAccount, hub.KindLinked, hub.KindUnlinked}},
	}
}

// What the form of preferences is about, for its token. Sent twice it does the
// same twice, so that nobody has to remember which was used.
const preferencesForm = "preferences"

func (s *Server) preferences(w http.ResponseWriter, r *http.Request, v *visit) error {
	c, err := s.Settings.Preferences(r.Context(), v.session.Person.ID)
	if err != nil {
		return err
	}
	p, err := s.preferencesPage(r.Context(), v, c)
	if err != nil {
		return err
	}
	p.Note = saved(v, r)
	return s.render(w, r, http.StatusOK, "preferences", p)
}

func (s *Server) preferencesPage(ctx context.Context, v *visit, c hub.Preferences) (*preferencesPage, error) {
	policy, err := s.Settings.Policy(ctx)
	if err != nil {
		return nil, err
	}
	links, err := s.Hub.Links(ctx, v.session.Person.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.counted(ctx, v, v.words.T("prefs.title"), "me")
	if err != nil {
		return nil, err
	}
	w, me := v.words, string(v.session.Person.ID)
	p := &preferencesPage{base: b, Token: s.Forms.Issue(v.session.ID, preferencesForm, 0, me, v.now, s.Random), Linked: len(links) > 0}

	var plan []hub.Step // of the organisation, over the channels that the person has
	p.First = []choice{{Value: "", Text: w.T("first.org"), Checked: c.First == ""}}
	for _, name := range channels() {
		linked := slices.ContainsFunc(links, func(l hub.Link) bool { return l.Channel == name })
		for _, st := range policy.Rule(hub.KindArrived).Steps {
			if st.Channel == name && linked {
				plan = append(plan, st)
			}
		}
		if !linked && c.First != name && !slices.Contains(c.Off, name) {
			continue
		}
		text, hint := w.T(channelKey(name)), w.T(firstKey(name))
		p.First = append(p.First, choice{Value: string(name), Text: text, Hint: hint, Checked: c.First == name})
		p.On = append(p.On, choice{Value: string(name), Text: text, Checked: !slices.Contains(c.Off, name)})
	}
	p.First[0].Hint = w.T("first.none")
	if len(plan) > 0 {
		p.First[0].Hint = w.steps(plan)
	}

	own := hub.Quiet{From: policy.Quiet.From, To: policy.Quiet.To, DaysOff: policy.Quiet.DaysOff}
	mode := "org"
	if c.Quiet != nil {
		mode = "none"
		if *c.Quiet != (hub.Quiet{}) {
			mode, own = "own", *c.Quiet
		}
	}
	p.From, p.To, p.DaysOff = clock(own.From), clock(own.To), own.DaysOff
	p.Quiet = []choice{
		{Value: "org", Text: w.T("quiet.org"), Hint: w.quiet(*policy.Quiet), Checked: mode == "org"},
		{Value: "own", Text: w.T("quiet.own"), Checked: mode == "own"},
		{Value: "none", Text: w.T("quiet.off"), Hint: w.T("quiet.off.hint"), Checked: mode == "none"},
	}

	p.Fixed = w.fixed(policy, hub.KindDigest)
	for _, m := range policy.Digests {
		p.Digests = append(p.Digests, choice{Value: clock(m), Text: clock(m), Checked: c.WantsDigest(m, policy.Digests) || p.Fixed != ""})
	}
	for _, g := range kindGroups() {
		group := choiceGroup{Title: w.T(g.key)}
		for _, k := range g.kinds {
			if k == hub.KindDigest {
				continue // chosen by its times
			}
			group.Choices = append(group.Choices, choice{
				Value: string(k), Text: w.kind(k), Hint: w.T(kindKey(k) + ".text"), Checked: !slices.Contains(c.Muted, k), Fixed: w.fixed(policy, k),
			})
		}
		p.Kinds = append(p.Kinds, group)
	}
	return p, nil
}

// chosen says in a line how a person is told: 先送 LINE，勿擾 20:00 到次日 07:30.
func (s *Server) chosen(ctx context.Context, v *visit, policy hub.Policy) (string, error) {
	c, err := s.Settings.Preferences(ctx, v.session.Person.ID)
	if err != nil {
		return "", err
	}
	w, quiet := v.words, *policy.Quiet
	if c.Quiet != nil {
		quiet = *c.Quiet
	}
	text := w.T("chosen.quiet", w.quiet(quiet))
	if c.First != "" {
		text = w.T("chosen.first", w.T(channelKey(c.First))) + w.T("step.then") + text
	}
	return text, nil
}

// fixed says why a person cannot decide on a kind, "" when they can.
func (w *words) fixed(policy hub.Policy, k hub.Kind) string {
	switch rule := policy.Rule(k); {
	case k.Security():
		return w.T("fixed.security")
	case rule.Held:
		return w.T("fixed.org")
	case len(rule.Steps) == 0:
		return w.T("fixed.silent")
	}
	return ""
}

// firstKey is what it means to be told through a channel first.
func firstKey(c hub.ChannelName) string {
	switch c {
	case hub.WebPush:
		return "first.webpush"
	case hub.LINE:
		return "first.line"
	case hub.Messenger:
		return "first.messenger"
	}
	return "first.sms"
}

// setPreferences records what the person has chosen. What the form did not show
// stays as it is.
func (s *Server) setPreferences(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	ctx, me, f := r.Context(), v.session.Person.ID, r.PostForm
	if _, err := s.Forms.Check(f.Get("token"), v.session.ID, preferencesForm, 0, string(me), v.now); err != nil {
		return formError(err)
	}
	old, err := s.Settings.Preferences(ctx, me)
	if err != nil {
		return err
	}
	policy, err := s.Settings.Policy(ctx)
	if err != nil {
		return err
	}
	c := hub.Preferences{First: hub.ChannelName(f.Get("first"))}
	for _, name := range channels() {
		shown, on := slices.Contains(f["channels"], string(name)), slices.Contains(f["on"], string(name))
		if shown && !on || !shown && slices.Contains(old.Off, name) {
			c.Off = append(c.Off, name)
		}
	}
	for _, k := range hub.Kinds() {
		shown, tell := slices.Contains(f["kinds"], string(k)), slices.Contains(f["tell"], string(k))
		if shown && !tell || !shown && k != hub.KindDigest && slices.Contains(old.Muted, k) {
			c.Muted = append(c.Muted, k)
		}
	}
	if v.words.fixed(policy, hub.KindDigest) == "" {
		for _, m := range policy.Digests {
			if slices.Contains(f["digest"], clock(m)) {
				c.Digest = append(c.Digest, m)
			}
		}
		switch len(c.Digest) {
		case 0:
			c.Muted = append(c.Muted, hub.KindDigest)
		case len(policy.Digests):
			c.Digest = nil
		}
	}
	var wrong error
	switch f.Get("quiet") {
	case "own":
		from, ok := minutesOf(f.Get("from"))
		to, ok2 := minutesOf(f.Get("to"))
		c.Quiet = &hub.Quiet{From: from, To: to, DaysOff: f.Get("daysoff") != ""}
		if !ok || !ok2 || from == to && !c.Quiet.DaysOff {
			wrong = &approval.InvalidError{Field: "quiet", Reason: "prefs.quiet.times"}
		}
	case "none":
		c.Quiet = &hub.Quiet{}
	}
	if wrong == nil {
		wrong = s.Settings.SetPreferences(ctx, me, c)
	}
	if wrong == nil {
		http.Redirect(w, r, "/me/notifications/preferences?ok=settings", http.StatusSeeOther)
		return nil
	}
	fields := v.words.wrongs(wrong)
	if len(fields) == 0 {
		return wrong
	}
	p, err := s.preferencesPage(ctx, v, c)
	if err != nil {
		return err
	}
	p.From, p.To = f.Get("from"), f.Get("to")
	p.Error, p.Wrong, v.record.err = v.words.T("error.invalid.text"), fields, wrong
	return s.render(w, r, http.StatusUnprocessableEntity, "preferences", p)
}
