package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"qianhe/approval"
	"qianhe/approval/access"
)

// send asks the whole server as somebody, by their cookie, "" for nobody.
// Headers are pairs; Host is one.
func (m *matrix) send(method, path, cookie string, form url.Values, headers ...string) *http.Response {
	m.t.Helper()
	r := httptest.NewRequest(method, "https://sign.example.gov.tw"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Language", "zh-TW")
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: m.cookie, Value: cookie})
	}
	for i := 0; i < len(headers); i += 2 {
		switch name, value := headers[i], headers[i+1]; {
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	return w.Result()
}

// signIn signs somebody in by the form and gives the session's cookie.
func (m *matrix) signIn(login, password, cookie string) string {
	m.t.Helper()
	answer := m.send(http.MethodPost, "/signin", cookie, url.Values{"login": {login}, "password": {password}, "next": {"/inbox"}})
	for _, c := range answer.Cookies() {
		if c.Name == m.cookie && c.Value != "" {
			return c.Value
		}
	}
	m.t.Fatalf("sign in as %s: %d", login, answer.StatusCode)
	return ""
}

// lets reports whether a cookie opens the in-tray.
func (m *matrix) lets(cookie string) bool {
	m.t.Helper()
	return m.send(http.MethodGet, "/inbox", cookie, nil).StatusCode == http.StatusOK
}

// decide is a form that would decide somebody's document.
func (m *matrix) decide(s *subject, session string) url.Values {
	return url.Values{
		"do": {"forward"}, "version": {"1"}, "step": {string(s.step)}, "opinion": {"擬如擬。"},
		"token": {m.app.web.Forms.Issue(session, string(s.document), 1, string(s.step), m.app.web.Now(), rng{})},
	}
}

// undecided reports whether a document is where it was.
func (m *matrix) undecided(s *subject) bool {
	m.t.Helper()
	var n int
	if err := m.app.pool.QueryRow(m.t.Context(), `select count(*) from decision where document = $1`, s.document).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n == 0
}

// A session that an attacker has planted in a browser is not the one of whoever
// signs in there, and is none at all afterwards.
func TestAttackSessionFixation(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	attacker, victim := m.peer, m.roles[1]
	planted := attacker.cookies["full"]
	made := m.signIn(victim.login, demoPassword, planted)
	if made == planted {
		t.Error("the planted cookie became the session")
	}
	if m.lets(planted) {
		t.Error("the planted session goes on")
	}
	if !m.lets(made) {
		t.Error("the new session lets nobody in")
	}
	// One that is made up is not taken over either.
	if made := m.signIn(victim.login, demoPassword, "01m7v968e9hqh760et8sgstw08."+strings.Repeat("A", 43)); strings.Contains(made, "01m7v968e9hqh760et8sgstw08") {
		t.Error("a made-up session became one")
	}
}

// A form on another site changes nothing, whatever the victim's browser says
// about where it comes from: new ones say Sec-Fetch-Site, older ones Origin,
// very old ones Referer, and what says nothing is refused.
func TestAttackCrossSiteRequestForgery(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	victim := m.roles[0]
	form := m.decide(victim, victim.session)
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site", "Origin", "https://www.example.gov.tw"},
		{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "", "Origin", "null"},
		{"Sec-Fetch-Site", "", "Origin", "https://sign.example.gov.tw.evil.example"},
		{"Sec-Fetch-Site", "", "Origin", "http://sign.example.gov.tw:8080"},
		{"Sec-Fetch-Site", ""},
		{"Sec-Fetch-Site", "", "Referer", "https://evil.example/?https://sign.example.gov.tw/"},
		{"Sec-Fetch-Site", "", "Referer", "https://sign.example.gov.tw@evil.example/"},
		{"Sec-Fetch-Site", "", "Referer", "about:blank"},
	} {
		for _, pattern := range m.app.web.Routes() {
			if !strings.HasPrefix(pattern, "POST ") {
				continue
			}
			_, address := m.address(pattern, victim)
			if got := m.send(http.MethodPost, address, victim.cookies["full"], form, headers...).StatusCode; got != http.StatusForbidden {
				t.Errorf("%s with %q: got %d, want 403", pattern, headers, got)
			}
		}
	}
	m.restore()
	if !m.lets(victim.cookies["full"]) {
		t.Error("another site has signed the victim out")
	}
	// Our own forms, from a browser that says nothing but where it was.
	if got := m.send(http.MethodPost, "/me/language", victim.cookies["full"], url.Values{"locale": {"zh-TW"}}, "Sec-Fetch-Site", "", "Referer", "https://sign.example.gov.tw/me").StatusCode; got != http.StatusSeeOther {
		t.Errorf("our own form from a very old browser: %d", got)
	}
}

// A form that was sent decides once, however often it is sent again, and only
// for the session that was given it.
func TestAttackFormReplay(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	victim, attacker := m.roles[0], m.peer
	form, path := m.decide(victim, victim.session), "/d/"+string(victim.document)+"/act"
	for name, cookie := range map[string]string{
		"a colleague's session": attacker.cookies["full"], "another session of the same person": victim.cookies["spare"], "no session": "", "a session that waits": victim.cookies["waiting"],
		"one that was signed out": victim.cookies["retired"], "one that may only read": victim.cookies["reading"],
	} {
		if m.send(http.MethodPost, path, cookie, form); !m.undecided(victim) {
			t.Fatalf("decided with %s", name)
		}
	}
	for range 3 {
		if got := m.send(http.MethodPost, path, victim.cookies["full"], form).StatusCode; got != http.StatusSeeOther {
			t.Errorf("the victim's own form: %d", got)
		}
	}
	var n int
	if err := m.app.pool.QueryRow(t.Context(), `select count(*) from decision where document = $1`, victim.document).Scan(&n); err != nil || n != 1 {
		t.Errorf("decided %d times, %v", n, err)
	}
}

// A link goes on to pages of ours only, wherever it says that it leads.
func TestAttackOpenRedirect(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	s := m.roles[0]
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example`, `\\evil.example`, "/%5cevil.example", "/%2f%2fevil.example", "///evil.example", "https:evil.example",
		"javascript:alert(1)", "/signin?next=//evil.example", "/inbox\r\nLocation: https://evil.example", "/d/../../evil", "@evil.example", ".evil.example", "/inbox@evil.example", "\u2028//evil.example",
	} {
		for _, answer := range []*http.Response{
			m.send(http.MethodPost, "/signin", "", url.Values{"login": {s.login}, "password": {demoPassword}, "next": {next}}),
			m.send(http.MethodGet, "/signin?next="+url.QueryEscape(next), s.cookies["full"], nil),
		} {
			to, err := url.Parse(answer.Header.Get("Location"))
			if err != nil || to.IsAbs() || to.Host != "" || strings.HasPrefix(to.Path, "//") || strings.Contains(to.String(), "evil") {
				t.Errorf("next %q leads to %q", next, answer.Header.Get("Location"))
			}
		}
	}
}

// No address is made of what a request says of the server.
func TestAttackHostHeader(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	s := m.roles[4]
	for _, headers := range [][]string{
		{"Host", "evil.example"}, {"Host", "evil.example:443"}, {"X-Forwarded-Host", "evil.example"}, {"Forwarded", "host=evil.example;proto=http"}, {"X-Original-URL", "/admin"}, {"X-Rewrite-URL", "//evil.example"},
	} {
		for _, pattern := range m.app.web.Routes() {
			method, path := m.address(pattern, s)
			if method != http.MethodGet {
				continue
			}
			for _, cookie := range []string{"", s.cookies["full"]} {
				answer := m.send(method, path, cookie, nil, headers...)
				body := new(strings.Builder)
				if err := answer.Write(body); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(body.String(), "evil.example") {
					t.Errorf("%s with %q gives the name back", pattern, headers)
				}
			}
		}
	}
}

// Whoever knows the old password is out once it has been changed: on other
// devices, and with a copy of the cookie from before.
func TestAttackSessionAfterPasswordChange(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	s := m.roles[1]
	mine, stolen := m.signIn(s.login, demoPassword, ""), m.signIn(s.login, demoPassword, "")
	const next = "harbour lamp 9 stays lit"
	answer := m.send(http.MethodPost, "/me/password", mine, url.Values{"old": {demoPassword}, "new": {next}, "again": {next}})
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("change of password: %d", answer.StatusCode)
	}
	for name, cookie := range map[string]string{"another device": stolen, "a copy of the cookie": mine, "one that waits": s.cookies["waiting"], "one that may only read": s.cookies["reading"]} {
		if m.lets(cookie) {
			t.Errorf("%s lets in after the change", name)
		}
	}
	if answer := m.send(http.MethodPost, "/signin", "", url.Values{"login": {s.login}, "password": {demoPassword}}); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the old password: %d", answer.StatusCode)
	}
	var goes string
	for _, c := range answer.Cookies() {
		if c.Name == m.cookie {
			goes = c.Value
		}
	}
	if !m.lets(goes) {
		t.Error("whoever has changed it is out too")
	}
}

// What a client writes into X-Forwarded-For makes nobody come from the intranet.
func TestAttackForwardedFor(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	s := access.DefaultSettings().With(map[string]string{"network.intranet": "10.0.0.0/8", "reach.official": "intranet", "reach.api": "intranet"})
	if err := m.app.accounts.SaveSettings(t.Context(), "", 1, s); err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]string{nil, {"X-Forwarded-For", "10.1.2.3"}, {"X-Forwarded-For", "10.1.2.3, 10.1.2.4"}, {"X-Real-Ip", "10.1.2.3"}, {"Forwarded", "for=10.1.2.3"}, {"True-Client-Ip", "10.1.2.3"}, {"X-Forwarded-For", "127.0.0.1"}} {
		if got := m.send(http.MethodGet, "/inbox", m.roles[1].cookies["full"], nil, headers...).StatusCode; got != http.StatusForbidden {
			t.Errorf("with %q: %d, want 403", headers, got)
		}
		if got := m.send(http.MethodGet, "/api/v1/notifications/x", "", nil, append([]string{"Authorization", "Bearer x"}, headers...)...).StatusCode; got != http.StatusForbidden {
			t.Errorf("the API with %q: %d, want 403", headers, got)
		}
	}
	if !m.lets(m.roles[0].cookies["full"]) {
		t.Error("another role is kept out too")
	}
}

// A role that was taken away is gone with the next request, on a session that
// was begun with it.
func TestAttackRoleTakenAway(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	s := m.roles[4]
	if got := m.send(http.MethodGet, "/admin", s.cookies["full"], nil).StatusCode; got != http.StatusOK {
		t.Fatalf("as an administrator: %d", got)
	}
	m.exec(`update person set roles = '{handler}' where id = $1`, s.person.ID)
	for _, pattern := range m.app.web.Routes() {
		if method, path := m.address(pattern, s); strings.HasPrefix(path, "/admin") {
			if got := m.send(method, path, s.cookies["full"], nil).StatusCode; got != http.StatusForbidden {
				t.Errorf("%s afterwards: %d", pattern, got)
			}
		}
	}
	m.exec(`update person set roles = $2, left_at = now() where id = $1`, s.person.ID, []approval.Role{approval.RoleAdmin})
	if m.lets(s.cookies["full"]) {
		t.Error("whoever has left is let in")
	}
}

// Other methods and headers that some servers take for one are no way around a
// form: nothing is done by them.
func TestAttackMethodOverride(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	victim := m.roles[0]
	form, path := m.decide(victim, victim.session), "/d/"+string(victim.document)+"/act"
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "POSTX"} {
		m.send(method, path+"?"+form.Encode(), victim.cookies["full"], form, "X-HTTP-Method-Override", "POST", "X-Method-Override", "POST")
		m.send(method, "/signout?_method=POST", victim.cookies["full"], form, "X-HTTP-Method-Override", "POST")
	}
	if !m.undecided(victim) || !m.lets(victim.cookies["full"]) {
		t.Error("something was done")
	}
}
