package hub_test

import (
	"errors"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/hub"
)

// form is a notice that passes.
func form() hub.Notice {
	return hub.Notice{
		Kind: hub.KindForm, Title: "差勤申請單待審核", URL: "https://hr.example.gov.tw/forms/1?a=b#c",
		Speed: approval.SpeedNormal, To: []string{"lin"},
	}
}

func TestNoticeCheck(t *testing.T) {
	t.Parallel()
	origins := []string{"https://hr.example.gov.tw", "http://127.0.0.1:8081"}
	tests := []struct {
		name   string
		change func(*hub.Notice)
		reason string
	}{
		{"form", func(*hub.Notice) {}, ""},
		{"announcement without a link", func(n *hub.Notice) { n.Kind, n.URL = hub.KindAnnouncement, "" }, ""},
		{"usual port", func(n *hub.Notice) { n.URL = "https://HR.example.gov.tw:443/forms/1" }, ""},
		{"this machine", func(n *hub.Notice) { n.URL = "http://127.0.0.1:8081/x" }, ""},
		{"longest title", func(n *hub.Notice) { n.Title = strings.Repeat("單", 200) }, ""},
		{"most recipients", func(n *hub.Notice) { n.To = make([]string, 1000) }, ""},

		{"another kind", func(n *hub.Notice) { n.Kind = hub.KindNewDevice }, "notice.kind"},
		{"no title", func(n *hub.Notice) { n.Title = " \t" }, "notice.title.length"},
		{"title too long", func(n *hub.Notice) { n.Title = strings.Repeat("單", 201) }, "notice.title.length"},
		{"title of two lines", func(n *hub.Notice) { n.Title = "a\nb" }, "notice.title.characters"},
		{"title with NUL", func(n *hub.Notice) { n.Title = "a\x00" }, "notice.title.characters"},
		{"title that turns the direction", func(n *hub.Notice) { n.Title = "a\u202eb" }, "notice.title.characters"},
		{"title with a line separator", func(n *hub.Notice) { n.Title = "a\u2028b" }, "notice.title.characters"},
		{"title that is no text", func(n *hub.Notice) { n.Title = "a\xff" }, "notice.title.characters"},
		{"no speed", func(n *hub.Notice) { n.Speed = "" }, "notice.speed"},
		{"a speed that there is not", func(n *hub.Notice) { n.Speed = "特急件" }, "notice.speed"},
		{"key too long", func(n *hub.Notice) { n.Key = strings.Repeat("k", 201) }, "notice.key"},
		{"key with a control character", func(n *hub.Notice) { n.Key = "k\r" }, "notice.key"},
		{"nobody", func(n *hub.Notice) { n.To = nil }, "notice.recipients.number"},
		{"too many", func(n *hub.Notice) { n.To = make([]string, 1001) }, "notice.recipients.number"},

		{"another host", func(n *hub.Notice) { n.URL = "https://evil.example/forms/1" }, "notice.url.origin"},
		{"a host below it", func(n *hub.Notice) { n.URL = "https://a.hr.example.gov.tw/" }, "notice.url.origin"},
		{"a host that begins like it", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw.evil.example/" }, "notice.url.origin"},
		{"another port", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw:8443/" }, "notice.url.origin"},
		{"http", func(n *hub.Notice) { n.URL = "http://hr.example.gov.tw/" }, "notice.url.form"},
		{"user name", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw@evil.example/" }, "notice.url.form"},
		{"empty user name", func(n *hub.Notice) { n.URL = "https://@hr.example.gov.tw/" }, "notice.url.form"},
		{"backslash", func(n *hub.Notice) { n.URL = `https://evil.example\@hr.example.gov.tw/` }, "notice.url.form"},
		{"script", func(n *hub.Notice) { n.URL = "javascript:alert(1)" }, "notice.url.form"},
		{"data", func(n *hub.Notice) { n.URL = "data:text/html,x" }, "notice.url.form"},
		{"no scheme", func(n *hub.Notice) { n.URL = "//hr.example.gov.tw/" }, "notice.url.form"},
		{"path only", func(n *hub.Notice) { n.URL = "/forms/1" }, "notice.url.form"},
		{"opaque", func(n *hub.Notice) { n.URL = "https:hr.example.gov.tw" }, "notice.url.form"},
		{"three slashes", func(n *hub.Notice) { n.URL = "https:///hr.example.gov.tw/" }, "notice.url.form"},
		{"line end", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw/\r\nx" }, "notice.url.form"},
		{"tab", func(n *hub.Notice) { n.URL = "https://hr.exam\tple.gov.tw/" }, "notice.url.form"},
		{"space before", func(n *hub.Notice) { n.URL = " https://hr.example.gov.tw/" }, "notice.url.form"},
		{"not ASCII", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw/表單" }, "notice.url.form"},
		{"full-width dot", func(n *hub.Notice) { n.URL = "https://hr.example.gov。tw/" }, "notice.url.form"},
		{"percent in the host", func(n *hub.Notice) { n.URL = "https://hr%2eexample.gov.tw/" }, "notice.url.form"},
		{"dot at the end", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw./" }, "notice.url.form"},
		{"port that is none", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw:/" }, "notice.url.form"},
		{"too long", func(n *hub.Notice) { n.URL = "https://hr.example.gov.tw/" + strings.Repeat("a", 2048) }, "notice.url.form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := form()
			tt.change(&n)
			err := n.Check(origins)
			if invalid, _ := errors.AsType[*approval.InvalidError](err); err != nil && (invalid == nil || invalid.Reason != tt.reason) || (err == nil) != (tt.reason == "") {
				t.Errorf("got %v, want %q", err, tt.reason)
			}
		})
	}
}

func TestCheckOrigins(t *testing.T) {
	t.Parallel()
	good := []string{"https://hr.example.gov.tw", "https://hr.example.gov.tw:8443", "http://localhost:8080", "http://[::1]:8080", "https://[2001:db8::1]"}
	if err := hub.CheckOrigins(good); err != nil {
		t.Errorf("%q: %v", good, err)
	}
	for _, o := range []string{
		"", "https://", "hr.example.gov.tw", "https://hr.example.gov.tw/", "https://HR.example.gov.tw", "https://hr.example.gov.tw:443", "http://hr.example.gov.tw",
		"https://hr.example.gov.tw/a", "https://*.example.gov.tw", "https://a@hr.example.gov.tw", "https://hr.example.gov.tw?a", "https://hr.example.gov.tw#a",
		"http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://[fe80::1%25eth0]", "ftp://hr.example.gov.tw",
	} {
		if err := hub.CheckOrigins([]string{good[0], o}); err == nil {
			t.Errorf("%q was taken for an origin", o)
		}
	}
}

// FuzzLinkOrigin: what passes has the registered origin for every reader of it.
func FuzzLinkOrigin(f *testing.F) {
	for _, s := range []string{"https://hr.example.gov.tw/a", "https://a@b/", `https://a\@b/`, "https://[::1]:443/", "http://localhost", "https://a:443", "https://%61/", "https://a/../b?c#d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		origin, ok := hub.LinkOrigin(s)
		if !ok {
			return
		}
		if again, ok := hub.LinkOrigin(origin); !ok || again != origin {
			t.Errorf("%q has the origin %q, which has the origin %q", s, origin, again)
		}
		_, rest, _ := strings.Cut(s, "://")
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			rest = rest[:i]
		}
		if strings.ContainsAny(rest, "@%") || strings.ContainsAny(s, "\\\r\n\t \x00") {
			t.Errorf("%q passed", s)
		}
		if !strings.HasPrefix(strings.ToLower(s), origin[:strings.Index(origin, ":")+3]) {
			t.Errorf("%q does not begin like its origin %q", s, origin)
		}
	})
}

func TestPostedHost(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{"https://HR.example.gov.tw/a": "hr.example.gov.tw", "https://hr.example.gov.tw:8443/": "hr.example.gov.tw:8443", "": ""} {
		if got := (hub.Posted{URL: url}).Host(); got != want {
			t.Errorf("%q: host %q, want %q", url, got, want)
		}
	}
}
