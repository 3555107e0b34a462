package web

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qianhe/approval"
)

func TestOverdue(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.get(t, "wang", "/overdue").status(t, 200).has(t, ".card", 2).says(t, ".top", "逾期 1 件、即將到期 1 件").says(t, ".day", "您經手的")
	a.says(t, "a.card.highest", "最速件 函 逾期 2 日", "青工防字第1150012345號", "承辦 科員 林以寧", "目前在 科長 王敏華")
	if got := a.attr("a.card", "href"); got != "/d/"+string(o.flood) {
		t.Errorf("the first leads to %s", got)
	}
	if !slices.Contains(o.post.heard(), "seen [overdue.soon overdue.reminder overdue.escalation] via web") {
		t.Errorf("said %q", o.post.heard())
	}
	o.get(t, "wang", "/overdue", "Sec-Purpose", "prefetch").status(t, 503)
	if n := len(o.post.heard()); n != 1 {
		t.Errorf("a page that was fetched ahead was seen: %q", o.post.heard())
	}
	o.get(t, "kao", "/overdue").status(t, 200).says(t, ".empty", "沒有到期或逾期的公文")
	o.get(t, "wang", "/overdue?cursor=x").redirects(t, "/overdue")
}

// 研考 see what is late in the whole agency, and open nothing that has not
// reached them; of a classified document that there is one.
func TestOverdueOfOthers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	audit := o.store.people[o.admin.ID]
	audit.Roles = []approval.Role{approval.RoleAuditor}
	o.store.people[o.admin.ID] = audit
	shut := o.store.find(o.shut)
	shut.Deadline.Due = o.now.Add(-48 * time.Hour)
	a := o.get(t, "admin", "/overdue").status(t, 200).has(t, "a.card", 0).has(t, "div.card", 2).says(t, ".day", "全機關的")
	if subject := o.store.find(o.flood).Subject; strings.Contains(a.text, subject) || !strings.Contains(a.words("div.card"), "主旨僅經手人可見") {
		t.Error("the list tells the subject of what 研考 may not open")
	}
	a.says(t, "div.card.sealed", "密件，請至辦公室辦理", "承辦 科員 林以寧")
	if strings.Contains(a.text, "不可示人") || strings.Contains(a.words("div.card.sealed"), "1150099999") {
		t.Error("the list names a classified document")
	}
	for range 25 {
		o.store.mu.Lock()
		o.fillTray(t, 1)
		o.store.docs[len(o.store.docs)-1].Deadline.Due = o.now.Add(-time.Hour)
		o.store.mu.Unlock()
	}
	a = o.get(t, "admin", "/overdue").has(t, "div.card", trayPage)
	o.get(t, "admin", a.attr("a[data-more]", "href")).status(t, 200).has(t, ".card", 27-trayPage).has(t, `.more a[href="/overdue"]`, 1)
}
