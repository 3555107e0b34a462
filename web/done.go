package web

import (
	"net/http"
	"net/url"

	"qianhe/approval"
)

// donePage is what the person has acted on (已辦), latest first.
type donePage struct {
	base
	Days  []doneDay
	First bool
	More  string
}

// doneDay is what was done on one day.
type doneDay struct {
	Name  string
	Cards []doneView
}

// doneView is one line of it.
type doneView struct {
	URL     string
	Did     string // 核可
	Tone    string // final, back or ""
	Seal    seal
	Name    string
	Subject string
	When    string
	Opinion []string
	Now     string // where the document stands now
	Decided bool
	Sealed  bool // classified
}

func (s *Server) done(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, me := r.Context(), v.session.Person
	cursor := r.URL.Query().Get("cursor")
	list, err := s.Documents.Done(ctx, me.ID, cursor, trayPage)
	switch {
	case cursor != "" && badCursor(err):
		http.Redirect(w, r, "/done", http.StatusSeeOther)
		return nil
	case err != nil:
		return err
	}
	b, err := s.counted(ctx, v, v.words.T("done.title"), "done")
	if err != nil {
		return err
	}
	p := &donePage{base: b, First: cursor == ""}
	for _, c := range list.Cards {
		day := v.words.dayName(c.ClosedAt, v.now)
		if len(p.Days) == 0 || p.Days[len(p.Days)-1].Name != day {
			p.Days = append(p.Days, doneDay{Name: day})
		}
		last := &p.Days[len(p.Days)-1]
		last.Cards = append(last.Cards, v.words.doneView(c, sealed(me.Name)))
	}
	if list.Next != "" {
		p.More = "/done?cursor=" + url.QueryEscape(list.Next)
	}
	return s.render(w, r, http.StatusOK, "done", p)
}

func (w *words) doneView(c approval.DoneCard, own seal) doneView {
	out := doneView{
		URL: "/d/" + string(c.Document), Did: w.T(didKey(c.Action, c.Duty)), Seal: own, Name: c.Reference, Subject: c.Subject,
		When: c.ClosedAt.In(approval.Zone).Format("15:04"), Opinion: paragraphs(c.Opinion),
	}
	if out.Name == "" {
		out.Name = c.Number
	}
	switch c.Action {
	case approval.ActionDecide:
		out.Tone = "final"
	case approval.ActionReturn:
		out.Tone = "back"
	}
	switch {
	case c.State == approval.StateDecided:
		out.Now, out.Decided = w.T("done.decided"), true
	case c.Now != "":
		out.Now = w.T("done.at", c.Now)
	}
	if c.Grade.Classified() {
		out.Sealed, out.Subject, out.Name, out.Opinion = true, w.T("classified.card"), "", nil
	}
	return out
}
