package web

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"qianhe/approval"
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
// while it is being read. When the reading fails on the way the connection is
// cut, so that nobody takes a part for the whole.
func (s *Server) ledgerCSV(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Ledger == nil {
		return approval.ErrNotFound
	}
	q := readLedgerQuery(r.URL.Query())
	out := &ledgerFile{w: w, v: v, control: http.NewResponseController(w)}
	err := s.Ledger.ExportLedger(r.Context(), q.filter, v.session.Person.ID, out.add)
	if err == nil {
		err = out.end()
	}
	if err != nil && out.csv != nil {
		s.warn(context.WithoutCancel(r.Context()), v, "the ledger was not written to its end", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// ledgerFile is a ledger on its way to a spreadsheet.
type ledgerFile struct {
	w       http.ResponseWriter
	v       *visit
	control *http.ResponseController
	csv     *csv.Writer // nil before the first line
	lines   int
}

// bom tells Excel that a text is UTF-8.
const bom = "\ufeff"

// flushEvery is how many lines are kept back; exportPause how long a client may
// take for as many.
const (
	flushEvery  = 200
	exportPause = time.Minute
)

func (f *ledgerFile) begin() error {
	h := f.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="qianhe-ledger-`+f.v.now.In(approval.Zone).Format("20060102-1504")+`.csv"`)
	if _, err := io.WriteString(f.w, bom); err != nil {
		return err
	}
	f.csv = csv.NewWriter(f.w)
	f.csv.UseCRLF = true
	w := f.v.words
	return f.csv.Write([]string{
		w.T("csv.at"), w.T("csv.person"), w.T("csv.kind"), w.T("csv.speed"), w.T("csv.delivered"), w.T("csv.seen"), w.T("csv.via"), w.T("csv.cancelled"),
		w.T("csv.channel"), w.T("csv.state"), w.T("csv.reason"), w.T("csv.done"), w.T("csv.attempts"), w.T("csv.cost"), w.T("csv.provider"), w.T("csv.ref"), w.T("csv.id"),
	})
}

func (f *ledgerFile) add(e hub.LedgerEntry) error {
	if f.csv == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	w := f.v.words
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

func (f *ledgerFile) line(cells []string) error {
	for i, c := range cells {
		cells[i] = inert(c)
	}
	if err := f.csv.Write(cells); err != nil {
		return err
	}
	if f.lines++; f.lines%flushEvery == 0 {
		return f.flush()
	}
	return nil
}

func (f *ledgerFile) flush() error {
	// A test's recorder knows no deadlines; a server does.
	_ = f.control.SetWriteDeadline(time.Now().Add(exportPause))
	f.csv.Flush()
	if err := f.csv.Error(); err != nil {
		return err
	}
	_ = f.control.Flush()
	return nil
}

func (f *ledgerFile) end() error {
	if f.csv == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	return f.flush()
}

// inert keeps a cell from being a formula in a spreadsheet (CWE-1236): an
// apostrophe before what would begin one makes it text.
func inert(cell string) string {
	if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") || strings.HasPrefix(cell, "＝") || strings.HasPrefix(cell, "＋") || strings.HasPrefix(cell, "－") || strings.HasPrefix(cell, "＠") {
		return "'" + cell
	}
	return cell
}

// stamp writes a time as spreadsheets read it, in Taipei.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(approval.Zone).Format("2006-01-02 15:04:05")
}
