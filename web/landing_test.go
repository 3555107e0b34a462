package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// front asks the public listener, with the cookie of somebody who has signed in.
func (o *office) front(t testing.TB, public http.Handler, method, path string) *answer {
	t.Helper()
	r := httptest.NewRequest(method, "http://sign.example.gov.tw"+path, nil)
	r.AddCookie(&http.Cookie{Name: o.cookies.session, Value: "wang"})
	w := httptest.NewRecorder()
	public.ServeHTTP(w, r)
	a := &answer{Response: w.Result(), text: w.Body.String()}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		var err error
		if a.page, err = goquery.NewDocumentFromReader(strings.NewReader(a.text)); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// Nothing of the app is behind the public listener, whoever asks for it: every
// route but static files is met by the landing page, which knows no session.
func TestThePublicListenerHasNoDocument(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(opt *Options) {
		called := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
		opt.Mount = map[string]http.Handler{"/hooks/": http.HandlerFunc(called), "/api/": http.HandlerFunc(called), "GET /healthz": http.HandlerFunc(called)}
		opt.PublicMount = []string{"/hooks/", "GET /healthz"}
	})
	front := o.Public()
	for _, rt := range o.table {
		method, path := o.address(rt.pattern)
		a := o.front(t, front, method, path)
		if rt.rule == public && rt.data {
			if a.page != nil || a.StatusCode >= 400 && a.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %d", rt.pattern, a.StatusCode)
			}
			continue
		}
		want := http.StatusOK
		if method != http.MethodGet {
			want = http.StatusForbidden
		}
		if a.StatusCode != want || a.words("h1") != "請先連上機關 VPN" || len(a.Cookies()) != 0 {
			t.Errorf("%s: %d %.80q", rt.pattern, a.StatusCode, a.words("h1"))
		}
		if strings.Contains(a.text, "防汛") || strings.Contains(a.text, "王") {
			t.Errorf("%s shows a document or a person", rt.pattern)
		}
	}
	if len(o.post.heard()) != 0 || len(o.wire.served) != 0 || o.store.updates != 0 {
		t.Errorf("something was done: %q", o.post.heard())
	}
	for path, want := range map[string]int{"/hooks/line": http.StatusTeapot, "/healthz": http.StatusTeapot, "/api/v1/documents": http.StatusOK, "/robots.txt": http.StatusOK} {
		if a := o.front(t, front, http.MethodGet, path); a.StatusCode != want || strings.HasPrefix(path, "/api") && a.page == nil {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	if a := o.front(t, front, http.MethodPost, "/api/v1/documents"); a.StatusCode != http.StatusForbidden {
		t.Errorf("the API answers outside: %d", a.StatusCode)
	}
}

// The landing keeps where somebody was going, under one name or two, and leads
// nowhere else.
func TestTheLandingKeepsItsTarget(t *testing.T) {
	t.Parallel()
	one := newOffice(t)
	two := newOffice(t, func(opt *Options) {
		opt.BaseURL = &url.URL{Scheme: "https", Host: "sign.example.gov.tw"}
		opt.PublicURL = &url.URL{Scheme: "https", Host: "go.example.gov.tw"}
	})
	p1, p2 := one.Public(), two.Public()
	doc := "/d/" + string(one.flood)
	for path, want := range map[string]string{
		doc:                            doc,
		doc + "?openExternalBrowser=1": doc,
		"/inbox?f=overdue":             "/inbox?f=overdue",
		"/":                            "/inbox",
		"/signin?next=" + doc:          "/inbox",
		"/such/a/page":                 "/inbox",
		"/%5C%5Cevil.example":          "/inbox",
		doc + "/no":                    "/inbox",
	} {
		a := one.front(t, p1, http.MethodGet, path)
		if got := a.attr(".ways a", "href"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
		if a.Header.Get("Connection") != "close" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", path, a.Header)
		}
		if got := two.front(t, p2, http.MethodGet, path).attr(".ways a", "href"); got != "https://sign.example.gov.tw"+want {
			t.Errorf("%s leads from another name to %q", path, got)
		}
	}
	one.front(t, p1, http.MethodPost, doc+"/act").says(t, "main", "剛才的沒有送出")
}
