package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/intake"
	"qianhe/approval/workday"
	"qianhe/web/api"
)

// store is an Importer that checks with package intake, as the server does,
// and keeps documents in memory.
type store struct {
	mu        sync.Mutex
	documents []*intake.Result
}

func (s *store) PersonByLogin(_ context.Context, login string) (approval.Person, error) {
	if login != "lin" && login != "wang" {
		return approval.Person{}, fmt.Errorf("account %s: %w", login, approval.ErrNotFound)
	}
	return approval.Person{ID: approval.PersonID(login)}, nil
}

func (s *store) Import(ctx context.Context, p intake.Package, o intake.Order) (*intake.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	newID := func() string { n++; return fmt.Sprintf("%d-%d", len(s.documents), n) }
	r, err := intake.Prepare(ctx, p, o, s, workday.Official(), time.Date(2026, 11, 20, 9, 0, 0, 0, approval.Zone), newID)
	if err != nil {
		return nil, err
	}
	for _, have := range s.documents {
		same := have.Source == r.Source
		if same || have.Document.Issuer == r.Document.Issuer && have.Document.Number == r.Document.Number {
			return nil, &approval.DuplicateError{Existing: have.Document.ID, SameFile: same}
		}
	}
	s.documents = append(s.documents, r)
	return r, nil
}

// letter is a DI with one attachment.
func letter(subject string) string {
	return strings.ReplaceAll(`<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE 函 SYSTEM "104_2_utf8.dtd" [
<!ENTITY ATTCH1 SYSTEM "檢查表.pdf" NDATA _X>
<!NOTATION _X SYSTEM "">
]>
<函>
<發文機關><全銜>青川市政府</全銜><機關代碼>376990000A</機關代碼></發文機關>
<函類別 代碼="函"/>
<地址>青川市中山路1號</地址><聯絡方式>承辦人：林以寧</聯絡方式>
<受文者><全銜>青川市政府工務局</全銜><機關代碼>376990100A</機關代碼></受文者>
<發文日期><年月日>中華民國115年11月20日</年月日></發文日期>
<發文字號><字>青工水</字><文號><年度>115</年度><流水號>0012345</流水號></文號></發文字號>
<速別 代碼="速件"/>
<附件><文字>如主旨</文字><附件檔名 附件名="ATTCH1"/></附件>
<主旨><文字>SUBJECT</文字></主旨>
<正本><全銜>青川市政府工務局</全銜></正本>
</函>
`, "SUBJECT", subject)
}

const (
	openPDF   = "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
	lockedPDF = "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n2 0 obj<</Filter/Standard/V 1/R 2/O(o)/U(u)/P -4>>endobj\ntrailer<</Root 1 0 R/Encrypt 2 0 R>>\nstartxref\n0\n%%EOF\n"
)

func letterParts(subject, pdf, route string) []part {
	return []part{{"order", "", route}, {"di", "1150012345.di", letter(subject)}, {"attachment", "檢查表.pdf", pdf}}
}

func TestWholeImport(t *testing.T) {
	t.Parallel()
	s := &store{}
	w := do(newAPI(s), request("good", letterParts("請　查照。", openPDF, order)))
	if w.Code != http.StatusCreated {
		t.Fatalf("status %d, want 201: %s", w.Code, w.Body)
	}
	got := decode[map[string]any](t, w)
	if got["number"] != "1150012345" || got["due"] != "2026-11-25" {
		t.Errorf("number %v due %v, want 1150012345 and 2026-11-25", got["number"], got["due"])
	}
	if len(s.documents) != 1 || len(s.documents[0].Files) != 2 {
		t.Errorf("stored %d documents, want 1 with 2 files", len(s.documents))
	}
}

func TestIntakeRefusals(t *testing.T) {
	t.Parallel()
	good := letterParts("請　查照。", openPDF, order)
	broken := letterParts("請　查照。", openPDF, order)
	broken[1].content = strings.Replace(broken[1].content, "</主旨>", "</主值>", 1)
	entity := letterParts("&evil;", openPDF, order)
	tests := []struct {
		name  string
		parts []part
		code  string
		want  fault // detail and reason are compared where they are given
	}{
		{"DI with a wrong end tag", broken, "di_invalid", fault{File: "1150012345.di", Line: 15}},
		{"DI with an entity", entity, "di_invalid", fault{File: "1150012345.di", Line: 15}},
		{"roster that is no XML", append(good[:3:3], part{"roster", "1150012345.sw", "hello"}), "di_invalid", fault{File: "1150012345.sw", Line: 1}},
		{"encrypted attachment", letterParts("請　查照。", lockedPDF, order), "invalid", fault{File: "檢查表.pdf", Field: "attachments", Reason: "attachment.encrypted"}},
		{"attachment missing", good[:2], "invalid", fault{File: "檢查表.pdf", Field: "attachments", Reason: "attachment.missing"}},
		{"attachment that is not declared", append(good[:3:3], part{"attachment", "別的.pdf", openPDF}), "invalid", fault{File: "別的.pdf", Field: "attachments", Reason: "attachment.stranger"}},
		{"unknown handler", letterParts("請　查照。", openPDF, `{"handler":"nobody","route":[{"account":"wang"}]}`), "invalid", fault{Field: "handler", Reason: "route.person.unknown", Detail: "nobody"}},
		{"unknown person on the route", letterParts("請　查照。", openPDF, `{"handler":"lin","route":[{"account":"lin"},{"account":"nobody"}]}`), "invalid", fault{Field: "route[1]", Reason: "route.person.unknown", Detail: "nobody"}},
		{"no route", letterParts("請　查照。", openPDF, `{"handler":"lin","route":[]}`), "invalid", fault{Field: "route", Reason: "route.empty"}},
		{"unknown duty", letterParts("請　查照。", openPDF, `{"handler":"lin","route":[{"account":"lin","duty":"stamp"},{"account":"wang"}]}`), "invalid", fault{Field: "route[0]", Reason: "route.duty.unknown", Detail: "stamp"}},
		{"received tomorrow", letterParts("請　查照。", openPDF, `{"handler":"lin","received":"2026-11-21","route":[{"account":"wang"}]}`), "invalid", fault{Field: "received", Reason: "document.received.future", Detail: "2026-11-21"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &store{}
			w := do(newAPI(s), request("good", tt.parts))
			got := decode[problem](t, w)
			if w.Code != http.StatusUnprocessableEntity || got.Code != tt.code {
				t.Errorf("got %d %s, want 422 %s: %s", w.Code, got.Code, tt.code, w.Body)
			}
			if len(got.Errors) != 1 {
				t.Fatalf("%d errors, want 1: %+v", len(got.Errors), got.Errors)
			}
			e := got.Errors[0]
			if tt.want.Reason == "" && e.Reason != "" {
				e.Reason, e.Field = "", "" // the parser's own words
			}
			if diff := cmp.Diff(tt.want, e); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if len(s.documents) != 0 {
				t.Error("something was stored")
			}
		})
	}
}

// TestAllFaultsAtOnce: who has three mistakes need not send three times.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	w := do(newAPI(&store{}), request("good", letterParts("請　查照。", lockedPDF, `{"handler":"nobody","route":[{"account":"nobody"},{"account":"wang"}]}`)))
	got := decode[problem](t, w)
	var fields []string
	for _, e := range got.Errors {
		fields = append(fields, e.Field)
	}
	if diff := cmp.Diff([]string{"handler", "route[0]", "attachments"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestSameAndOther(t *testing.T) {
	t.Parallel()
	s := &store{}
	a := newAPI(s)
	first := decode[map[string]any](t, do(a, request("good", letterParts("請　查照。", openPDF, order))))
	w := do(a, request("good", letterParts("請　查照。", openPDF, order)))
	if got := decode[map[string]any](t, w); w.Code != http.StatusOK || got["duplicate"] != true || got["id"] != first["id"] {
		t.Errorf("the same again: %d %v, want 200 and id %v", w.Code, got, first["id"])
	}
	w = do(a, request("good", letterParts("另有內容，請　查照。", openPDF, order)))
	if got := decode[problem](t, w); w.Code != http.StatusConflict || got.Code != "number_taken" || got.Existing != first["id"] {
		t.Errorf("another content: %d %s %s, want 409 number_taken %v", w.Code, got.Code, got.Existing, first["id"])
	}
	if len(s.documents) != 1 {
		t.Errorf("%d documents stored, want 1", len(s.documents))
	}
}

var _ api.Importer = (*store)(nil)
