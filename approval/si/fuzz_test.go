package si

import (
	"bytes"
	"testing"
)

// FuzzVerify: no log, however mangled, makes the reader or the verifier panic;
// and what was read can be signed after without losing what was there.
func FuzzVerify(f *testing.F) {
	o := newOffice(f)
	p := o.sample(f)
	f.Add(p.Log)
	f.Add(indent(p.Log))
	f.Add([]byte(`<線上簽核><線上簽核流程/><線上簽核資訊><簽核點定義 Id="a"/></線上簽核資訊></線上簽核>`))
	f.Add([]byte(`<!DOCTYPE a[]><a xmlns:b="c" b:d='&#xA;'><![CDATA[x]]><?p q?></a>`))
	f.Fuzz(func(t *testing.T, log []byte) {
		r, err := Verify(&Package{Log: log, Files: p.Files}, o.options())
		if err != nil {
			return
		}
		end := 0
		for _, u := range r.Uncovered {
			if u.From < end || u.To <= u.From || u.To > len(log) {
				t.Fatalf("regions %v of %d bytes", r.Uncovered, len(log))
			}
			end = u.To
		}
		pending, err := Prepare(log, draft("林小明", "核閱", "", monday, di))
		if err != nil {
			return
		}
		q := o.lin.complete(t, &Package{Files: p.Files}, pending)
		again := verify(t, q, o.options())
		if len(again.Steps) != len(r.Steps)+1 || !again.Steps[len(r.Steps)].Signature.Valid {
			t.Fatalf("after\n%s\nthere is\n%s\n%q", log, q.Log, again.faults())
		}
		for i, s := range r.Steps {
			if s.Signature.Valid != again.Steps[i].Signature.Valid {
				t.Fatalf("%s held before and does not any more", s.ID)
			}
		}
	})
}

// FuzzReadZip: no archive makes the reader panic.
func FuzzReadZip(f *testing.F) {
	o := newOffice(f)
	var b bytes.Buffer
	if err := WriteZip(&b, o.sample(f)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, z []byte) {
		p, err := ReadZip(bytes.NewReader(z), int64(len(z)))
		if err != nil {
			return
		}
		if p.Name == "" || p.has("") {
			t.Fatalf("%q, %d files", p.Name, len(p.Files))
		}
	})
}
