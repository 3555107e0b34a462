package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"qianhe/approval"
	"qianhe/approval/access"
)

// unitsPage is the agency and its parts, for the administrator.
type unitsPage struct {
	base
	Units []unitView
	Form  unitForm
	Wrong map[string]string
	Error string
}

// unitView is one unit of the tree.
type unitView struct {
	URL     string
	Name    string
	Code    string
	Level   string // class of its depth
	Members string
	People  string // where those are listed
	Heads   string
}

// unitForm is what can be said of a unit.
type unitForm struct {
	Name    string
	Code    string
	Parents []choice // none for the agency itself
	Version int
}

// unitPage changes one unit.
type unitPage struct {
	base
	URL   string
	Unit  unitView
	Form  unitForm
	Wrong map[string]string
	Error string
}

func (s *Server) units(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showUnits(w, r, v, http.StatusOK, access.UnitDraft{Parent: approval.UnitID(r.URL.Query().Get("below"))}, nil)
}

func (s *Server) showUnits(w http.ResponseWriter, r *http.Request, v *visit, status int, d access.UnitDraft, wrong error) error {
	if s.People == nil {
		return approval.ErrNotFound
	}
	tree, err := s.People.UnitTree(r.Context())
	if err != nil {
		return err
	}
	b, err := s.counted(r.Context(), v, v.words.T("units.title"), "me")
	if err != nil {
		return err
	}
	p := &unitsPage{base: b, Wrong: v.words.wrongs(wrong), Form: unitForm{Name: d.Name, Code: d.Code, Parents: unitChoices(tree, d.Parent, "")}}
	p.Note, v.record.err = saved(v, r), wrong
	for _, u := range tree {
		p.Units = append(p.Units, v.words.unit(u))
	}
	return s.render(w, r, status, "units", p)
}

func (w *words) unit(u access.UnitNode) unitView {
	return unitView{
		URL: "/admin/units/" + string(u.ID), Name: u.Name, Code: u.Code, Level: "level-" + strconv.Itoa(min(u.Depth, 4)),
		Members: w.N("units.members", u.Members), People: "/admin/people?unit=" + string(u.ID), Heads: strings.Join(u.Heads, w.T("list.and")),
	}
}

func (s *Server) addUnit(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.People == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	d := access.UnitDraft{Name: r.PostForm.Get("name"), Code: r.PostForm.Get("code"), Parent: approval.UnitID(r.PostForm.Get("parent"))}
	_, err := s.People.AddUnit(r.Context(), d)
	if len(invalids(err)) > 0 {
		return s.showUnits(w, r, v, http.StatusUnprocessableEntity, d, err)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/units?ok=settings", http.StatusSeeOther)
	return nil
}

func (s *Server) unit(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showUnit(w, r, v, http.StatusOK, func(*unitPage) {})
}

func (s *Server) showUnit(w http.ResponseWriter, r *http.Request, v *visit, status int, change func(*unitPage)) error {
	if s.People == nil {
		return approval.ErrNotFound
	}
	tree, err := s.People.UnitTree(r.Context())
	if err != nil {
		return err
	}
	for _, u := range tree {
		if string(u.ID) != r.PathValue("unit") {
			continue
		}
		b, err := s.counted(r.Context(), v, u.Name, "me")
		if err != nil {
			return err
		}
		p := &unitPage{base: b, Unit: v.words.unit(u), Form: unitForm{Name: u.Name, Code: u.Code, Version: u.Version}}
		p.URL = p.Unit.URL
		if u.Parent != "" {
			p.Form.Parents = unitChoices(tree, u.Parent, u.ID)
		}
		change(p)
		return s.render(w, r, status, "unit", p)
	}
	return approval.ErrNotFound
}

func (s *Server) changeUnit(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.People == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	version, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return errForm
	}
	d := access.UnitDraft{Name: r.PostForm.Get("name"), Code: r.PostForm.Get("code"), Parent: approval.UnitID(r.PostForm.Get("parent"))}
	err = s.People.ChangeUnit(r.Context(), approval.UnitID(r.PathValue("unit")), version, d)
	switch {
	case len(invalids(err)) > 0:
		v.record.err = err
		return s.showUnit(w, r, v, http.StatusUnprocessableEntity, func(p *unitPage) {
			p.Form.Name, p.Form.Code, p.Wrong = d.Name, d.Code, v.words.wrongs(err)
		})
	case errors.Is(err, access.ErrMemberChanged):
		f := s.classify(v, err)
		v.record.err = err
		return s.showUnit(w, r, v, f.status, func(p *unitPage) { p.Error = f.text })
	case err != nil:
		return err
	}
	http.Redirect(w, r, "/admin/units?ok=settings", http.StatusSeeOther)
	return nil
}
