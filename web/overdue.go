package web

import (
	"net/http"
	"net/url"

	"qianhe/approval"
	"qianhe/hub"
)

// overduePage is what is due or late and the person's business: where a
// reminder or a chasing (稽催) of several documents leads.
type overduePage struct {
	base
	Sums   []string // 逾期 5 件, 即將到期 2 件
	Groups []overdueGroup
	First  bool
	More   string // the next page, "" when there is none
}

// overdueGroup is one's own, or others'.
type overdueGroup struct {
	Title string
	Cards []overdueView
}

// overdueView is one document.
type overdueView struct {
	URL     string // "" where the reader may not open it
	Tone    string
	Speed   string
	Type    string
	Due     due
	Name    string // 字號 or 文號
	Subject string
	Shut    bool // the reader may not know what it says
	Lang    string
	Handler string
	Now     string
}

func (s *Server) overdue(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, me := r.Context(), v.session.Person.ID
	policy, err := s.Settings.Policy(ctx)
	if err != nil {
		return err
	}
	cursor := r.URL.Query().Get("cursor")
	list, err := s.Documents.Overdue(ctx, me, v.now, policy.Chase.Horizon(v.now, s.Workdays.Workday), cursor, trayPage)
	switch {
	case cursor != "" && badCursor(err):
		http.Redirect(w, r, "/overdue", http.StatusSeeOther)
		return nil
	case err != nil:
		return err
	}
	b, err := s.counted(ctx, v, v.words.T("overdue.title"), "inbox")
	if err != nil {
		return err
	}
	p := &overduePage{base: b, First: cursor == ""}
	if list.Late > 0 {
		p.Sums = append(p.Sums, v.words.T("overdue.late", list.Late))
	}
	if list.Due > 0 {
		p.Sums = append(p.Sums, v.words.T("overdue.due", list.Due))
	}
	for _, c := range list.Cards {
		title := v.words.T(concernKey(c.Concern))
		if n := len(p.Groups); n == 0 || p.Groups[n-1].Title != title {
			p.Groups = append(p.Groups, overdueGroup{Title: title})
		}
		last := &p.Groups[len(p.Groups)-1]
		last.Cards = append(last.Cards, s.overdueView(v, c))
	}
	if list.Next != "" {
		p.More = "/overdue?cursor=" + url.QueryEscape(list.Next)
	}
	if err := s.render(w, r, http.StatusOK, "overdue", p); err != nil {
		return err
	}
	if looking(r) && p.First {
		if err := s.Hub.SeenKinds(ctx, me, []hub.Kind{hub.KindOverdueSoon, hub.KindOverdue, hub.KindEscalation}, viaWeb); err != nil {
			s.warn(ctx, v, "what is late was seen and that was not recorded", err)
		}
	}
	return nil
}

// concernKey is the heading under which a document stands.
func concernKey(c approval.Concern) string {
	switch c {
	case approval.ConcernOwn:
		return "overdue.own"
	case approval.ConcernAll:
		return "overdue.agency"
	}
	return "overdue.others"
}

func (s *Server) overdueView(v *visit, c approval.OverdueCard) overdueView {
	w := v.words
	out := overdueView{
		Tone: speedTone(c.Speed, c.Grade), Speed: w.T(speedKey(c.Speed)), Type: w.T(typeKey(c.Type)), Due: w.due(v.now, c.Deadline, s.Workdays),
		Name: c.Reference, Subject: c.Subject, Lang: w.DocLang(), Handler: w.T("overdue.handler", c.Handler),
	}
	if c.Now != "" {
		out.Now = w.T("overdue.now", c.Now)
	}
	if out.Name == "" {
		out.Name = c.Number
	}
	if c.Open {
		out.URL = "/d/" + string(c.Document)
	}
	if !c.Open { // whatever the card brings
		out.Shut, out.Subject, out.Lang = true, w.T("overdue.subject.hidden"), ""
	}
	if c.Grade.Classified() {
		out.Shut, out.Type, out.Subject, out.Name, out.Lang = true, w.T("classified"), w.T("classified.card"), "", ""
	}
	return out
}
