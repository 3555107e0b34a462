package pgaccess_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/pgaccess"
)

// trail writes the audit trail in short, oldest first, what setup did left out.
func (b *bundle) trail(t *testing.T, f access.AuditFilter) []string {
	t.Helper()
	var list []string
	err := b.ExportAudit(t.Context(), f, func(e access.AuditEntry) error {
		if e.Kind == access.EventAccountCreated {
			return nil
		}
		line := fmt.Sprintf("%s by %s about %s from %s", e.Kind, e.ActorName, e.PersonName, e.Address)
		list = append([]string{line}, list...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (b *bundle) wantTrail(t *testing.T, name string, f access.AuditFilter, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.trail(t, f)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestWhatIsDoneToAccessIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := access.WithOrigin(t.Context(), access.Origin{Address: office, Network: "intranet"})
	b.clock.pass(time.Minute)
	in := b.signIn(t, "lin")
	b.clock.pass(time.Minute)
	_ = b.try(t, "wang", wrong, office)
	b.clock.pass(time.Minute)
	_ = b.try(t, "nobody", wrong, office)
	b.clock.pass(time.Minute)
	other := b.signIn(t, "lin")
	ctx = access.WithOrigin(ctx, access.Origin{Person: "p1", Session: in.Session.ID, Address: "203.0.113.9"})
	b.clock.pass(time.Minute)
	if _, err := b.ChangePassword(ctx, in.Session, right, "river gate 9 opens early"); err != nil {
		t.Fatal(err)
	}
	b.clock.pass(time.Minute)
	if _, err := b.RevokeDevice(ctx, in.Session.Account, other.Session.Device); err != nil {
		t.Fatal(err)
	}
	if _, err := b.RevokeDevice(ctx, in.Session.Account, other.Session.Device); err != nil {
		t.Fatal(err)
	}
	b.clock.pass(time.Minute)
	for range 2 { // the second time there is nothing to end
		if _, err := b.SignOut(ctx, in.Session.ID); err != nil {
			t.Fatal(err)
		}
	}
	operator := access.WithOrigin(t.Context(), access.Origin{Operator: "root"})
	b.clock.pass(time.Minute)
	token, err := b.IssueToken(operator, access.NewAPIToken{Name: "HR", Scopes: []string{"notify:write"}})
	if err != nil {
		t.Fatal(err)
	}
	b.clock.pass(time.Minute)
	if err := b.RevokeToken(operator, token[len(access.APITokenPrefix):][:26]); err != nil {
		t.Fatal(err)
	}
	b.wantTrail(t, "everything", access.AuditFilter{},
		"signin.accepted by 林美惠 about 林美惠 from 203.0.113.7",
		"signin.refused by  about 王大明 from 203.0.113.7",
		"signin.refused by  about  from 203.0.113.7",
		"signin.accepted by 林美惠 about 林美惠 from 203.0.113.7",
		"password.changed by 林美惠 about 林美惠 from 203.0.113.9",
		"device.revoked by 林美惠 about 林美惠 from 203.0.113.9",
		"signin.ended by 林美惠 about 林美惠 from 203.0.113.9",
		"token.issued by  about  from ",
		"token.withdrawn by  about  from ",
	)
	page, err := b.Audit(t.Context(), access.AuditFilter{Kind: "device"}, "", 10)
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("devices: %v, %v", page, err)
	}
	if e := page.Entries[0]; e.Browser != "iPhone · Safari" || e.Device != other.Session.Device || e.Login != "lin" || e.Session != in.Session.ID {
		t.Errorf("the entry of a device is %+v", e)
	}
	page, err = b.Audit(t.Context(), access.AuditFilter{Kind: "token"}, "", 10)
	if err != nil || len(page.Entries) != 2 || page.Entries[0].Detail["operator"] != "root" || page.Entries[0].Detail["name"] != "HR" {
		t.Errorf("tokens: %+v, %v", page, err)
	}
}

// Whoever keeps trying while a limit holds does not fill the record.
func TestLimitedSignInsAreRecordedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *pgaccess.Options) { o.Policy.Account = []access.Rule{{Max: 1, Within: time.Hour}} })
	for range 6 {
		_ = b.try(t, "lin", wrong, office)
		b.clock.pass(15 * time.Second)
	}
	b.wantTrail(t, "six attempts in 75 seconds", access.AuditFilter{},
		"signin.refused by  about 林美惠 from 203.0.113.7", "signin.limited by  about  from 203.0.113.7", "signin.limited by  about  from 203.0.113.7")
}

func TestAuditIsNarrowedAndPaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.pass(time.Hour)
	start := b.clock.now()
	b.decided(t, "d1", "", start) // at the same moment as the first sign-in
	b.decided(t, "d2", "密", start.Add(time.Minute))
	for i, login := range []string{"lin", "wang", "lin"} {
		b.signIn(t, login, func(in *access.SignIn) { in.Address = fmt.Sprintf("203.0.113.%d", 7+i) })
		b.clock.pass(time.Minute)
	}
	all := []string{
		"document.approve by 王大明 about  from 203.0.113.8", "signin.accepted by 林美惠 about 林美惠 from 203.0.113.7",
		"document.approve by 王大明 about  from 203.0.113.8", "signin.accepted by 王大明 about 王大明 from 203.0.113.8",
		"signin.accepted by 林美惠 about 林美惠 from 203.0.113.9",
	}
	b.wantTrail(t, "all", access.AuditFilter{}, all...)
	b.wantTrail(t, "by login", access.AuditFilter{Find: " Lin "}, all[1], all[4])
	b.wantTrail(t, "by a part of a name", access.AuditFilter{Find: "大明"}, all[0], all[2], all[3])
	b.wantTrail(t, "of nobody", access.AuditFilter{Find: "%"})
	b.wantTrail(t, "documents", access.AuditFilter{Kind: "document.approve"}, all[0], all[2])
	b.wantTrail(t, "documents in another way", access.AuditFilter{Kind: "document.return"})
	b.wantTrail(t, "by address", access.AuditFilter{Address: "203.0.113.8"}, all[0], all[2], all[3])
	b.wantTrail(t, "by the beginning of it", access.AuditFilter{Address: "203.0.113.", Kind: "signin"}, all[1], all[3], all[4])
	b.wantTrail(t, "in a minute", access.AuditFilter{From: start.Add(time.Minute), To: start.Add(2 * time.Minute)}, all[2], all[3])

	var got []string
	var next string
	for range 10 {
		page, err := b.Audit(t.Context(), access.AuditFilter{From: start}, next, 1)
		if err != nil || len(page.Entries) != 1 {
			t.Fatalf("page after %q: %+v, %v", next, page, err)
		}
		e := page.Entries[0]
		got = append([]string{fmt.Sprintf("%s by %s about %s from %s", e.Kind, e.ActorName, e.PersonName, e.Address)}, got...)
		if e.Document == "d2" && e.Number != "" || e.Document == "d1" && e.Number != "1150000001" {
			t.Errorf("document %s has number %q", e.Document, e.Number)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(all, got); diff != "" {
		t.Errorf("one by one (-want +got):\n%s", diff)
	}
	for _, cursor := range []string{"x", "1.e", "1.f.1", "-1.e.1", "1.e.0", "99999999999999999.e.1", "1.e.1.1"} {
		var invalid *approval.InvalidError
		if _, err := b.Audit(t.Context(), access.AuditFilter{}, cursor, 1); !errors.As(err, &invalid) || invalid.Field != "cursor" {
			t.Errorf("cursor %q gives %v", cursor, err)
		}
	}
}

// decided puts a decision of Wang's on record.
func (b *bundle) decided(t *testing.T, id, grade string, at time.Time) {
	t.Helper()
	b.exec(t, `
		insert into document (id, number, type, subject, speed, grade, state, version, handler, received_at, source_sha256, created_at, updated_at)
		values ($1, '115000000' || right($1, 1), '函', '主旨', '普通件', $2, 'circulating', 1, 'p1', $3, sha256($1::text::bytea), $3, $3)`, id, grade, at)
	b.exec(t, `
		insert into step (id, document, position, duty, person, state, origin, arrived_at, closed_at, action, acted_by)
		values ('s' || $1, $1, 0, 'review', 'p2', 'closed', 'planned', $2, $2, 'approve', 'p2')`, id, at)
	b.exec(t, `
		insert into decision (document, step, action, person, name, title, unit, session, address, at, version)
		values ($1, 's' || $1, 'approve', 'p2', '王大明', '科長', '水利科', '', '203.0.113.8', $2, 1)`, id, at)
}

// Nobody who reaches the database through this program changes the trail: what
// leaves it is what is older than six months.
func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `insert into access_event (at, kind) values (now() - interval '7 months', 'signin.refused'), (now() - interval '5 months', 'signin.refused')`)
	n := b.count(t, `select count(*) from access_event`)
	for _, query := range []string{
		`update access_event set address = ''`, `delete from access_event`, `truncate access_event`,
		`select expire_access_events(now() - interval '5 months')`, `select expire_access_events(now())`,
	} {
		if _, err := b.pool.Exec(t.Context(), query); err == nil {
			t.Errorf("%s was done", query)
		}
	}
	if got := b.count(t, `select count(*) from access_event`); got != n {
		t.Errorf("%d entries of %d are left", got, n)
	}
	if gone, err := b.ExpireAudit(t.Context(), time.Now().AddDate(0, -6, -2)); gone != 1 || err != nil {
		t.Errorf("expired %d, %v; want the one of seven months ago", gone, err)
	}
	if _, err := b.pool.Exec(t.Context(), `delete from access_event`); err == nil {
		t.Error("after the retention anything may be deleted")
	}
}
