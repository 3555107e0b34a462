package intake_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/di"
	"qianhe/approval/intake"
	"qianhe/approval/workday"
)

func prepare(t *testing.T, p intake.Package, o intake.Order) (*intake.Result, error) {
	t.Helper()
	return intake.Prepare(t.Context(), p, o, staff, workday.Official(), now, ids())
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	p := letter(t)
	got, err := prepare(t, p, order())
	if err != nil {
		t.Fatal(err)
	}
	d := got.Document
	if d.Number != "1150012345" || d.Type != approval.TypeLetter || d.Speed != approval.SpeedHighest || d.State != approval.StateCirculating ||
		d.Handler != "P-zhou" || !d.ReceivedAt.Equal(now) || d.Reference != "青工防字第1150012345號" || d.Issuer != "青川市政府" || d.Version != 1 {
		t.Errorf("got document %+v", d)
	}
	if want := time.Date(2026, 11, 23, 0, 0, 0, 0, approval.Zone); !d.Deadline.Day().Equal(want) || d.Deadline.Rule != workday.RuleHighest || d.Deadline.Uncertain {
		t.Errorf("got deadline %+v, want %v", d.Deadline, want)
	}
	type station struct {
		Person approval.PersonID
		Duty   approval.Duty
		State  approval.StepState
	}
	var route []station
	for _, s := range d.Route.Steps {
		route = append(route, station{s.Person, s.Duty, s.State})
	}
	if diff := cmp.Diff([]station{
		{"P-zhou", approval.DutyHandle, approval.StepActive},
		{"P-lin", approval.DutyReview, approval.StepWaiting},
		{"P-chen", approval.DutyDecide, approval.StepWaiting},
	}, route); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
	if len(d.Decisions) != 0 {
		t.Errorf("got %d decisions, want none", len(d.Decisions))
	}
	if len(got.Events) != 1 || got.Events[0].Kind != approval.EventArrived || got.Events[0].Person != "P-zhou" {
		t.Errorf("got events %+v", got.Events)
	}
	if diff := cmp.Diff(body(), got.Body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if got.Source != sha256.Sum256(p.DI.Bytes) {
		t.Error("source is not the digest of the DI")
	}
	text := p.Attachments[0].Bytes
	want := []approval.File{
		{Name: "letter.di", MediaType: "application/octet-stream", Size: int64(len(p.DI.Bytes)), SHA256: got.Source, Role: approval.FileSource},
		{Name: "M1150012345.SW", MediaType: "application/octet-stream", Size: int64(len(p.Roster.Bytes)), SHA256: sha256.Sum256(p.Roster.Bytes), Role: approval.FileRoster},
		{Name: "檢查表.pdf", MediaType: "application/pdf", Size: int64(len(pdf)), SHA256: sha256.Sum256([]byte(pdf)), Role: approval.FileAttachment},
		{Name: "Café 清冊.txt", MediaType: "text/plain; charset=utf-8", Size: int64(len(text)), SHA256: sha256.Sum256(text), Role: approval.FileAttachment, Position: 1},
	}
	seen := map[approval.FileID]bool{}
	for i, f := range got.Files {
		if f.ID == "" || seen[f.ID] {
			t.Errorf("file %d: got id %q", i, f.ID)
		}
		seen[f.ID] = true
		if sha256.Sum256(got.Blobs[f.SHA256]) != f.SHA256 {
			t.Errorf("file %d: no blob of its digest", i)
		}
		got.Files[i].ID = ""
	}
	if diff := cmp.Diff(want, got.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(got.Blobs) != 4 || len(got.Warnings) != 0 {
		t.Errorf("got %d blobs, warnings %q", len(got.Blobs), got.Warnings)
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	memo := func(b *approval.Body) {
		*b = approval.Body{Type: approval.TypeMemo, Issuers: b.Issuers, Subject: "擬採購，簽請　核示。"}
	}
	tests := []struct {
		name    string
		body    func(*approval.Body)
		change  func(*intake.Package, *intake.Order)
		refused string // field: reason (detail), one a line
	}{
		{"attachment missing", nil, func(p *intake.Package, _ *intake.Order) { p.Attachments = p.Attachments[:1] },
			"attachments: attachment.missing (檢查表.pdf)"},
		{"stranger", nil, func(p *intake.Package, _ *intake.Order) {
			p.Attachments = append(p.Attachments, intake.File{Name: "dir/其他.pdf", Bytes: []byte(pdf)})
		}, "attachments: attachment.stranger (其他.pdf)"},
		{"wrong name", nil, func(p *intake.Package, _ *intake.Order) { p.Attachments[1].Name = "檢查表(1).pdf" },
			"attachments: attachment.missing (檢查表.pdf)\nattachments: attachment.stranger (檢查表(1).pdf)"},
		{"same name twice", nil, func(p *intake.Package, _ *intake.Order) {
			p.Attachments = append(p.Attachments, intake.File{Name: "檢查表.pdf", Bytes: []byte("x")})
		}, "attachments: file.duplicate (檢查表.pdf)"},
		{"sign-off log", nil, func(p *intake.Package, _ *intake.Order) {
			p.Attachments = append(p.Attachments, intake.File{Name: "1150012345.SI", Bytes: []byte("<線上簽核/>")})
		}, "attachments: file.decisions (1150012345.SI)"},
		{"file too large", nil, func(p *intake.Package, _ *intake.Order) {
			p.Attachments[1].Bytes = append([]byte(pdf), make([]byte, intake.MaxFile)...)
		}, "attachments: file.large (檢查表.PDF)"},
		{"whole too large", func(b *approval.Body) {
			b.Files = nil
			for i := range 6 {
				b.Files = append(b.Files, approval.FileRef{Entity: fmt.Sprintf("A%d", i), Name: fmt.Sprintf("%d.bin", i)})
			}
		}, func(p *intake.Package, _ *intake.Order) {
			p.Attachments = nil
			bytes := make([]byte, 18<<20)
			for i := range 6 {
				p.Attachments = append(p.Attachments, intake.File{Name: fmt.Sprintf("%d.bin", i), Bytes: bytes})
			}
		}, "attachments: package.large (104857600)"},
		{"too many files", func(b *approval.Body) { b.Files = nil }, func(p *intake.Package, _ *intake.Order) {
			p.Attachments = nil
			for i := range intake.MaxFiles + 1 {
				p.Attachments = append(p.Attachments, intake.File{Name: fmt.Sprintf("%d.txt", i)})
			}
		}, "attachments: package.files (200)"},
		{"encrypted PDF", nil, func(p *intake.Package, _ *intake.Order) { p.Attachments[1].Bytes = encryptedPDF() },
			"attachments: attachment.encrypted (檢查表.pdf)"},
		{"turned file name", nil, func(p *intake.Package, _ *intake.Order) {
			p.Attachments[1].Name = "\u202efdp.exe"
		}, "attachments: file.name (\"\\u202efdp.exe\")\nattachments: attachment.missing (檢查表.pdf)\nattachments: attachment.stranger (\u202efdp.exe)"},
		{"name of the DI", nil, func(p *intake.Package, _ *intake.Order) { p.DI.Name = "a\n.di" },
			`document: file.name ("a\n.di")`},
		{"broken roster", nil, func(p *intake.Package, _ *intake.Order) { p.Roster.Bytes = []byte("<函/>") },
			"M1150012345.SW: line 1, 函: not a roster (交換表單)"},
		{"unknown handler", nil, func(_ *intake.Package, o *intake.Order) { o.Handler = "nobody" },
			"handler: route.person.unknown (nobody)"},
		{"no handler", nil, func(_ *intake.Package, o *intake.Order) { o.Handler = " " },
			"handler: route.handler.missing"},
		{"unknown in the route", nil, func(_ *intake.Package, o *intake.Order) { o.Route[1].Account = "nobody" },
			"route[1]: route.person.unknown (nobody)"},
		{"nobody in the route", nil, func(_ *intake.Package, o *intake.Order) { o.Route[1].Account = "" },
			"route[1]: route.person.unknown"},
		{"no route", nil, func(_ *intake.Package, o *intake.Order) { o.Route = nil }, "route: route.empty"},
		{"long route", nil, func(_ *intake.Package, o *intake.Order) {
			o.Route = make([]intake.RouteEntry, approval.MaxSteps+1)
		}, "route: route.long (200)"},
		{"unknown duty", nil, func(_ *intake.Package, o *intake.Order) { o.Route[1].Duty = "sign" },
			"route[1]: route.duty.unknown (sign)"},
		{"last does not decide", nil, func(_ *intake.Package, o *intake.Order) { o.Route[2].Duty = "review" },
			"route[2]: route.decide.last"},
		{"decides in between", nil, func(_ *intake.Package, o *intake.Order) { o.Route[1].Duty = "decide" },
			"route[1]: route.decide.last"},
		{"no number", memo, func(p *intake.Package, _ *intake.Order) { p.Roster, p.Attachments = nil, nil },
			"number: document.number.missing"},
		{"roster without a number", memo, func(p *intake.Package, _ *intake.Order) { p.Roster.Name, p.Attachments = "A0001.sw", nil },
			"number: document.number.missing"},
		{"odd number", nil, func(_ *intake.Package, o *intake.Order) { o.Number = "115/1 號" },
			"number: document.number.characters"},
		{"long number", nil, func(_ *intake.Package, o *intake.Order) { o.Number = strings.Repeat("1", 65) },
			"number: document.number.characters"},
		{"no subject", func(b *approval.Body) { b.Subject = "" }, nil, "subject: document.subject.missing"},
		{"long subject", func(b *approval.Body) { b.Subject = strings.Repeat("長", approval.MaxSubject+1) }, nil, "subject: document.subject.long (2000)"},
		{"received is no time", nil, func(_ *intake.Package, o *intake.Order) { o.Received = "115/11/20" },
			"received: document.received.format (115/11/20)"},
		{"received tomorrow", nil, func(_ *intake.Package, o *intake.Order) { o.Received = "2026-11-21" },
			"received: document.received.future (2026-11-21)"},
		{"received in an hour", nil, func(_ *intake.Package, o *intake.Order) { o.Received = "2026-11-20T11:30:00+08:00" },
			"received: document.received.future (2026-11-20T11:30:00+08:00)"},
		{"everything at once", func(b *approval.Body) { b.Subject = "" }, func(p *intake.Package, o *intake.Order) {
			p.Attachments = p.Attachments[:1]
			o.Number, o.Handler, o.Received, o.Route[2].Account = "?", "nobody", "soon", "noone"
		}, "number: document.number.characters\nhandler: route.person.unknown (nobody)\nroute[2]: route.person.unknown (noone)\n" +
			"received: document.received.format (soon)\nattachments: attachment.missing (檢查表.pdf)\nsubject: document.subject.missing"},
		{"DI that is none", nil, func(p *intake.Package, _ *intake.Order) { p.DI.Bytes = []byte("<函>\n&x;</函>") },
			"line 2, 函: reference &x; is not allowed: only &amp; &lt; &gt; &apos; &quot; and character references are read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, o, b := letter(t), order(), body()
			if tt.body != nil {
				tt.body(&b)
				p.DI.Bytes = encode(t, b)
			}
			if tt.change != nil {
				tt.change(&p, &o)
			}
			r, err := prepare(t, p, o)
			if err == nil {
				t.Fatalf("got %+v, want an error", r)
			}
			if !knownErrors(err) {
				t.Errorf("got %#v, want InvalidError and SyntaxError only", err)
			}
			message, ok := strings.CutPrefix(err.Error(), p.DI.Name+": ")
			if !ok || message != tt.refused {
				t.Errorf("got:\n%s\nwant:\n%s: %s", err, p.DI.Name, tt.refused)
			}
		})
	}
}

// knownErrors reports whether err holds nothing but the errors that Prepare
// promises.
func knownErrors(err error) bool {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *approval.InvalidError, *di.SyntaxError:
		return true
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if !knownErrors(one) {
				return false
			}
		}
		return true
	case interface{ Unwrap() error }:
		return knownErrors(e.Unwrap())
	}
	return false
}

func TestPrepareNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, order string
		ref         approval.Reference
		roster      string
		want        string
	}{
		{"of the order", " 1150000001-1 ", approval.Reference{Year: "115", Serial: "0012345"}, "M1150099999.sw", "1150000001-1"},
		{"of the DI", "", approval.Reference{Word: "青工", Year: "115", Serial: "0012345", Branch: "2"}, "M1150099999.sw", "11500123452"},
		{"of the DI as a text", "", approval.Reference{Text: "青工字第１１５００１２３４６號"}, "M1150099999.sw", "1150012346"},
		{"of a text without one", "", approval.Reference{Text: "如說明"}, "M1131000908.sw", "1131000908"},
		{"of the roster", "", approval.Reference{}, "M1131000908.SW", "1131000908"},
		{"of the roster, among others", "", approval.Reference{}, "2_M1131000908_01.sw", "1131000908"},
	}
	for _, tt := range tests {
		p, o, b := letter(t), order(), body()
		b.References, o.Number = nil, tt.order
		if tt.ref != (approval.Reference{}) {
			b.References = []approval.Reference{tt.ref}
		}
		p.DI.Bytes, p.Roster.Name = encode(t, b), tt.roster
		r, err := prepare(t, p, o)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if r.Document.Number != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, r.Document.Number, tt.want)
		}
	}
}

// The name of a roster that did not come is enough.
func TestPrepareNumberOfMissingRoster(t *testing.T) {
	t.Parallel()
	p, b := letter(t), body()
	b.References = nil
	p.DI.Bytes, p.Roster = encode(t, b), nil
	r, err := prepare(t, p, order())
	if err != nil {
		t.Fatal(err)
	}
	if r.Document.Number != "1150012345" {
		t.Errorf("got %q", r.Document.Number)
	}
	if w := strings.Join(r.Warnings, "\n"); !strings.Contains(w, "M1150012345.sw is missing") {
		t.Errorf("got warnings %q", w)
	}
}

func TestPrepareReceived(t *testing.T) {
	t.Parallel()
	tests := []struct {
		received string
		speed    approval.Speed
		want     time.Time
		due      string
	}{
		{"", approval.SpeedUrgent, now, "2026-11-25"},
		{"2026-11-20", approval.SpeedNormal, approval.Midnight(now), "2026-11-30"},
		{"2026-11-20T02:30:00Z", "", now, "2026-11-30"},
		{"2026-02-13", approval.SpeedHighest, time.Date(2026, 2, 13, 0, 0, 0, 0, approval.Zone), "2026-02-23"},
	}
	for _, tt := range tests {
		p, o, b := letter(t), order(), body()
		b.Speed, o.Received = tt.speed, tt.received
		p.DI.Bytes = encode(t, b)
		r, err := prepare(t, p, o)
		if err != nil {
			t.Errorf("%q: %v", tt.received, err)
			continue
		}
		if d := r.Document; !d.ReceivedAt.Equal(tt.want) || d.Deadline.Day().Format(time.DateOnly) != tt.due {
			t.Errorf("%q: got received %v, due %v, want %v, %s", tt.received, d.ReceivedAt, d.Deadline.Day(), tt.want, tt.due)
		}
	}
}

func TestPrepareUncertainDeadline(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 3, 3, 9, 0, 0, 0, approval.Zone)
	r, err := intake.Prepare(t.Context(), letter(t), order(), staff, workday.Official(), at, ids())
	if err != nil {
		t.Fatal(err)
	}
	if w := strings.Join(r.Warnings, "\n"); !r.Document.Deadline.Uncertain || !strings.Contains(w, "without an official calendar") {
		t.Errorf("got deadline %+v, warnings %q", r.Document.Deadline, w)
	}
}

func TestPrepareDuties(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		route []intake.RouteEntry
		want  []approval.Duty
	}{
		{"handler first", []intake.RouteEntry{{Account: "zhou"}, {Account: "lin"}, {Account: "chen"}}, []approval.Duty{"handle", "review", "decide"}},
		{"handler not on it", []intake.RouteEntry{{Account: "lin"}, {Account: "chen"}}, []approval.Duty{"review", "decide"}},
		{"handler later", []intake.RouteEntry{{Account: "lin"}, {Account: "zhou"}, {Account: "chen"}}, []approval.Duty{"review", "review", "decide"}},
		{"handler alone", []intake.RouteEntry{{Account: "zhou"}}, []approval.Duty{"decide"}},
		{"as said", []intake.RouteEntry{{Account: "zhou", Duty: "review"}, {Account: "lin", Duty: "consult"}, {Account: "chen", Duty: "decide"}}, []approval.Duty{"review", "consult", "decide"}},
	}
	for _, tt := range tests {
		o := order()
		o.Route = tt.route
		r, err := prepare(t, letter(t), o)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []approval.Duty
		for _, s := range r.Document.Route.Steps {
			got = append(got, s.Duty)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Of a classified document nothing but the flow comes in; whether its
// attachments came too does not matter.
func TestPrepareClassified(t *testing.T) {
	t.Parallel()
	p, b := letter(t), body()
	b.Grade, b.Release = approval.GradeConfidential, "本件至民國120年12月31日解密"
	p.DI.Bytes, p.Attachments = encode(t, b), []intake.File{{Name: "密.bin", Bytes: encryptedPDF()}}
	r, err := prepare(t, p, order())
	if err != nil {
		t.Fatal(err)
	}
	d := r.Document
	if d.Grade != approval.GradeConfidential || d.Subject != "" || d.Reference != "" || d.Number != "1150012345" || len(d.Route.Steps) != 3 {
		t.Errorf("got document %+v", d)
	}
	want := approval.Body{Type: approval.TypeLetter, Category: "函", Speed: approval.SpeedHighest, Grade: approval.GradeConfidential, Release: b.Release}
	if diff := cmp.Diff(want, r.Body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if len(r.Files) != 0 || len(r.Blobs) != 0 || r.Source != sha256.Sum256(p.DI.Bytes) {
		t.Errorf("got %d files, %d blobs, source %x", len(r.Files), len(r.Blobs), r.Source)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "classified (密): only the flow is carried") {
		t.Errorf("got warnings %q", r.Warnings)
	}
}

func TestPrepareWarns(t *testing.T) {
	t.Parallel()
	p, b := letter(t), body()
	b.Files = append(b.Files, approval.FileRef{Entity: "ATTCH3", Name: "檢查表.PDF"})
	p.DI.Bytes = []byte(strings.Replace(string(encode(t, b)), "<正本>", "<核章/><正本>", 1))
	p.Roster.Name = "other.sw"
	p.Attachments[0].Bytes = nil
	p.Attachments = append(p.Attachments, intake.File{Name: "全文.PDF", Bytes: []byte(pdf)})
	r, err := prepare(t, p, order())
	if err != nil {
		t.Fatal(err)
	}
	warned := strings.Join(r.Warnings, "\n")
	for _, want := range []string{
		"letter.di: line ", "核章: not an element of 函",
		"the roster is called other.sw, the DI names M1150012345.sw",
		"attachment 檢查表.PDF is named more than once",
		"attachment Café 清冊.txt is empty",
	} {
		if !strings.Contains(warned, want) {
			t.Errorf("warnings lack %q:\n%s", want, warned)
		}
	}
	if n := len(r.Files); n != 5 || r.Files[4].Name != "全文.PDF" {
		t.Errorf("got %d files, want the DI, the SW, two attachments and the document as a whole", n)
	}
}

// An error of the register is not the document's fault.
func TestPrepareRegisterFails(t *testing.T) {
	t.Parallel()
	down := errors.New("register is down")
	_, err := intake.Prepare(t.Context(), letter(t), order(), failing{down}, workday.Official(), now, ids())
	if !errors.Is(err, down) || knownErrors(err) {
		t.Errorf("got error %v, want that of the register", err)
	}
}

type failing struct{ err error }

func (f failing) PersonByLogin(context.Context, string) (approval.Person, error) {
	return approval.Person{}, f.err
}
