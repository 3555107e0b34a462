package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// staff is People and Work in memory: it shows what it has, does what it is
// told to, and keeps what it was told.
type staff struct {
	members []access.Member
	tree    []access.UnitNode
	asked   access.MemberFilter
	did     []string
	draft   access.MemberDraft
	unit    access.UnitDraft
	err     error // what changes answer, when it is set
	held    approval.Holding
}

func (s *staff) Members(_ context.Context, f access.MemberFilter, cursor string, limit int) (access.MemberPage, error) {
	s.asked = f
	if cursor == "x" {
		return access.MemberPage{}, &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
	}
	list := slices.DeleteFunc(slices.Clone(s.members), func(m access.Member) bool { return !strings.Contains(m.Person.Name, f.Find) })
	return access.MemberPage{Members: list, Next: map[bool]string{true: "next"}[cursor == "" && f.Find == ""]}, nil
}

func (s *staff) Member(_ context.Context, id approval.PersonID) (access.Member, error) {
	for _, m := range s.members {
		if m.Person.ID == id {
			return m, nil
		}
	}
	return access.Member{}, approval.ErrNotFound
}

func (s *staff) do(what string, id approval.PersonID, version int) (access.Changed, error) {
	if s.err != nil {
		return access.Changed{}, s.err
	}
	m, err := s.Member(context.Background(), id)
	if version != m.Version {
		return access.Changed{}, access.ErrMemberChanged
	}
	s.did = append(s.did, what+" "+m.Login)
	return access.Changed{Member: m, Ended: []string{"session-" + m.Login}}, err
}

func (s *staff) CreateMember(_ context.Context, d access.MemberDraft) (access.Changed, error) {
	s.draft = d
	if s.err != nil {
		return access.Changed{}, s.err
	}
	return access.Changed{Member: s.members[0], Password: "once-only-password"}, nil
}

func (s *staff) ChangeMember(_ context.Context, id approval.PersonID, version int, d access.MemberDraft) (access.Changed, error) {
	s.draft = d
	return s.do("change", id, version)
}

func (s *staff) GiveAccount(_ context.Context, id approval.PersonID, version int, login string) (access.Changed, error) {
	return s.do("account "+login, id, version)
}

func (s *staff) LockMember(_ context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.do("lock", id, version)
}

func (s *staff) UnlockMember(_ context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.do("unlock", id, version)
}

func (s *staff) ResetPassword(_ context.Context, id approval.PersonID, version int) (access.Changed, error) {
	out, err := s.do("reset", id, version)
	out.Password = "once-only-password"
	return out, err
}

func (s *staff) SignOutMember(_ context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.do("signout", id, version)
}

func (s *staff) LeaveMember(_ context.Context, id approval.PersonID, version int) (access.Changed, error) {
	return s.do("leave", id, version)
}

func (s *staff) UnitTree(context.Context) ([]access.UnitNode, error) { return s.tree, nil }

func (s *staff) AddUnit(_ context.Context, d access.UnitDraft) (approval.UnitID, error) {
	s.unit = d
	return "u", s.err
}

func (s *staff) ChangeUnit(_ context.Context, id approval.UnitID, version int, d access.UnitDraft) error {
	s.unit = d
	return s.err
}

func (s *staff) Held(context.Context, approval.PersonID, int) (approval.Holding, error) {
	return s.held, nil
}

func (s *staff) Reassign(_ context.Context, from, to approval.PersonID, _ time.Time) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.did = append(s.did, "reassign")
	return 3, nil
}

// employed fills the office's staff.
func (o *office) employed() {
	o.staff = &staff{}
	agency := approval.Unit{ID: approval.UnitID(o.newID()), Name: "青川市政府"}
	o.staff.tree = []access.UnitNode{{Unit: agency, Version: 1, Members: 1}}
	for _, u := range []approval.UnitID{o.kao.Unit, o.wang.Unit} {
		o.staff.tree = append(o.staff.tree, access.UnitNode{Unit: approval.Unit{ID: u, Parent: o.staff.tree[len(o.staff.tree)-1].ID, Name: o.store.units[u]}, Version: 2, Depth: len(o.staff.tree), Members: 4})
	}
	o.staff.tree[1].Heads, o.staff.tree[2].Heads = []string{"局長 高文彬"}, []string{"科長 王敏華"}
	for i, login := range []string{"lin", "wang", "kao", "admin"} {
		p := o.accounts.sessions[login].Person
		o.staff.members = append(o.staff.members, access.Member{
			Person: p, UnitName: o.store.units[p.Unit], Version: i + 3, Account: "account-" + login, Login: login, Local: true, Devices: 2, Sessions: 1,
			CreatedAt: o.now.AddDate(-1, 0, 0), LastSeenAt: o.now.Add(-20 * time.Minute),
		})
	}
	o.staff.members[2].LockedAt = o.now.Add(-time.Hour)
	guest := approval.Person{ID: approval.PersonID(o.newID()), Name: "何安琪", Title: "約僱人員", Unit: o.wang.Unit}
	o.staff.members = append(o.staff.members, access.Member{Person: guest, UnitName: "工務局 水利科", Version: 1, CreatedAt: o.now})
	o.staff.held = approval.Holding{Waiting: 2, Coming: 1, Handled: 2, Total: 4, Items: []approval.Held{
		{Document: o.flood, Number: "1150012345", Speed: approval.SpeedHighest, Due: o.now.AddDate(0, 0, 1), Duty: approval.DutyReview, Waiting: true},
		{Document: o.shut, Grade: approval.GradeConfidential, Duty: approval.DutyDecide, Waiting: true},
		{Document: o.back, Number: "1150012399", Duty: approval.DutyConsult, Due: o.now.AddDate(0, 0, 9)},
	}}
}

func (o *office) personURL(i int) string {
	return "/admin/people/" + string(o.staff.members[i].Person.ID)
}

func TestPeople(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/people").status(t, 200).has(t, "a.card", 5).has(t, "details[open]", 0)
	a.says(t, ".cards li:nth-child(1)", "林以寧 lin 工務局 水利科 科員", "長官 · 08:50 使用過").says(t, ".cards li:nth-child(3)", "高文彬 已鎖定").says(t, ".cards li:nth-child(5)", "何安琪 沒有帳號")
	if got := a.attr("a[data-more]", "href"); got != "/admin/people?cursor=next" {
		t.Errorf("more is at %s", got)
	}
	q := "?q=王&unit=" + string(o.wang.Unit) + "&role=registry&state=locked&other=1"
	a = o.get(t, "admin", "/admin/people"+q).status(t, 200).has(t, "a.card", 1).has(t, "details[open]", 1)
	if want := (access.MemberFilter{Find: "王", Unit: o.wang.Unit, Role: approval.RoleRegistry, State: access.MemberLocked}); o.staff.asked != want {
		t.Errorf("asked for %+v, want %+v", o.staff.asked, want)
	}
	if a.attr("#state [selected]", "value") != "locked" || a.attr("#role [selected]", "value") != "registry" {
		t.Error("what is looked for does not stand in the form")
	}
	o.get(t, "admin", "/admin/people?role=root&state=x&unit=y").status(t, 200)
	if o.staff.asked != (access.MemberFilter{}) {
		t.Errorf("asked for %+v", o.staff.asked)
	}
	o.get(t, "admin", "/admin/people?cursor=x&q=王").redirects(t, "/admin/people?q=%E7%8E%8B")
}

func TestNewPerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	form := o.get(t, "admin", "/admin/people/new").status(t, 200).form(t, "/admin/people/new")
	form.Set("name", "何安琪")
	form.Set("login", "ho")
	form.Set("unit", string(o.wang.Unit))
	form["roles"] = []string{"handler", "registry"}
	a := o.send(t, "admin", "/admin/people/new", form).status(t, 200).says(t, ".handover", "once-only-password", "請當面或以書面交給本人")
	if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("a page with a password may be kept: %q", got)
	}
	if d := o.staff.draft; d.Name != "何安琪" || d.Login != "ho" || d.Unit != o.wang.Unit || len(d.Roles) != 2 {
		t.Errorf("created %+v", d)
	}
	o.staff.err = &approval.InvalidError{Field: "login", Reason: "login.taken", Detail: "ho"}
	a = o.send(t, "admin", "/admin/people/new", form).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "這個帳號已有人使用")
	if a.attr("#login", "value") != "ho" || a.attr("#name", "value") != "何安琪" || a.attr("#role-registry[checked]", "value") != "registry" {
		t.Error("what was typed is gone")
	}
}

func TestPerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", o.personURL(1)).status(t, 200).says(t, ".self", "王敏華 工務局 水利科 科長").says(t, ".facts", "帳號 wang", "裝置 2 台，登入中 1 台", "最近使用 08:50")
	a.says(t, ".links", "離職或調出 待辦 2 件、將到 1 件、承辦 2 件").has(t, `a[href="/admin/audit?q=wang"]`, 1).has(t, ".deeds details", 3)
	form := a.form(t, o.personURL(1))
	if form.Get("version") != "4" || form.Get("name") != "王敏華" || form.Get("roles") != "official" || form.Get("unit") != string(o.wang.Unit) {
		t.Errorf("the form is %v", form)
	}
	form.Set("title", "專門委員")
	o.send(t, "admin", o.personURL(1), form).redirects(t, o.personURL(1)+"?ok=settings")
	if o.staff.draft.Title != "專門委員" || !slices.Equal(o.wire.closed, []string{"session-wang"}) {
		t.Errorf("changed to %+v, closed %q", o.staff.draft, o.wire.closed)
	}
	for deed, ok := range map[string]string{"lock": "locked", "unlock": "unlocked", "signout": "signedout"} {
		o.send(t, "admin", o.personURL(1)+"/"+deed, url.Values{"version": {"4"}}).redirects(t, o.personURL(1)+"?ok="+ok)
		o.get(t, "admin", o.personURL(1)+"?ok="+ok).has(t, ".note", 1)
	}
	o.send(t, "admin", o.personURL(1)+"/reset", url.Values{"version": {"4"}}).status(t, 200).says(t, ".handover", "once-only-password")
	// Two administrators: the second one is told, and sees how it stands.
	o.send(t, "admin", o.personURL(1)+"/lock", url.Values{"version": {"3"}}).status(t, http.StatusConflict).says(t, ".wrong", "另一位管理者改過").has(t, ".self", 1)
	o.send(t, "admin", o.personURL(1)+"/lock", nil).status(t, http.StatusBadRequest)
	for _, err := range []error{access.ErrLastAdmin, access.ErrOwnAccess} {
		o.staff.err = err
		o.send(t, "admin", o.personURL(1)+"/lock", url.Values{"version": {"4"}}).status(t, http.StatusConflict).has(t, ".wrong", 1)
	}
	o.staff.err = &approval.InvalidError{Field: "name", Reason: "name.form", Detail: "60"}
	form.Set("name", "")
	o.send(t, "admin", o.personURL(1), form).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "請填 1 到 60 個字")
	o.staff.err = nil
	// One's own account, one that is locked, and somebody without one.
	o.get(t, "admin", o.personURL(3)).has(t, ".deeds", 0).says(t, ".fixed", "不能移除自己的管理者角色").has(t, `input[type=hidden][name=roles][value=admin]`, 1)
	o.get(t, "admin", o.personURL(2)).says(t, ".mark", "已鎖定").has(t, `form[action$="/unlock"]`, 1).has(t, `form[action$="/lock"]`, 0)
	o.get(t, "admin", o.personURL(4)).has(t, ".deeds", 0).has(t, `form[action$="/account"]`, 1)
	o.send(t, "admin", o.personURL(4)+"/account", url.Values{"version": {"1"}, "login": {"ho"}}).redirects(t, o.personURL(4)+"?ok=settings")
	o.get(t, "admin", "/admin/people/"+o.newID()).status(t, http.StatusNotFound)
	o.get(t, "admin", "/admin/people/x").status(t, http.StatusNotFound)
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	at := o.personURL(1)
	a := o.get(t, "admin", at+"/leave").status(t, 200).says(t, ".past", "1150012345 最速件 待辦 · 限 115.11.24", "密件 待辦", "1150012399 還沒到").says(t, "main", "還有 1 件")
	if strings.Contains(a.words(".past li:nth-child(2)"), "限") {
		t.Error("a classified document shows its deadline")
	}
	if to := a.words("#to"); !strings.Contains(to, "林以寧（工務局 水利科 科員）") || strings.Contains(to, "王敏華") {
		t.Errorf("can be given to %q", to)
	}
	if o.staff.asked.Unit != o.wang.Unit || o.staff.asked.State != access.MemberActive {
		t.Errorf("successors are looked for by %+v", o.staff.asked)
	}
	o.get(t, "admin", at+"/leave?q=林").status(t, 200).has(t, "#to option", 1)
	o.send(t, "admin", at+"/leave", url.Values{"version": {"4"}}).redirects(t, at+"/leave?ok=left")
	if !slices.Equal(o.wire.closed, []string{"session-wang"}) || !slices.Equal(o.staff.did, []string{"leave wang"}) {
		t.Errorf("closed %q, did %q", o.wire.closed, o.staff.did)
	}
	o.send(t, "admin", at+"/leave", url.Values{"version": {"3"}}).status(t, http.StatusConflict).says(t, ".wrong", "另一位管理者改過")
	o.send(t, "admin", at+"/reassign", url.Values{"to": {string(o.lin.ID)}}).redirects(t, at+"/leave?given=3")
	o.get(t, "admin", at+"/leave?given=3").says(t, ".note", "已改分 3 件公文")
	o.staff.err = &approval.InvalidError{Field: "to", Reason: "reassign.missing"}
	o.send(t, "admin", at+"/reassign", url.Values{"to": {"x"}}).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "請選一位在職、有帳號的人")
	o.staff.err, o.staff.held = nil, approval.Holding{}
	o.staff.members[1].LeftAt = o.now
	o.get(t, "admin", at+"/leave").says(t, "main", "這個人已離職", "手上沒有公文").has(t, `form[action$="/leave"][method=post]`, 0).has(t, "#to", 0)
	o.get(t, "admin", o.personURL(3)+"/leave").has(t, `form[action$="/leave"][method=post]`, 0) // one's own
}

func TestUnits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/units").status(t, 200).has(t, ".tree li", 3).says(t, ".tree li:nth-child(2)", "工務局 4 人 主管 局長 高文彬").has(t, ".tree .level-2", 1)
	form := a.form(t, "/admin/units")
	form.Set("name", "養護科")
	form.Set("parent", string(o.kao.Unit))
	o.send(t, "admin", "/admin/units", form).redirects(t, "/admin/units?ok=settings")
	if want := (access.UnitDraft{Name: "養護科", Parent: o.kao.Unit}); o.staff.unit != want {
		t.Errorf("added %+v", o.staff.unit)
	}
	at := "/admin/units/" + string(o.kao.Unit)
	a = o.get(t, "admin", at).status(t, 200).has(t, "#parent option", 1) // neither itself nor what is below it
	form = a.form(t, at)
	form.Set("name", "工務處")
	o.send(t, "admin", at, form).redirects(t, "/admin/units?ok=settings")
	if o.staff.unit.Name != "工務處" || form.Get("version") != "2" {
		t.Errorf("changed to %+v by %v", o.staff.unit, form)
	}
	o.get(t, "admin", "/admin/units/"+string(o.staff.tree[0].ID)).has(t, "#parent", 0)
	o.get(t, "admin", "/admin/units/x").status(t, http.StatusNotFound)
	o.staff.err = access.ErrMemberChanged
	o.send(t, "admin", at, form).status(t, http.StatusConflict).says(t, ".wrong", "另一位管理者改過")
	o.staff.err = &approval.InvalidError{Field: "parent", Reason: "unit.circle"}
	o.send(t, "admin", at, form).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "單位不能隸屬於自己")
	o.send(t, "admin", "/admin/units", form).status(t, http.StatusUnprocessableEntity).says(t, ".wrong", "單位不能隸屬於自己")
}
