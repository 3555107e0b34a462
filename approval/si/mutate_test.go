package si

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var mutations = flag.Int("mutations", 400, "how many random changes TestEveryMutation makes")

// TestEveryMutation: whatever is changed in a log is found, at the sign point
// that it touches; or stands where the report says that nothing covers it; or
// leaves every canonical form as it was. There is no fourth outcome.
func TestEveryMutation(t *testing.T) {
	o := newOffice(t)
	p := o.sample(t)
	base := verify(t, p, o.options())
	if base.Verdict != Sound {
		t.Fatalf("before: %q", base.faults())
	}
	m := &mutator{t: t, o: o, p: p, base: base, outcomes: map[string]int{}}
	log, err := Decode(p.Log)
	if err != nil {
		t.Fatal(err)
	}
	m.log = log

	// Bytes, anywhere.
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	letters := []byte("A0 <>&\"'\n\r/=+簽")
	for range *mutations {
		at := random.IntN(len(p.Log))
		b := slices.Clone(p.Log)
		switch random.IntN(4) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b = slices.Delete(b, at, at+1)
		case 2:
			b = slices.Insert(b, at, letters[random.IntN(len(letters))])
		case 3:
			b = slices.Delete(b, at, min(len(b), at+1+random.IntN(200)))
		}
		m.try("bytes", b)
	}

	// Elements: taken out, doubled, renamed, swapped with the next; attributes
	// changed; text changed, split by a comment, surrounded by white space.
	for n := range log.root.walk() {
		b := p.Log
		put := func(what, with string) {
			m.try(what, slices.Concat(b[:n.from], []byte(with), b[n.to:]))
		}
		self := string(b[n.from:n.to])
		if n.kind == text {
			put("text", "改"+self)
			if n.to-n.from > 4 {
				half := len(self) / 2
				for !utf8.RuneStart(self[half]) {
					half--
				}
				put("comment", self[:half]+"<!-- x -->"+self[half:])
			}
			put("space", " "+self)
			continue
		}
		if n.up == nil {
			continue
		}
		put("remove", "")
		put("double", self+self)
		put("indent", "\n  "+self)
		put("rename", strings.Replace(strings.Replace(self, "<"+n.name, "<x", 1), "</"+n.name+">", "</x>", 1))
		put("wrap", "<x>"+self+"</x>")
		i := slices.Index(n.up.kids, n)
		if i+1 < len(n.up.kids) {
			next := n.up.kids[i+1]
			m.try("swap", slices.Concat(b[:n.from], b[next.from:next.to], b[n.to:next.from], []byte(self), b[next.to:]))
		}
		for _, a := range n.attrs {
			put("attribute", strings.Replace(self, a.name+`="`+a.value+`"`, a.name+`="`+a.value+`X"`, 1))
			put("attribute gone", strings.Replace(self, ` `+a.name+`="`+a.value+`"`, "", 1))
		}
		put("attribute new", strings.Replace(self, "<"+n.name, "<"+n.name+` new="1"`, 1))
		put("namespace", strings.Replace(self, "<"+n.name, "<"+n.name+` xmlns="urn:x"`, 1))
	}
	for _, outcome := range []string{"found", "refused", "uncovered", "the same"} {
		if m.outcomes[outcome] == 0 {
			t.Errorf("no change was %s: the test has lost its edge", outcome)
		}
	}
	t.Logf("seed %d: %v", seed, m.outcomes)
}

type mutator struct {
	t        *testing.T
	o        *office
	p        *Package
	log      *Log
	base     *Report
	outcomes map[string]int
}

// try verifies a log that was made of the good one.
func (m *mutator) try(what string, b []byte) {
	m.t.Helper()
	if bytes.Equal(b, m.p.Log) {
		return
	}
	from, to := narrow(m.p.Log, b)
	r, err := Verify(&Package{Name: m.p.Name, Log: b, Files: m.p.Files}, m.o.options())
	if err != nil {
		m.outcomes["refused"]++
		return
	}
	if found := r.faults(); len(found) > 0 || len(r.Debts) > 0 || len(r.Steps) != len(m.base.Steps) {
		m.outcomes["found"]++
		m.placed(what, r, from, to)
		return
	}
	if m.uncovered(from, to) {
		m.outcomes["uncovered"]++
		return
	}
	if got, want := m.forms(b), m.forms(m.p.Log); got != want {
		m.t.Errorf("%s at %d..%d, %q became %q: not found, and the canonical form differs", what, from, to, m.p.Log[from:min(to, from+80)], cut(b, from))
		return
	}
	said := func(r *Report) string {
		out := *r
		out.Uncovered, out.Warnings = nil, nil
		b, err := json.Marshal(out)
		if err != nil {
			m.t.Fatal(err)
		}
		return string(b)
	}
	if got, want := said(r), said(m.base); got != want {
		m.t.Errorf("%s at %d..%d: the canonical form is the same and the report is\n%s\nwant\n%s", what, from, to, got, want)
	}
	m.outcomes["the same"]++
}

// narrow gives the part of a that is not so in b.
func narrow(a, b []byte) (from, to int) {
	for from < min(len(a), len(b)) && a[from] == b[from] {
		from++
	}
	to = len(a)
	for k := len(b); to > from && k > from && a[to-1] == b[k-1]; k-- {
		to--
	}
	return from, to
}

// placed: a change inside a sign point is found there, or by the one that is
// chained to it.
func (m *mutator) placed(what string, r *Report, from, to int) {
	m.t.Helper()
	for i, s := range m.log.Steps {
		if from < s.node.from || to > s.node.to {
			continue
		}
		var near []Problem
		for k := i; k < len(r.Steps); k++ {
			near = append(near, r.Steps[k].Problems...)
		}
		for _, re := range r.Re {
			near = append(near, re.Problems...)
		}
		near = append(near, r.Problems...) // the flow, where the place of a step in it was changed
		if !slices.ContainsFunc(near, func(p Problem) bool { return p.Code != DoubtUnchecked }) && len(r.Debts) == 0 && len(r.Steps) == len(m.base.Steps) {
			m.t.Errorf("%s at %d..%d in %s is found only elsewhere: %q", what, from, to, s.ID, r.faults())
		}
		for k := range min(i, len(r.Steps)) {
			if r.Steps[k].ID == m.base.Steps[k].ID && slices.ContainsFunc(r.Steps[k].Problems, func(p Problem) bool { return !p.Doubt }) {
				m.t.Errorf("%s at %d..%d in %s is laid upon %s: %q", what, from, to, s.ID, r.Steps[k].ID, r.faults())
			}
		}
	}
}

func (m *mutator) uncovered(from, to int) bool {
	for _, u := range m.base.Uncovered { // in order
		if from >= u.From && from <= u.To {
			from = max(from, min(to, u.To))
			if from == to {
				return true
			}
		}
	}
	return false
}

// forms gives the canonical forms of all that signatures are over.
func (m *mutator) forms(b []byte) string {
	root, err := parse(b)
	if err != nil {
		m.t.Fatal(err)
	}
	signed := map[string]bool{}
	for _, s := range m.base.Steps {
		for _, c := range s.Covers {
			signed[fragment(c.URI)] = true
		}
	}
	for _, re := range m.base.Re {
		signed[fragment(re.Covers[0].URI)] = true
	}
	var out []string
	for n := range root.walk() {
		if n.is("SignedInfo") || n.id() != "" && signed[n.id()] {
			var form strings.Builder
			_ = canonical(&form, n, Stripped)
			out = append(out, form.String())
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "\n")
}

func cut(b []byte, at int) []byte { return b[max(0, at-20):min(len(b), at+80)] }

// The same of files: every byte of each is covered.
func TestEveryFileMutation(t *testing.T) {
	o := newOffice(t)
	p := o.sample(t)
	for i, f := range p.Files {
		for at := range f.Bytes {
			files := slices.Clone(p.Files)
			files[i].Bytes = slices.Clone(f.Bytes)
			files[i].Bytes[at] ^= 0x10
			r := verify(t, &Package{Name: p.Name, Log: p.Log, Files: files}, o.options())
			for k, s := range r.Steps {
				listed := slices.ContainsFunc(m(t, p).Steps[k].Files, func(l File) bool { return l.Name == f.Name })
				if Has(s.Problems, FaultFileChanged) != listed {
					t.Fatalf("%s changed at %d: %s has %v", f.Name, at, s.ID, s.Problems)
				}
			}
		}
	}
}

func m(t *testing.T, p *Package) *Log {
	t.Helper()
	l, err := Decode(p.Log)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
