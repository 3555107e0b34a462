package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"qianhe/approval"
	"qianhe/hub"
)

const (
	trayPage = 20  // cards on one page of the in-tray
	trayMost = 100 // cards that a script may ask for at once
)

// inboxPage is the in-tray (待辦).
type inboxPage struct {
	base
	Greeting string
	Filters  []filterView
	Filter   string // the one in force, "" for all
	Slips    *slips // of other systems, nil when there are none
	Cards    []cardView
	First    bool   // this is the first page
	More     string // address of the next page, "" at the end
	URL      string // address of this list, for the script that keeps it new
	Invite   bool   // this browser is not told anything yet, and could be
}

// filterView is one entry of the row of filters.
type filterView struct {
	Text    string
	URL     string
	Current bool
}

// cardView is one document of the in-tray.
type cardView struct {
	ID         string
	URL        string
	Tone       string // highest, urgent, sealed (classified) or ""
	Speed      string
	Type       string
	Due        due
	Subject    string
	From       string
	Waited     string
	Ask        string // 待您核稿
	Final      bool   // what is asked is the decision
	Returned   string // 退回, or ""
	Attached   int
	Classified bool
	Lang       string // of the subject
}

// inbox shows what waits for the person, most urgent first. The part that can
// change is also given alone, for the script that keeps an open page new.
func (s *Server) inbox(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	part := q.Get("part") == "tray"
	filter := trayFilter(q.Get("f"))
	cursor := q.Get("cursor")
	limit := trayPage
	if n, err := strconv.Atoi(q.Get("n")); err == nil {
		limit = min(max(n, trayPage), trayMost)
	}
	ctx, me := r.Context(), v.session.Person.ID
	head, err := s.Hub.Head(ctx, me) // before the tray: what is seen is never more than what is shown
	if err != nil {
		return err
	}
	tray, err := s.Documents.Tray(ctx, me, v.now, filter, cursor, limit)
	switch {
	case cursor != "" && badCursor(err):
		http.Redirect(w, r, trayURL(filter, ""), http.StatusSeeOther)
		return nil
	case err != nil:
		return err
	}
	p := &inboxPage{
		base:     s.base(v, v.words.T("inbox.title"), "inbox"),
		Greeting: v.words.T(greeting(v.now), called(v.session.Person)),
		Filter:   string(filter),
		First:    cursor == "",
		URL:      trayURL(filter, ""),
		Filters:  v.words.filters(filter, tray.Counts),
	}
	p.withCounts(tray.Counts)
	p.Counts.Forms = head.Counts.Forms
	if p.First {
		if p.Slips, err = s.slips(r, v, head.Counts.Forms); err != nil {
			return err
		}
	}
	for _, c := range tray.Cards {
		p.Cards = append(p.Cards, s.card(v, c))
	}
	if tray.Next != "" {
		p.More = trayURL(filter, tray.Next)
	}
	if part {
		return s.renderPart(w, r, http.StatusOK, "inbox", "tray", p)
	}
	if p.Note = s.noteAfter(ctx, v, approval.DocumentID(q.Get("after"))); p.Note == nil {
		p.Note = saved(v, r)
	}
	p.Invite = s.Push != nil && !s.toldHere(ctx, v)
	if err := s.render(w, r, http.StatusOK, "inbox", p); err != nil {
		return err
	}
	if looking(r) {
		if err := s.Hub.SeenUpTo(ctx, me, head.Seq, viaWeb); err != nil {
			s.warn(ctx, v, "in-tray was seen and that was not recorded", err)
		}
	}
	return nil
}

// badCursor reports that a page was asked for which there is not, or no longer.
func badCursor(err error) bool {
	var invalid *approval.InvalidError
	return errors.As(err, &invalid) && invalid.Field == "cursor"
}

// trayFilter reads a filter; one that there is not means all.
func trayFilter(s string) approval.TrayFilter {
	f := approval.TrayFilter(s)
	if slices.Contains([]approval.TrayFilter{approval.TrayHighest, approval.TrayOverdue, approval.TrayDecide, approval.TrayConsult, approval.TrayReturned}, f) {
		return f
	}
	return approval.TrayAll
}

func trayURL(f approval.TrayFilter, cursor string) string {
	q := url.Values{}
	if f != approval.TrayAll {
		q.Set("f", string(f))
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return "/inbox"
	}
	return "/inbox?" + q.Encode()
}

// filters gives the row of filters: all, and those that there is something of.
func (w *words) filters(current approval.TrayFilter, c approval.TrayCounts) []filterView {
	var list []filterView
	for _, f := range []struct {
		filter approval.TrayFilter
		key    string
		n      int
	}{
		{approval.TrayAll, "filter.all", c.All},
		{approval.TrayHighest, "filter.highest", c.Highest},
		{approval.TrayOverdue, "filter.overdue", c.Overdue},
		{approval.TrayDecide, "filter.decide", c.Decide},
		{approval.TrayConsult, "filter.consult", c.Consult},
		{approval.TrayReturned, "filter.returned", c.Returned},
	} {
		if f.n > 0 || f.filter == current || f.filter == approval.TrayAll {
			list = append(list, filterView{Text: w.T(f.key, f.n), URL: trayURL(f.filter, ""), Current: f.filter == current})
		}
	}
	return list
}

func (s *Server) card(v *visit, c approval.Card) cardView {
	w := v.words
	out := cardView{
		ID:       string(c.Document),
		URL:      "/d/" + string(c.Document),
		Tone:     speedTone(c.Speed, c.Grade),
		Speed:    w.T(speedKey(c.Speed)),
		Type:     w.T(typeKey(c.Type)),
		Due:      w.due(v.now, c.Deadline, s.Workdays),
		Subject:  c.Subject,
		Waited:   w.waited(c.ArrivedAt, v.now),
		Ask:      w.T(askKey(c.Duty)),
		Final:    c.Duty == approval.DutyDecide,
		Attached: c.Attached,
		Lang:     w.DocLang(),
	}
	if c.Origin == approval.OriginReturned {
		out.Returned = w.T("tag.returned")
	}
	switch {
	case c.Grade.Classified():
		out.Classified, out.Subject, out.Attached = true, w.T("classified.card"), 0
		out.Type, out.Ask, out.Final = w.T("classified"), w.T("ask.office"), false
		out.Lang, out.Returned = "", ""
	case c.FromName != "" && out.Returned != "":
		out.From = w.T("from.returned", c.FromName)
	case c.FromName != "":
		out.From = w.T("from.person", c.FromName)
	case c.Issuer != "":
		out.From = w.T("from.issuer", c.Issuer)
	}
	return out
}

// toldHere reports whether this sign-in has a push subscription.
func (s *Server) toldHere(ctx context.Context, v *visit) bool {
	links, err := s.Hub.Links(ctx, v.session.Person.ID)
	if err != nil {
		s.warn(ctx, v, "channel links cannot be read", err)
		return true
	}
	return slices.ContainsFunc(links, func(l hub.Link) bool { return l.Channel == hub.WebPush && l.Session == v.session.ID })
}
