package web

import (
	"net/http"
	"strconv"
	"strings"

	"qianhe/approval"
	"qianhe/approval/access"
)

// leavePage is what happens when somebody leaves (離職), and what is still in
// their hands.
type leavePage struct {
	base
	Person  personView
	URL     string
	Version int
	Left    bool
	Own     bool
	Held    string
	Items   []heldView
	Rest    string // how many more there are
	Find    string // by which a successor is looked for
	To      []choice
	Error   string
}

// heldView is a document that has to be given to somebody.
type heldView struct {
	Number string
	What   string
	Speed  string
	Tone   string
	Due    string
}

const (
	heldAtOnce = 50
	// successors is how many people can be chosen from at once.
	successors = 100
)

func (s *Server) leaveForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showLeave(w, r, v, http.StatusOK, "", func(p *leavePage) {
		if n, err := strconv.Atoi(r.URL.Query().Get("given")); err == nil && n >= 0 {
			p.Note = &note{Text: v.words.N("leave.given", n)}
		} else if r.URL.Query().Get("ok") == "left" {
			p.Note = &note{Text: v.words.T("leave.done")}
		}
	})
}

func (s *Server) showLeave(w http.ResponseWriter, r *http.Request, v *visit, status int, wrong string, change func(*leavePage)) error {
	ctx, words := r.Context(), v.words
	m, err := s.memberOf(r)
	if err != nil {
		return err
	}
	h, err := s.Work.Held(ctx, m.Person.ID, heldAtOnce)
	if err != nil {
		return err
	}
	b, err := s.counted(ctx, v, words.T("leave.title"), "me")
	if err != nil {
		return err
	}
	p := &leavePage{
		base: b, Person: v.person(m), URL: "/admin/people/" + string(m.Person.ID), Version: m.Version, Left: !m.LeftAt.IsZero(),
		Own: m.Person.ID == v.session.Person.ID, Held: words.held(h), Error: wrong,
	}
	for _, x := range h.Items {
		p.Items = append(p.Items, words.heldItem(x))
	}
	if more := h.Total - len(h.Items); more > 0 {
		p.Rest = words.N("held.more", more)
	}
	if h.Total > 0 {
		// Those of the unit are there to choose from; others are found by name.
		f := access.MemberFilter{State: access.MemberActive, Unit: m.Person.Unit}
		if find := strings.TrimSpace(r.URL.Query().Get("q")); find != "" && len(find) <= 128 && !strings.ContainsRune(find, 0) {
			f, p.Find = access.MemberFilter{State: access.MemberActive, Find: find}, find
		}
		list, err := s.People.Members(ctx, f, "", successors)
		if err != nil {
			return err
		}
		for _, other := range list.Members {
			if view := v.person(other); other.Person.ID != m.Person.ID {
				p.To = append(p.To, choice{Value: string(other.Person.ID), Text: view.Name, Hint: view.Post})
			}
		}
	}
	change(p)
	return s.render(w, r, status, "leave", p)
}

// heldItem puts one document into words; of a classified one only that it is.
func (w *words) heldItem(x approval.Held) heldView {
	out := heldView{Number: x.Number, Tone: speedTone(x.Speed, x.Grade)}
	if x.Grade.Classified() {
		out.Number, out.Speed = w.T("classified"), ""
	} else if x.Speed == approval.SpeedHighest || x.Speed == approval.SpeedUrgent {
		out.Speed = w.T(speedKey(x.Speed))
	}
	switch {
	case x.Waiting:
		out.What = w.T("held.waiting")
	case x.Duty != "":
		out.What = w.T("held.coming")
	default:
		out.What = w.T("held.handler")
	}
	if !x.Due.IsZero() && !x.Grade.Classified() {
		out.Due = w.T("due.date", w.ShortDay(x.Due))
	}
	return out
}

// leaveMember closes everything of somebody who leaves, in one step.
func (s *Server) leaveMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := s.memberOf(r)
	if err != nil {
		return err
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	version, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return errForm
	}
	out, err := s.People.LeaveMember(r.Context(), m.Person.ID, version)
	if err != nil {
		f := s.classify(v, err)
		if f.status >= 500 || f.status == http.StatusNotFound {
			return err
		}
		v.record.err = err
		return s.showLeave(w, r, v, f.status, f.text, func(*leavePage) {})
	}
	s.endSessions(r.Context(), v, out.Ended)
	http.Redirect(w, r, "/admin/people/"+string(m.Person.ID)+"/leave?ok=left", http.StatusSeeOther)
	return nil
}

// reassign gives what is in somebody's hands to somebody else (改分).
func (s *Server) reassign(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := s.memberOf(r)
	if err != nil {
		return err
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	n, err := s.Work.Reassign(r.Context(), m.Person.ID, approval.PersonID(r.PostForm.Get("to")), v.now)
	if list := invalids(err); len(list) > 0 {
		v.record.err = err
		return s.showLeave(w, r, v, http.StatusUnprocessableEntity, v.words.invalid(list[0]), func(*leavePage) {})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/people/"+string(m.Person.ID)+"/leave?given="+strconv.Itoa(n), http.StatusSeeOther)
	return nil
}
