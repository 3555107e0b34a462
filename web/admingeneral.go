package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/hub"
)

// policyGeneralPage is what holds for all kinds.
type policyGeneralPage struct {
	base
	policyForm
	Unseen   string // minutes
	From     string
	To       string
	DaysOff  bool
	Digests  string
	Cap      string
	Tier     []choice
	Names    bool
	Refresh  bool
	Share    string // per cent
	Keep     string // days
	At       string // when documents are chased
	Rungs    []rungView
	Weekdays []choice
	Monthly  string
}

// rungView is one rung of the ladder.
type rungView struct {
	Field string
	Text  string
	Hint  string
	Value string
	Wrong string
}

func (s *Server) policyGeneral(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, version, err := s.current(r.Context())
	if err != nil {
		return err
	}
	page, err := s.policyGeneralPage(r.Context(), v, version)
	if err != nil {
		return err
	}
	page.fill(v.words, p)
	return s.render(w, r, http.StatusOK, "policygeneral", page)
}

func (s *Server) policyGeneralPage(ctx context.Context, v *visit, version int) (*policyGeneralPage, error) {
	b, err := s.counted(ctx, v, v.words.T("general.title"), "me")
	return &policyGeneralPage{base: b, policyForm: s.policyForm(v, version, "general")}, err
}

func (p *policyGeneralPage) fill(w *words, policy hub.Policy) {
	p.Unseen, p.Cap = strconv.Itoa(int(policy.Unseen/time.Minute)), strconv.Itoa(policy.Cap)
	p.From, p.To, p.DaysOff = clock(policy.Quiet.From), clock(policy.Quiet.To), policy.Quiet.DaysOff
	p.Digests, p.Share, p.Keep = w.clocks(policy.Digests), percent(policy.QuotaShare), strconv.Itoa(policy.Keep)
	p.Names, p.Refresh = *policy.NamesInReplies, *policy.Refresh
	for _, t := range []hub.Tier{hub.TierCounts, hub.TierNumber, hub.TierSubject} {
		p.Tier = append(p.Tier, choice{Value: string(t), Text: w.T(tierKey(t)), Checked: policy.Tier == t})
	}
	l := policy.Chase
	p.At, p.Monthly = clock(l.At), strconv.Itoa(l.Monthly)
	for _, rung := range []struct {
		field, key string
		n          int
	}{
		{"soon", "general.soon", l.Soon}, {"again", "general.again", l.Again}, {"desk", "general.desk", l.Desk}, {"head", "general.head", l.Head},
	} {
		p.Rungs = append(p.Rungs, rungView{Field: rung.field, Text: w.T(rung.key + ".title"), Hint: w.T(rung.key + ".text"), Value: strconv.Itoa(rung.n)})
	}
	p.Weekdays = []choice{{Value: "0", Text: w.T("weekday.none"), Checked: l.Weekly == 0}}
	for n := 1; n <= 5; n++ {
		p.Weekdays = append(p.Weekdays, choice{Value: strconv.Itoa(n), Text: w.T(weekdayKey(n)), Checked: l.Weekly == n})
	}
}

// setPolicyGeneral changes what holds for all kinds.
func (s *Server) setPolicyGeneral(w http.ResponseWriter, r *http.Request, v *visit) error {
	p, err := s.checkPolicyForm(w, r, v, "general")
	if err != nil {
		return err
	}
	f := r.PostForm
	wrong := readGeneral(f, &p)
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
	page, err := s.policyGeneralPage(r.Context(), v, version)
	if err != nil {
		return err
	}
	page.fill(v.words, p)
	page.Unseen, page.From, page.To, page.Digests, page.Cap = f.Get("unseen"), f.Get("from"), f.Get("to"), f.Get("digests"), f.Get("cap")
	page.Share, page.Keep, page.At, page.Monthly = f.Get("share"), f.Get("keep"), f.Get("at"), f.Get("monthly")
	for i := range page.Rungs {
		rung := &page.Rungs[i]
		rung.Value, rung.Wrong = f.Get(rung.Field), fields["chase."+rung.Field]
	}
	page.Wrong, page.Error, v.record.err = fields, v.words.T("error.invalid.text"), wrong
	return s.render(w, r, http.StatusUnprocessableEntity, "policygeneral", page)
}

// readGeneral reads the form into p. What cannot be read stays as it was and is
// in the error.
func readGeneral(f url.Values, p *hub.Policy) error {
	var bad []*approval.InvalidError
	refuse := func(field, reason, detail string) {
		bad = append(bad, &approval.InvalidError{Field: field, Reason: reason, Detail: detail})
	}
	number := func(field, reason string, least, most int) int {
		n, err := strconv.Atoi(strings.TrimSpace(f.Get(field)))
		if err != nil || n < least || n > most {
			refuse(field, reason, strconv.Itoa(least)+"-"+strconv.Itoa(most))
		}
		return n
	}
	p.Unseen = time.Duration(number("unseen", "policy.range", 1, 720)) * time.Minute
	from, ok := minutesOf(f.Get("from"))
	to, ok2 := minutesOf(f.Get("to"))
	if !ok || !ok2 {
		refuse("quiet", "prefs.quiet.times", "")
	}
	p.Quiet = &hub.Quiet{From: from, To: to, DaysOff: f.Get("daysoff") != ""}
	p.Digests = []int{}
	for _, word := range strings.FieldsFunc(f.Get("digests"), func(r rune) bool { return strings.ContainsRune(" ,;、，；\n\t", r) }) {
		m, ok := minutesOf(word)
		if !ok {
			refuse("digests", "policy.time", hub.Clip(word, 16))
			continue
		}
		p.Digests = append(p.Digests, m)
	}
	slices.Sort(p.Digests)
	p.Digests = slices.Compact(p.Digests)
	p.Cap = number("cap", "policy.cap", 1, 1000)
	p.Tier = hub.Tier(f.Get("tier"))
	names, refresh := f.Get("names") != "", f.Get("refresh") != ""
	p.NamesInReplies, p.Refresh = &names, &refresh
	p.QuotaShare = float64(number("share", "policy.share", 1, 100)) / 100
	p.Keep = number("keep", "policy.keep", 1, 3650)

	l := *p.Chase
	if at, ok := minutesOf(f.Get("at")); ok {
		l.At = at
	} else {
		refuse("chase.at", "policy.time", hub.Clip(f.Get("at"), 16))
	}
	for _, rung := range []struct {
		field string
		into  *int
		most  int
	}{{"soon", &l.Soon, 10}, {"again", &l.Again, 60}, {"desk", &l.Desk, 60}, {"head", &l.Head, 60}, {"weekly", &l.Weekly, 5}, {"monthly", &l.Monthly, 28}} {
		n, err := strconv.Atoi(strings.TrimSpace(f.Get(rung.field)))
		if err != nil || n < 0 || n > rung.most {
			refuse("chase."+rung.field, "policy.range", "0-"+strconv.Itoa(rung.most))
			continue
		}
		*rung.into = n
	}
	p.Chase = &l
	return joined(bad)
}
