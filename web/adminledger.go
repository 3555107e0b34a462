package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// ledgerPage is the record of who was told what, for the administrator.
type ledgerPage struct {
	base
	Find     string
	From     string // a day as 2026-11-23
	To       string
	Kinds    []choice
	Channels []choice
	States   []choice
	Narrowed bool   // a filter is set
	Export   string // the same as a file
	Days     []dayOfEntries
	First    bool
	URL      string // the first page
	More     string // the next one, "" when there is none
}

// ledgerQuery is what is looked for, as it stands in the address.
type ledgerQuery struct {
	values url.Values
	filter hub.LedgerFilter
}

const dayLayout = "2006-01-02"

// readLedgerQuery reads a filter from an address. What it does not know it
// passes over: a link of an older version still shows something.
func readLedgerQuery(q url.Values) ledgerQuery {
	out := ledgerQuery{values: url.Values{}}
	keep := func(key, value string) {
		if value != "" {
			out.values.Set(key, value)
		}
	}
	f := &out.filter
	if f.Find = strings.TrimSpace(q.Get("q")); len(f.Find) > 128 {
		f.Find = ""
	}
	f.Find = strings.Trim(f.Find, "〔〕")
	keep("q", f.Find)
	if k := hub.Kind(q.Get("kind")); slices.Contains(ledgerKinds(), k) {
		f.Kind = k
		keep("kind", string(k))
	}
	if c := hub.ChannelName(q.Get("channel")); slices.Contains(channels(), c) {
		f.Channel = c
		keep("channel", string(c))
	}
	if s := hub.State(q.Get("state")); slices.Contains(states(), s) {
		f.State = s
		keep("state", string(s))
	}
	if t, err := time.ParseInLocation(dayLayout, q.Get("from"), approval.Zone); err == nil {
		f.From = t
		keep("from", t.Format(dayLayout))
	}
	if t, err := time.ParseInLocation(dayLayout, q.Get("to"), approval.Zone); err == nil {
		f.To = t.AddDate(0, 0, 1)
		keep("to", t.Format(dayLayout))
	}
	return out
}

func (q ledgerQuery) url(path, cursor string) string {
	v := url.Values{}
	for k, list := range q.values {
		v[k] = list
	}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// ledgerKinds are all kinds that can stand in the ledger.
func ledgerKinds() []hub.Kind { return append(hub.Kinds(), hub.KindRefresh) }

func states() []hub.State {
	return []hub.State{hub.StatePending, hub.StateSending, hub.StateAccepted, hub.StateUnknown, hub.StateFailed, hub.StateCancelled}
}

func (s *Server) ledger(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Ledger == nil {
		return approval.ErrNotFound
	}
	ctx, words := r.Context(), v.words
	q, cursor := readLedgerQuery(r.URL.Query()), r.URL.Query().Get("cursor")
	list, err := s.Ledger.Ledger(ctx, q.filter, cursor, logPage, v.session.Person.ID)
	switch {
	case cursor != "" && badCursor(err):
		http.Redirect(w, r, q.url("/admin/ledger", ""), http.StatusSeeOther)
		return nil
	case err != nil:
		return err
	}
	b, err := s.counted(ctx, v, words.T("ledger.title"), "me")
	if err != nil {
		return err
	}
	p := &ledgerPage{
		base: b, Find: q.filter.Find, From: q.values.Get("from"), To: q.values.Get("to"), Narrowed: len(q.values) > 0,
		Export: q.url("/admin/ledger.csv", ""), First: cursor == "", URL: q.url("/admin/ledger", ""),
	}
	p.Kinds = []choice{{Text: words.T("ledger.kind.all"), Checked: q.filter.Kind == ""}}
	for _, k := range ledgerKinds() {
		p.Kinds = append(p.Kinds, choice{Value: string(k), Text: words.kind(k), Checked: q.filter.Kind == k})
	}
	p.Channels = []choice{{Text: words.T("ledger.channel.all"), Checked: q.filter.Channel == ""}}
	for _, c := range channels() {
		p.Channels = append(p.Channels, choice{Value: string(c), Text: words.T(channelKey(c)), Checked: q.filter.Channel == c})
	}
	p.States = []choice{{Text: words.T("ledger.state.all"), Checked: q.filter.State == ""}}
	for _, st := range states() {
		p.States = append(p.States, choice{Value: string(st), Text: words.T(stateKey(st)), Checked: q.filter.State == st})
	}
	for i := range list.Entries {
		e := &list.Entries[i]
		view := v.entry(e)
		view.Person, view.URL = e.Name, "/admin/ledger/"+url.PathEscape(e.ID)
		p.Days = addToDay(p.Days, view)
	}
	if list.Next != "" {
		p.More = q.url("/admin/ledger", list.Next)
	}
	return s.render(w, r, http.StatusOK, "ledger", p)
}

// ledgerEntryPage is one notification with all that was done about it.
type ledgerEntryPage struct {
	base
	Entry entryView
	Facts []fact
}

func (s *Server) ledgerEntry(w http.ResponseWriter, r *http.Request, v *visit) error {
	id := r.PathValue("notification")
	if s.Ledger == nil || !approval.ValidID(id) {
		return errNowhere
	}
	ctx, words := r.Context(), v.words
	e, err := s.Ledger.LedgerEntry(ctx, id, v.session.Person.ID)
	if err != nil {
		return err
	}
	b, err := s.counted(ctx, v, words.T("ledger.entry"), "me")
	if err != nil {
		return err
	}
	p := &ledgerEntryPage{base: b, Entry: v.entry(&e)}
	add := func(key, value string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{Label: words.T(key), Value: value})
		}
	}
	add("ledger.person", e.Name)
	add("ledger.at", words.ShortDay(e.At)+" "+e.At.In(approval.Zone).Format("15:04:05"))
	add("ledger.speed", p.Entry.Speed)
	if !e.Grade.Classified() {
		add("ledger.due", words.ShortDay(e.Due))
	}
	add("ledger.delivered", v.near(e.Delivered, e.At))
	if !e.Seen.IsZero() {
		add("ledger.seen", words.T("log.seen", v.near(e.Seen, e.At), words.beside(words.T(channelKey(hub.ChannelName(e.SeenVia))))))
	}
	if !e.Cancelled.IsZero() {
		add("ledger.cancelled", strings.TrimSpace(v.near(e.Cancelled, e.At)+" "+orText(words.why(e.Reason), e.Reason)))
	}
	p.Facts = append(p.Facts, fact{Label: words.T("ledger.id"), Value: e.ID, Code: true})
	return s.render(w, r, http.StatusOK, "ledgerentry", p)
}

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// ledgerCSV writes the ledger as a file for a spreadsheet: one line a delivery,
// while it is being read.
func (s *Server) ledgerCSV(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Ledger == nil {
		return approval.ErrNotFound
	}
	q := readLedgerQuery(r.URL.Query())
	if err := s.recordExport(r.Context(), access.EventLedgerExported, q.values); err != nil {
		return err
	}
	words := v.words
	out := &ledgerFile{words, newCSVFile(w, v, "qianhe-ledger", []string{
		words.T("csv.at"), words.T("csv.person"), words.T("csv.kind"), words.T("csv.speed"), words.T("csv.delivered"), words.T("csv.seen"), words.T("csv.via"), words.T("csv.cancelled"),
		words.T("csv.channel"), words.T("csv.state"), words.T("csv.reason"), words.T("csv.done"), words.T("csv.attempts"), words.T("csv.cost"), words.T("csv.provider"), words.T("csv.ref"), words.T("csv.id"),
	})}
	err := s.Ledger.ExportLedger(r.Context(), q.filter, v.session.Person.ID, out.add)
	return s.endCSV(r.Context(), v, out.csvFile, err)
}

// ledgerFile is a ledger on its way to a spreadsheet.
type ledgerFile struct {
	words *words
	*csvFile
}

func (f *ledgerFile) add(e hub.LedgerEntry) error {
	w := f.words
	speed := ""
	if !e.Grade.Classified() && e.Speed != "" {
		speed = w.T(speedKey(e.Speed))
	}
	head := []string{stamp(e.At), e.Name, w.kind(e.Kind), speed, stamp(e.Delivered), stamp(e.Seen), "", stamp(e.Cancelled)}
	if e.SeenVia != "" {
		head[6] = w.T(channelKey(hub.ChannelName(e.SeenVia)))
	}
	if len(e.Deliveries) == 0 {
		return f.line(append(head, "", "", e.Reason, "", "", "", "", "", ""))
	}
	for _, d := range e.Deliveries {
		cost := ""
		if d.Cost > 0 {
			cost = strconv.Itoa(d.Cost)
		}
		err := f.line(append(slices.Clone(head), w.T(channelKey(d.Channel)), w.T(stateKey(d.State)), d.Reason, stamp(d.Done), strconv.Itoa(len(d.Attempts)), cost, d.ProviderID, d.Ref, d.ID))
		if err != nil {
			return err
		}
	}
	return nil
}
