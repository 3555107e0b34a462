package web

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
	"qianhe/approval/access"
)

// trail is Audit in memory.
type trail struct {
	entries  []access.AuditEntry
	asked    access.AuditFilter
	page     int
	recorded []access.Event
	origins  []access.Origin
	err      error
}

func (a *trail) Record(ctx context.Context, e access.Event) error {
	a.recorded, a.origins = append(a.recorded, e), append(a.origins, access.OriginOf(ctx))
	return a.err
}

func (a *trail) Audit(_ context.Context, f access.AuditFilter, cursor string, limit int) (access.AuditPage, error) {
	a.asked = f
	from := 0
	if cursor != "" {
		var err error
		if from, err = strconv.Atoi(cursor); err != nil {
			return access.AuditPage{}, &approval.InvalidError{Field: "cursor", Reason: "cursor.invalid"}
		}
	}
	if a.page > 0 {
		limit = a.page
	}
	list := a.entries[from:]
	if f.Kind != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(e access.AuditEntry) bool { return string(e.Kind) != f.Kind })
	}
	var p access.AuditPage
	if len(list) > limit {
		list, p.Next = list[:limit], strconv.Itoa(from+limit)
	}
	p.Entries = list
	return p, nil
}

func (a *trail) ExportAudit(ctx context.Context, f access.AuditFilter, fn func(access.AuditEntry) error) error {
	a.asked = f
	for _, e := range a.entries {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// did fills the audit trail of two days.
func (o *office) did() {
	at := func(day, h, m, s int) time.Time { return time.Date(2026, 11, day, h, m, s, 0, approval.Zone) }
	entry := func(when time.Time, k access.EventKind, actor, about approval.Person, login, browser string, detail map[string]string) access.AuditEntry {
		return access.AuditEntry{
			Event:     access.Event{At: when, Kind: k, Actor: actor.ID, Person: about.ID, Address: "203.0.113.7", Detail: detail},
			ActorName: actor.Name, PersonName: about.Name, Login: login, Browser: browser,
		}
	}
	o.trail = &trail{entries: []access.AuditEntry{
		entry(at(23, 9, 5, 11), access.EventSignedIn, o.wang, o.wang, "wang", "iPhone · Safari", map[string]string{"browser": "iPhone · Safari", "device": "new"}),
		entry(at(23, 9, 4, 2), access.EventRefused, approval.Person{}, o.wang, "wang", "", nil),
		entry(at(23, 8, 50, 0), access.EventChannelUnlinked, o.wang, o.wang, "wang", "", map[string]string{"channel": "line", "link": "x", "reason": "removed"}),
		entry(at(23, 8, 41, 0), access.EventTokenIssued, approval.Person{}, approval.Person{}, "", "", map[string]string{"name": "=HYPERLINK(1)", "scopes": "notify:write", "token": "x", "operator": "ops"}),
		entry(at(20, 16, 5, 0), "document.decide", o.kao, approval.Person{}, "kao", "Windows · Edge", nil),
		entry(at(20, 16, 4, 0), "document.approve", o.chen, o.kao, "chen", "", nil),
	}}
	o.trail.entries[4].Document, o.trail.entries[4].Number = o.old, "1150098765"
	o.trail.entries[5].Document = o.shut
}

func TestAudit(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/audit").status(t, 200).has(t, ".told", 6).says(t, ".day", "今天", "115年11月20日")
	a.says(t, ".cards li:nth-child(1)", "登入 09:05:11", "王敏華 wang", "新裝置", "203.0.113.7 · iPhone · Safari")
	a.says(t, ".cards li:nth-child(2)", "登入失敗", "未登入的人 對象 王敏華")
	a.says(t, ".cards li:nth-child(3)", "解除綁定", "LINE · 自行移除")
	a.says(t, ".cards li:nth-child(4)", "核發 API 權杖", "主機維運人員 ops", "=HYPERLINK(1) · notify:write")
	a.says(t, "main", "公文決行", "高文彬 kao", "1150098765", "陳志明 對象 高文彬", "密件")

	q := "?address=203.0.113.&from=2026-11-20&kind=signin.refused&q=wang&to=2026-11-23&other=1"
	a = o.get(t, "admin", "/admin/audit"+q).status(t, 200).has(t, ".told", 1).has(t, "details[open]", 1)
	want := access.AuditFilter{
		Find: "wang", Kind: "signin.refused", Address: "203.0.113.",
		From: time.Date(2026, 11, 20, 0, 0, 0, 0, approval.Zone), To: time.Date(2026, 11, 24, 0, 0, 0, 0, approval.Zone),
	}
	if o.trail.asked != want {
		t.Errorf("asked for %+v, want %+v", o.trail.asked, want)
	}
	if got := a.attr("a[download]", "href"); got != "/admin/audit.csv?address=203.0.113.&from=2026-11-20&kind=signin.refused&q=wang&to=2026-11-23" {
		t.Errorf("the file is at %s", got)
	}
	o.get(t, "admin", "/admin/audit?kind=no&from=yesterday&address=%25'&q="+strings.Repeat("a", 200)).status(t, 200).has(t, ".told", 6).has(t, "details[open]", 0)
	o.trail.page = 4
	a = o.get(t, "admin", "/admin/audit").has(t, ".told", 4)
	o.get(t, "admin", a.attr("a[data-more]", "href")).status(t, 200).has(t, ".told", 2).has(t, `.more a[href="/admin/audit"]`, 1)
	o.get(t, "admin", "/admin/audit?cursor=x&q=wang").redirects(t, "/admin/audit?q=wang")
}

func TestAuditFile(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "admin", "/admin/audit.csv?q=wang").status(t, 200)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.text, bom))).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d lines, %v", len(rows), err)
	}
	want := []string{"2026-11-23 09:05:11", "登入", "signin.accepted", "王敏華", "王敏華", "wang", "203.0.113.7", "", "iPhone · Safari", "新裝置", "", "", "", "browser=iPhone+%C2%B7+Safari&device=new"}
	if !slices.Equal(rows[1], want) {
		t.Errorf("a line is %q, want %q", rows[1], want)
	}
	for _, r := range rows {
		for _, c := range r {
			if c != "" && strings.ContainsAny(c[:1], "=+-@") {
				t.Errorf("a spreadsheet takes %q for a formula", c)
			}
		}
	}
	// What leaves the system is on record before it does, with who took it.
	o.get(t, "admin", "/admin/ledger.csv?state=failed").status(t, 200)
	if n := len(o.trail.recorded); n != 2 || o.trail.recorded[0].Kind != access.EventAuditExported || o.trail.recorded[0].Detail["query"] != "q=wang" || o.trail.recorded[1].Kind != access.EventLedgerExported {
		t.Errorf("recorded %+v", o.trail.recorded)
	}
	if got := o.trail.origins[0]; got.Person != o.admin.ID || got.Session != "session-admin" || got.Address == "" {
		t.Errorf("exported by %+v", got)
	}
	o.trail.err = errors.New("no record")
	o.get(t, "admin", "/admin/audit.csv").status(t, http.StatusInternalServerError)
	o.get(t, "admin", "/admin/ledger.csv").status(t, http.StatusInternalServerError)
}

// Every kind that can stand in the trail has a name of its own.
func TestEveryEventHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, k := range auditKinds() {
		key := auditKey(access.EventKind(k))
		if key == "event.other" || seen[key] != "" {
			t.Errorf("%s is called %s, as is %q", k, key, seen[key])
		}
		seen[key] = k
	}
}
