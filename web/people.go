package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"qianhe/approval"
	"qianhe/approval/access"
)

// peoplePage lists people and their accounts, for the administrator.
type peoplePage struct {
	base
	Find     string
	Units    []choice
	Roles    []choice
	States   []choice
	Narrowed bool
	People   []personView
	First    bool
	URL      string
	More     string
}

// personView is one of them.
type personView struct {
	URL   string
	Name  string
	Post  string // unit and title
	Login string
	Roles string
	State string // "" for an account in use
	Tone  string
	Seen  string
}

// peopleAtOnce is how many people a page shows.
const peopleAtOnce = 30

// readPeopleQuery reads a filter from an address, and passes over what it does
// not know.
func readPeopleQuery(q url.Values) (f access.MemberFilter, kept url.Values) {
	kept = url.Values{}
	keep := func(key, value string) string {
		if value != "" {
			kept.Set(key, value)
		}
		return value
	}
	if find := strings.TrimSpace(q.Get("q")); len(find) <= 128 && !strings.ContainsRune(find, 0) {
		f.Find = keep("q", find)
	}
	if u := q.Get("unit"); approval.ValidID(u) {
		f.Unit = approval.UnitID(keep("unit", u))
	}
	if role := q.Get("role"); slices.Contains(approval.Roles(), approval.Role(role)) {
		f.Role = approval.Role(keep("role", role))
	}
	switch state := access.MemberState(q.Get("state")); state {
	case access.MemberActive, access.MemberLocked, access.MemberNoAccount, access.MemberLeft:
		f.State = state
		keep("state", string(state))
	}
	return f, kept
}

func (s *Server) people(w http.ResponseWriter, r *http.Request, v *visit) error {
	if s.People == nil {
		return approval.ErrNotFound
	}
	ctx, words := r.Context(), v.words
	f, kept := readPeopleQuery(r.URL.Query())
	address := func(cursor string) string { return ledgerQuery{values: kept}.url("/admin/people", cursor) }
	cursor := r.URL.Query().Get("cursor")
	list, err := s.People.Members(ctx, f, cursor, peopleAtOnce)
	switch {
	case cursor != "" && badCursor(err):
		http.Redirect(w, r, address(""), http.StatusSeeOther)
		return nil
	case err != nil:
		return err
	}
	units, err := s.People.UnitTree(ctx)
	if err != nil {
		return err
	}
	b, err := s.counted(ctx, v, words.T("people.title"), "me")
	if err != nil {
		return err
	}
	p := &peoplePage{base: b, Find: f.Find, Narrowed: f.Unit != "" || f.Role != "" || f.State != "", First: cursor == "", URL: address("")}
	p.Units = append([]choice{{Text: words.T("people.unit.all"), Checked: f.Unit == ""}}, unitChoices(units, f.Unit, "")...)
	p.Roles = []choice{{Text: words.T("people.role.all"), Checked: f.Role == ""}}
	for _, role := range approval.Roles() {
		p.Roles = append(p.Roles, choice{Value: string(role), Text: words.T(roleKey(role)), Checked: f.Role == role})
	}
	p.States = []choice{{Text: words.T("people.state.any"), Checked: f.State == ""}}
	for _, st := range []access.MemberState{access.MemberActive, access.MemberLocked, access.MemberNoAccount, access.MemberLeft} {
		p.States = append(p.States, choice{Value: string(st), Text: words.T(memberStateKey(st)), Checked: f.State == st})
	}
	for _, m := range list.Members {
		p.People = append(p.People, v.person(m))
	}
	if list.Next != "" {
		p.More = address(list.Next)
	}
	return s.render(w, r, http.StatusOK, "people", p)
}

// stateOf is how an account stands.
func stateOf(m access.Member) access.MemberState {
	switch {
	case !m.LeftAt.IsZero():
		return access.MemberLeft
	case m.Account == "":
		return access.MemberNoAccount
	case !m.LockedAt.IsZero():
		return access.MemberLocked
	}
	return access.MemberActive
}

func (v *visit) person(m access.Member) personView {
	w := v.words
	out := personView{
		URL: "/admin/people/" + string(m.Person.ID), Name: m.Person.Name, Post: strings.TrimSpace(m.UnitName + " " + m.Person.Title), Login: m.Login,
	}
	var roles []string
	for _, role := range approval.Roles() {
		if m.Person.Has(role) {
			roles = append(roles, w.T(roleKey(role)))
		}
	}
	out.Roles = strings.Join(roles, w.T("list.and"))
	switch st := stateOf(m); st {
	case access.MemberLeft, access.MemberLocked:
		out.State, out.Tone = w.T(memberStateKey(st)), "late"
	case access.MemberNoAccount:
		out.State = w.T(memberStateKey(st))
	}
	if !m.LastSeenAt.IsZero() {
		out.Seen = w.T("people.seen", w.Moment(m.LastSeenAt, v.now))
	}
	return out
}

// roleKey is what a role is called.
func roleKey(r approval.Role) string {
	switch r {
	case approval.RoleHandler:
		return "role.handler"
	case approval.RoleOfficial:
		return "role.official"
	case approval.RoleRegistry:
		return "role.registry"
	case approval.RoleAuditor:
		return "role.auditor"
	}
	return "role.admin"
}

// roleHelpKey is what somebody with a role may do.
func roleHelpKey(r approval.Role) string {
	switch r {
	case approval.RoleHandler:
		return "role.handler.text"
	case approval.RoleOfficial:
		return "role.official.text"
	case approval.RoleRegistry:
		return "role.registry.text"
	case approval.RoleAuditor:
		return "role.auditor.text"
	}
	return "role.admin.text"
}

func memberStateKey(s access.MemberState) string {
	switch s {
	case access.MemberLocked:
		return "member.locked"
	case access.MemberNoAccount:
		return "member.none"
	case access.MemberLeft:
		return "member.left"
	}
	return "member.active"
}

// unitChoices are the units as they stand below each other; without leaves one
// out, with all that belongs to it.
func unitChoices(tree []access.UnitNode, chosen, without approval.UnitID) []choice {
	var list []choice
	skip := -1
	for _, u := range tree {
		if skip >= 0 && u.Depth > skip {
			continue
		}
		if skip = -1; u.ID == without && without != "" {
			skip = u.Depth
			continue
		}
		list = append(list, choice{Value: string(u.ID), Text: strings.Repeat("　", u.Depth) + u.Name, Checked: u.ID == chosen})
	}
	return list
}
