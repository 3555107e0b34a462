package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// visitor is somebody with a browser that runs no scripts.
type visitor struct {
	t    testing.TB
	base string
	http *http.Client
	path string // of the page that is shown
}

func (d *demo) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, base: d.config.BaseURL.String(), http: &http.Client{Jar: jar}}
}

// signedIn is a visitor who has signed in.
func (d *demo) signedIn(t testing.TB, account string) *visitor {
	t.Helper()
	v := d.visitor(t)
	status, page := v.get("/inbox")
	if status != http.StatusOK || v.path != "/signin" {
		t.Fatalf("GET /inbox without a session: %d at %s, want the sign-in page", status, v.path)
	}
	status, _ = v.post("/signin", v.fields(page, "form", url.Values{"login": {account}, "password": {demoPassword}}))
	if status != http.StatusOK || v.path != "/inbox" {
		t.Fatalf("sign in as %s: %d at %s, want the in-tray", account, status, v.path)
	}
	return v
}

func (v *visitor) get(path string) (int, *goquery.Document) {
	v.t.Helper()
	req, err := http.NewRequest(http.MethodGet, v.base+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(req)
}

func (v *visitor) post(path string, form url.Values) (int, *goquery.Document) {
	v.t.Helper()
	req, err := http.NewRequest(http.MethodPost, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", v.base)
	return v.do(req)
}

func (v *visitor) do(req *http.Request) (int, *goquery.Document) {
	v.t.Helper()
	req.Header.Set("Accept-Language", "zh-TW")
	resp, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := goquery.NewDocumentFromReader(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		v.t.Fatal(err)
	}
	v.path = resp.Request.URL.Path
	return resp.StatusCode, page
}

// fields are the hidden fields of a form, with others on top.
func (v *visitor) fields(page *goquery.Document, form string, more url.Values) url.Values {
	values := url.Values{}
	page.Find(form + " input[type=hidden]").Each(func(_ int, s *goquery.Selection) {
		values.Set(s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	for k, list := range more {
		values[k] = list
	}
	return values
}

// says is the text of what a selector finds.
func says(page *goquery.Document, selector string) string {
	return strings.Join(strings.Fields(page.Find(selector).Text()), " ")
}
