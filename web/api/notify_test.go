package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/hub"
	"qianhe/web/api"
)

const someID = "06f7m0tq8v0000000000000000"

// notices is Notices in memory. There are lin and wang, and ex, which is
// closed.
type notices struct {
	mu   sync.Mutex
	err  error
	got  []hub.Notice
	done []string
}

func (s *notices) Publish(_ context.Context, n hub.Notice) (hub.Publication, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return hub.Publication{}, s.err
	}
	p := hub.Publication{}
	for _, to := range n.To {
		out := hub.Published{Account: to, Refused: hub.RefusedUnknown}
		switch to {
		case "lin", "wang":
			out.Refused, out.Person, out.Notification = "", approval.PersonID(to), "to-"+to
			p.Notice = someID
		case "ex":
			out.Refused = hub.RefusedDisabled
		}
		p.To = append(p.To, out)
	}
	for _, had := range s.got {
		if n.Key != "" && had.Key == n.Key {
			p.Duplicate = true
			if !cmp.Equal(had, n) {
				return hub.Publication{}, fmt.Errorf("pghub: %w", hub.ErrKeyTaken)
			}
		}
	}
	s.got = append(s.got, n)
	return p, nil
}

func (s *notices) NoticeReport(_ context.Context, token, notice string) (hub.NoticeReport, error) {
	if token != "hr" || notice != someID {
		return hub.NoticeReport{}, fmt.Errorf("notice: %w", approval.ErrNotFound)
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	return hub.NoticeReport{ID: notice, Key: "k", Kind: hub.KindForm, Created: at, To: []hub.NoticeRecipient{
		{Account: "wang", Notification: "to-wang", Written: at},
		{Account: "lin", Notification: "to-lin", Written: at, Delivered: at, Seen: at.Add(time.Minute), Channels: []hub.NoticeChannel{
			{Channel: hub.WebPush, State: hub.StateAccepted, Delivered: at}, {Channel: hub.LINE, State: hub.StateCancelled},
		}},
		{Account: "chang", Notification: "to-chang", Written: at, Delivered: at},
		{Account: "kao", Notification: "to-kao", Written: at, Closed: at},
		{Account: "ex", Refused: hub.RefusedDisabled},
	}}, s.err
}

func (s *notices) Done(_ context.Context, token, notice string, accounts []string) (int, error) {
	if token != "hr" || notice != someID {
		return 0, fmt.Errorf("notice: %w", approval.ErrNotFound)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, strings.Join(accounts, ","))
	return 2 - len(accounts), s.err
}

func newNotices(s *notices, change ...func(*api.Options)) *api.API {
	return newAPI(&importer{}, append(change, func(o *api.Options) { o.Notices = s })...)
}

// post is a request with a JSON body.
func post(token, path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func notify(body string) *http.Request { return post("hr", "/api/v1/notifications", body) }

func TestNotify(t *testing.T) {
	t.Parallel()
	s := &notices{}
	a := newNotices(s)
	w := do(a, notify(`{"key":"leave-1","kind":"form.pending","title":"差勤申請單待審核","url":"https://hr.example.gov.tw/forms/1","speed":"最速件","due":"2026-11-27","recipients":[" Lin","wang","LIN"]}`))
	if w.Code != http.StatusCreated {
		t.Fatalf("status %d, want 201: %s", w.Code, w.Body)
	}
	want := map[string]any{"id": someID, "duplicate": false, "results": []any{
		map[string]any{"account": "lin", "status": "written", "notification": "to-lin"},
		map[string]any{"account": "wang", "status": "written", "notification": "to-wang"},
	}}
	if diff := cmp.Diff(want, decode[map[string]any](t, w)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if got := w.Header().Get("Location"); got != "/api/v1/notifications/"+someID {
		t.Errorf("Location %q", got)
	}
	wantNotice := []hub.Notice{{
		Token: "hr", Key: "leave-1", Kind: hub.KindForm, Title: "差勤申請單待審核", URL: "https://hr.example.gov.tw/forms/1",
		Speed: approval.SpeedHighest, Due: time.Date(2026, 11, 28, 0, 0, 0, 0, approval.Zone), To: []string{"lin", "wang"},
	}}
	if diff := cmp.Diff(wantNotice, s.got); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
}

func TestNotifyInPart(t *testing.T) {
	t.Parallel()
	a := newNotices(&notices{})
	long := strings.Repeat("x", 100)
	body := `{"key":"k","kind":"announcement","title":"停電公告","recipients":["nobody","lin","","ex","林以寧","` + long + `"]}`
	for _, status := range []string{"written", "duplicate"} {
		w := do(a, notify(body))
		if w.Code != http.StatusMultiStatus {
			t.Fatalf("status %d, want 207: %s", w.Code, w.Body)
		}
		want := map[string]any{"id": someID, "duplicate": status == "duplicate", "results": []any{
			map[string]any{"account": "nobody", "status": "unknown"},
			map[string]any{"account": "lin", "status": status, "notification": "to-lin"},
			map[string]any{"account": "", "status": "unknown"},
			map[string]any{"account": "ex", "status": "disabled"},
			map[string]any{"account": "林以寧", "status": "unknown"},
			map[string]any{"account": long, "status": "unknown"},
		}}
		if diff := cmp.Diff(want, decode[map[string]any](t, w)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	}
}

func TestNotifyAgain(t *testing.T) {
	t.Parallel()
	s := &notices{}
	a := newNotices(s)
	const body = `{"kind":"announcement","title":"停電公告","recipients":["lin"]%s}`
	keyed := func(header, field string) *http.Request {
		if field != "" {
			field = fmt.Sprintf(`,"key":%q`, field)
		}
		r := notify(fmt.Sprintf(body, field))
		if header != "" {
			r.Header.Set("Idempotency-Key", header)
		}
		return r
	}
	for i, r := range []*http.Request{keyed("k", ""), keyed(`"k"`, ""), keyed("", "k"), keyed(" k ", "k")} {
		w := do(a, r)
		want := http.StatusOK
		if i == 0 {
			want = http.StatusCreated
		}
		if got := decode[struct{ Duplicate bool }](t, w); w.Code != want || got.Duplicate != (i > 0) {
			t.Errorf("%d: status %d, duplicate %v", i, w.Code, got.Duplicate)
		}
	}
	w := do(a, notify(`{"key":"k","kind":"announcement","title":"別的","recipients":["lin"]}`))
	if got := decode[problem](t, w); w.Code != 409 || got.Code != "key_taken" {
		t.Errorf("another content: got %d %s, want 409 key_taken", w.Code, got.Code)
	}
	for name, r := range map[string]*http.Request{"differs": keyed("a", "b"), "empty": keyed(`""`, ""), "open": keyed(`"a`, ""), "list": keyed(`"a", "b"`, "")} {
		if got := decode[problem](t, do(a, r)); got.Code != "malformed" || got.Errors[0].Field != "key" {
			t.Errorf("%s: got %s, %+v", name, got.Code, got.Errors)
		}
	}
	for range 2 {
		if w := do(a, keyed("", "")); w.Code != http.StatusCreated {
			t.Errorf("without a key: status %d, want 201", w.Code)
		}
	}
}

func TestNotifyRefused(t *testing.T) {
	t.Parallel()
	many := `["` + strings.Join(strings.Split(strings.Repeat("a", 1001), ""), `","`) + `"]`
	numbered := make([]string, 1001)
	for i := range numbered {
		numbered[i] = fmt.Sprintf(`"a%d"`, i)
	}
	tests := []struct {
		name, body string
		status     int
		code       string
		want       fault
	}{
		{"no JSON", `{`, 400, "malformed", fault{Reason: "json", Detail: "unexpected EOF"}},
		{"nothing", ``, 400, "malformed", fault{Reason: "json", Detail: "EOF"}},
		{"two values", `{}{}`, 400, "malformed", fault{Reason: "json", Detail: "more than one value"}},
		{"an array", `[]`, 400, "malformed", fault{Reason: "json", Detail: "must be api.notice"}},
		{"unknown member", `{"kinds":"form.pending"}`, 400, "malformed", fault{Reason: "json", Detail: `json: unknown field "kinds"`}},
		{"wrong type", `{"title":7}`, 400, "malformed", fault{Field: "title", Reason: "json", Detail: "must be string"}},
		{"not UTF-8", "{\"title\":\"\xff\"}", 400, "malformed", fault{Reason: "json", Detail: "not UTF-8"}},
		{"due", `{"due":"27.11.2026"}`, 400, "malformed", fault{Field: "due", Reason: "due.form", Detail: "YYYY-MM-DD"}},
		{"due long ago", `{"due":"0001-01-01"}`, 400, "malformed", fault{Field: "due", Reason: "due.form", Detail: "YYYY-MM-DD"}},
		{"too large", `{"title":"` + strings.Repeat(" ", 256<<10) + `"}`, 413, "too_large", fault{Reason: "size", Detail: "at most 262144 bytes"}},
		{"kind", `{"kind":"login.new_device","title":"a","recipients":["lin"]}`, 422, "notice_invalid", fault{Field: "kind", Reason: "notice.kind", Detail: "form.pending, announcement"}},
		{"no title", `{"kind":"form.pending","recipients":["lin"]}`, 422, "notice_invalid", fault{Field: "title", Reason: "notice.title.length", Detail: "1-200"}},
		{"no recipients", `{"kind":"form.pending","title":"a"}`, 422, "notice_invalid", fault{Field: "recipients", Reason: "notice.recipients.number", Detail: "1-1000"}},
		{"too many recipients", `{"kind":"form.pending","title":"a","recipients":[` + strings.Join(numbered, ",") + `]}`, 422, "notice_invalid", fault{Field: "recipients", Reason: "notice.recipients.number", Detail: "1-1000"}},
		{"one, a thousand and one times, who is nobody", `{"kind":"form.pending","title":"a","recipients":` + many + `}`, 422, "recipients_unknown", fault{Field: "recipients", Reason: "account.unknown", Detail: "a"}},
		{"another origin", `{"kind":"form.pending","title":"a","url":"https://evil.example/","recipients":["lin"]}`, 422, "notice_invalid", fault{Field: "url", Reason: "notice.url.origin", Detail: "not among the origins registered for the token"}},
		{"script", `{"kind":"form.pending","title":"a","url":"javascript:alert(1)","recipients":["lin"]}`, 422, "notice_invalid", fault{Field: "url", Reason: "notice.url.form", Detail: "an https address without user name, at most 2048 bytes"}},
		{"nobody", `{"kind":"form.pending","title":"a","recipients":["nobody","ex"]}`, 422, "recipients_unknown", fault{Field: "recipients", Reason: "account.unknown", Detail: "nobody"}},
		{"no account name at all", `{"kind":"form.pending","title":"a","recipients":["林以寧"]}`, 422, "recipients_unknown", fault{Field: "recipients", Reason: "account.unknown", Detail: "林以寧"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &notices{}
			w := do(newNotices(s), notify(tt.body))
			got := decode[problem](t, w)
			if w.Code != tt.status || got.Code != tt.code || len(got.Errors) == 0 {
				t.Fatalf("got %d %s %+v, want %d %s", w.Code, got.Code, got.Errors, tt.status, tt.code)
			}
			if diff := cmp.Diff(tt.want, got.Errors[0]); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	for _, media := range []string{"", "text/plain", "application/jsonp", "multipart/form-data"} {
		r := notify(`{}`)
		r.Header.Set("Content-Type", media)
		if got := decode[problem](t, do(newNotices(&notices{}), r)); got.Code != "json_expected" {
			t.Errorf("%q: got %s, want json_expected", media, got.Code)
		}
	}
	r := notify(`{"kind":"form.pending","title":"a","recipients":["lin"]}`)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if w := do(newNotices(&notices{}), r); w.Code != 201 {
		t.Errorf("with a charset: status %d, want 201", w.Code)
	}
	for err, want := range map[error]string{hub.ErrBusy: "503 unavailable 1", fmt.Errorf("secret of the database"): "500 internal ", context.DeadlineExceeded: "503 unavailable "} {
		w := do(newNotices(&notices{err: err}), notify(`{"kind":"form.pending","title":"a","recipients":["lin"]}`))
		if got := fmt.Sprint(w.Code, " ", decode[problem](t, w).Code, " ", w.Header().Get("Retry-After")); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("the cause is shown: %s", w.Body)
		}
	}
}

func TestNotifyNeedsItsScope(t *testing.T) {
	t.Parallel()
	a := newNotices(&notices{})
	for _, r := range []*http.Request{post("good", "/api/v1/notifications", `{}`), post("good", "/api/v1/notifications/"+someID+"/done", ``), request("hr", whole())} {
		w := do(a, r)
		if got := decode[problem](t, w); w.Code != 403 || got.Code != "scope_missing" || !strings.Contains(w.Header().Get("WWW-Authenticate"), ":write") {
			t.Errorf("%s: got %d %s, %s", r.URL.Path, w.Code, got.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	a := newNotices(&notices{})
	get := func(token, id string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/notifications/"+id, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		return do(a, r)
	}
	var want any
	const text = `{"id":"` + someID + `","key":"k","kind":"form.pending","created":"2026-11-23T17:00:00+08:00","recipients":[
		{"account":"chang","status":"delivered","notification":"to-chang","written":"2026-11-23T17:00:00+08:00","delivered":"2026-11-23T17:00:00+08:00"},
		{"account":"ex","status":"disabled"},
		{"account":"kao","status":"done","notification":"to-kao","written":"2026-11-23T17:00:00+08:00","done":"2026-11-23T17:00:00+08:00"},
		{"account":"lin","status":"seen","notification":"to-lin","written":"2026-11-23T17:00:00+08:00","delivered":"2026-11-23T17:00:00+08:00","seen":"2026-11-23T17:01:00+08:00","channels":[
			{"channel":"webpush","state":"accepted","delivered":"2026-11-23T17:00:00+08:00"},{"channel":"line","state":"cancelled"}]},
		{"account":"wang","status":"written","notification":"to-wang","written":"2026-11-23T17:00:00+08:00"}]}`
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, decode[any](t, get("hr", someID))); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	for _, who := range [][2]string{{"slow", someID}, {"hr", "06f7m0tq8v0000000000000001"}, {"hr", "x"}, {"hr", "%2e%2e"}} {
		w := get(who[0], who[1])
		if got := decode[problem](t, w); w.Code != 404 || got.Code != "notice_unknown" {
			t.Errorf("%s asks for %s: got %d %s, want 404 notice_unknown", who[0], who[1], w.Code, got.Code)
		}
	}
}

func TestNoticeDone(t *testing.T) {
	t.Parallel()
	s := &notices{}
	a := newNotices(s)
	path := "/api/v1/notifications/" + someID + "/done"
	for _, body := range []string{``, `{}`, `{"recipients":["Lin"]}`, `{"recipients":["lin","wang","林"]}`} {
		if w := do(a, post("hr", path, body)); w.Code != 200 || decode[struct{ ID string }](t, w).ID != someID {
			t.Errorf("%s: status %d: %s", body, w.Code, w.Body)
		}
	}
	if want := []string{"", "", "lin", "lin,wang"}; !slices.Equal(s.done, want) {
		t.Errorf("done for %q, want %q", s.done, want)
	}
	for body, code := range map[string]string{`{"recipient":"lin"}`: "malformed", `{"recipients":["林"]}`: "recipients_unknown", `[]`: "malformed"} {
		if got := decode[problem](t, do(a, post("hr", path, body))); got.Code != code {
			t.Errorf("%s: got %s, want %s", body, got.Code, code)
		}
	}
	for token, id := range map[string]string{"slow": someID, "hr": "nothing"} {
		if got := decode[problem](t, do(a, post(token, "/api/v1/notifications/"+id+"/done", ``))); got.Code != "notice_unknown" {
			t.Errorf("%s closes %s: got %s, want notice_unknown", token, id, got.Code)
		}
	}
}

func TestNoticeRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 30, 0, approval.Zone)
	a := newNotices(&notices{}, func(o *api.Options) { o.NoticesPerMinute, o.Now = 2, func() time.Time { return now } })
	codes := func(token string, names ...string) int {
		to, _ := json.Marshal(names)
		return do(a, post(token, "/api/v1/notifications", `{"kind":"announcement","title":"a","recipients":`+string(to)+`}`)).Code
	}
	// The token's own number, counted in recipients; what begins in time goes through whole.
	if got := []int{codes("slow", "lin", "wang"), codes("slow", "lin", "wang"), codes("slow", "lin")}; !slices.Equal(got, []int{201, 201, 429}) {
		t.Errorf("got %v, want 201, 201, 429", got)
	}
	if got := []int{codes("hr", "lin"), codes("hr", "lin"), codes("hr", "lin")}; !slices.Equal(got, []int{201, 201, 429}) {
		t.Errorf("got %v, want 201, 201, 429 with the default", got)
	}
	now = now.Add(30 * time.Second)
	if got := codes("slow", "lin"); got != 201 {
		t.Errorf("in the next minute: %d, want 201", got)
	}
}

// counting counts look-ups of tokens, and can revoke them all.
type counting struct {
	tokens
	asked   int
	revoked bool
}

func (c *counting) CheckToken(ctx context.Context, token string) (access.APIToken, error) {
	c.asked++
	if c.revoked {
		return access.APIToken{}, access.ErrToken
	}
	t, err := c.tokens.CheckToken(ctx, token)
	t.ExpiresAt = time.Date(2026, 11, 23, 9, 0, 31, 0, approval.Zone)
	if token == "hr" {
		t.ExpiresAt = time.Time{}
	}
	return t, err
}

// TestTokensAreKept: a busy caller costs one look-up in 3 seconds, a revocation
// is in force after that, and a token ends when it ends.
func TestTokensAreKept(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 30, 0, approval.Zone)
	c := &counting{}
	a := newNotices(&notices{}, func(o *api.Options) { o.Tokens, o.Now = c, func() time.Time { return now } })
	call := func(token string, want, asked int) {
		t.Helper()
		w := do(a, post(token, "/api/v1/notifications", `{"kind":"announcement","title":"a","recipients":["lin"]}`))
		if w.Code != want || c.asked != asked {
			t.Errorf("%s at %v: status %d, want %d; %d look-ups, want %d", token, now, w.Code, want, c.asked, asked)
		}
	}
	call("hr", 201, 1)
	call("hr", 201, 1)
	call("bad", 401, 2)
	call("bad", 401, 3)
	call("slow", 201, 4)
	call("slow", 201, 4)
	c.revoked = true
	now = now.Add(999 * time.Millisecond)
	call("slow", 201, 4)
	now = now.Add(time.Millisecond)
	call("slow", 401, 5) // it has expired
	now = now.Add(2*time.Second - time.Millisecond)
	call("hr", 201, 5)
	now = now.Add(time.Millisecond)
	call("hr", 401, 6)
	call("hr", 401, 7)
}

// FuzzNotify: whatever is sent, the answer is one of those described, and what
// is published has passed the check.
func FuzzNotify(f *testing.F) {
	for _, s := range []string{
		`{"key":"k","kind":"form.pending","title":"差勤申請單","url":"https://hr.example.gov.tw/1","speed":"速件","due":"2026-11-27","recipients":["lin","wang"]}`,
		`{"kind":"announcement","title":"\u202e","recipients":["lin"]}`, `{"recipients":["lin","LIN","` + "\u0000" + `"]}`, `{"title":null}`, `[]`, `{}{}`,
	} {
		f.Add(s, "k")
	}
	f.Fuzz(func(t *testing.T, body, key string) {
		s := &notices{}
		r := notify(body)
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		w := do(newNotices(s), r)
		switch w.Code {
		case 201, 207:
			if got := decode[struct{ Results []struct{ Account string } }](t, w); len(s.got) != 1 || len(got.Results) < len(s.got[0].To) {
				t.Errorf("%d published, %d results", len(s.got), len(got.Results))
			}
		case 400, 413, 422:
			decode[problem](t, w)
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		for _, n := range s.got {
			if err := n.Check([]string{"https://hr.example.gov.tw"}); err != nil {
				t.Errorf("published although %v", err)
			}
			for i, to := range n.To {
				if login, err := access.CheckLogin(to); err != nil || login != to || slices.Contains(n.To[:i], to) {
					t.Errorf("published to %q", n.To)
				}
			}
		}
	})
}
