package intake_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"golang.org/x/text/encoding/traditionalchinese"

	"qianhe/approval"
	"qianhe/approval/di"
	"qianhe/approval/intake"
)

// now is a Friday; the next working day is Monday the 23rd.
var now = time.Date(2026, 11, 20, 10, 30, 0, 0, approval.Zone)

const pdf = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n45\n%%EOF\n"

// register is a people register in memory.
type register map[string]approval.PersonID

func (r register) PersonByLogin(_ context.Context, login string) (approval.Person, error) {
	id, ok := r[login]
	if !ok {
		return approval.Person{}, fmt.Errorf("login: %w", approval.ErrNotFound)
	}
	return approval.Person{ID: id, Name: login}, nil
}

var staff = register{"zhou": "P-zhou", "lin": "P-lin", "chen": "P-chen"}

func order() intake.Order {
	return intake.Order{Handler: "zhou", Route: []intake.RouteEntry{{Account: "zhou"}, {Account: "lin"}, {Account: "chen"}}}
}

func body() approval.Body {
	return approval.Body{
		Type: approval.TypeLetter, Category: "函", Issuers: []approval.Organization{{Name: "青川市政府", Code: "376990000A"}},
		Recipient:  approval.Recipient{Roster: "表單", RosterText: "如正副本行文單位"},
		Date:       "中華民國115年11月20日",
		References: []approval.Reference{{Word: "青工防", Year: "115", Serial: "0012345"}},
		Speed:      approval.SpeedHighest,
		Enclosure:  "如主旨",
		Files:      []approval.FileRef{{Entity: "ATTCH1", Name: "檢查表.pdf"}, {Entity: "ATTCH2", Name: "Café 清冊.txt"}},
		Subject:    "檢送檢查表及清冊各1份，請　查照。",
		Primary:    []approval.Addressee{{Kind: approval.ByAgency, Name: "青川市東區公所"}},
	}
}

func encode(tb testing.TB, b approval.Body) []byte {
	tb.Helper()
	opt := di.EncodeOptions{}
	if b.Recipient.Roster != "" {
		opt.Roster = "M1150012345.sw"
	}
	out, err := di.Encode(b, opt)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func roster(tb testing.TB) []byte {
	tb.Helper()
	out, err := di.EncodeRoster([]approval.Addressee{{Kind: approval.ByAgency, Name: "青川市東區公所", AgencyCode: "376990200A", Portable: "全文.pdf"}})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// letter is a package in which nothing is wrong.
func letter(tb testing.TB) intake.Package {
	tb.Helper()
	return intake.Package{
		DI:     intake.File{Name: "letter.di", Bytes: encode(tb, body())},
		Roster: &intake.File{Name: "M1150012345.SW", Bytes: roster(tb)},
		Attachments: []intake.File{
			{Name: "CAFE\u0301 清冊.TXT", Bytes: []byte("一、抽水站\n")}, // as macOS takes it apart
			{Name: "檢查表.PDF", Bytes: []byte(pdf)},
		},
	}
}

// ids gives names in order: id1, id2 ...
func ids() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("id%d", n)
	}
}

type zipped struct {
	name  string
	bytes []byte
	flags uint16 // set afterwards, in both headers
	store bool
}

// archive makes a zip file. A name that is not UTF-8 gets no flag for it.
func archive(tb testing.TB, entries ...zipped) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.store {
			h.Method = zip.Store
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := f.Write(e.bytes); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	b := out.Bytes()
	for i, e := range entries {
		at := -1
		for range i + 1 {
			at = at + 1 + bytes.Index(b[at+1:], []byte("PK\x01\x02"))
		}
		b[at+8] |= byte(e.flags)
		b[at+9] |= byte(e.flags >> 8)
	}
	return b
}

func big5(tb testing.TB, s string) string {
	tb.Helper()
	out, err := traditionalchinese.Big5.NewEncoder().String(s)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// zeros is a zip bomb's inside: so many bytes that pack to almost nothing.
func zeros(tb testing.TB, n int64, names ...string) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.CopyN(f, zero{}, n); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

type zero struct{}

func (zero) Read(b []byte) (int, error) { return len(b), nil }
