package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/approvaltest"
	"qianhe/approval/pgaccess"
	"qianhe/approval/pgapproval"
	"qianhe/channels/sandbox"
	"qianhe/hub"
	"qianhe/migrations/localpg/pgtest"
)

var updateMatrix = flag.Bool("update", false, "accept what the routes answer: go test ./cmd/qianhe -run TestMatrix -update, then read the difference")

const matrixFile = "testdata/matrix.golden"

// matrixLegend stands over the table. A reader holds each line against the rule
// of its route; the program only says when one has changed.
const matrixLegend = `# Who gets what. One line for each route of the web, made by asking a whole
# server on a real database as everybody; see matrix_test.go.
#
#   +  let in        L  sent to sign in         W  sent to wait for the device
#   N  not there, or nothing of theirs          A  for administrators
#   R  may only read C  must change the password first
#   F  refused: forbidden, another's step
#
# nobody    without a session
# waiting   a session whose device nobody has confirmed
# retired   a session that was signed out
# reading   a session that may only read
# change    an account whose password somebody else has set
# own       a full session, and what is asked for is theirs
# other     a full session, and it is a colleague's of the same unit
# unit      a full session, and it is of somebody in another unit
#
# Each column has a letter for 承辦人, 長官, 登記桌, 研考 and 管理者, in this order.

`

// subject is somebody of the matrix, with what is theirs.
type subject struct {
	login   string
	person  approval.Person
	account string
	cookies map[string]string // by kind of session
	session string            // id of the full one

	document approval.DocumentID
	step     approval.StepID
	file     approval.FileID
	picture  approval.FileID
	notice   string
	link     string
	device   string

	challenge string // of the session that waits
}

// matrix is a whole server with subjects of every role, and two colleagues.
type matrix struct {
	t        *testing.T
	app      *app
	handler  http.Handler
	roles    []*subject
	peer     *subject // of the same unit
	far      *subject // of another
	endpoint string
	cookie   string // name of the session's
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	c := &Config{DatabaseURL: pgtest.NewDSN(t), SecretSet: true, MaxConns: 8, LogFormat: "text", LogLevel: 12, Digest: "30 8 * * *", LINEAfter: time.Hour}
	c.BaseURL = &url.URL{Scheme: "https", Host: "sign.example.gov.tw"}
	phones, stand := newPhones(t)
	account, page := sandbox.DefaultLINE(), sandbox.DefaultPage()
	c.LINE = lineConfig{Token: account.Token, ChannelSecret: account.ChannelSecret, BotID: account.BotID, LoginChannelID: account.LoginChannelID, LIFFID: account.LoginChannelID + "-Sandbox1"}
	c.Messenger = messengerConfig{PageID: page.ID, Token: page.Token, AppSecret: page.AppSecret, VerifyToken: page.VerifyToken}
	c.WebPushSubject = "mailto:it@example.gov.tw"
	m := &matrix{t: t}
	a, err := newApp(t.Context(), env{strings.NewReader(""), io.Discard, t.Output(), nil}, c, world{lineAPI: phones, push: phones, graph: phones + "/graph", chat: phones + "/m.me", seed: m.seed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	m.app, m.handler = a, a.handler()
	m.cookie, _ = access.CookieNames(true)
	if err := a.hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := a.hub.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	token := newSender(t, a.pool)
	for _, s := range m.all() {
		stand.Befriend(lineUser(s.login)) // or a message would end the link
		m.equip(s, token)
	}
	m.endpoint, err = a.hub.AddEndpoint(t.Context(), hub.Endpoint{URL: "https://edms.example.gov.tw/hooks", Events: hub.EventTypes(), Secrets: []string{"whsec_" + strings.Repeat("A", 44)}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *matrix) all() []*subject { return append([]*subject{m.peer, m.far}, m.roles...) }

// seed enters the people and a document for each. Whoever signs in is in: how
// new devices are confirmed is shown elsewhere.
func (m *matrix) seed(ctx context.Context, s *stores) error {
	if err := s.accounts.SaveSettings(ctx, "", 0, access.DefaultSettings().With(map[string]string{"newdevice.confirming": "off"})); err != nil {
		return err
	}
	ids := approvaltest.IDs(11)
	office := approvaltest.NewOffice(ids)
	store := pgapproval.New(s.pool, silent{})
	for _, u := range office.Units() {
		if err := store.CreateUnit(ctx, u); err != nil {
			return err
		}
	}
	for _, p := range office.People() {
		if err := store.CreatePerson(ctx, p, approvaltest.Now()); err != nil {
			return err
		}
	}
	add := func(login, name string, unit approval.UnitID, role approval.Role) (*subject, error) {
		who := &subject{login: login, cookies: map[string]string{}, person: approval.Person{ID: approval.PersonID(ids()), Name: name, Title: "專員", Unit: unit, Roles: []approval.Role{role}}}
		if err := store.CreatePerson(ctx, who.person, approvaltest.Now()); err != nil {
			return nil, err
		}
		if err := s.accounts.CreateAccount(ctx, access.NewAccount{Login: login, Password: demoPassword, Person: who.person.ID}); err != nil {
			return nil, err
		}
		draft := office.Draft("1150" + strconv.Itoa(900000+len(m.roles)*10+len(login)))
		draft.Handler = who.person.ID
		draft.Route = []approval.Planned{{Person: who.person.ID, Duty: approval.DutyHandle}, {Person: office.Director.ID, Duty: approval.DutyDecide}}
		n := pgapproval.NewDocument{Source: sha256.Sum256([]byte(login)), At: approvaltest.Now(), Body: draft.Body, Blobs: map[[32]byte][]byte{}}
		for i, f := range []struct{ name, mediaType, bytes string }{{"附件.pdf", "application/pdf", "%PDF-1.4 no more of " + login}, {"照片.png", "image/png", "\x89PNG\r\n\x1a\n" + login}} {
			sum := sha256.Sum256([]byte(f.bytes))
			n.Blobs[sum] = []byte(f.bytes)
			n.Files = append(n.Files, approval.File{ID: approval.FileID(ids()), Name: f.name, MediaType: f.mediaType, Size: int64(len(f.bytes)), SHA256: sum, Role: approval.FileAttachment, Position: i})
		}
		n.Document, n.Events = approvaltest.Start(draft, ids)
		who.document, who.step, who.file, who.picture = n.Document.ID, n.Document.Active(who.person.ID).ID, n.Files[0].ID, n.Files[1].ID
		return who, store.Create(ctx, n)
	}
	var err error
	for _, r := range approval.Roles() {
		who, failed := add(string(r), "同仁"+string(r), office.Section.ID, r)
		if failed != nil {
			return failed
		}
		m.roles = append(m.roles, who)
	}
	if m.peer, err = add("peer", "鄰座", office.Section.ID, approval.RoleHandler); err != nil {
		return err
	}
	m.far, err = add("faraway", "遠方", office.Books.ID, approval.RoleHandler)
	return err
}

// equip gives a subject sessions of every kind, a device, a link and a notice.
func (m *matrix) equip(s *subject, token string) {
	m.t.Helper()
	ctx := m.t.Context()
	if err := m.app.pool.QueryRow(ctx, `select id from account where login = $1`, s.login).Scan(&s.account); err != nil {
		m.t.Fatal(err)
	}
	strict := pgaccess.New(m.app.pool, pgaccess.Options{Sealer: m.app.sealer, Policy: access.Policy{Confirming: access.ConfirmAlways}})
	for _, kind := range []string{"full", "waiting", "retired", "reading", "spare"} {
		door := m.app.accounts
		if kind == "waiting" {
			door = strict
		}
		in, err := door.Admit(ctx, access.Proven{Account: s.account, Methods: []access.Method{access.ByPassword}, At: time.Now()}, access.Browser{Address: "192.0.2.1"})
		if err != nil {
			m.t.Fatal(err)
		}
		s.cookies[kind] = in.SessionCookie
		switch kind {
		case "full":
			s.session = in.Session.ID
		case "spare":
			s.device = in.Session.Device
		case "waiting":
			if err := m.app.pool.QueryRow(ctx, `select id from challenge where session = $1`, in.Session.ID).Scan(&s.challenge); err != nil {
				m.t.Fatal(err)
			}
		case "retired":
			m.exec(`update session set revoked_at = now() where id = $1`, in.Session.ID)
		default:
			m.exec(`update session set standing = $2 where id = $1`, in.Session.ID, kind)
		}
	}
	now := time.Now()
	id, err := m.app.hub.AddLink(ctx, hub.Link{Person: s.person.ID, Channel: hub.LINE, Address: hub.Address{Value: lineUser(s.login)}, Label: "LINE", CreatedAt: now, Confirmed: now})
	if err != nil {
		m.t.Fatal(err)
	}
	s.link = id
	_, err = m.app.hub.Publish(ctx, hub.Notice{Token: token, Kind: hub.KindForm, Title: "差勤申請單", To: []string{s.login}})
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.app.pool.QueryRow(ctx, `select id from notification where person = $1 and kind = 'form.pending'`, s.person.ID).Scan(&s.notice); err != nil {
		m.t.Fatal(err)
	}
}

func (m *matrix) exec(query string, args ...any) {
	m.t.Helper()
	if _, err := m.app.pool.Exec(m.t.Context(), query, args...); err != nil {
		m.t.Fatalf("%s: %v", query, err)
	}
}

// address fills the places of a pattern with what is somebody's.
func (m *matrix) address(pattern string, of *subject) (method, path string) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodGet, pattern
	}
	id := string(of.document)
	switch {
	case strings.HasPrefix(path, "/n/"):
		id = of.notice
	case strings.HasPrefix(path, "/newdevice/"), strings.HasPrefix(path, "/desk/"):
		id = of.challenge
	}
	file := of.file
	if strings.HasSuffix(path, "/image") {
		file = of.picture
	}
	path = strings.NewReplacer(
		"{$}", "", "{id}", id, "{file}", string(file), "{page}", "1", "{device}", of.device, "{link}", of.link, "{notification}", of.notice,
		"{account}", of.account, "{person}", string(of.person.ID), "{unit}", string(of.person.Unit),
		"{way}", "portal", "{factor}", "01m7v968e9hqh760et8sgstw08", "{handover}", "01m7v968e9hqh760et8sgstw08", "{channel}", "messenger", "{kind}", "document.arrived", "{group}", "reach", "{endpoint}", m.endpoint, "{hash}", "0000000000", "{name}", "app.css",
	).Replace(path)
	if strings.Contains(path, "{") {
		m.t.Errorf("%s: say in matrix_test.go what stands in its place", pattern)
	}
	return method, path
}

// ask sends a request as somebody and gives its letter.
func (m *matrix) ask(pattern string, of *subject, cookie, session string) string {
	m.t.Helper()
	method, path := m.address(pattern, of)
	// The form is one that would do: what is missing from it must not be what
	// keeps strangers out.
	form := url.Values{
		"do": {"forward"}, "version": {"1"}, "step": {string(of.step)}, "opinion": {"擬如擬。"}, "to": {"handler"}, "locale": {"zh-TW"},
		"token": {m.app.web.Forms.Issue(session, string(of.document), 1, string(of.step), time.Now(), rng{})},
	}
	r := httptest.NewRequest(method, "https://sign.example.gov.tw"+path, nil)
	if method == http.MethodPost {
		r = httptest.NewRequest(method, "https://sign.example.gov.tw"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if pattern == "POST /signin" { // or the limit would be met
		m.exec(`delete from sign_in_attempt`)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Language", "zh-TW")
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: m.cookie, Value: cookie})
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	letter := answerLetter(w)
	if letter == "?" || w.Code >= 500 {
		m.t.Errorf("%s as %s: %d to %q, %.200s", pattern, of.login, w.Code, w.Header().Get("Location"), w.Body)
	}
	return letter
}

// rng makes form tokens that are all the same, which does not matter: each is
// used once by each subject.
type rng struct{}

func (rng) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{7}, len(p))), nil }

// answerLetter says in a letter what an answer means for whoever has asked.
func answerLetter(w *httptest.ResponseRecorder) string {
	to := w.Header().Get("Location")
	switch {
	case w.Code == http.StatusUnauthorized, strings.HasPrefix(to, "/signin?next="):
		return "L"
	case strings.HasPrefix(to, "/waiting"):
		return "W"
	case strings.HasPrefix(to, "/me/password"):
		return "C"
	case w.Code == http.StatusNotFound:
		return "N"
	case w.Code != http.StatusForbidden:
		return "+"
	}
	what := ""
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		var e struct{ Error string }
		_ = json.Unmarshal(w.Body.Bytes(), &e) // then it is none of those below
		what = e.Error
	} else if page, err := goquery.NewDocumentFromReader(w.Body); err == nil {
		what = page.Find("h1").Text()
	}
	switch what {
	case "error.notadmin", "這一頁只給管理者":
		return "A"
	case "error.reading", "error.reading.vouch", "目前只能閱覽":
		return "R"
	case "error.mustchange":
		return "C"
	case "error.waiting", "這個裝置還沒有確認":
		return "W"
	case "error.forbidden", "這一步不是由您辦理", "error.form", "表單無法讀取":
		return "F"
	}
	return "?"
}

// restore undoes what a route has done to sessions and devices.
func (m *matrix) restore() {
	m.t.Helper()
	for _, s := range m.all() {
		for kind, cookie := range s.cookies {
			if id, _, _ := strings.Cut(cookie, "."); kind != "retired" {
				m.exec(`update session set revoked_at = null where id = $1 and revoked_at is not null`, id)
			}
		}
	}
	m.exec(`update device set revoked_at = null where revoked_at is not null`)
	m.exec(`update account set disabled_at = null, must_change = false where disabled_at is not null or must_change`)
	for _, s := range m.all() {
		m.exec(`update person set left_at = null, roles = $2, unit = $3 where id = $1`, s.person.ID, s.person.Roles, s.person.Unit)
	}
}

// TestMatrix asks for every route as everybody. A route that is not in the
// table yet fails here until somebody has looked at its line.
func TestMatrix(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	type column struct {
		name string
		who  []*subject
		kind string
		of   func(s *subject) *subject
	}
	own := func(s *subject) *subject { return s }
	columns := []column{
		{"nobody", m.roles[:1], "", own},
		{"waiting", m.roles, "waiting", own},
		{"retired", m.roles, "retired", own},
		{"reading", m.roles, "reading", own},
		{"change", m.roles, "full", own},
		{"other", m.roles, "full", func(*subject) *subject { return m.peer }},
		{"unit", m.roles, "full", func(*subject) *subject { return m.far }},
		{"own", m.roles, "full", own},
	}
	routes := m.app.web.Routes()
	cells := map[string]map[string]string{}
	for _, c := range columns {
		if c.name == "change" {
			m.exec(`update account set must_change = true`)
		}
		for _, pattern := range routes {
			letters := ""
			for _, s := range c.who {
				letters += m.ask(pattern, c.of(s), s.cookies[c.kind], s.session)
			}
			if cells[pattern] == nil {
				cells[pattern] = map[string]string{}
			}
			cells[pattern][c.name] = letters
			if !strings.HasPrefix(pattern, "GET ") && strings.Contains(letters, "+") {
				m.restore()
				if c.name == "change" {
					m.exec(`update account set must_change = true`)
				}
			}
		}
		if c.name == "change" {
			m.exec(`update account set must_change = false`)
		}
	}
	var got strings.Builder
	got.WriteString(matrixLegend)
	order := []string{"nobody", "waiting", "retired", "reading", "change", "own", "other", "unit"}
	fmt.Fprintf(&got, "%-44s", "route")
	for _, name := range order {
		fmt.Fprintf(&got, " %-7s", name)
	}
	got.WriteString("\n")
	for _, pattern := range routes {
		fmt.Fprintf(&got, "%-44s", pattern)
		for _, name := range order {
			fmt.Fprintf(&got, " %-7s", cells[pattern][name])
		}
		got.WriteString("\n")
	}
	text := strings.ReplaceAll(got.String(), " \n", "\n")
	for strings.Contains(text, " \n") {
		text = strings.ReplaceAll(text, " \n", "\n")
	}
	if *updateMatrix {
		if err := os.WriteFile(matrixFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("who gets what has changed (-table +now); look at each line, then run with -update:\n%s", diff)
	}
	m.check(routes, cells)
}

// check holds the answers against what must be so whatever the table says.
func (m *matrix) check(routes []string, cells map[string]map[string]string) {
	m.t.Helper()
	for _, pattern := range routes {
		c := cells[pattern]
		method, path, _ := strings.Cut(pattern, " ")
		switch {
		case c["retired"] != strings.Repeat(c["nobody"], len(m.roles)):
			m.t.Errorf("%s: a session that was signed out is more than none: %q", pattern, c["retired"])
		case c["nobody"] != "+" && strings.Contains(c["waiting"], "+") && path != "/signout" && !strings.HasPrefix(path, "/waiting"):
			m.t.Errorf("%s: who waits is let in: %q", pattern, c["waiting"])
		case strings.HasPrefix(path, "/admin") && (strings.Contains(c["own"][:4], "+") || strings.Contains(c["other"][:4], "+") || strings.Contains(c["unit"][:4], "+")):
			m.t.Errorf("%s: others than administrators are let in: %q", pattern, c["own"])
		case (strings.HasPrefix(path, "/d/") || strings.HasPrefix(path, "/n/")) && pattern != "GET /d/{id}/act" && strings.Contains(c["other"]+c["unit"], "+"):
			m.t.Errorf("%s: what is another's is shown or done: %q %q", pattern, c["other"], c["unit"])
		case method == http.MethodPost && strings.HasPrefix(path, "/d/") && strings.Contains(c["reading"], "+"):
			m.t.Errorf("%s: who may only read does something: %q", pattern, c["reading"])
		}
	}
}
