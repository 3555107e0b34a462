package main

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"qianhe/approval"
)

// TestRefusals: what goes wrong on the pages of a whole server gets a sentence
// and the right status, and changes nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	wang := d.signedIn(t, "wang")
	status, tray := wang.get("/inbox")
	first := strings.TrimPrefix(tray.Find(".cards a.card").First().AttrOr("href", ""), "/d/")
	if status != http.StatusOK || !approval.ValidID(first) {
		t.Fatalf("in-tray: %d, first document %q", status, first)
	}
	mine := "/d/" + first
	state := func() (decisions, notifications int) {
		t.Helper()
		row := d.pool.QueryRow(t.Context(), `select (select count(*) from decision), (select count(*) from notification)`)
		if err := row.Scan(&decisions, &notifications); err != nil {
			t.Fatal(err)
		}
		return decisions, notifications
	}
	decisions, notifications := state()

	t.Run("another person's document is not found", func(t *testing.T) {
		lin := d.signedIn(t, "audit")
		for _, path := range []string{mine, mine + "/decide", "/d/00000000000000000000000000", "/d/nonsense"} {
			status, page := lin.get(path)
			if status != http.StatusNotFound || strings.Contains(page.Text(), "防汛") {
				t.Errorf("GET %s by a stranger: %d, want 404 without a word of it", path, status)
			}
		}
	})
	t.Run("a forged cookie lets nobody in", func(t *testing.T) {
		base, _ := url.Parse(wang.base)
		genuine := wang.http.Jar.Cookies(base)
		for _, forge := range []func(string) string{
			func(s string) string { return s[:len(s)-2] + "AA" },
			func(s string) string { return "7" + s[1:] },
			func(s string) string { return strings.Repeat("x", 4000) },
			func(s string) string { return "" },
		} {
			v := d.visitor(t)
			var forged []*http.Cookie
			for _, c := range genuine {
				forged = append(forged, &http.Cookie{Name: c.Name, Value: forge(c.Value)})
			}
			v.http.Jar.SetCookies(base, forged)
			if v.get(mine); v.path != "/signin" {
				t.Errorf("a forged cookie led to %s, want the sign-in page", v.path)
			}
		}
	})
	t.Run("a form of another origin is refused", func(t *testing.T) {
		req, _ := http.NewRequest(http.MethodPost, wang.base+mine+"/act", strings.NewReader("do=forward"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://evil.example")
		if status, _ := wang.do(req); status != http.StatusForbidden {
			t.Errorf("cross-origin POST: %d, want 403", status)
		}
	})
	t.Run("an expired, forged or foreign form is refused", func(t *testing.T) {
		_, page := wang.get(mine + "/decide")
		good := wang.fields(page, "form.settle", url.Values{"do": {"forward"}})
		chen := d.signedIn(t, "chen")
		for name, change := range map[string]func(url.Values){
			"no token":      func(f url.Values) { f.Del("token") },
			"forged token":  func(f url.Values) { f.Set("token", f.Get("token")[1:]+"A") },
			"other version": func(f url.Values) { f.Set("version", "2") },
			"other step":    func(f url.Values) { f.Set("step", first) },
		} {
			form := url.Values{}
			for k, list := range good {
				form[k] = append([]string(nil), list...)
			}
			change(form)
			if status, page := wang.post(mine+"/act", form); status < 400 || status >= 500 || says(page, "h1") == "" {
				t.Errorf("%s: %d %q, want a refusal with a sentence", name, status, says(page, "h1"))
			}
		}
		if status, _ := chen.post(mine+"/act", good); status < 400 {
			t.Errorf("another person's form: %d, want a refusal", status)
		}
	})
	t.Run("a decision without an opinion keeps the form", func(t *testing.T) {
		kao := d.signedIn(t, "kao")
		kao.get("/next")
		path := kao.path
		_, page := kao.get(path + "/decide")
		status, page := kao.post(path+"/act", kao.fields(page, "form.settle", url.Values{"do": {"forward"}, "opinion": {" "}}))
		if status != http.StatusUnprocessableEntity || says(page, "#wrong") == "" {
			t.Errorf("decide without an opinion: %d %q, want 422 and what is missing", status, says(page, "#wrong"))
		}
	})
	if a, b := state(); a != decisions || b != notifications {
		t.Fatalf("after refusals there are %d decisions and %d notifications, want %d and %d", a, b, decisions, notifications)
	}

	t.Run("of two taps at once one counts, and both see the same", func(t *testing.T) {
		_, page := wang.get(mine + "/decide")
		form := wang.fields(page, "form.settle", url.Values{"do": {"forward"}, "opinion": {"如擬。"}})
		var wg sync.WaitGroup
		for range 8 {
			v := &visitor{t: t, base: wang.base, http: wang.http}
			wg.Go(func() {
				if status, page := v.post(mine+"/act", form); status != http.StatusOK || says(page, ".note") == "" {
					t.Errorf("the same form again: %d at %s, want the answer of the first", status, v.path)
				}
			})
		}
		wg.Wait()
		if a, _ := state(); a != decisions+1 {
			t.Errorf("%d decisions were made, want 1", a-decisions)
		}
	})
	t.Run("a second decision is told who took the first", func(t *testing.T) {
		status, page := wang.get(mine + "/decide")
		if status != http.StatusConflict || !strings.Contains(says(page, "h1"), "王敏華") {
			t.Errorf("decide again: %d %q, want 409 and the name", status, says(page, "h1"))
		}
	})
}

// TestSignInIsLimited: guessing is slowed down, with a sentence.
func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	v := d.visitor(t)
	for i := range 200 {
		status, page := v.post("/signin", url.Values{"login": {"kao"}, "password": {"wrong-" + time.Now().String()}})
		if status == http.StatusTooManyRequests {
			if says(page, "[role=alert]") == "" && says(page, "h1") == "" {
				t.Error("the refusal says nothing")
			}
			return
		}
		if status != http.StatusUnauthorized && status != http.StatusUnprocessableEntity {
			t.Fatalf("wrong password %d: %d", i+1, status)
		}
	}
	t.Error("200 wrong passwords were taken without a limit")
}

// TestClassifiedStaysInTheOffice: a classified document is counted, and
// nothing else of it reaches a screen or a message.
func TestClassifiedStaysInTheOffice(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	var id string
	if err := d.pool.QueryRow(t.Context(), `select id from document where grade <> ''`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	const subject = "採購案件" // words of its 主旨
	chen := d.signedIn(t, "chen")
	for _, path := range []string{"/inbox", "/d/" + id, "/done"} {
		status, page := chen.get(path)
		html, _ := page.Html()
		if status != http.StatusOK || strings.Contains(html, subject) {
			t.Errorf("GET %s: %d, and the subject is on it: %v", path, status, strings.Contains(html, subject))
		}
	}
	if _, page := chen.get("/d/" + id); !strings.Contains(page.Text(), "辦公室") {
		t.Error("the page of a classified document does not say where to go")
	}
	if status, _ := chen.get("/d/" + id + "/decide"); status < 400 {
		t.Errorf("deciding on a classified document online: %d, want a refusal", status)
	}
	for _, m := range append(d.sandbox.Messages(lineUser("chen")), d.sandbox.Notifications("chen")...) {
		if strings.Contains(string(m.JSON), subject) {
			t.Error("a message carries the subject of a classified document")
		}
	}
}
