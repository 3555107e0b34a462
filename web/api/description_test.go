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
)

type openapi struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		Security  []map[string][]string
		Responses map[string]any
	}
	Components struct {
		Schemas map[string]schema
	}
}

type schema struct {
	Required             []string
	Properties           map[string]schema
	Enum                 []string
	AdditionalProperties *bool
	MaxItems, MaxLength  int
	Items                *schema
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
	responses := d.Paths["/api/v1/documents"]["post"].Responses
	for _, code := range want {
		e := table(code)
		if code == "not_found" || code == "method_not_allowed" {
			continue // of another address
		}
		if _, ok := responses[strconv.Itoa(e.status)]; !ok {
			t.Errorf("%s answers %d, which is not described", code, e.status)
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
		"Order": intake.Order{}, "Station": intake.RouteEntry{}, "Created": created{}, "Duplicate": duplicate{}, "Problem": body{}, "Fault": fault{},
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
