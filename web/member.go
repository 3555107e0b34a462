package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"qianhe/approval"
	"qianhe/approval/access"
)

// memberPage is one person with the account, for the administrator.
type memberPage struct {
	base
	Person   personView
	Seal     seal
	Facts    []fact
	Version  int
	Form     memberForm
	Wrong    map[string]string
	Error    string
	Password string // to be handed over, shown once
	Held     string // in a line, what is in their hands
	Audit    string // where what was done is found

	Own, Account, Local, Locked, Left bool
}

// memberForm is what can be said of a person.
type memberForm struct {
	New   bool
	Name  string
	Title string
	Login string
	Units []choice
	Roles []choice
}

func (s *Server) memberForm(ctx context.Context, v *visit, d access.MemberDraft, own bool) (memberForm, error) {
	tree, err := s.People.UnitTree(ctx)
	f := memberForm{Name: d.Name, Title: d.Title, Login: d.Login, Units: unitChoices(tree, d.Unit, "")}
	p := approval.Person{Roles: d.Roles}
	for _, role := range approval.Roles() {
		c := choice{Value: string(role), Text: v.words.T(roleKey(role)), Hint: v.words.T(roleHelpKey(role)), Checked: p.Has(role)}
		if own && role == approval.RoleAdmin {
			c.Fixed = v.words.T("member.own.admin")
		}
		f.Roles = append(f.Roles, c)
	}
	return f, err
}

func (s *Server) newMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.showNew(w, r, v, http.StatusOK, access.MemberDraft{Roles: []approval.Role{approval.RoleHandler}, Unit: approval.UnitID(r.URL.Query().Get("unit"))}, nil)
}

// showNew shows the form for a new person, with what is wrong with it.
func (s *Server) showNew(w http.ResponseWriter, r *http.Request, v *visit, status int, d access.MemberDraft, wrong error) error {
	if s.People == nil {
		return approval.ErrNotFound
	}
	b, err := s.counted(r.Context(), v, v.words.T("member.new"), "me")
	if err != nil {
		return err
	}
	p := &memberPage{base: b, Wrong: v.words.wrongs(wrong)}
	if p.Form, err = s.memberForm(r.Context(), v, d, false); err != nil {
		return err
	}
	p.Form.New = true
	v.record.err = wrong
	return s.render(w, r, status, "membernew", p)
}

// draftOf reads the form of a person.
func draftOf(form url.Values) access.MemberDraft {
	d := access.MemberDraft{Name: form.Get("name"), Title: form.Get("title"), Unit: approval.UnitID(form.Get("unit")), Login: form.Get("login")}
	for _, role := range form["roles"] {
		d.Roles = append(d.Roles, approval.Role(role))
	}
	return d
}

func (s *Server) createMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.People == nil {
		return approval.ErrNotFound
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	d := draftOf(r.PostForm)
	out, err := s.People.CreateMember(r.Context(), d)
	if len(invalids(err)) > 0 {
		return s.showNew(w, r, v, http.StatusUnprocessableEntity, d, err)
	}
	if err != nil {
		return err
	}
	return s.showMember(w, r, v, http.StatusOK, out.Member, func(p *memberPage) { p.Password, p.Note = out.Password, &note{Text: v.words.T("saved.member.new")} })
}

// memberOf finds the person of an address.
func (s *Server) memberOf(r *http.Request) (access.Member, error) {
	id := r.PathValue("person")
	if s.People == nil || !approval.ValidID(id) {
		return access.Member{}, approval.ErrNotFound
	}
	return s.People.Member(r.Context(), approval.PersonID(id))
}

func (s *Server) member(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := s.memberOf(r)
	if err != nil {
		return err
	}
	return s.showMember(w, r, v, http.StatusOK, m, func(p *memberPage) { p.Note = saved(v, r) })
}

// showMember shows a person as they are, with what change adds.
func (s *Server) showMember(w http.ResponseWriter, r *http.Request, v *visit, status int, m access.Member, change func(*memberPage)) error {
	ctx, words := r.Context(), v.words
	b, err := s.counted(ctx, v, m.Person.Name, "me")
	if err != nil {
		return err
	}
	p := &memberPage{
		base: b, Person: v.person(m), Seal: sealed(m.Person.Name), Version: m.Version, Own: m.Person.ID == v.session.Person.ID,
		Account: m.Account != "", Local: m.Local, Locked: !m.LockedAt.IsZero(), Left: !m.LeftAt.IsZero(),
	}
	p.Form, err = s.memberForm(ctx, v, access.MemberDraft{Name: m.Person.Name, Title: m.Person.Title, Unit: m.Person.Unit, Roles: m.Person.Roles}, p.Own)
	if err != nil {
		return err
	}
	if s.Audit != nil {
		p.Audit = "/admin/audit?q=" + url.QueryEscape(orText(m.Login, m.Person.Name))
	}
	held, err := s.Work.Held(ctx, m.Person.ID, 1)
	if err != nil {
		return err
	}
	p.Held = words.held(held)
	add := func(key, value string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{Label: words.T(key), Value: value})
		}
	}
	add("member.login", m.Login)
	if p.Account {
		add("member.devices", words.T("member.devices.text", m.Devices, m.Sessions))
		add("member.seen", words.Moment(m.LastSeenAt, v.now))
		add("member.since", words.ShortDay(m.CreatedAt))
	}
	add("member.lockedat", words.Moment(m.LockedAt, v.now))
	add("member.leftat", words.Moment(m.LeftAt, v.now))
	change(p)
	return s.render(w, r, status, "member", p)
}

// held says in a line what is in somebody's hands.
func (w *words) held(h approval.Holding) string {
	if h.Total == 0 {
		return w.T("held.none")
	}
	return w.T("held.some", h.Waiting, h.Coming, h.Handled)
}

// act is one thing done to a person: the form's version says what was seen.
type memberAct func(ctx context.Context, id approval.PersonID, version int) (access.Changed, error)

// onMember reads the form of a button, does what it says, ends what has ended
// with it, and shows the person, or the form again with what is wrong.
func (s *Server) onMember(w http.ResponseWriter, r *http.Request, v *visit, ok string, act memberAct, refill func(*memberPage) error) error {
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
	out, err := act(r.Context(), m.Person.ID, version)
	switch {
	case len(invalids(err)) > 0:
		v.record.err = err
		var failed error
		shown := s.showMember(w, r, v, http.StatusUnprocessableEntity, m, func(p *memberPage) {
			p.Wrong = v.words.wrongs(err)
			p.Error = p.Wrong["account"]
			if refill != nil {
				failed = refill(p)
			}
		})
		return errors.Join(shown, failed)
	case errors.Is(err, access.ErrMemberChanged), errors.Is(err, access.ErrLastAdmin), errors.Is(err, access.ErrOwnAccess):
		f := s.classify(v, err)
		v.record.err = err
		return s.showMember(w, r, v, f.status, m, func(p *memberPage) { p.Error = f.text })
	case err != nil:
		return err
	}
	s.endSessions(r.Context(), v, out.Ended)
	if out.Password != "" {
		return s.showMember(w, r, v, http.StatusOK, out.Member, func(p *memberPage) { p.Password = out.Password })
	}
	http.Redirect(w, r, "/admin/people/"+string(m.Person.ID)+"?ok="+ok, http.StatusSeeOther)
	return nil
}

func (s *Server) changeMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	var d access.MemberDraft
	return s.onMember(w, r, v, "settings", func(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
		d = draftOf(r.PostForm)
		return s.People.ChangeMember(ctx, id, version, d)
	}, func(p *memberPage) (err error) {
		p.Form, err = s.memberForm(r.Context(), v, d, p.Own)
		return err
	})
}

func (s *Server) giveAccount(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onMember(w, r, v, "settings", func(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
		return s.People.GiveAccount(ctx, id, version, r.PostForm.Get("login"))
	}, func(p *memberPage) error {
		p.Form.Login = r.PostForm.Get("login")
		return nil
	})
}

func (s *Server) lockMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onMember(w, r, v, "locked", func(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
		return s.People.LockMember(ctx, id, version)
	}, nil)
}

func (s *Server) unlockMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onMember(w, r, v, "unlocked", func(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
		return s.People.UnlockMember(ctx, id, version)
	}, nil)
}

func (s *Server) resetMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onMember(w, r, v, "settings", func(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
		return s.People.ResetPassword(ctx, id, version)
	}, nil)
}

func (s *Server) signOutMember(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.onMember(w, r, v, "signedout", func(ctx context.Context, id approval.PersonID, version int) (access.Changed, error) {
		return s.People.SignOutMember(ctx, id, version)
	}, nil)
}
