package web

import (
	"net/http"
	"net/url"

	"qianhe/approval"
	"qianhe/hub"
)

// myLogPage is what the person was told: when, through what, and when they saw
// it.
type myLogPage struct {
	base
	Days  []dayOfEntries
	More  string // the next page, "" when there is none
	First bool
}

// dayOfEntries are the entries of one day.
type dayOfEntries struct {
	Day     string
	Entries []entryView
}

// logPage is how many entries of a ledger a page shows.
const logPage = 30

func (s *Server) myLog(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Ledger == nil {
		return approval.ErrNotFound
	}
	ctx, me := r.Context(), v.session.Person.ID
	cursor := r.URL.Query().Get("cursor")
	list, err := s.Ledger.Ledger(ctx, hub.LedgerFilter{Person: me}, cursor, logPage, me)
	if cursor != "" && badCursor(err) {
		http.Redirect(w, r, "/me/notifications/log", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	b, err := s.counted(ctx, v, v.words.T("log.title"), "me")
	if err != nil {
		return err
	}
	p := &myLogPage{base: b, First: cursor == ""}
	for i := range list.Entries {
		e := &list.Entries[i]
		view := v.entry(e)
		view.URL = e.Path()
		p.Days = addToDay(p.Days, view)
	}
	if list.Next != "" {
		p.More = "/me/notifications/log?cursor=" + url.QueryEscape(list.Next)
	}
	return s.render(w, r, http.StatusOK, "mylog", p)
}

func addToDay(days []dayOfEntries, e entryView) []dayOfEntries {
	if len(days) == 0 || days[len(days)-1].Day != e.Day {
		days = append(days, dayOfEntries{Day: e.Day})
	}
	last := &days[len(days)-1]
	last.Entries = append(last.Entries, e)
	return days
}
