package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qianhe/approval"
	"qianhe/approval/intake"
)

// shape names the files of packages: DI + SW: attachments.
func shape(packages []intake.Package) []string {
	var all []string
	for _, p := range packages {
		s := p.DI.Name
		if p.Roster != nil {
			s += " + " + p.Roster.Name
		}
		var names []string
		for _, f := range p.Attachments {
			names = append(names, f.Name)
		}
		all = append(all, s+": "+strings.Join(names, ", "))
	}
	return all
}

// naming is a DI that names these attachments.
func naming(tb testing.TB, roster string, attachments ...string) []byte {
	tb.Helper()
	b := body()
	b.Files, b.Recipient = nil, approval.Recipient{}
	for i, name := range attachments {
		b.Files = append(b.Files, approval.FileRef{Entity: fmt.Sprintf("A%d", i), Name: name})
	}
	out := string(encode(tb, b))
	if roster != "" && len(attachments) > 0 {
		out = strings.Replace(out, "<!ENTITY", `<!ENTITY 表單 SYSTEM "`+roster+`" NDATA DI><!ENTITY`, 1)
	}
	return []byte(out)
}

func TestRead(t *testing.T) {
	t.Parallel()
	x := []byte("x")
	file := func(name string, b []byte) intake.File { return intake.File{Name: name, Bytes: b} }
	sw := roster(t)
	inner := archive(t, zipped{name: "深.txt", bytes: x})
	tests := []struct {
		name  string
		files []intake.File
		want  []string
		err   string
	}{
		{"one document", []intake.File{file("附件.pdf", x), file("A.SW", sw), file("letter.DI", naming(t, "a.sw", "附件.PDF"))},
			[]string{"letter.DI + A.SW: 附件.pdf"}, ""},
		{"with folders", []intake.File{file(`C:\in\a.di`, naming(t, "", "b.pdf")), file(`C:\in\b.pdf`, x)},
			[]string{"a.di: b.pdf"}, ""},
		{"roster of another name", []intake.File{file("a.di", naming(t, "x.sw", "b.pdf")), file("b.pdf", x), file("y.sw", sw)},
			[]string{"a.di + y.sw: b.pdf"}, ""},
		{"stranger", []intake.File{file("a.di", naming(t, "")), file("c.pdf", x)}, []string{"a.di: c.pdf"}, ""},
		{"sign-off log", []intake.File{file("a.di", naming(t, "")), file("a.si", x)}, []string{"a.di: a.si"}, ""},
		{"litter", []intake.File{file("a.di", naming(t, "")), file(".DS_Store", x), file("Thumbs.db", x), file("._a.di", x), file("__MACOSX/a.di", x), file("dir/", nil)},
			[]string{"a.di: "}, ""},
		{"two documents", []intake.File{file("a.di", naming(t, "a.sw", "1.pdf", "x.pdf")), file("b.di", naming(t, "b.sw", "2.pdf", "x.pdf")), file("1.pdf", x), file("2.pdf", x), file("x.pdf", x), file("a.sw", sw), file("b.sw", sw)},
			[]string{"a.di + a.sw: 1.pdf, x.pdf", "b.di + b.sw: 2.pdf, x.pdf"}, ""},
		{"folder for each", []intake.File{file("1/a.di", naming(t, "", "x.pdf")), file("1/x.pdf", x), file("2/a.di", naming(t, "", "x.pdf")), file("2/x.pdf", []byte("y")), file("2/z.pdf", x)},
			[]string{"a.di: x.pdf", "a.di: x.pdf, z.pdf"}, ""},
		{"attachments in a folder of their own", []intake.File{file("a.di", naming(t, "", "x.pdf")), file("att/x.pdf", x)}, []string{"a.di: x.pdf"}, ""},
		{"stranger among two", []intake.File{file("a.di", naming(t, "")), file("b.di", naming(t, "")), file("z.pdf", x)},
			[]string{"a.di: ", "b.di: "}, "z.pdf: attachments: attachment.stranger (z.pdf)"},
		{"one of two is broken", []intake.File{file("a.di", naming(t, "", "x.pdf")), file("b.di", []byte("<函>")), file("x.pdf", x), file("y.pdf", x)},
			[]string{"a.di: x.pdf"}, "b.di: line 1, 函: unexpected EOF"},
		{"DI as an attachment", []intake.File{file("a.di", naming(t, "", "來文.di")), file("來文.DI", []byte("broken"))}, []string{"a.di: 來文.DI"}, ""},
		{"no document", []intake.File{file("a.pdf", x)}, nil, "files: package.document.missing"},
		{"nothing", nil, nil, "files: package.document.missing"},
		{"name twice", []intake.File{file("a.di", naming(t, "", "x.pdf")), file("x.pdf", x), file("X.PDF", []byte("y"))},
			[]string{"a.di: x.pdf"}, "X.PDF: files: file.duplicate (X.PDF)"},
		{"same file twice", []intake.File{file("a.di", naming(t, "", "x.pdf")), file("x.pdf", x), file("X.PDF", x)}, []string{"a.di: x.pdf"}, ""},
		{"control character", []intake.File{file("a.di", naming(t, "")), file("a\x01.pdf", x)}, []string{"a.di: "}, `files: file.name ("a\x01.pdf")`},
		{"package in a zip", []intake.File{file("1150012345.zip", archive(t, zipped{name: "in/a.di", bytes: naming(t, "a.sw", "功能表.pdf")}, zipped{name: big5(t, "in/功能表.pdf"), bytes: x}, zipped{name: "in/A.SW", bytes: sw}, zipped{name: "__MACOSX/in/._a.di", bytes: x}))},
			[]string{"a.di + A.SW: 功能表.pdf"}, ""},
		{"attachments in a zip", []intake.File{file("a.di", naming(t, "", "功能表.pdf", "b.pdf")), file("附件.zip", archive(t, zipped{name: big5(t, "功能表.pdf"), bytes: x}, zipped{name: "sub/B.pdf", bytes: x}))},
			[]string{"a.di: 功能表.pdf, B.pdf"}, ""},
		{"zip as an attachment", []intake.File{file("a.di", naming(t, "", "資料.zip")), file("資料.zip", inner)}, []string{"a.di: 資料.zip"}, ""},
		{"archive in an archive", []intake.File{file("p.zip", archive(t, zipped{name: "a.di", bytes: naming(t, "", "內.zip")}, zipped{name: "內.zip", bytes: inner}, zipped{name: "外.zip", bytes: inner}))},
			[]string{"a.di: 內.zip, 外.zip"}, ""},
		{"zips of two documents", []intake.File{file("1.zip", archive(t, zipped{name: "a.di", bytes: naming(t, "", "x.pdf")}, zipped{name: "x.pdf", bytes: x})), file("2.zip", archive(t, zipped{name: "a.di", bytes: naming(t, "", "x.pdf")}, zipped{name: "x.pdf", bytes: []byte("y")}))},
			[]string{"a.di: x.pdf", "a.di: x.pdf"}, ""},
		{"something beside zips", []intake.File{file("1.zip", archive(t, zipped{name: "a.di", bytes: naming(t, "")})), file("y.pdf", x)},
			[]string{"a.di: "}, "y.pdf: attachments: attachment.stranger (y.pdf)"},
		{"office file is no archive", []intake.File{file("a.di", naming(t, "", "b.docx")), file("b.docx", inner)}, []string{"a.di: b.docx"}, ""},
		{"broken zip", []intake.File{file("p.zip", []byte("PK\x03\x04"))}, nil, "p.zip: files: archive.broken (p.zip)"},
		{"encrypted zip", []intake.File{file("p.zip", archive(t, zipped{name: "a.di", bytes: x, flags: 1}))}, nil, "p.zip: files: archive.encrypted (p.zip: a.di)"},
		{"zip with a way up", []intake.File{file("p.zip", archive(t, zipped{name: "../a.di", bytes: x}))}, nil, "p.zip: files: archive.name (p.zip: a.di)"},
		{"zip with a way up, backslashes", []intake.File{file("p.zip", archive(t, zipped{name: `x\..\a.di`, bytes: x}))}, nil, "p.zip: files: archive.name (p.zip: a.di)"},
		{"zip with a name in no known code", []intake.File{file("p.zip", archive(t, zipped{name: "a\xff.di", bytes: x}))}, nil, `p.zip: files: archive.name ("a\xff.di")`},
		{"bomb, one file", []intake.File{file("p.zip", zeros(t, intake.MaxFile+1, "a.di"))}, nil, "p.zip: files: file.large (p.zip: a.di)"},
		{"bomb, many files", []intake.File{file("p.zip", zeros(t, intake.MaxFile, "1", "2", "3", "4", "5", "6"))}, nil, "p.zip: files: package.large (p.zip: 104857600)"},
		{"bomb, many names", []intake.File{file("p.zip", zeros(t, 0, strings.Fields(strings.Repeat("a ", 300))...))}, nil, "p.zip: files: package.files (p.zip: 200)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := intake.Read(tt.files)
			if diff := cmp.Diff(tt.want, shape(got)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			message := ""
			if err != nil {
				message = err.Error()
				if !knownErrors(err) {
					t.Errorf("got %#v, want InvalidError and SyntaxError only", err)
				}
			}
			if message != tt.err {
				t.Errorf("got error %q, want %q", message, tt.err)
			}
		})
	}
}

// What a zip holds is what is in the package.
func TestReadThenPrepare(t *testing.T) {
	t.Parallel()
	p := letter(t)
	packages, err := intake.Read([]intake.File{{Name: "1150012345.zip", Bytes: archive(t,
		zipped{name: p.DI.Name, bytes: p.DI.Bytes}, zipped{name: p.Roster.Name, bytes: p.Roster.Bytes},
		zipped{name: big5(t, "檢查表.pdf"), bytes: []byte(pdf)}, zipped{name: "Café 清冊.txt", bytes: p.Attachments[0].Bytes},
	)}})
	if err != nil || len(packages) != 1 {
		t.Fatalf("got %d packages, error %v", len(packages), err)
	}
	got, err := prepare(t, packages[0], order())
	if err != nil {
		t.Fatal(err)
	}
	want, err := prepare(t, p, order())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("from a zip (+) and from files (-):\n%s", diff)
	}
}
