package si

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/traditionalchinese"
)

func archive(t *testing.T, names ...string) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, NonUTF8: true})
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			continue
		}
		if _, err := w.Write([]byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func TestReadZip(t *testing.T) {
	big5, err := traditionalchinese.Big5.NewEncoder().String("包/功能附件許.pdf") // 功 and 許 end in the byte of a backslash
	if err != nil {
		t.Fatal(err)
	}
	r := archive(t, "包/", "包/1150000123.SI", big5, "圖.pdf")
	p, err := ReadZip(r, r.Size())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "1150000123.SI" || len(p.Files) != 2 || p.Files[0].Name != "功能附件許.pdf" || p.Files[1].Name != "圖.pdf" {
		t.Errorf("read %s, %q", p.Name, p.Files)
	}
	for _, names := range [][]string{
		{"a.pdf"}, {"1.SI", "2.si"}, {"1.SI", "a.pdf", "x/a.pdf"}, {"1.SI", "../a.pdf"}, {"1.SI", "a\x01.pdf"}, {"1.SI", "\xff\xff\xff"}, {"1.SI", ""},
	} {
		r := archive(t, names...)
		_, err := ReadZip(r, r.Size())
		if _, ok := errors.AsType[*PackageError](err); !ok {
			t.Errorf("%q: %v", names, err)
		}
	}
	if _, err := ReadZip(strings.NewReader("not a zip"), 9); err == nil {
		t.Error("something else was read")
	}
}

// A package comes back as it went in, and the same package gives the same bytes.
func TestWriteZip(t *testing.T) {
	o := newOffice(t)
	p := o.sample(t)
	var a, b bytes.Buffer
	if err := errors.Join(WriteZip(&a, p), WriteZip(&b, p)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("written twice it differs")
	}
	back, err := ReadZip(bytes.NewReader(a.Bytes()), int64(a.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if !same(p, back) {
		t.Error("it came back otherwise")
	}
	// A byte changed in the archive is refused, found, or of no consequence.
	random := rand.New(rand.NewPCG(1, 2))
	outcomes := map[string]int{}
	for range 300 {
		z := bytes.Clone(a.Bytes())
		at := random.IntN(len(z))
		z[at] ^= 1 << random.IntN(8)
		read, err := ReadZip(bytes.NewReader(z), int64(len(z)))
		if err != nil {
			outcomes["refused"]++
			continue
		}
		if same(p, read) {
			outcomes["of no consequence"]++
			continue
		}
		r, err := Verify(read, o.options())
		switch {
		case err == nil && r.Verdict == Sound && read.Name == p.Name:
			t.Errorf("byte %d changed: the package differs and is sound", at)
		case err == nil && r.Verdict == Sound:
			outcomes["name of the log"]++
		default:
			outcomes["found"]++
		}
	}
	if outcomes["refused"] == 0 || outcomes["of no consequence"] == 0 {
		t.Errorf("%v: the test has lost its edge", outcomes)
	}
}

func same(p, q *Package) bool {
	return p.Name == q.Name && bytes.Equal(p.Log, q.Log) && slices.EqualFunc(p.Files, q.Files, func(a, b PackageFile) bool { return a.Name == b.Name && bytes.Equal(a.Bytes, b.Bytes) })
}

func TestDraftRefused(t *testing.T) {
	for what, change := range map[string]func(*Draft){
		"no number":             func(d *Draft) { d.Number = " " },
		"no name":               func(d *Draft) { d.Signer.Name = "" },
		"no action":             func(d *Draft) { d.Action = "" },
		"no time":               func(d *Draft) { d.At = d.At.AddDate(-2000, 0, 0) },
		"a control character":   func(d *Draft) { d.Opinion = "a\x07" },
		"a path":                func(d *Draft) { d.Files[0].Name = "../a" },
		"a fragment":            func(d *Draft) { d.Files[0].Name = "#a" },
		"one name twice":        func(d *Draft) { d.Files = append(d.Files, d.Files[0]) },
		"a file that is not in": func(d *Draft) { d.Papers = []DraftPaper{{Document: "x"}} },
		"after nobody":          func(d *Draft) { d.After = []string{"SignStep_9"} },
	} {
		d := draft("林小明", "送件", "", monday, di)
		change(&d)
		if _, err := Prepare(nil, d); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	// 文號 with what an Id cannot have.
	d := draft("林小明", "送件", "", monday, di)
	d.Number = "府水 字第1:2號"
	p, err := Prepare(nil, d)
	if err != nil || p.Step != "SignStep_府水-字第1-2號_1" {
		t.Errorf("%v, %v", p, err)
	}
}

func ExampleFormatTime() {
	fmt.Println(FormatTime(monday))
	// Output: 11503021004
}
