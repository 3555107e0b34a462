package web

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"qianhe/approval"
)

// stop is one page that is looked at.
type stop struct{ name, path, as string }

// who gives the login with which the page is looked at.
func (s stop) who() string {
	if s.as == "" {
		return "wang"
	}
	return s.as
}

func (o *office) stops() []stop {
	d := func(id approval.DocumentID) string { return "/d/" + string(id) }
	waits := o.knock()
	return []stop{
		{name: "waiting", path: "/waiting", as: "new"},
		{name: "newdevice", path: "/newdevice/" + waits.id},
		{name: "deny", path: "/deny", as: "nobody"},
		{name: "desk", path: "/desk", as: "admin"},
		{name: "inbox", path: "/inbox"},
		{name: "inbox-filter", path: "/inbox?f=decide"},
		{name: "inbox-none", path: "/inbox?f=consult&cursor=99"},
		{name: "document", path: d(o.flood)},
		{name: "document-after", path: d(o.monitor) + "?after=" + string(o.old)},
		{name: "meeting", path: d(o.meeting)},
		{name: "classified", path: d(o.shut)},
		{name: "done-document", path: d(o.old)},
		{name: "returned", path: d(o.back)},
		{name: "decide", path: d(o.flood) + "/decide"},
		{name: "decide-final", path: d(o.monitor) + "/decide"},
		{name: "return", path: d(o.flood) + "/return"},
		{name: "view", path: d(o.flood) + "/files/" + string(o.pdf) + "/view"},
		{name: "form", path: "/n/" + o.leave},
		{name: "form-nolink", path: "/n/" + o.loan},
		{name: "announcement", path: "/n/" + o.power},
		{name: "done", path: "/done"},
		{name: "overdue", path: "/overdue"},
		{name: "overdue-none", path: "/overdue", as: "kao"},
		{name: "me", path: "/me"},
		{name: "devices", path: "/me/devices"},
		{name: "notifications", path: "/me/notifications"},
		{name: "link-line", path: "/link/line"},
		{name: "link-line-ask", path: "/link/line?linkToken=abc"},
		{name: "link-line-waits", path: "/link/line", as: "lin"},
		{name: "link-line-expired", path: "/link/line", as: "hsu"},
		{name: "link-messenger", path: "/link/messenger"},
		{name: "link-messenger-code", path: "/link/messenger", as: "lin"},
		{name: "preferences", path: "/me/notifications/preferences"},
		{name: "mylog", path: "/me/notifications/log"},
		{name: "admin", path: "/admin", as: "admin"},
		{name: "admin-channels", path: "/admin/channels", as: "admin"},
		{name: "admin-ledger", path: "/admin/ledger", as: "admin"},
		{name: "admin-ledger-none", path: "/admin/ledger?kind=channel.linked&q=nobody", as: "admin"},
		{name: "people", path: "/admin/people", as: "admin"},
		{name: "people-new", path: "/admin/people/new", as: "admin"},
		{name: "person", path: o.personURL(1), as: "admin"},
		{name: "person-own", path: o.personURL(3), as: "admin"},
		{name: "person-leaves", path: o.personURL(1) + "/leave", as: "admin"},
		{name: "units", path: "/admin/units", as: "admin"},
		{name: "unit", path: "/admin/units/" + string(o.kao.Unit), as: "admin"},
		{name: "admin-audit", path: "/admin/audit", as: "admin"},
		{name: "admin-entry", path: "/admin/ledger/" + o.ledger.entries[0].ID, as: "admin"},
		{name: "admin-access", path: "/admin/access", as: "admin"},
		{name: "admin-access-reach", path: "/admin/access/reach", as: "admin"},
		{name: "admin-access-mobile", path: "/admin/access/mobile", as: "admin"},
		{name: "admin-access-proof", path: "/admin/access/proof", as: "admin"},
		{name: "admin-policy", path: "/admin/policy", as: "admin"},
		{name: "admin-kind", path: "/admin/policy/kinds/document.arrived", as: "admin"},
		{name: "admin-kind-security", path: "/admin/policy/kinds/login.new_device", as: "admin"},
		{name: "admin-general", path: "/admin/policy/general", as: "admin"},
		{name: "admin-webhooks", path: "/admin/webhooks", as: "admin"},
		{name: "admin-reset", path: "/admin/policy/reset", as: "admin"},
		{name: "not-admin", path: "/admin"},
		{name: "password", path: "/me/password"},
		{name: "nowhere", path: "/such/a/page"},
		{name: "offline", path: "/offline"},
	}
}

// Every page, at the narrowest width and with letters of twice the size: it
// fits, and the browser has nothing against it.
func TestPagesInBrowser(t *testing.T) {
	b, o := browse(t)
	complaints := b.complaints()
	for _, width := range []int64{360, 820} {
		b.size(width, 780, false)
		for _, s := range o.stops() {
			b.as(s.who())
			b.open(s.path)
			if wide := ask[int64](b, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("%s at %d px is %d px wide", s.name, width, wide)
			}
			if width > 360 {
				continue
			}
			wide := ask[int64](b, `document.documentElement.style.fontSize = '200%', document.documentElement.scrollWidth`)
			if wide > width {
				t.Errorf("%s with large letters is %d px wide; too wide are %s", s.name, wide, ask[string](b, `[...document.querySelectorAll('main *, .bar *, .nav *, #foot *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(e.parentElement).overflowX === 'visible').map(e => e.tagName + '.' + e.className).join(' ')`))
			}
			small := ask[string](b, `document.documentElement.style.fontSize = '', [...document.querySelectorAll('a, button, input, textarea, summary')].filter(e => e.offsetParent && !e.closest('p, .hush, .skip')).map(e => e.type === 'radio' || e.type === 'checkbox' ? e.closest('label') : e).filter(e => { const r = e.getBoundingClientRect(); return r.height < 44 || r.width < 44 }).map(e => e.outerHTML.slice(0, 80)).join('\n')`)
			if small != "" {
				t.Errorf("%s has targets smaller than 44 px: %s", s.name, small)
			}
		}
	}
	for _, c := range complaints() {
		if !strings.Contains(c, "404") && !strings.Contains(c, "403") && !strings.Contains(c, "WebSocket") { // the pages that are not there or not for everybody, the connection that only the fake refuses
			t.Error(c)
		}
	}
}

// The rules of WCAG 2.2 A and AA that a program can check, light and dark.
// axe-core is Deque's, under the MPL 2.0.
func TestAccessibility(t *testing.T) {
	b, o := browse(t)
	axe, err := os.ReadFile("testdata/axe-4.14.1.min.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, dark := range []bool{false, true} {
		b.size(360, 4000, dark) // so that the bar at the thumb covers nothing by chance
		for _, s := range append([]stop{{name: "signin", path: "/signin"}}, o.stops()...) {
			if s.name != "signin" {
				b.as(s.who())
			}
			b.open(s.path)
			b.do(chromedp.Evaluate[chromedp.Void](string(axe)))
			found := ask[string](b, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120) + ' ' + n.failureSummary).join('\n    ')).join('\n'))`)
			if found != "" {
				t.Errorf("%s, dark %t:\n%s", s.name, dark, found)
			}
		}
	}
}
