package web

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"qianhe/approval"
)

// documentPage is one document (公文) to be read.
type documentPage struct {
	base
	ID         string
	URL        string
	Revision   int64 // of the row and of the text, for the script that notices a change
	Version    int
	Classified bool
	NextURL    string // the next document of the in-tray, "" at the end
	PrevURL    string
	Position   int
	Total      int

	Name     string // reference or number
	Tone     string
	Speed    string
	Type     string
	Due      due
	Subject  string
	Long     bool // the subject needs a smaller type
	Facts    []fact
	More     []fact // what few want to know
	Meeting  *meetingView
	Issuer   string // 發文機關, as the head of the paper
	Sections []sectionView
	Remarks  []itemView
	Primary  []string
	Copies   []string
	Signed   []string
	Images   []fileView
	Files    []fileView
	Sources  []fileView // the DI and SW as they came
	Route    []stationView
	Asked    *askedView // nil when nothing is asked of the reader
	State    string     // where it stands, when nothing is asked
	Decided  bool
}

// fact is one labelled line.
type fact struct {
	Label string
	Value string
	Code  bool   // a number, set in figures of one width
	Lang  string // of the value
}

// sectionView is 段落.
type sectionView struct {
	Heading string
	Text    []string
	Items   []itemView
}

// itemView is 條列.
type itemView struct {
	Ordinal string
	Text    []string
	Items   []itemView
}

// meetingView is what a meeting notice is about.
type meetingView struct {
	Times     []string
	Place     string
	Host      string
	Attendees []string
	Observers []string
}

// askedView is what the reader may do.
type askedView struct {
	Duty   string // 待您核稿
	Do     string // 核可，送陳副局長
	URL    string
	Return string // address of the return form, "" when there is nobody before
	Final  bool
}

// document shows one document.
func (s *Server) document(w http.ResponseWriter, r *http.Request, v *visit) error {
	rd, err := s.open(r, v)
	if err != nil {
		return err
	}
	ctx, d, me := r.Context(), &rd.Document, v.session.Person.ID
	place, err := s.Documents.Place(ctx, me, v.now, d.ID)
	if err != nil {
		return err
	}
	p := s.documentPage(v, rd, place)
	p.Note = s.noteAfter(ctx, v, approval.DocumentID(r.URL.Query().Get("after")))
	if err := s.render(w, r, http.StatusOK, "document", p); err != nil {
		return err
	}
	if looking(r) && r.URL.Query().Get("part") == "" {
		if err := s.Hub.SeenDocument(ctx, me, d.ID, viaWeb); err != nil {
			s.warn(ctx, v, "document was seen and that was not recorded", err)
		}
	}
	return nil
}

func (s *Server) backToDocument(w http.ResponseWriter, r *http.Request, _ *visit) error {
	to := documentOf(r.URL.Path)
	if to == "" {
		return approval.ErrNotFound
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// open reads the document that the address names.
func (s *Server) open(r *http.Request, v *visit) (*approval.Reading, error) {
	id := r.PathValue("id")
	if !approval.ValidID(id) {
		return nil, approval.ErrNotFound
	}
	return s.Documents.Open(r.Context(), approval.DocumentID(id), v.session.Person.ID)
}

func (s *Server) documentPage(v *visit, rd *approval.Reading, place approval.Place) *documentPage {
	d, w := &rd.Document, v.words
	p := &documentPage{
		base:     s.base(v, "", ""),
		ID:       string(d.ID),
		URL:      "/d/" + string(d.ID),
		Revision: d.Revision,
		Version:  d.Version,
		Position: place.Position,
		Total:    place.Total,
	}
	p.Counts.Pending, p.Counted = place.Total, true
	if place.Next != "" && place.Next != d.ID {
		p.NextURL = "/d/" + string(place.Next)
	}
	if place.Previous != "" {
		p.PrevURL = "/d/" + string(place.Previous)
	}
	if d.Grade.Classified() { // nothing else of it may be shown
		p.Classified, p.Title = true, w.T("classified")
		return p
	}
	b := rd.Content.Body
	p.Name, p.Title = documentName(d), documentName(d)
	p.Tone, p.Speed, p.Type = speedTone(d.Speed, d.Grade), w.T(speedKey(d.Speed)), w.T(typeKey(d.Type))
	if d.Category != "" && d.Category != string(d.Type) && w.lang == Chinese {
		p.Type = d.Category
	}
	p.Due = w.due(v.now, d.Deadline, s.Workdays)
	p.Subject, p.Long = d.Subject, utf8.RuneCountInString(d.Subject) > 90
	p.Facts, p.More = w.facts(rd)
	p.Issuer = d.Issuer
	p.Meeting = w.meeting(b)
	for _, sec := range b.Sections {
		p.Sections = append(p.Sections, sectionView{Heading: strings.TrimRight(sec.Heading, "：: "), Text: paragraphs(sec.Text), Items: items(sec.Items, 1)})
	}
	p.Remarks = items(b.Remarks, 1)
	p.Primary, p.Copies, p.Signed = addressees(b.Primary), addressees(b.Copies), b.Signatures
	for _, f := range rd.Content.Files {
		p.addFile(w, s.Pages != nil, f)
	}
	p.Route = w.route(v, rd)
	if step := d.Active(v.session.Person.ID); step != nil {
		p.Asked = &askedView{
			Duty: w.T(askKey(step.Duty)), Do: w.willDo(rd, step), URL: p.URL + "/decide", Final: step.Duty == approval.DutyDecide,
		}
		if mayReturn(d, step) {
			p.Asked.Return = p.URL + "/return"
		}
	} else {
		p.State, p.Decided = w.state(rd), d.State == approval.StateDecided
	}
	return p
}

// facts are the lines under the subject.
func (w *words) facts(rd *approval.Reading) (first, more []fact) {
	d, b := &rd.Document, rd.Content.Body
	add := func(list *[]fact, key, value string, code bool) {
		if value = strings.TrimSpace(value); value != "" {
			*list = append(*list, fact{w.T(key), value, code, w.DocLang()})
		}
	}
	var issuers []string
	for _, o := range b.Issuers {
		issuers = append(issuers, o.Name)
	}
	h := rd.People[d.Handler]
	from := "fact.issuer"
	if d.Type == approval.TypeMemo {
		from = "fact.unit"
	}
	add(&first, from, strings.Join(issuers, w.T("comma")), false)
	add(&first, "fact.handler", strings.TrimSpace(rd.Units[h.Unit]+" "+h.Name), false)
	add(&first, "fact.received", w.Day(d.ReceivedAt), false)
	add(&more, "fact.reference", d.Reference, true)
	add(&more, "fact.number", d.Number, true)
	add(&more, "fact.date", b.Date, false)
	add(&more, "fact.contact", strings.Join(b.Contacts, w.T("semicolon")), false)
	add(&more, "fact.enclosure", b.Enclosure, false)
	return first, more
}

func (w *words) meeting(b approval.Body) *meetingView {
	if b.Meeting == nil {
		return nil
	}
	m := b.Meeting
	return &meetingView{Times: m.Times, Place: m.Place, Host: m.Host, Attendees: addressees(m.Attendees), Observers: addressees(m.Observers)}
}

// addressees writes a list of 正本, 副本, 出席者.
func addressees(list []approval.Addressee) []string {
	var out []string
	for _, a := range list {
		s := strings.TrimSpace(a.Name + " " + a.Title)
		if a.Enclosed != "" {
			s += "（" + a.Enclosed + "）"
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// paragraphs splits a text at its line ends.
func paragraphs(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// maxNesting is how deep a list is shown as a list. Letters have four levels;
// what nests deeper is shown at the last one, in its order.
const maxNesting = 6

func items(list []approval.Item, depth int) []itemView {
	var out []itemView
	for _, it := range list {
		view := itemView{Ordinal: strings.TrimSpace(it.Ordinal), Text: paragraphs(it.Text)}
		if depth < maxNesting {
			view.Items = items(it.Items, depth+1)
			out = append(out, view)
			continue
		}
		out = append(out, view)
		out = append(out, flat(it.Items)...)
	}
	return out
}

// flat gives a tree as one list, however deep it is.
func flat(list []approval.Item) []itemView {
	var out []itemView
	rest := slices.Clone(list)
	for len(rest) > 0 {
		it := rest[0]
		rest = slices.Concat(it.Items, rest[1:])
		out = append(out, itemView{Ordinal: strings.TrimSpace(it.Ordinal), Text: paragraphs(it.Text)})
	}
	return out
}

// state says where a document stands of which nothing is asked.
func (w *words) state(rd *approval.Reading) string {
	d := &rd.Document
	if d.State == approval.StateDecided {
		for _, s := range d.Route.Steps {
			if s.Action == approval.ActionDecide {
				return w.T("state.decided", s.ActedName, w.Day(s.ClosedAt))
			}
		}
	}
	var at []string
	for _, s := range d.Route.Steps {
		if s.State == approval.StepActive {
			at = append(at, called(rd.People[s.Person]))
		}
	}
	return w.T("state.at", strings.Join(at, w.T("comma")))
}
