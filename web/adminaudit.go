package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
)

// auditPage is the audit trail (稽核紀錄): who did what, to whose access or to
// which document, from where and when.
type auditPage struct {
	base
	Find     string
	Address  string
	From     string // a day as 2026-11-23
	To       string
	Kinds    []choice
	Narrowed bool   // more than a name is looked for
	Export   string // the same as a file
	Days     []dayOfEvents
	First    bool
	URL      string // the first page
	More     string // the next one, "" when there is none
}

// dayOfEvents is what was done on one day.
type dayOfEvents struct {
	Day    string
	Events []auditView
}

// auditView is one entry.
type auditView struct {
	Kind    string
	Tone    string
	At      string // clock
	Who     string
	About   string // whom it is about, when that is somebody else
	What    string // document, channel, device and the like
	Where   string // address and network
	Browser string
}

// auditQuery is what is looked for, as it stands in the address.
type auditQuery struct {
	values url.Values
	filter access.AuditFilter
}

// documentKinds are the kinds of what is done to documents.
func documentKinds() []string {
	return []string{"document.submit", "document.approve", "document.return", "document.decide"}
}

func auditKinds() []string {
	var list []string
	for _, k := range access.EventKinds() {
		list = append(list, string(k))
	}
	return append(list, documentKinds()...)
}

// readAuditQuery reads a filter from an address, and passes over what it does
// not know.
func readAuditQuery(q url.Values) auditQuery {
	out := auditQuery{values: url.Values{}}
	keep := func(key, value string) {
		if value != "" {
			out.values.Set(key, value)
		}
	}
	f := &out.filter
	if f.Find = strings.TrimSpace(q.Get("q")); len(f.Find) > 128 || strings.ContainsRune(f.Find, 0) {
		f.Find = ""
	}
	keep("q", f.Find)
	if f.Address = strings.TrimSpace(q.Get("address")); len(f.Address) > 64 || strings.Trim(f.Address, "0123456789abcdefABCDEF:.") != "" {
		f.Address = ""
	}
	keep("address", f.Address)
	if k := q.Get("kind"); slices.Contains(auditKinds(), k) {
		f.Kind = k
		keep("kind", k)
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

func (q auditQuery) url(path, cursor string) string {
	return ledgerQuery{values: q.values}.url(path, cursor)
}

func (s *Server) audit(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Audit == nil {
		return approval.ErrNotFound
	}
	ctx, words := r.Context(), v.words
	q, cursor := readAuditQuery(r.URL.Query()), r.URL.Query().Get("cursor")
	list, err := s.Audit.Audit(ctx, q.filter, cursor, logPage)
	switch {
	case cursor != "" && badCursor(err):
		http.Redirect(w, r, q.url("/admin/audit", ""), http.StatusSeeOther)
		return nil
	case err != nil:
		return err
	}
	b, err := s.counted(ctx, v, words.T("audit.title"), "me")
	if err != nil {
		return err
	}
	p := &auditPage{
		base: b, Find: q.filter.Find, Address: q.filter.Address, From: q.values.Get("from"), To: q.values.Get("to"),
		Narrowed: len(q.values) > 1 || len(q.values) == 1 && q.filter.Find == "",
		Export:   q.url("/admin/audit.csv", ""), First: cursor == "", URL: q.url("/admin/audit", ""),
	}
	p.Kinds = []choice{{Text: words.T("ledger.kind.all"), Checked: q.filter.Kind == ""}}
	for _, k := range auditKinds() {
		p.Kinds = append(p.Kinds, choice{Value: k, Text: words.T(auditKey(access.EventKind(k))), Checked: q.filter.Kind == k})
	}
	for i := range list.Entries {
		e := &list.Entries[i]
		day := words.dayName(e.At, v.now)
		if n := len(p.Days); n == 0 || p.Days[n-1].Day != day {
			p.Days = append(p.Days, dayOfEvents{Day: day})
		}
		last := &p.Days[len(p.Days)-1]
		last.Events = append(last.Events, words.event(e))
	}
	if list.Next != "" {
		p.More = q.url("/admin/audit", list.Next)
	}
	return s.render(w, r, http.StatusOK, "audit", p)
}

// event puts an entry into words.
func (w *words) event(e *access.AuditEntry) auditView {
	out := auditView{
		Kind: w.T(auditKey(e.Kind)), Tone: auditTone(e.Kind), At: e.At.In(approval.Zone).Format("15:04:05"),
		Who: w.eventActor(e), What: w.eventWhat(e), Where: e.Address, Browser: e.Browser,
	}
	if e.Network != "" {
		out.Where = strings.TrimSpace(out.Where + " " + w.T(networkKey(access.Network(e.Network))))
	}
	if e.Person != "" && e.Person != e.Actor {
		out.About = e.PersonName
	}
	return out
}

// eventActor names who did it: a person, or what is known instead.
func (w *words) eventActor(e *access.AuditEntry) string {
	switch {
	case e.ActorName != "" && e.Login != "" && (e.Person == "" || e.Person == e.Actor):
		return e.ActorName + " " + e.Login
	case e.ActorName != "":
		return e.ActorName
	case e.Detail["operator"] != "":
		return w.T("audit.operator", e.Detail["operator"])
	case e.Kind == access.EventRefused || e.Kind == access.EventLimited:
		return w.T("audit.stranger")
	}
	return w.T("audit.system")
}

// eventWhat is what else there is to say, in one line.
func (w *words) eventWhat(e *access.AuditEntry) string {
	var parts []string
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	switch {
	case e.Document != "" && e.Number == "":
		add(w.T("classified"))
	default:
		add(e.Number)
	}
	d := e.Detail
	if c := d["channel"]; c != "" {
		add(w.T(channelKey(hub.ChannelName(c))))
	}
	if d["device"] == "new" {
		add(w.T("audit.newdevice"))
	}
	switch access.Standing(d["standing"]) {
	case access.Waiting:
		add(w.T("audit.waiting"))
	case access.Reading:
		add(w.T("audit.reading"))
	}
	for _, key := range slices.Sorted(maps.Keys(d)) {
		switch key {
		case "channel", "device", "browser", "operator", "link", "token", "endpoint", "standing", "methods":
		case "reason":
			add(orText(w.endReason(d[key]), d[key]))
		case "by":
			switch access.Answerer(d[key]) {
			case access.ByDevice:
				add(w.T("audit.by.device"))
			case access.ByText:
				add(w.T("audit.by.text"))
			case access.ByVouch:
				add(w.T("audit.by.vouch"))
			}
		case "version":
			add(w.T("audit.version", d[key]))
		case "count":
			add(w.T("audit.count", d[key]))
		default:
			add(d[key])
		}
	}
	return strings.Join(parts, w.T("audit.and"))
}

// endReason puts the reasons for which links end into words.
func (w *words) endReason(reason string) string {
	switch reason {
	case "removed":
		return w.T("audit.reason.removed")
	case "session ended":
		return w.T("audit.reason.session")
	case "linked to somebody else":
		return w.T("audit.reason.other")
	case "another was linked":
		return w.T("audit.reason.another")
	}
	return ""
}

// auditCSV writes the trail as a file for a spreadsheet, one line an entry.
func (s *Server) auditCSV(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.Audit == nil {
		return approval.ErrNotFound
	}
	ctx, words := r.Context(), v.words
	q := readAuditQuery(r.URL.Query())
	if err := s.recordExport(ctx, access.EventAuditExported, q.values); err != nil {
		return err
	}
	out := newCSVFile(w, v, "qianhe-audit", []string{
		words.T("csv.at"), words.T("csv.event"), words.T("csv.code"), words.T("csv.actor"), words.T("csv.about"), words.T("csv.login"), words.T("csv.address"), words.T("csv.network"),
		words.T("csv.browser"), words.T("csv.what"), words.T("csv.document"), words.T("csv.session"), words.T("csv.device"), words.T("csv.detail"),
	})
	err := s.Audit.ExportAudit(ctx, q.filter, func(e access.AuditEntry) error {
		view := words.event(&e)
		detail := url.Values{}
		for k, text := range e.Detail {
			detail.Set(k, text)
		}
		return out.line([]string{
			stamp(e.At), view.Kind, string(e.Kind), orText(e.ActorName, view.Who), e.PersonName, e.Login, e.Address, e.Network,
			e.Browser, view.What, string(e.Document), e.Session, e.Device, detail.Encode(),
		})
	})
	return s.endCSV(ctx, v, out, err)
}
