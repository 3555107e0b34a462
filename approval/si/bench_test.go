package si

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// thirty is a 公文 of thirty sign points with forty files of 100 KB, each
// covered by all.
func thirty(b *testing.B, steps int) (*office, *Package) {
	b.Helper()
	o := newOffice(b)
	p := &Package{}
	for i := range 40 {
		p.Files = append(p.Files, PackageFile{fmt.Sprintf("1150000123_附件%d.pdf", i), bytes.Repeat([]byte{byte(i)}, 100<<10)})
	}
	for i := range steps {
		p = o.wang.add(b, p, draft("王大同", "核閱", "擬如擬", monday.Add(time.Duration(i)*time.Hour), p.Files...))
	}
	return o, p
}

// BenchmarkVerify30 verifies thirty sign points with forty files.
func BenchmarkVerify30(b *testing.B) {
	o, p := thirty(b, 30)
	b.SetBytes(int64(len(p.Log)))
	for b.Loop() {
		if r := verify(b, p, o.options()); r.Verdict != Sound {
			b.Fatal(r.faults())
		}
	}
}

// BenchmarkSign adds a sign point after five others, with four files.
func BenchmarkSign(b *testing.B) {
	o := newOffice(b)
	p := &Package{Files: []PackageFile{di, first, plan, view}}
	for i := range 5 {
		p = o.wang.add(b, p, draft("王大同", "核閱", "擬如擬", monday.Add(time.Duration(i)*time.Hour), p.Files...))
	}
	d := draft("柯長青", "決行", "如擬", monday.AddDate(0, 0, 1), p.Files...)
	for b.Loop() {
		o.ko.add(b, p, d)
	}
}
