package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/access"
	"qianhe/approval/di"
	"qianhe/approval/intake"
	"qianhe/web/api"
)

// importer is an Importer that keeps what it is given in memory.
type importer struct {
	mu     sync.Mutex
	err    error
	got    intake.Package
	order  intake.Order
	stored map[[32]byte]approval.DocumentID
	wait   chan struct{} // closed when imports may go on
	inside chan struct{} // gets one for each import that waits
}

func (im *importer) Import(ctx context.Context, p intake.Package, o intake.Order) (*intake.Result, error) {
	if im.wait != nil {
		im.inside <- struct{}{}
		<-im.wait
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if im.err != nil {
		return nil, im.err
	}
	im.got, im.order = p, o
	sha := sha256.Sum256(p.DI.Bytes)
	if id, ok := im.stored[sha]; ok {
		return nil, &approval.DuplicateError{Existing: id, SameFile: true}
	}
	if im.stored == nil {
		im.stored = map[[32]byte]approval.DocumentID{}
	}
	id := approval.DocumentID(fmt.Sprintf("doc%d", len(im.stored)+1))
	im.stored[sha] = id
	return &intake.Result{Document: &approval.Document{
		ID:       id,
		Number:   "1150012345",
		Deadline: approval.Deadline{Due: time.Date(2026, 11, 26, 0, 0, 0, 0, approval.Zone)},
	}, Warnings: []string{"something was mended"}}, nil
}

// tokens knows a few tokens, whose ids are their texts.
type tokens struct{}

func (tokens) CheckToken(_ context.Context, token string) (access.APIToken, error) {
	t := access.APIToken{ID: token, Name: token}
	switch token {
	case "good":
		t.Scopes = []string{"documents:write"}
	case "reader":
		t.Scopes = []string{"documents:read"}
	case "hr":
		t.Scopes, t.Origins = []string{"notifications:write"}, []string{"https://hr.example.gov.tw"}
	case "slow":
		t.Scopes, t.PerMinute = []string{"notifications:write"}, 3
	case "outage":
		return access.APIToken{}, fmt.Errorf("connection refused")
	default:
		return access.APIToken{}, access.ErrToken
	}
	return t, nil
}

func newAPI(im api.Importer, change ...func(*api.Options)) *api.API {
	opt := api.Options{
		Importer:    im,
		Tokens:      tokens{},
		DocumentURL: func(id string) string { return "https://sign.example.gov.tw/documents/" + id },
		Log:         slog.New(slog.DiscardHandler),
		Now:         func() time.Time { return time.Date(2026, 11, 23, 9, 0, 30, 0, approval.Zone) },
	}
	for _, c := range change {
		c(&opt)
	}
	return api.New(opt)
}

// part is one part of a request.
type part struct{ name, file, content string }

const order = `{"handler":"lin","route":[{"account":"lin"},{"account":"wang","duty":"decide"}]}`

func whole() []part {
	return []part{
		{"order", "", order},
		{"di", "1150012345.di", "<函/>"},
		{"roster", "1150012345.sw", "<交換表單/>"},
		{"attachment", "檢查表.pdf", "%PDF-1"},
		{"attachment", `C:\公文\清冊.ods`, "PK"},
	}
}

func request(token string, parts []part) *http.Request {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="%s"`, p.name)
		if p.file != "" {
			disposition += fmt.Sprintf(`; filename="%s"`, p.file)
		}
		h.Set("Content-Disposition", disposition)
		out, _ := w.CreatePart(h)
		io.WriteString(out, p.content)
	}
	w.Close()
	r := httptest.NewRequest(http.MethodPost, "/api/v1/documents", &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func do(a *api.API, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

type problem struct {
	Type, Title, Code, Detail, Existing string
	Status                              int
	Details                             map[string]string
	Errors                              []fault
}

type fault struct {
	File, Field, Reason, Detail string
	Line                        int
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	return v
}

func TestCreate(t *testing.T) {
	t.Parallel()
	im := &importer{}
	w := do(newAPI(im), request("good", whole()))
	if w.Code != http.StatusCreated {
		t.Fatalf("status %d, want 201: %s", w.Code, w.Body)
	}
	want := map[string]any{
		"id": "doc1", "number": "1150012345", "due": "2026-11-25",
		"url":      "https://sign.example.gov.tw/documents/doc1",
		"warnings": []any{"something was mended"},
	}
	if diff := cmp.Diff(want, decode[map[string]any](t, w)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if got := w.Header().Get("Location"); got != want["url"] {
		t.Errorf("Location %q, want %q", got, want["url"])
	}
	wantFiles := intake.Package{
		DI:          intake.File{Name: "1150012345.di", Bytes: []byte("<函/>")},
		Roster:      &intake.File{Name: "1150012345.sw", Bytes: []byte("<交換表單/>")},
		Attachments: []intake.File{{Name: "檢查表.pdf", Bytes: []byte("%PDF-1")}, {Name: "清冊.ods", Bytes: []byte("PK")}},
	}
	if diff := cmp.Diff(wantFiles, im.got); diff != "" {
		t.Errorf("package (-want +got):\n%s", diff)
	}
	wantOrder := intake.Order{Handler: "lin", Route: []intake.RouteEntry{{Account: "lin"}, {Account: "wang", Duty: "decide"}}}
	if diff := cmp.Diff(wantOrder, im.order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestReplay: the same file again is no error and stores nothing.
func TestReplay(t *testing.T) {
	t.Parallel()
	im := &importer{}
	a := newAPI(im)
	if w := do(a, request("good", whole())); w.Code != http.StatusCreated {
		t.Fatalf("status %d, want 201: %s", w.Code, w.Body)
	}
	for range 2 {
		w := do(a, request("good", whole()))
		if w.Code != http.StatusOK {
			t.Fatalf("status %d, want 200: %s", w.Code, w.Body)
		}
		want := map[string]any{"id": "doc1", "duplicate": true, "url": "https://sign.example.gov.tw/documents/doc1"}
		if diff := cmp.Diff(want, decode[map[string]any](t, w)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	}
	if len(im.stored) != 1 {
		t.Errorf("%d documents stored, want 1", len(im.stored))
	}
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	a := newAPI(&importer{err: fmt.Errorf("must not be called")})
	tests := []struct {
		name, header string
		status       int
		code         string
		challenge    string
	}{
		{"none", "", 401, "token_missing", `Bearer realm="qianhe"`},
		{"another scheme", "Basic Z29vZDo=", 401, "token_invalid", `Bearer realm="qianhe", error="invalid_token"`},
		{"empty", "Bearer ", 401, "token_invalid", `Bearer realm="qianhe", error="invalid_token"`},
		{"unknown", "Bearer bad", 401, "token_invalid", `Bearer realm="qianhe", error="invalid_token"`},
		{"very long", "Bearer " + strings.Repeat("x", 300), 401, "token_invalid", `Bearer realm="qianhe", error="invalid_token"`},
		{"without the scope", "bearer reader", 403, "scope_missing", `Bearer realm="qianhe", error="insufficient_scope", scope="documents:write"`},
		{"store out of reach", "Bearer outage", 500, "internal", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := request("", whole())
			r.Header.Set("Authorization", tt.header)
			if tt.header == "" {
				r.Header.Del("Authorization")
			}
			w := do(a, r)
			if got := decode[problem](t, w); w.Code != tt.status || got.Code != tt.code {
				t.Errorf("got %d %s, want %d %s", w.Code, got.Code, tt.status, tt.code)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != tt.challenge {
				t.Errorf("WWW-Authenticate %q, want %q", got, tt.challenge)
			}
		})
	}
}

func TestTokenInAddressIsNotTaken(t *testing.T) {
	t.Parallel()
	r := request("", whole())
	r.URL.RawQuery = "access_token=good"
	if w := do(newAPI(&importer{}), r); w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", w.Code)
	}
}

func TestUploadRefused(t *testing.T) {
	t.Parallel()
	small := func(o *api.Options) { o.MaxBody, o.MaxFile = 3<<20, 1000 }
	with := func(p ...part) []part { return append(whole(), p...) }
	many := []part{{"order", "", order}, {"di", "a.di", "<函/>"}}
	for i := range 201 {
		many = append(many, part{"attachment", fmt.Sprintf("%d.pdf", i), "x"})
	}
	tests := []struct {
		name   string
		parts  []part
		status int
		code   string
		want   fault
	}{
		{"no DI", whole()[:1], 400, "malformed", fault{Field: "di", Reason: "part.missing"}},
		{"no order", whole()[1:], 400, "malformed", fault{Field: "order", Reason: "part.missing"}},
		{"two DIs", with(part{"di", "b.di", "<函/>"}), 400, "malformed", fault{Field: "di", Reason: "part.repeated"}},
		{"two orders", with(part{"order", "", order}), 400, "malformed", fault{Field: "order", Reason: "part.repeated"}},
		{"unknown part", with(part{"attachments", "b.pdf", "x"}), 400, "malformed", fault{Field: "attachments", Reason: "part.unknown"}},
		{"attachment without a name", with(part{"attachment", "", "x"}), 400, "malformed", fault{Field: "attachment", Reason: "part.filename.missing"}},
		{"attachment named like a directory", with(part{"attachment", "../..", "x"}), 400, "malformed", fault{Field: "attachment", Reason: "part.filename.missing"}},
		{"order that is no JSON", []part{{"order", "", "{"}}, 400, "malformed", fault{Field: "order", Reason: "order.json", Detail: "unexpected EOF"}},
		{"order with an unknown field", []part{{"order", "", `{"handlr":"lin"}`}}, 400, "malformed", fault{Field: "order", Reason: "order.json", Detail: `json: unknown field "handlr"`}},
		{"order of two values", []part{{"order", "", order + order}}, 400, "malformed", fault{Field: "order", Reason: "order.json", Detail: "more than one value"}},
		{"order with a wrong type", []part{{"order", "", `{"handler":7}`}}, 400, "malformed", fault{Field: "order.handler", Reason: "order.json", Detail: "must be string"}},
		{"attachment too large", with(part{"attachment", "b.pdf", strings.Repeat("x", 1001)}), 413, "too_large", fault{File: "b.pdf", Reason: "size", Detail: "at most 1000 bytes"}},
		{"DI too large", []part{{"di", "a.di", strings.Repeat("x", 1<<20+1)}}, 413, "too_large", fault{File: "a.di", Reason: "size", Detail: "at most 1048576 bytes"}},
		{"order too large", []part{{"order", "", strings.Repeat(" ", 64<<10+1)}}, 413, "too_large", fault{Reason: "size", Detail: "at most 65536 bytes"}},
		{"too many attachments", many, 422, "invalid", fault{Field: "attachment", Reason: "attachments.many", Detail: "200"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			im := &importer{}
			w := do(newAPI(im, small), request("good", tt.parts))
			got := decode[problem](t, w)
			if w.Code != tt.status || got.Code != tt.code || got.Status != tt.status {
				t.Errorf("got %d %s, want %d %s", w.Code, got.Code, tt.status, tt.code)
			}
			if len(got.Errors) == 0 {
				t.Fatal("no errors are listed")
			}
			if diff := cmp.Diff(tt.want, got.Errors[0]); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if len(im.stored) != 0 {
				t.Error("something was stored")
			}
		})
	}
}

// TestBodyTooLarge: with and without the length said before.
func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	for _, length := range []int64{-1, 0} {
		a := newAPI(&importer{}, func(o *api.Options) { o.MaxBody = 2000 })
		r := request("good", append(whole(), part{"attachment", "b.pdf", strings.Repeat("x", 4000)}))
		if length < 0 {
			r.ContentLength = -1
		}
		w := do(a, r)
		if got := decode[problem](t, w); w.Code != 413 || got.Code != "too_large" {
			t.Errorf("got %d %s, want 413 too_large", w.Code, got.Code)
		}
	}
}

func TestMediaType(t *testing.T) {
	t.Parallel()
	for _, media := range []string{"", "application/json", "multipart/mixed; boundary=x", "multipart/form-data", "/;"} {
		r := request("good", whole())
		r.Header.Set("Content-Type", media)
		w := do(newAPI(&importer{}), r)
		if got := decode[problem](t, w); w.Code != 415 || got.Code != "media_type" {
			t.Errorf("%q: got %d %s, want 415 media_type", media, w.Code, got.Code)
		}
	}
}

func TestCutOffBody(t *testing.T) {
	t.Parallel()
	r := request("good", whole())
	full, _ := io.ReadAll(r.Body)
	for _, n := range []int{0, 10, len(full) / 2, len(full) - 4} {
		r := request("good", whole())
		r.Body = io.NopCloser(bytes.NewReader(full[:n]))
		im := &importer{}
		w := do(newAPI(im), r)
		if got := decode[problem](t, w); w.Code != 400 || got.Code != "malformed" {
			t.Errorf("%d of %d bytes: got %d %s, want 400 malformed", n, len(full), w.Code, got.Code)
		}
		if len(im.stored) != 0 {
			t.Errorf("%d of %d bytes: something was stored", n, len(full))
		}
	}
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		code   string
		errors []fault
	}{
		{"DI with a wrong line", &di.SyntaxError{Line: 7, Element: "主旨", Reason: "undefined entity"}, 422, "di_invalid",
			[]fault{{File: "1150012345.di", Line: 7, Field: "主旨", Reason: "undefined entity"}}},
		{"several things", fmt.Errorf("intake: %w", joined(&approval.InvalidError{Field: "handler", Reason: "person.unknown", Detail: "lim"}, &approval.InvalidError{Field: "route[1]", Reason: "route.person.unknown"})), 422, "invalid",
			[]fault{{Field: "handler", Reason: "person.unknown", Detail: "lim"}, {Field: "route[1]", Reason: "route.person.unknown"}}},
		{"number taken", &approval.DuplicateError{Existing: "other"}, 409, "number_taken", nil},
		{"store out of reach", fmt.Errorf("connection refused"), 500, "internal", nil},
		{"took too long", context.DeadlineExceeded, 503, "unavailable", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := do(newAPI(&importer{err: tt.err}), request("good", whole()))
			got := decode[problem](t, w)
			if w.Code != tt.status || got.Code != tt.code {
				t.Errorf("got %d %s, want %d %s", w.Code, got.Code, tt.status, tt.code)
			}
			if diff := cmp.Diff(tt.errors, got.Errors); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if strings.Contains(w.Body.String(), "refused") {
				t.Errorf("the cause is shown: %s", w.Body)
			}
			if tt.code == "number_taken" && got.Existing != "other" {
				t.Errorf("existing %q, want other", got.Existing)
			}
		})
	}
}

func joined(errs ...error) error { return &list{errs} }

type list struct{ errs []error }

func (l *list) Error() string   { return "several" }
func (l *list) Unwrap() []error { return l.errs }

func TestLanguage(t *testing.T) {
	t.Parallel()
	tests := []struct{ accept, want string }{
		{"", "zh-TW"}, {"en", "en"}, {"en-US,en;q=0.9,zh-TW;q=0.8", "en"}, {"fr,zh-TW;q=0.9,en;q=0.8", "zh-TW"}, {"de, *;q=0.1", "zh-TW"}, {"en;q=0", "zh-TW"},
	}
	for _, tt := range tests {
		r := request("", whole())
		r.Header.Set("Accept-Language", tt.accept)
		w := do(newAPI(&importer{}), r)
		got := decode[problem](t, w)
		if got.Detail == "" || got.Detail != got.Details[tt.want] || w.Header().Get("Content-Language") != tt.want {
			t.Errorf("%q: detail %q in %q, want that of %s", tt.accept, got.Detail, w.Header().Get("Content-Language"), tt.want)
		}
		if w.Header().Get("Content-Type") != "application/problem+json" || got.Type != "urn:qianhe:problem:token_missing" {
			t.Errorf("type %q as %q", got.Type, w.Header().Get("Content-Type"))
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 30, 0, approval.Zone)
	a := newAPI(&importer{}, func(o *api.Options) { o.PerMinute, o.Now = 2, func() time.Time { return now } })
	for range 2 {
		if w := do(a, request("good", whole())); w.Code >= 400 {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	w := do(a, request("good", whole()))
	if got := decode[problem](t, w); w.Code != 429 || got.Code != "rate_limited" || w.Header().Get("Retry-After") != "30" {
		t.Errorf("got %d %s, Retry-After %q, want 429 rate_limited, 30", w.Code, got.Code, w.Header().Get("Retry-After"))
	}
	now = now.Add(30 * time.Second)
	if w := do(a, request("good", whole())); w.Code >= 400 {
		t.Errorf("after half a minute: status %d", w.Code)
	}
}

func TestUploadsAtOnce(t *testing.T) {
	t.Parallel()
	im := &importer{wait: make(chan struct{}), inside: make(chan struct{})}
	a := newAPI(im, func(o *api.Options) { o.Uploads = 1 })
	first := make(chan int)
	go func() { first <- do(a, request("good", whole())).Code }()
	<-im.inside
	w := do(a, request("good", whole()))
	if got := decode[problem](t, w); w.Code != 429 || got.Code != "busy" || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s, want 429 busy with Retry-After", w.Code, got.Code)
	}
	close(im.wait)
	if code := <-first; code != http.StatusCreated {
		t.Errorf("the first: status %d, want 201", code)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	a := newAPI(&importer{})
	tests := []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/api/v1/documents", 405, "method_not_allowed", "POST"},
		{"DELETE", "/api/v1/openapi.json", 405, "method_not_allowed", "GET"},
		{"GET", "/api/v2/documents", 404, "not_found", ""},
		{"GET", "/api/", 404, "not_found", ""},
		{"DELETE", "/api/v1/notifications/06f7m0tq8v0000000000000000", 405, "method_not_allowed", "GET"},
		{"GET", "/api/v1/notifications", 405, "method_not_allowed", "POST"},
		{"GET", "/api/v1/notifications/a/b", 404, "not_found", ""},
	}
	for _, tt := range tests {
		w := do(a, httptest.NewRequest(tt.method, tt.path, nil))
		if got := decode[problem](t, w); w.Code != tt.status || got.Code != tt.code || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: got %d %s, Allow %q, want %d %s, %q", tt.method, tt.path, w.Code, got.Code, w.Header().Get("Allow"), tt.status, tt.code, tt.allow)
		}
	}
}

// Not even a good token is looked at from a network that the agency has not
// opened to other systems.
func TestFromAnotherNetwork(t *testing.T) {
	t.Parallel()
	suits, fails := false, error(nil)
	a := newAPI(&importer{err: fmt.Errorf("must not be called")}, func(o *api.Options) {
		o.Suits = func(*http.Request) (bool, error) { return suits, fails }
	})
	if w := do(a, request("good", whole())); w.Code != 403 || decode[problem](t, w).Code != "network_refused" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	fails = fmt.Errorf("connection refused")
	if w := do(a, request("good", whole())); w.Code != 500 {
		t.Errorf("without an answer of the settings: %d %s", w.Code, w.Body)
	}
}
