package pgaccess_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

// administered is an office with one administrator, Chen, who acts in ctx.
func administered(t *testing.T, change ...func(*pgaccess.Options)) (*bundle, context.Context) {
	t.Helper()
	b := setup(t, change...)
	b.exec(t, `update person set roles = '{admin}' where id = 'p3'`)
	if err := b.CreateAccount(t.Context(), access.NewAccount{Login: "chen", Password: right, Person: "p3"}); err != nil {
		t.Fatal(err)
	}
	return b, access.WithOrigin(t.Context(), access.Origin{Person: "p3", Session: "s", Address: office})
}

func (b *bundle) version(t *testing.T, id approval.PersonID) int {
	t.Helper()
	m, err := b.Member(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return m.Version
}

func TestCreateMember(t *testing.T) {
	t.Parallel()
	b, ctx := administered(t)
	draft := access.MemberDraft{Name: " 高文彬 ", Title: "局長", Unit: "u1", Roles: []approval.Role{approval.RoleOfficial, approval.RoleHandler, approval.RoleOfficial}, Login: "Kao"}
	out, err := b.CreateMember(ctx, draft)
	if err != nil {
		t.Fatal(err)
	}
	m := out.Member
	if m.Person.Name != "高文彬" || m.Login != "kao" || !m.MustChange || m.UnitName != "水利科" || len(m.Person.Roles) != 2 || len(out.Password) != 16 || !m.Local || m.Locale != "zh-TW" {
		t.Errorf("created %+v", m)
	}
	in, err := b.SignIn(t.Context(), access.SignIn{Login: "kao", Password: out.Password, Address: office})
	if err != nil || !in.Session.MustChange {
		t.Errorf("with the password that is handed over: %+v, %v", in.Session, err)
	}
	b.wantTrail(t, "role", access.AuditFilter{Kind: "account.created", Find: "kao"}) // trail leaves it out
	for name, tt := range map[string]struct {
		change        func(*access.MemberDraft)
		field, reason string
	}{
		"login taken":    {func(*access.MemberDraft) {}, "login", "login.taken"},
		"no name":        {func(d *access.MemberDraft) { d.Name, d.Login = " ", "kao2" }, "name", "name.form"},
		"line in a name": {func(d *access.MemberDraft) { d.Name, d.Login = "a\nb", "kao2" }, "name", "name.form"},
		"no unit":        {func(d *access.MemberDraft) { d.Unit, d.Login = "", "kao2" }, "unit", "unit.missing"},
		"unit not there": {func(d *access.MemberDraft) { d.Unit, d.Login = "u9", "kao2" }, "unit", "unit.missing"},
		"role not there": {func(d *access.MemberDraft) { d.Roles, d.Login = []approval.Role{"root"}, "kao2" }, "roles", "role.unknown"},
		"login too long": {func(d *access.MemberDraft) { d.Login = strings.Repeat("a", 65) }, "login", "login.length"},
		"locale unknown": {func(d *access.MemberDraft) { d.Locale, d.Login = "fr", "kao2" }, "locale", "locale.unknown"},
	} {
		d := draft
		tt.change(&d)
		_, err := b.CreateMember(ctx, d)
		wantInvalid(t, err, tt.field, tt.reason, name)
	}
	// Of several, none is entered when one cannot be.
	before := b.count(t, `select count(*) from person`)
	_, err = b.CreateMembers(ctx, []access.MemberDraft{{Name: "甲", Unit: "u1", Login: "a1"}, {Name: "乙", Unit: "u1", Login: "a1"}})
	if wrong, ok := errors.AsType[*pgaccess.MemberError](err); !ok || wrong.Index != 1 {
		t.Errorf("the second of two has the first one's login: %v", err)
	}
	if got := b.count(t, `select count(*) from person`); got != before {
		t.Errorf("%d people were entered", got-before)
	}
}

func TestMembersAreFound(t *testing.T) {
	t.Parallel()
	b, ctx := administered(t)
	b.exec(t, `insert into person (id, name, title, unit, created_at) values ('p4', '林志玲', '技佐', 'u0', now())`)
	if _, err := b.LockMember(ctx, "p2", 1); err != nil {
		t.Fatal(err)
	}
	found := func(f access.MemberFilter) string {
		t.Helper()
		var names []string
		next := ""
		for range 10 {
			page, err := b.Members(ctx, f, next, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Members {
				names = append(names, m.Person.Name)
			}
			if next = page.Next; next == "" {
				return strings.Join(names, " ")
			}
		}
		return "without end"
	}
	for _, tt := range []struct {
		f    access.MemberFilter
		want string
	}{
		{access.MemberFilter{}, "林志玲 林美惠 王大明 陳志強"},
		{access.MemberFilter{Find: "林"}, "林志玲 林美惠"},
		{access.MemberFilter{Find: "WAN"}, "王大明"},
		{access.MemberFilter{Find: "技"}, "林志玲 林美惠"},
		{access.MemberFilter{Unit: "u0"}, "林志玲 陳志強"},
		{access.MemberFilter{Role: approval.RoleRegistry}, "王大明"},
		{access.MemberFilter{State: access.MemberLocked}, "王大明"},
		{access.MemberFilter{State: access.MemberNoAccount}, "林志玲"},
		{access.MemberFilter{State: access.MemberActive}, "林美惠 陳志強"},
		{access.MemberFilter{State: access.MemberLeft}, ""},
		{access.MemberFilter{Find: "%"}, ""},
	} {
		got := strings.Fields(found(tt.f))
		want := strings.Fields(tt.want)
		if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.f, diff)
		}
	}
}

func sorted(list []string) []string {
	out := append([]string{}, list...)
	for i := range out {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

func TestChangeMember(t *testing.T) {
	t.Parallel()
	b, ctx := administered(t)
	draft := access.MemberDraft{Name: "林美惠", Title: "科員", Unit: "u0", Roles: []approval.Role{approval.RoleHandler, approval.RoleAdmin}}
	out, err := b.ChangeMember(ctx, "p1", 1, draft)
	if err != nil || out.Member.Version != 2 || out.Member.Person.Title != "科員" || !out.Member.Person.Has(approval.RoleAdmin) || out.Member.UnitName != "青川市政府" {
		t.Fatalf("changed to %+v, %v", out.Member, err)
	}
	// Another administrator had the form open.
	draft.Title = "技正"
	_, err = b.ChangeMember(ctx, "p1", 1, draft)
	wantError(t, err, access.ErrMemberChanged, "with the version before")
	_, err = b.ChangeMember(ctx, "p9", 1, draft)
	wantError(t, err, approval.ErrNotFound, "nobody")
	page, err := b.Audit(ctx, access.AuditFilter{Kind: "account.changed"}, "", 10)
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("on record are %+v, %v", page.Entries, err)
	}
	want := map[string]string{"roles_before": "handler", "roles": "admin handler", "unit_before": "u1", "unit": "u0", "title_before": "技士", "title": "科員"}
	if diff := cmp.Diff(want, page.Entries[0].Detail); diff != "" || page.Entries[0].ActorName != "陳志強" || page.Entries[0].PersonName != "林美惠" {
		t.Errorf("on record is %+v (-want +got):\n%s", page.Entries[0], diff)
	}
}

// An administrator neither locks himself out, nor is the last one locked out by
// whoever it may be.
func TestSomebodyAdministers(t *testing.T) {
	t.Parallel()
	b, ctx := administered(t)
	own := access.MemberDraft{Name: "陳志強", Title: "秘書", Unit: "u0"}
	operator := access.WithOrigin(t.Context(), access.Origin{Operator: "root"})
	for name, c := range map[string]context.Context{"oneself": ctx, "the command line": operator} {
		want := access.ErrOwnAccess
		if name != "oneself" {
			want = access.ErrLastAdmin
		}
		v := b.version(t, "p3")
		_, err := b.ChangeMember(c, "p3", v, own)
		wantError(t, err, want, "role taken by "+name)
		_, err = b.LockMember(c, "p3", v)
		wantError(t, err, want, "locked by "+name)
		_, err = b.LeaveMember(c, "p3", v)
		wantError(t, err, want, "left by "+name)
		if got := b.version(t, "p3"); got != v {
			t.Errorf("something was done by %s", name)
		}
	}
	_, err := b.ResetPassword(ctx, "p3", 1)
	wantError(t, err, access.ErrOwnAccess, "one's own password is reset")
	_, err = b.SignOutMember(ctx, "p3", 1)
	wantError(t, err, access.ErrOwnAccess, "oneself signed out by the administrator's page")
	// With two, one may go.
	two := access.MemberDraft{Name: "林美惠", Unit: "u1", Roles: []approval.Role{approval.RoleAdmin}}
	if _, err := b.ChangeMember(ctx, "p1", 1, two); err != nil {
		t.Fatal(err)
	}
	// Each takes the other's role away at the same moment: one of them remains.
	var group sync.WaitGroup
	errs := make([]error, 2)
	for i, p := range []approval.PersonID{"p1", "p3"} {
		by := access.WithOrigin(t.Context(), access.Origin{Person: []approval.PersonID{"p3", "p1"}[i]})
		v := b.version(t, p)
		group.Go(func() { _, errs[i] = b.LockMember(by, p, v) })
	}
	group.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), access.ErrLastAdmin) {
		t.Errorf("each locks the other out: %v, %v", errs[0], errs[1])
	}
}

func TestLockAndReset(t *testing.T) {
	t.Parallel()
	tell := &told{}
	b, ctx := administered(t, func(o *pgaccess.Options) { o.Alerts = tell })
	in := b.signIn(t, "lin")
	tell.alerts = nil // of the sign-in
	out, err := b.LockMember(ctx, "p1", 1)
	if err != nil || out.Member.LockedAt.IsZero() || len(out.Ended) != 1 || out.Ended[0] != in.Session.ID {
		t.Fatalf("locked: %+v, %v", out, err)
	}
	b.wantNoSession(t, in.SessionCookie, "of a locked account")
	wantError(t, b.try(t, "lin", right, office), access.ErrCredentials, "right password, locked")
	if out, err = b.UnlockMember(ctx, "p1", 2); err != nil || !out.Member.LockedAt.IsZero() {
		t.Fatalf("unlocked: %+v, %v", out, err)
	}
	in = b.signIn(t, "lin", with(in))
	out, err = b.ResetPassword(ctx, "p1", 3)
	if err != nil || len(out.Password) != 16 || !out.Member.MustChange {
		t.Fatalf("reset: %+v, %v", out, err)
	}
	b.wantNoSession(t, in.SessionCookie, "after a reset")
	wantError(t, b.try(t, "lin", right, office), access.ErrCredentials, "the password before")
	again, err := b.SignIn(t.Context(), access.SignIn{Login: "lin", Password: out.Password, Address: office, DeviceCookie: in.DeviceCookie})
	if err != nil || !again.Session.MustChange || again.Session.Standing != access.Full || again.Session.Device != in.Session.Device {
		t.Errorf("with the new one, on the same phone: %+v, %v", again.Session, err)
	}
	if out, err = b.SignOutMember(ctx, "p1", 4); err != nil || out.Member.Devices != 0 || len(out.Ended) != 3 {
		t.Errorf("signed out everywhere: %+v, %v", out, err)
	}
	if want, got := "p1 locked, p1 unlocked, p1 reset, p1 signed.out", tell.matters(); got != want {
		t.Errorf("told are %q, want %q", got, want)
	}
	b.wantTrail(t, "what the administrator has done", access.AuditFilter{Find: "chen"},
		"account.locked by 陳志強 about 林美惠 from 203.0.113.7", "account.unlocked by 陳志強 about 林美惠 from 203.0.113.7",
		"password.reset by 陳志強 about 林美惠 from 203.0.113.7", "device.revoked by 陳志強 about 林美惠 from 203.0.113.7")
	b.exec(t, `update account set password_hash = '' where login = 'wang'`)
	_, err = b.ResetPassword(ctx, "p2", 1)
	wantInvalid(t, err, "account", "account.directory", "a password of a directory")
	b.exec(t, `insert into person (id, name, unit, created_at) values ('p4', '林志玲', 'u0', now())`)
	_, err = b.LockMember(ctx, "p4", 1)
	wantInvalid(t, err, "account", "account.missing", "nobody's account")
	if out, err = b.GiveAccount(ctx, "p4", 1, "ling"); err != nil || out.Member.Login != "ling" || out.Password == "" {
		t.Errorf("given an account: %+v, %v", out, err)
	}
	_, err = b.GiveAccount(ctx, "p4", 2, "ling2")
	wantInvalid(t, err, "login", "person.account", "a second account")
}

func TestLeave(t *testing.T) {
	t.Parallel()
	b, ctx := administered(t)
	in := b.signIn(t, "lin")
	b.exec(t, `
		insert into channel_link (id, person, channel, address_hash, address, keys, label, created_at, confirmed_at)
		values ('l1', 'p1', 'line', sha256('x'), 'x', 'x', '', now(), now()), ('l2', 'p2', 'line', sha256('y'), 'y', 'y', '', now(), now())`)
	out, err := b.LeaveMember(ctx, "p1", 1)
	if err != nil || out.Member.LeftAt.IsZero() || out.Member.LockedAt.IsZero() || len(out.Ended) != 1 || out.Member.Devices != 0 {
		t.Fatalf("left: %+v, %v", out, err)
	}
	b.wantNoSession(t, in.SessionCookie, "of somebody who has left")
	wantError(t, b.try(t, "lin", right, office), access.ErrCredentials, "right password, left")
	if n := b.count(t, `select count(*) from channel_link where disabled_at is null`); n != 1 {
		t.Errorf("%d links are in force, want Wang's", n)
	}
	b.wantTrail(t, "what was done", access.AuditFilter{Find: "陳志強", From: b.clock.now()},
		"device.revoked by 陳志強 about 林美惠 from 203.0.113.7", "channel.unlinked by 陳志強 about 林美惠 from 203.0.113.7", "account.left by 陳志強 about 林美惠 from 203.0.113.7")
	_, err = b.LeaveMember(ctx, "p1", 2)
	wantInvalid(t, err, "account", "person.left", "once more")
	_, err = b.UnlockMember(ctx, "p1", 2)
	wantInvalid(t, err, "account", "person.left", "opened again")
}

func TestUnitTree(t *testing.T) {
	t.Parallel()
	b, ctx := administered(t)
	add := func(name string, parent approval.UnitID) approval.UnitID {
		t.Helper()
		id, err := b.AddUnit(ctx, access.UnitDraft{Name: name, Parent: parent})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	bureau := add(" 工務局 ", "u0")
	roads := add("道路科", bureau)
	if err := b.ChangeUnit(ctx, "u1", 1, access.UnitDraft{Name: "水利一科", Parent: bureau, Code: "W1"}); err != nil {
		t.Fatal(err)
	}
	tree := func() string {
		t.Helper()
		nodes, err := b.UnitTree(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for _, n := range nodes {
			fmt.Fprintf(&out, "%s%s %d%v\n", strings.Repeat(" ", n.Depth), n.Name, n.Members, n.Heads)
		}
		return out.String()
	}
	if got := tree(); !strings.HasPrefix(got, "青川市政府 1[]\n 工務局 0[]\n") || !strings.Contains(got, "\n  水利一科 2[科長 王大明]\n") || !strings.Contains(got, "\n  道路科 0[]\n") {
		t.Errorf("the tree is\n%s", got)
	}
	for name, tt := range map[string]struct {
		id            approval.UnitID
		d             access.UnitDraft
		field, reason string
	}{
		"below itself":        {bureau, access.UnitDraft{Name: "工務局", Parent: bureau}, "parent", "unit.circle"},
		"below its own child": {bureau, access.UnitDraft{Name: "工務局", Parent: roads}, "parent", "unit.circle"},
		"the agency below":    {"u0", access.UnitDraft{Name: "青川市政府", Parent: roads}, "parent", "unit.circle"},
		"a second agency":     {roads, access.UnitDraft{Name: "道路科"}, "parent", "unit.root"},
		"nowhere":             {roads, access.UnitDraft{Name: "道路科", Parent: "x"}, "parent", "unit.missing"},
		"name taken":          {roads, access.UnitDraft{Name: "水利一科", Parent: bureau}, "name", "unit.taken"},
		"no name":             {roads, access.UnitDraft{Parent: bureau}, "name", "name.form"},
	} {
		wantInvalid(t, b.ChangeUnit(ctx, tt.id, 1, tt.d), tt.field, tt.reason, name)
	}
	_, err := b.AddUnit(ctx, access.UnitDraft{Name: "另一機關"})
	wantInvalid(t, err, "parent", "unit.root", "a second agency is added")
	wantError(t, b.ChangeUnit(ctx, "u1", 1, access.UnitDraft{Name: "x", Parent: bureau}), access.ErrMemberChanged, "with the version before")
	wantError(t, b.ChangeUnit(ctx, "u9", 1, access.UnitDraft{Name: "x", Parent: bureau}), approval.ErrNotFound, "no unit")
	// Two moves that make a circle together: one of them is refused.
	other := add("建設局", "u0")
	var group sync.WaitGroup
	errs := make([]error, 2)
	for i, id := range []approval.UnitID{bureau, other} {
		d := access.UnitDraft{Name: []string{"工務局", "建設局"}[i], Parent: []approval.UnitID{other, bureau}[i]}
		group.Go(func() { errs[i] = b.ChangeUnit(ctx, id, 1, d) })
	}
	group.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("each moves below the other: %v, %v", errs[0], errs[1])
	}
}
