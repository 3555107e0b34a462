package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// robotAgents fetch links out of messages.
var robotAgents = []string{
	"facebookexternalhit/1.1;line-poker/1.0", "Mozilla/5.0 (compatible; LineSpider/1.1)", "Line-Crawler",
	"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
	"Mozilla/5.0 (X11; Linux x86_64) (KHTML, like Gecko; Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)) Chrome/130.0.0.0",
	"Mozilla/5.0 (Linux; Android 7.0) (compatible; Google-Read-Aloud)", "Mozilla/5.0 (compatible; Google-Safety; +http://www.google.com/bot.html)",
	"Mozilla/5.0 (Windows NT 10.0) SafeLinks", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
	"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Mozilla/5.0 SkypeUriPreview Preview/0.5",
	"WhatsApp/2.23.20.0 A", "facebookexternalhit/1.1; kakaotalk-scrap/1.0", "TelegramBot (like TwitterBot)",
}

// aheads are how browsers say that nobody has asked yet.
var aheads = [][2]string{
	{"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}, {"Purpose", "prefetch"}, {"X-Purpose", "preview"}, {"X-Moz", "prefetch"},
}

// Every address, with somebody's session: programs that say what they are do
// nothing and get the same page everywhere; so do requests that come ahead.
func TestNobodyLooks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var neutral string
	for _, rt := range o.table {
		method, path := o.address(rt.pattern)
		if rt.rule == public && rt.data {
			continue // files that everybody gets
		}
		for _, ua := range robotAgents {
			for _, login := range []string{"wang", "admin", ""} {
				a := o.ask(t, login, method, path, nil, "User-Agent", ua)
				want := http.StatusOK
				if method == http.MethodPost {
					want = http.StatusForbidden
				}
				if a.StatusCode != want {
					t.Fatalf("%s as %q for %s: got %d, want %d", rt.pattern, login, ua, a.StatusCode, want)
				}
				if neutral == "" {
					neutral = a.text
				}
				if a.text != neutral || len(a.Cookies()) != 0 || a.Header.Get("Location") != "" {
					t.Errorf("%s as %q tells %s something: %.200s", rt.pattern, login, ua, a.text)
				}
				if a.Header.Get("X-Robots-Tag") != noRobots || a.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: headers %v", rt.pattern, a.Header)
				}
			}
		}
		if method != http.MethodGet {
			continue
		}
		for _, h := range aheads {
			if a := o.get(t, "wang", path, h[0], h[1]); a.StatusCode != http.StatusServiceUnavailable || a.text != "" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s with %q: got %d %.100s", rt.pattern, h, a.StatusCode, a.text)
			}
		}
		if a := o.ask(t, "wang", http.MethodHead, path, nil); a.text != "" && !rt.data {
			t.Errorf("HEAD %s has a body", path)
		}
	}
	if !strings.Contains(neutral, `<meta property="og:title" content="行動簽核">`) || strings.Contains(neutral, "青川市政府") || strings.Contains(neutral, "/d/") {
		t.Errorf("the page for programs is %s", neutral)
	}
	if got := o.post.heard(); len(got) != 0 {
		t.Errorf("nobody has looked, and that was recorded: %q", got)
	}
	if o.store.updates != 0 || len(o.accounts.ended) != 0 {
		t.Error("nobody has looked, and something was done")
	}
}

// Opened is what a person has opened, whatever else fetches an address.
func TestWhatCountsAsLooking(t *testing.T) {
	t.Parallel()
	const chrome = "Mozilla/5.0 (Linux; Android 14; SM-A5560) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36"
	tests := []struct {
		name    string
		headers []string
		want    bool
	}{
		{"an old browser", []string{"Sec-Fetch-Site", ""}, true},
		{"typed, or tapped in another app", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1"}, true},
		{"a link of ours", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, true},
		{"through the service worker", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "empty"}, true},
		{"a link on another site, tapped", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1", "User-Agent", chrome}, true},
		{"a link on another site, on an iPhone", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "User-Agent", safari}, true},
		{"opened by another site without a tap", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "User-Agent", chrome}, false},
		{"a hidden frame", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, false},
		{"an image", []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, false},
		{"a script of ours", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, false},
		{"a link to be prefetched", []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "empty"}, false},
	}
	for _, tt := range tests {
		o := newOffice(t)
		for _, path := range []string{"/d/" + string(o.flood), "/inbox", "/n/" + o.leave, "/overdue"} {
			before := len(o.post.heard())
			o.get(t, "wang", path, tt.headers...).status(t, 200)
			if seen := len(o.post.heard()) > before; seen != tt.want {
				t.Errorf("%s: %s seen %v, want %v", tt.name, path, seen, tt.want)
			}
		}
	}
}

// A title is kept by browsers, shown by switchers of tabs and sent along by
// sharing: nothing of a document's content stands in one.
func TestTitlesSayNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, rt := range o.table {
		method, path := o.address(rt.pattern)
		if method != http.MethodGet || rt.data {
			continue
		}
		for _, login := range []string{"wang", "admin", ""} {
			a := o.get(t, login, path)
			if a.page == nil || a.page.Find("title").Length() == 0 {
				continue
			}
			title := a.words("title")
			for _, d := range o.store.docs {
				for _, secret := range append(slices.Clone(strings.Fields(d.Subject)), ".pdf", ".jpg") {
					if strings.Contains(title, secret) {
						t.Errorf("%s as %q has the title %q", rt.pattern, login, title)
					}
				}
			}
			if n := a.page.Find(`meta[property^="og:"]`).Length(); login == "" && n == 0 || login == "wang" && a.StatusCode == 200 && n != 0 && rt.rule != public {
				t.Errorf("%s as %q has %d words for previews", rt.pattern, login, n)
			}
		}
	}
}
