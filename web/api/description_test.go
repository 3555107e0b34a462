package api

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/intake"
	"qianhe/hub"
)

type openapi struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		Security  []map[string][]string
		Responses map[string]any
	}
	Components struct {
		Schemas         map[string]schema
		SecuritySchemes map[string]struct{ Description string }
	}
}

type schema struct { // as far as the tests look
	Required             []string
	Properties           map[string]schema
	Enum                 []string
	AdditionalProperties *bool
	MaxItems, MaxLength  int
	Items                *schema
}

// TestScopesAreDescribed: every scope that a token can have.
func TestScopesAreDescribed(t *testing.T) {
	t.Parallel()
	for _, s := range Scopes() {
		if !strings.Contains(describe(t).Components.SecuritySchemes["token"].Description, s) {
			t.Errorf("scope %s is not described", s)
		}
	}
}

func describe(t *testing.T) openapi {
	t.Helper()
	a := New(Options{})
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %s", w.Code, w.Header().Get("Content-Type"))
	}
	var d openapi
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDescriptionHasTheRoutes: every route with its scope, and no other.
func TestDescriptionHasTheRoutes(t *testing.T) {
	t.Parallel()
	d := describe(t)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi %s, want 3.1.0", d.OpenAPI)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, r := range New(Options{}).routes() {
		want[r.method+" "+r.path] = r.access
	}
	for path, operations := range d.Paths {
		for method, o := range operations {
			scope := public
			for _, s := range o.Security {
				scope = strings.Join(s["token"], " ")
			}
			got[strings.ToUpper(method)+" "+path] = scope
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-served +described):\n%s", diff)
	}
}

// codes reads them off the source of table, so that none is forgotten.
func codes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{"internal"}
	ast.Inspect(file, func(n ast.Node) bool {
		c, ok := n.(*ast.CaseClause)
		if !ok {
			return true
		}
		for _, e := range c.List {
			if lit, ok := e.(*ast.BasicLit); ok {
				s, _ := strconv.Unquote(lit.Value)
				list = append(list, s)
			}
		}
		return true
	})
	slices.Sort(list)
	return list
}

func TestDescriptionHasTheCodes(t *testing.T) {
	t.Parallel()
	d := describe(t)
	want := codes(t)
	got := slices.Sorted(slices.Values(d.Components.Schemas["Problem"].Properties["code"].Enum))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes (-table +described):\n%s", diff)
	}
	every := []string{"token_missing", "token_invalid", "scope_missing", "network_refused", "rate_limited", "unavailable", "internal"}
	body := append([]string{"malformed", "too_large", "json_expected"}, every...)
	answers := map[string][]string{
		"post /api/v1/documents":               append([]string{"malformed", "too_large", "media_type", "di_invalid", "invalid", "number_taken", "busy"}, every...),
		"post /api/v1/notifications":           append([]string{"notice_invalid", "recipients_unknown", "key_taken"}, body...),
		"get /api/v1/notifications/{id}":       append([]string{"notice_unknown"}, every...),
		"post /api/v1/notifications/{id}/done": append([]string{"notice_unknown", "notice_invalid", "recipients_unknown"}, body...),
	}
	described := map[string]bool{"not_found": true, "method_not_allowed": true} // of another address
	for operation, codes := range answers {
		method, path, _ := strings.Cut(operation, " ")
		for _, code := range codes {
			described[code] = true
			if _, ok := d.Paths[path][method].Responses[strconv.Itoa(table(code).status)]; !ok {
				t.Errorf("%s: %s answers %d, which is not described", operation, code, table(code).status)
			}
		}
	}
	for _, code := range want {
		e := table(code)
		if !described[code] {
			t.Errorf("%s is no operation's", code)
		}
		if e.title == "" || e.zh == "" || e.en == "" {
			t.Errorf("%s has no words", code)
		}
		if code != "internal" && e.status == http.StatusInternalServerError {
			t.Errorf("%s is not in the table", code)
		}
	}
}

// TestDescriptionHasTheFields compares the schemas with the types.
func TestDescriptionHasTheFields(t *testing.T) {
	t.Parallel()
	schemas := describe(t).Components.Schemas
	for name, v := range map[string]any{
		"Order": intake.Order{}, "Station": intake.RouteEntry{}, "Created": created{}, "Duplicate": duplicate{}, "Notice": notice{}, "Notified": notified{}, "Result": result{},
		"Report": noticeReport{}, "RecipientReport": recipientReport{}, "ChannelReport": channelReport{}, "DoneRequest": doneRequest{}, "Done": doneAnswer{}, "Problem": body{}, "Fault": fault{},
	} {
		var want []string
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			want = append(want, tag)
		}
		slices.Sort(want)
		got := slices.Sorted(maps.Keys(schemas[name].Properties))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-type +described):\n%s", name, diff)
		}
		for _, r := range schemas[name].Required {
			if _, ok := schemas[name].Properties[r]; !ok {
				t.Errorf("%s requires %s, which it does not have", name, r)
			}
		}
	}
	if got := schemas["Upload"].Properties["attachment"].MaxItems; got != approval.MaxAttachments {
		t.Errorf("at most %d attachments described, want %d", got, approval.MaxAttachments)
	}
	if got := schemas["Order"].Properties["route"].MaxItems; got != approval.MaxSteps {
		t.Errorf("at most %d stations described, want %d", got, approval.MaxSteps)
	}
	for name, want := range map[string]int{"recipients": hub.MaxRecipients} {
		if got := schemas["Notice"].Properties[name].MaxItems; got != want {
			t.Errorf("at most %d %s described, want %d", got, name, want)
		}
	}
	for name, want := range map[string]int{"title": hub.MaxTitle, "url": hub.MaxNoticeURL, "key": hub.MaxKey} {
		if got := schemas["Notice"].Properties[name].MaxLength; got != want {
			t.Errorf("%s described with at most %d characters, want %d", name, got, want)
		}
	}
	states := []string{string(hub.StatePending), string(hub.StateSending), string(hub.StateAccepted), string(hub.StateFailed), string(hub.StateCancelled), string(hub.StateUnknown)}
	if diff := cmp.Diff(states, schemas["ChannelReport"].Properties["state"].Enum); diff != "" {
		t.Errorf("states (-want +described):\n%s", diff)
	}
	want := []string{string(approval.DutyHandle), string(approval.DutyReview), string(approval.DutyConsult), string(approval.DutyDecide)}
	if diff := cmp.Diff(want, schemas["Station"].Properties["duty"].Enum); diff != "" {
		t.Errorf("duties (-want +described):\n%s", diff)
	}
}

// TestReferences: every $ref leads somewhere.
func TestReferences(t *testing.T) {
	t.Parallel()
	var doc any
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && lookup(doc, ref) == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			for _, e := range v {
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(doc)
}

func lookup(doc any, ref string) any {
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		m, ok := doc.(map[string]any)
		if !ok {
			return nil
		}
		doc = m[name]
	}
	return doc
}
