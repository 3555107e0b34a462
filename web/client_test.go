package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
)

// answer is what the server has answered.
type answer struct {
	*http.Response
	text string
	page *goquery.Document
}

// ask sends a request as somebody, "" for nobody. Headers are pairs.
func (o *office) ask(t testing.TB, login, method, path string, body io.Reader, headers ...string) *answer {
	t.Helper()
	r := httptest.NewRequest(method, "http://sign.example.gov.tw"+path, body)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Language", "zh-TW,zh;q=0.9")
	if login != "" {
		r.AddCookie(&http.Cookie{Name: o.cookies.session, Value: login})
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	o.Handler().ServeHTTP(w, r)
	a := &answer{Response: w.Result(), text: w.Body.String()}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") && a.Header.Get("Content-Encoding") == "" {
		var err error
		if a.page, err = goquery.NewDocumentFromReader(strings.NewReader(a.text)); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func (o *office) get(t testing.TB, login, path string, headers ...string) *answer {
	t.Helper()
	return o.ask(t, login, http.MethodGet, path, nil, headers...)
}

// send posts a form.
func (o *office) send(t testing.TB, login, path string, form url.Values, headers ...string) *answer {
	t.Helper()
	return o.ask(t, login, http.MethodPost, path, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// sendJSON posts what a script would.
func (o *office) sendJSON(t testing.TB, login, path, body string) *answer {
	t.Helper()
	return o.ask(t, login, http.MethodPost, path, strings.NewReader(body), "Content-Type", "application/json")
}

// status reports another status than the one wanted.
func (a *answer) status(t testing.TB, want int) *answer {
	t.Helper()
	if a.StatusCode != want {
		t.Fatalf("status %d, want %d: %.300s", a.StatusCode, want, a.text)
	}
	return a
}

// holds wants a text anywhere in the answer.
func (a *answer) holds(t testing.TB, want string) *answer {
	t.Helper()
	if !strings.Contains(a.text, want) {
		t.Errorf("got %q, want %s in it", a.text, want)
	}
	return a
}

// redirects reports another target than the one wanted.
func (a *answer) redirects(t testing.TB, want string) *answer {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != want {
		t.Fatalf("got %d to %q, want 303 to %q: %.300s", a.StatusCode, a.Header.Get("Location"), want, a.text)
	}
	return a
}

// words gives the text of what a selector finds, as it is read: white space
// folded, and a space between elements.
func (a *answer) words(selector string) string {
	if a.page == nil {
		return ""
	}
	return readText(a.page.Find(selector))
}

func readText(s *goquery.Selection) string {
	var parts []string
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			parts = append(parts, strings.Fields(n.Data)...)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	for _, n := range s.Nodes {
		walk(n)
	}
	return strings.Join(parts, " ")
}

// has reports when a selector does not find exactly n.
func (a *answer) has(t testing.TB, selector string, n int) *answer {
	t.Helper()
	if a.page == nil {
		t.Fatalf("answer is no page: %d %.200s", a.StatusCode, a.text)
	}
	if got := a.page.Find(selector).Length(); got != n {
		t.Errorf("%q finds %d, want %d", selector, got, n)
	}
	return a
}

// says reports when the text of what a selector finds does not have all of
// these.
func (a *answer) says(t testing.TB, selector string, want ...string) *answer {
	t.Helper()
	got := a.words(selector)
	for _, s := range want {
		if !strings.Contains(got, s) {
			t.Errorf("%q says %q, want %q in it", selector, got, s)
		}
	}
	return a
}

// attr gives an attribute of the first that a selector finds.
func (a *answer) attr(selector, name string) string {
	if a.page == nil {
		return ""
	}
	return a.page.Find(selector).First().AttrOr(name, "")
}

// form gives the fields of the form at action, as a browser without scripts
// would send them, without any button.
func (a *answer) form(t testing.TB, action string) url.Values {
	t.Helper()
	f := a.page.Find(`form[action="` + action + `"]`)
	if f.Length() != 1 {
		t.Fatalf("%d forms to %s", f.Length(), action)
	}
	v := url.Values{}
	f.Find("input, textarea, select").Each(func(_ int, field *goquery.Selection) {
		name, _ := field.Attr("name")
		switch {
		case field.AttrOr("type", "") == "radio", field.AttrOr("type", "") == "checkbox":
			if _, checked := field.Attr("checked"); checked {
				v.Add(name, field.AttrOr("value", ""))
			}
		case goquery.NodeName(field) == "select":
			v.Set(name, field.Find("option[selected]").AttrOr("value", field.Find("option").AttrOr("value", "")))
		case field.AttrOr("type", "") == "hidden":
			v.Add(name, field.AttrOr("value", ""))
		case goquery.NodeName(field) == "textarea":
			v.Set(name, field.Text())
		default:
			v.Set(name, field.AttrOr("value", ""))
		}
	})
	return v
}

// behindProxy has the proxy from which test requests come believed.
func behindProxy(opt *Options) {
	opt.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's
}
