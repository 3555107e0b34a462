package web

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/jba/templatecheck"
)

// pageTypes are what each template shows.
var pageTypes = map[string]any{
	"elsewhere": &elsewherePage{}, "second": &secondPage{}, "factors": &factorsPage{}, "totp": &totpPage{}, "passkey": &passkeyPage{}, "codes": &codesPage{}, "prove": &provePage{},
	"signin": &signInPage{}, "inbox": &inboxPage{}, "document": &documentPage{}, "decide": &decidePage{}, "done": &donePage{}, "me": &mePage{},
	"password": &passwordPage{}, "devices": &devicesPage{}, "notifications": &notificationsPage{}, "view": &viewPage{}, "error": &errorPage{}, "notyours": &notYoursPage{}, "handover": &handoverPage{}, "replaced": &replacedPage{},
	"offline": &offlinePage{}, "posted": &postedPage{}, "webhooks": &webhooksPage{}, "preferences": &preferencesPage{}, "mylog": &myLogPage{}, "overdue": &overduePage{},
	"waiting": &waitingPage{}, "newdevice": &newDevicePage{}, "deny": &denyPage{}, "desk": &deskPage{},
	"liff": &liffPage{}, "linkline": &linkLINEPage{}, "linkmessenger": &linkMessengerPage{},
	"admin": &adminPage{}, "audit": &auditPage{}, "people": &peoplePage{}, "member": &memberPage{}, "membernew": &memberPage{}, "leave": &leavePage{}, "units": &unitsPage{}, "unit": &unitPage{}, "channels": &adminChannelsPage{}, "ledger": &ledgerPage{}, "ledgerentry": &ledgerEntryPage{},
	"policy": &policyPage{}, "policykind": &policyKindPage{}, "policygeneral": &policyGeneralPage{}, "policyreset": &policyResetPage{},
	"access": &accessPage{}, "accessgroup": &accessGroupPage{}, "landing": &landingPage{},
}

// Every template is written for the type that it is given, and says so in its
// first line.
func TestTemplatesFitTheirTypes(t *testing.T) {
	t.Parallel()
	all, err := parseTemplates()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(pageTypes) {
		t.Errorf("%d templates, %d types", len(all), len(pageTypes))
	}
	for name, set := range all {
		data, ok := pageTypes[name]
		if !ok {
			t.Errorf("template %s has no type here", name)
			continue
		}
		if err := templatecheck.CheckHTML(set.Lookup("base"), data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		b, err := templateFiles.ReadFile("templates/" + name + ".tmpl")
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("{{/* . is %T */}}\n", data); !strings.HasPrefix(string(b), want) {
			t.Errorf("%s does not begin with %s", name, want)
		}
	}
	if err := templatecheck.CheckHTML(all["inbox"].Lookup("tray"), &inboxPage{}); err != nil {
		t.Errorf("tray: %v", err)
	}
}

// What the content policy forbids is not even tried: no script or style in a
// page, no handler, no style attribute.
func TestNothingInline(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	pages := map[string]*answer{"signin": o.get(t, "", "/signin"), "nowhere": o.get(t, "", "/nowhere"), "offline": o.get(t, "", "/offline")}
	for _, s := range o.stops() {
		pages[s.name] = o.get(t, s.who(), s.path)
	}
	pages["refused"] = o.act(t, "wang", o.monitor, o.fill(t, "wang", o.monitor, "forward", ""))
	handler := regexp.MustCompile(`(?i)\son[a-z]+\s*=`)
	for name, a := range pages {
		a.has(t, "script:not([src])", 0).has(t, "style", 0).has(t, "[style]", 0).has(t, `a[href^="javascript:"]`, 0).has(t, "iframe, object, embed, base", 0)
		if m := handler.FindString(a.text); m != "" {
			t.Errorf("%s has a handler %q", name, m)
		}
		if a.page.Find("title").Text() == "" || a.attr("html", "lang") == "" || a.page.Find("main").Length() != 1 || a.page.Find("h1").Length() != 1 {
			t.Errorf("%s has no title, language, main part or one heading", name)
		}
		for _, addr := range a.page.Find("[src], link[href]").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("src", s.AttrOr("href", "")) }) {
			if !strings.HasPrefix(addr, "/") || strings.HasPrefix(addr, "//") {
				t.Errorf("%s loads %s", name, addr)
			}
		}
		for i := range a.page.Find("input:not([type=hidden]):not([hidden]):not([type=radio]), textarea, select").Length() {
			f := a.page.Find("input:not([type=hidden]):not([hidden]):not([type=radio]), textarea, select").Eq(i)
			if id := f.AttrOr("id", ""); id == "" || a.page.Find(`label[for="`+id+`"]`).Length() != 1 {
				t.Errorf("%s: field %s has no label", name, f.AttrOr("name", ""))
			}
		}
	}
}
