package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// An administrator looks after the demo's office, over a real database: sees
// what people were told, sends themselves a test, and changes the policy, which
// everybody's preferences then show.
func TestAdministration(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	admin := d.signedIn(t, "admin")

	status, page := admin.get("/admin/ledger?q=wang")
	if status != http.StatusOK || page.Find(".told").Length() == 0 || !strings.Contains(says(page, ".told"), "王敏華") || strings.Contains(says(page, ".told"), "陳志明") {
		t.Fatalf("%d: what Wang was told is %.300q", status, says(page, "main"))
	}
	entry, _ := page.Find("a.told").Attr("href")
	if status, page = admin.get(entry); status != http.StatusOK || !strings.Contains(says(page, ".facts"), "王敏華") {
		t.Errorf("%d: an entry says %.300q", status, says(page, "main"))
	}
	if status, page = admin.get("/admin/ledger.csv?q=wang"); status != http.StatusOK || !strings.Contains(page.Text(), "王敏華") {
		t.Errorf("%d: the file says %.300q", status, page.Text())
	}

	status, page = admin.get("/admin/channels")
	if status != http.StatusOK || !strings.Contains(says(page, ".health"), "LINE") || page.Find(`form[action="/admin/channels/line/test"]`).Length() != 1 {
		t.Fatalf("%d: channels are %.300q", status, says(page, "main"))
	}
	before := d.received("admin")
	if status, page = admin.post("/admin/channels/line/test", nil); status != http.StatusOK || !strings.Contains(says(page, ".note"), "LINE") {
		t.Fatalf("%d: after the test the page says %.300q", status, says(page, "main"))
	}
	d.waitLINE(t, "admin", before+1)

	_, page = admin.get("/admin/policy/general")
	form := admin.fields(page, "form", url.Values{
		"unseen": {"20"}, "from": {"18:30"}, "to": {"08:00"}, "digests": {"08:30 13:30"}, "cap": {"9"}, "tier": {"counts"}, "share": {"85"}, "keep": {"365"},
		"at": {"09:00"}, "soon": {"1"}, "again": {"5"}, "desk": {"1"}, "head": {"3"}, "weekly": {"1"}, "monthly": {"1"},
	})
	if status, page = admin.post("/admin/policy/general", form); status != http.StatusOK || !strings.Contains(says(page, ".past"), "18:30") {
		t.Fatalf("%d: the policy is %.300q", status, says(page, "main"))
	}
	if status, _ = admin.post("/admin/policy/general", form); status != http.StatusConflict {
		t.Errorf("the same form again: %d, want 409", status)
	}

	wang := d.signedIn(t, "wang")
	status, page = wang.get("/me/notifications/preferences")
	if status != http.StatusOK || !strings.Contains(says(page, "main"), "18:30 到次日 08:00") || page.Find("input[name=digest]").Length() != 2 {
		t.Errorf("%d: Wang's preferences are %.300q", status, says(page, "main"))
	}
	if status, page = wang.get("/me/notifications/log"); status != http.StatusOK || page.Find(".told").Length() == 0 {
		t.Errorf("%d: Wang's log is %.300q", status, says(page, "main"))
	}
	// 研考 sees what is late in the whole agency, and may open none of it.
	audit := d.signedIn(t, "audit")
	if status, page = audit.get("/overdue"); status != http.StatusOK || page.Find("div.card").Length() == 0 || page.Find("a.card").Length() != 0 || !strings.Contains(says(page, ".day"), "全機關的") {
		t.Errorf("%d: what is late in the agency is %.300q", status, says(page, "main"))
	}
	if status, _ = wang.get("/admin/ledger"); status != http.StatusForbidden {
		t.Errorf("Wang is let into the ledger: %d", status)
	}
}
