package web

import (
	"net/http"

	"qianhe/approval"
	"qianhe/hub"
)

// slips are what other systems have to say to the person: the forms that wait
// there (待審核表單), and announcements (公告). They lie on the in-tray, folded.
type slips struct {
	Titles        []string // 待審核表單 2 件, 公告 1 則
	Due           due      // the nearest of the forms
	Forms         []slipView
	Announcements []slipView
	More          int // forms that are not listed
}

// slipView is one of them.
type slipView struct {
	URL   string
	Title string
	From  string
	Tone  string // highest, urgent or ""
	Speed string // "" for 普通件
	Due   due
	When  string
	New   bool // not seen yet
	Lang  string
}

// slipMost is how many of each are listed.
const slipMost = 20

// slips gives nil when there is nothing. forms is how many there are in all.
func (s *Server) slips(r *http.Request, v *visit, forms int) (*slips, error) {
	list, announcements, err := s.Hub.Board(r.Context(), v.session.Person.ID, slipMost)
	if err != nil || len(list)+len(announcements) == 0 {
		return nil, err
	}
	w, out := v.words, &slips{}
	if len(list) > 0 {
		out.Titles = append(out.Titles, w.N("slips.forms", max(forms, len(list))))
		out.Due = w.slipDue(s, v, list[0])
		out.More = max(0, forms-len(list))
	}
	if n := len(announcements); n > 0 {
		out.Titles = append(out.Titles, w.N("slips.announcements", n))
	}
	for _, p := range list {
		out.Forms = append(out.Forms, s.slip(v, p))
	}
	for _, p := range announcements {
		out.Announcements = append(out.Announcements, s.slip(v, p))
	}
	return out, nil
}

func (w *words) slipDue(s *Server, v *visit, p hub.Posted) due {
	if p.Due.IsZero() {
		return due{}
	}
	return w.due(v.now, approval.Deadline{Due: p.Due}, s.Workdays)
}

func (s *Server) slip(v *visit, p hub.Posted) slipView {
	out := slipView{
		URL: p.Path(), Title: p.Title, From: p.From, Tone: speedTone(p.Speed, ""), Due: v.words.slipDue(s, v, p),
		When: v.words.Moment(p.At, v.now), New: p.Seen.IsZero(), Lang: v.words.DocLang(),
	}
	if out.Tone != "" {
		out.Speed = v.words.T(speedKey(p.Speed))
	}
	return out
}

// postedPage is a notice of another system, as its recipient reads it. Nobody
// leaves it without having read where to.
type postedPage struct {
	base
	Slip    slipView
	Kind    string
	Heading string
	Host    string // where the button leads, "" for nowhere
	Address string
	Facts   []fact
	Closed  string // when it was handled, "" while it is open
	Closes  bool   // the person can say that it is handled
	Action  string // of the form that does
}

func (s *Server) posted(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, me := r.Context(), v.session.Person.ID
	id := r.PathValue("id")
	if !approval.ValidID(id) {
		return approval.ErrNotFound
	}
	n, err := s.Hub.Posted(ctx, me, id)
	if err != nil {
		return err
	}
	b, err := s.counted(ctx, v, v.words.T(postedKey(n.Kind)), "inbox")
	if err != nil {
		return err
	}
	p := &postedPage{
		base: b, Slip: s.slip(v, n), Kind: v.words.T(postedKey(n.Kind)), Heading: n.Title,
		Host: n.Host(), Address: n.URL, Action: "/n/" + n.ID + "/done",
	}
	form := n.Kind == hub.KindForm
	p.Facts = append(p.Facts, fact{Label: v.words.T("posted.from"), Value: n.From, Lang: v.words.DocLang()})
	if form {
		p.Facts = append(p.Facts, fact{Label: v.words.T("posted.speed"), Value: v.words.T(speedKey(n.Speed))})
	}
	if !n.Due.IsZero() {
		p.Facts = append(p.Facts, fact{Label: v.words.T("posted.due"), Value: v.words.Day(approval.Deadline{Due: n.Due}.Day())})
	}
	p.Facts = append(p.Facts, fact{Label: v.words.T("posted.at"), Value: v.words.Moment(n.At, v.now)})
	if !n.Closed.IsZero() {
		p.Closed = v.words.Moment(n.Closed, v.now)
	}
	p.Closes = form && p.Closed == ""
	if err := s.render(w, r, http.StatusOK, "posted", p); err != nil {
		return err
	}
	if looking(r) {
		if err := s.Hub.SeenNotification(ctx, me, n.ID, viaWeb); err != nil {
			s.warn(ctx, v, "a notice was seen and that was not recorded", err)
		}
	}
	return nil
}

func postedKey(k hub.Kind) string {
	if k == hub.KindAnnouncement {
		return "posted.announcement"
	}
	return "posted.form"
}

// closePosted takes a form off the in-tray, because its reader has handled it
// where it is: not every system says so itself.
func (s *Server) closePosted(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := r.PathValue("id")
	if !approval.ValidID(id) {
		return approval.ErrNotFound
	}
	if err := s.Hub.CloseNotice(r.Context(), v.session.Person.ID, id); err != nil {
		return err
	}
	http.Redirect(w, r, "/inbox?ok=form", http.StatusSeeOther)
	return nil
}
